"""Talking to each upstream; raw models come back."""
