"""What is decided about bookmarks, without I/O."""
