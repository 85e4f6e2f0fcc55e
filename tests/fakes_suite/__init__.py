"""The fakes are honest: what tests rely on is checked here, against the published contracts where present."""
