"""Hosts whose paths say nothing."""

import pytest

from datafetch.bookmarks.rules.opaque_hosts import is_opaque


@pytest.mark.parametrize(
    "host", ["netflix.com", "notgithub.com", "com", "github.com.evil.net", "google.com", "live.com"]
)
def test_hosts_are_compared_by_labels(host: str) -> None:
    """Hosts were tested by `endsWith("x.com")`: `netflix.com` matched."""
    assert not is_opaque(host)
    assert is_opaque("x.com")
    assert is_opaque("old.reddit.com")


@pytest.mark.parametrize(
    "host",
    [
        *("sheets.google.com", "slides.google.com", "forms.google.com", "docs.google.com"),
        *("airtable.com", "coda.io", "miro.com", "canva.com", "onedrive.live.com", "1drv.ms"),
        *("acme.sharepoint.com", "acme-my.sharepoint.com", "acme.notion.site", "app.asana.com"),
        *("claude.ai", "chatgpt.com", "chat.openai.com", "perplexity.ai", "gemini.google.com"),
        *("copilot.microsoft.com", "replit.com", "forms.gle", "notebooklm.google.com"),
    ],
)
def test_documents_and_assistants_have_paths_that_say_nothing(host: str) -> None:
    """Their pages are told apart by long ids, of which no slug can be read."""
    assert is_opaque(host)
