"""The endpoints and the status page of `datafetch serve`."""
