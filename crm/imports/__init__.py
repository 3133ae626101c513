"""Imports: a file becomes customers, orders or events, in chunks that survive a crash and can be undone."""
