"""Reads the description of a page (title, text, picture, …) from the tags of its head."""

import re
from collections.abc import Iterable, Iterator

from datafetch.addresses import NO_HOSTS, OwnHosts, for_visitors
from datafetch.opengraph.model import Description
from datafetch.pages.entities import mend_letters
from datafetch.pages.head import PageHead
from datafetch.urls import resolve

TITLES = ("og:title", "twitter:title")
DESCRIPTIONS = ("og:description", "twitter:description", "description")
IMAGES = (
    "og:image:secure_url",
    "og:image",
    "og:image:url",
    "twitter:image",
    "twitter:image:src",
)
"""Names of meta tags by priority: the Open Graph protocol (ogp.me), X's summary card markup."""

MAX_TITLE = 1000
MAX_DESCRIPTION = 5000
MAX_WORD = 100
"""Longer texts are cut, in characters; nobody shows more."""

_UNSEEN = re.compile(r"[\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]+")
"""Characters without width, and those that turn the direction of the text after them."""
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def describe(head: PageHead, own: OwnHosts = NO_HOSTS) -> Description:
    """The page's description.

    For a field that several tags give, the first that is not blank counts: in the order of
    `TITLES`, `DESCRIPTIONS` or `IMAGES`, and for tags of the same name in the page's order.
    Pictures that visitors' browsers should not ask for do not count, unless they are at one of the
    user's `own` hosts.
    """
    return Description(
        final_url=head.url,
        title=_first([*_contents(head, TITLES), head.title], MAX_TITLE),
        description=_first(_contents(head, DESCRIPTIONS), MAX_DESCRIPTION),
        image_url=_image(head, own),
        site_name=_first(head.content("og:site_name"), MAX_TITLE),
        type=_first(head.content("og:type"), MAX_WORD),
        locale=_first(head.content("og:locale"), MAX_WORD),
    )


def tidy(text: str) -> str:
    """The text on one line, without characters that cannot be seen.

    Letters that are still entities in it, because the site escaped them twice, are resolved.
    """
    return _SPACES.sub(" ", _UNSEEN.sub("", mend_letters(text))).strip()


# ------------------------------------------------------------------- internal


def _contents(head: PageHead, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from head.content(name)


def _first(texts: Iterable[str], most: int) -> str | None:
    for text in texts:
        if found := tidy(text[: most * 8]):
            return _shortened(found, most)
    return None


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _image(head: PageHead, own: OwnHosts) -> str | None:
    links = (href for rel, href in head.links if "image_src" in rel.split())
    for reference in (*_contents(head, IMAGES), *links):
        url = _unescaped(reference.strip())
        # An empty reference would resolve to the page itself.
        if not url:
            continue
        found = for_visitors(resolve(url, head.base_url), own)
        if found is not None and found.partition("#")[0] != head.url.partition("#")[0]:
            return found
    return None


def _unescaped(text: str) -> str:
    """The URL with a doubly escaped `&amp;` resolved; other entities may be part of the URL."""
    return text.replace("&amp;", "&")
