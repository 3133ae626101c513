"""Checks of what lies outside the house before anything is sent: the sender's domain in the DNS, links on the web."""
