"""Decisions about logos, as pure functions."""
