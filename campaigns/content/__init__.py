"""Content: what a version says to one person, from the marketer's text to the finished letter."""
