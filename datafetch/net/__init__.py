"""The one guarded HTTP client, and checks of what it brings."""
