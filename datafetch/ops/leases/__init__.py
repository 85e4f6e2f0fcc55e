"""The kinds of lease, a file each."""
