"""What is decided about pages and their pictures, without I/O."""
