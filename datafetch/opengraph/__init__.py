"""What the pages behind the bookmarks say of themselves, and their pictures."""
