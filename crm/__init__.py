"""Who they are and everything that happened."""
