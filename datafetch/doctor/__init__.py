"""`datafetch doctor`: looks at settings, store, upstreams, schedule and machine, and says what to do."""
