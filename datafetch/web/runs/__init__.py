"""Runs that the server makes in the background."""
