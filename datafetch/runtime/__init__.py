"""Retry, limits and the parallel engine; they know neither store nor network."""
