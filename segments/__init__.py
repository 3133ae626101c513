"""Which groups there are."""
