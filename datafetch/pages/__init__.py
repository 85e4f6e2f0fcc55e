"""Reads what a web page says of itself; knows neither network nor store."""
