"""The HTTP client: checks each address before it connects, and limits what it reads."""
