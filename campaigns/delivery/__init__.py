"""Delivery: rows are the queue, each change of a message is one guarded update (docs/sending.md)."""
