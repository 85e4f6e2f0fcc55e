"""OpenGraph previews: titles, descriptions and pictures of the bookmarked pages."""
