"""The endpoints that have data refreshed, and tell how fresh it is."""
