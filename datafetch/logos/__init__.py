"""Logos of domains: asked for, checked, stored."""
