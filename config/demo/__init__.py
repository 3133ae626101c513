"""Demo data with planted truth, and the main job run on it."""
