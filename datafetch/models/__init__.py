"""Values by their stage, frozen."""
