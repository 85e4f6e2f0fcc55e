"""Whether a page is the page itself."""

import pytest

from datafetch.opengraph.rules.walls import blocked_by
from datafetch.pages.head import PageHead

URL = "https://site.example.com/a/page"


def head(title: str = "", base: str | None = None, url: str = URL, **metas: str) -> PageHead:
    """A head; `og_title` stands for `og:title`."""
    pairs = tuple((name.replace("_", ":"), content) for name, content in metas.items())
    return PageHead(url=url, title=title, base=base, metas=pairs)


def test_walls_describe_nothing():
    """A title counts as a wall's only when the page does not describe itself."""
    assert blocked_by(head("Just a moment...")) is not None
    assert blocked_by(head("  ACCESS  DENIED ")) is not None
    assert blocked_by(head("Just a moment...", og_title="A film")) is None
    assert blocked_by(head("Just a moment with a poet")) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://consent.google.de/ml",
        "https://www.google.com/sorry/index?continue=x",
        "https://site.example.com/cdn-cgi/challenge-platform/x",
        "https://www.linkedin.com/authwall?trk=x",
    ],
)
def test_walls_by_their_place(url):
    """Where a redirect ended says what stands there, whatever tags it has."""
    assert blocked_by(head("x", url=url, og_title="x")) is not None


@pytest.mark.parametrize(
    "url",
    ["https://consent.example.com/", "https://notconsent.google.com/", "https://a.example/sorry"],
)
def test_places_that_are_no_walls(url):
    """Hosts and paths are compared as a whole: `netflix.com` is not `x.com`."""
    assert blocked_by(head("x", url=url)) is None
