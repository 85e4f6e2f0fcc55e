"""Logos on demand: memory, what the store knows, then the providers."""
