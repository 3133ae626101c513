"""A mail server for trying things out: takes every message, sends none on, shows them at /mail/."""
