"""The checks of stored objects before a build uses them, as pure functions without I/O."""
