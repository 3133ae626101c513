"""Surveys: answered by customers at an address of their own; the answers become events and fields."""
