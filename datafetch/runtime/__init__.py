"""Retry, breakers, limits, parallel work and stopping; they know neither store nor network."""
