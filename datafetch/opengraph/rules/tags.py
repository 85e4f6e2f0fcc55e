"""What a page's head says of the page, by the contract's priorities; and whether it is that page at all."""

import html
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from datafetch.opengraph.model import Description
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
"""Names by priority. The Open Graph protocol (ogp.me) and X's cards (summary card markup)."""

MAX_TITLE = 1000
MAX_DESCRIPTION = 5000
MAX_WORD = 100
"""Longest texts that are kept, in characters; nobody shows more."""

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos|nbsp);")
_UNSEEN = re.compile(r"[\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]+")
"""Marks without width, and those that turn the direction of what follows."""
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def describe(head: PageHead) -> Description:
    """The page's description: of each kind the first text, by priority, that says something."""
    base = _base(head)
    return Description(
        final_url=head.url,
        title=_first([*_contents(head, TITLES), head.title], MAX_TITLE),
        description=_first(_contents(head, DESCRIPTIONS), MAX_DESCRIPTION),
        image_url=_image(head, base),
        site_name=_first(head.content("og:site_name"), MAX_TITLE),
        type=_first(head.content("og:type"), MAX_WORD),
        locale=_first(head.content("og:locale"), MAX_WORD),
    )


def blocked_by(head: PageHead) -> str | None:
    """Why this is not the page itself: a wall of consent, a check for robots, a log-in, an error.

    Judged by where it was found, and by the titles of well-known walls unless the page
    describes itself, which walls do not.
    """
    place = urlsplit(head.url)
    host = place.hostname or ""
    if host in _WALL_HOSTS or host.startswith(_WALL_HOST_STARTS):
        return f"{host} asks for consent"
    if _WALL_PATH.search(place.path):
        return "it leads to a check or a log-in"
    if any(head.content(name) for name in (*TITLES, *IMAGES)):
        return None
    title = tidy(head.title).casefold().rstrip(".!… ")
    if title in _WALL_TITLES or title.startswith(_WALL_TITLE_STARTS):
        return f"its title is that of a wall or an error ({tidy(head.title)[:60]})"
    return None


def tidy(text: str) -> str:
    """The text on one line, without what cannot be seen; entities that were escaped twice are read."""
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
    return _SPACES.sub(" ", _UNSEEN.sub("", text)).strip()


# ------------------------------------------------------------------- internal


def _base(head: PageHead) -> str:
    """What relative URLs resolve against; a base that is no web address counts for nothing."""
    if head.base is None:
        return head.url
    return resolve(head.base, head.url) or head.url


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


def _image(head: PageHead, base: str) -> str | None:
    links = (href for rel, href in head.links if "image_src" in rel.split())
    for reference in (*_contents(head, IMAGES), *links):
        said = _read_twice(reference.strip())
        # An empty reference would resolve to the page itself.
        if not said:
            continue
        found = resolve(said, base)
        if found is not None and found.partition("#")[0] != head.url.partition("#")[0]:
            return found
    return None


def _read_twice(text: str) -> str:
    """A URL whose `&amp;` was escaped twice; other entities are left, they may be its own."""
    return text.replace("&amp;", "&")


_WALL_HOSTS = frozenset(
    {
        "consent.google.com",
        "consent.youtube.com",
        "consent.yahoo.com",
        "guce.yahoo.com",
        "guce.aol.com",
        "guce.techcrunch.com",
        "validate.perfdrive.com",
        "geo.captcha-delivery.com",
        "challenges.cloudflare.com",
        "accounts.google.com",
        "login.microsoftonline.com",
    }
)
_WALL_HOST_STARTS = ("consent.google.", "consent.youtube.")
_WALL_PATH = re.compile(
    r"^/(?:sorry/index|cdn-cgi/(?:challenge|l/chk)|authwall\b|uas/login|accounts/login"
    r"|errors/validatecaptcha|_sec/cp_challenge|checkpoint/(?:challenge|rm))",
    re.IGNORECASE,
)
_WALL_TITLES = frozenset(
    {
        "just a moment",
        "attention required! | cloudflare",
        "access denied",
        "access to this page has been denied",
        "are you a robot",
        "are you a robot?",
        "robot check",
        "bot verification",
        "human verification",
        "security check",
        "security checkpoint",
        "vercel security checkpoint",
        "ddos-guard",
        "pardon our interruption",
        "please wait",
        "one moment, please",
        "checking your browser",
        "captcha",
        "before you continue",
        "before you continue to google search",
        "before you continue to youtube",
        "client challenge",
        "you are being redirected",
        "making sure you're not a bot",
        "request rejected",
        "unauthorized",
        "forbidden",
        "too many requests",
        "not found",
        "bad gateway",
        "service unavailable",
        "site maintenance",
        "error",
    }
)
_WALL_TITLE_STARTS = (
    "401 unauthorized",
    "403 forbidden",
    "403 - forbidden",
    "404 not found",
    "404 - not found",
    "429 too many",
    "500 internal server error",
    "502 bad gateway",
    "503 service",
    "504 gateway",
    "ddos protection by",
    "checking your browser before",
    "please verify you are",
    "verifying you are human",
    "error 1020",
)
"""Titles, case folded, without closing dots: Cloudflare, Akamai, PerimeterX, DataDome, Amazon,
Vercel, Anubis, DDoS-Guard, and the error pages of Apache and nginx."""
