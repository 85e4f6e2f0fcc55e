"""What stored objects must be for a build to use them, without I/O."""
