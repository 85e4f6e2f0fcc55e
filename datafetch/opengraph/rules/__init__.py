"""Decisions about pages and their pictures, as pure functions."""
