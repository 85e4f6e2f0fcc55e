"""What surrounds a run: lease, state, history, dead letters, breakers, verdict."""
