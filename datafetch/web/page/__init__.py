"""The status page: what it shows, who has logged in, what can be done there."""
