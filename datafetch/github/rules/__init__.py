"""What is decided about GitHub activity, without I/O."""
