"""The decisions about bookmarks, as pure functions without I/O."""
