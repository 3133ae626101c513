"""Forms of the lowest floor, one module per subject."""
