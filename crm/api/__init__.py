"""The REST API of customers and of what happened to them."""
