"""Checks whether bytes are a safe picture, and of which format, size and look; asks no network."""
