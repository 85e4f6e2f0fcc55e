"""Logs: JSON lines or a console, secrets and query strings redacted on every record."""
