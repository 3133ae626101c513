"""What we say to them, and what it did."""
