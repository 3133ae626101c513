"""The first page: one answer, and parts per role, each read for itself so that no slow one keeps the others."""
