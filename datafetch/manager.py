"""The life of a run: lease, job, dead letters, state, history, result."""
