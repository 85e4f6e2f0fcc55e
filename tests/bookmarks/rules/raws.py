"""Bookmarks as the server gives them, and addresses that nobody may be given."""

from typing import Any

from datafetch.bookmarks.karakeep import read_bookmark
from datafetch.bookmarks.model import RawBookmark

RAW: dict[str, Any] = {
    "id": "b1",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "content": {"type": "link", "url": "https://www.example.com/a"},
}

NOTE: dict[str, Any] = {**RAW, "content": {"type": "text", "text": "x"}}

HOSTILE = [
    *("javascript:alert(1)", "JaVaScRiPt://e.com/%0aalert(1)", "data:text/html,<script>"),
    *("https://", "vbscript:x", "//evil.example/x", "/relative", "/api/assets/a1", "ftp://e.com/"),
    *("e.com", "file:///etc/passwd", ""),
]


def raw(content: dict[str, Any] | None = None, **fields: Any) -> RawBookmark:
    """The bare bookmark with more content and fields."""
    whole = {**RAW, **fields}
    whole["content"] = {**RAW["content"], **(content or {})}
    return read_bookmark(whole)


PRIVATE = [
    *("http://127.0.0.1/i.png", "http://10.0.0.1:8080/i.png", "http://[::1]/", "http://0x7f.1/"),
    *("http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/", "http:10.1/"),
    *("http://localhost:631/", "http://printer.local/i.png", "http://router/reboot"),
    "https://user:pass@a.example/i.png",
]
"""Web addresses that visitors' browsers should not ask by themselves."""
