"""The web server: endpoints that start runs and tell of them, logos on demand, the status page."""
