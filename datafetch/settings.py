"""Settings from the environment, `.env` and a secrets folder: validated once, all problems at once."""
