"""What each job does, in order: sources, rules and store are called; nothing is decided here."""
