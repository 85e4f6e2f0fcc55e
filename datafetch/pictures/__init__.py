"""Says whether bytes are a safe picture, and which; knows neither network nor store."""
