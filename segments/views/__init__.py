"""Pages of segments, one module per subject."""
