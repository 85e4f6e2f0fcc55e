"""The files that a site's build reads, checked and written from what is stored."""
