"""Decodes a web page and reads the tags of its head; knows neither network nor store."""
