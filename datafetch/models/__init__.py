"""Values that several rooms share, all of them frozen."""
