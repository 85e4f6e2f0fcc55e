"""Pure decisions: no network, no store, no clock."""
