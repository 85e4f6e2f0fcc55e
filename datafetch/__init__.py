"""datafetch keeps the data behind a site fresh: bookmarks, GitHub activity, logos, previews."""

__version__ = "0.1.0"
