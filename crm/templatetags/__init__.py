"""Template tags that every floor may use, one module per subject."""
