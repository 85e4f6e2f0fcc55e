"""The command line: parse, call the manager, render, exit."""
