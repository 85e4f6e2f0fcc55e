"""What is decided about logos, without I/O."""
