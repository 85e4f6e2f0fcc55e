"""Decisions about GitHub activity, as pure functions."""
