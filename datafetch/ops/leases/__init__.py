"""The services that keep leases, a module for each."""
