"""Lists that people work with: what may be filtered, which columns there are, how many rows match, and their files."""
