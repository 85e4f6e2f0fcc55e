"""Makes slugs, the names of bookmarks and tags in addresses: stable, readable, never empty."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from datafetch.urls import host_name, written_path

OPAQUE_HOSTS = frozenset(
    {
        # video
        "youtube.com",
        "youtu.be",
        "vimeo.com",
        "twitch.tv",
        "dailymotion.com",
        "loom.com",
        "tiktok.com",
        # social
        "twitter.com",
        "x.com",
        "facebook.com",
        "instagram.com",
        "linkedin.com",
        "reddit.com",
        "threads.net",
        "threads.com",
        "bsky.app",
        "mastodon.social",
        "pinterest.com",
        "news.ycombinator.com",
        "discord.com",
        "t.me",
        # code
        "github.com",
        "gist.github.com",
        "gitlab.com",
        "bitbucket.org",
        "codeberg.org",
        "codepen.io",
        "codesandbox.io",
        "stackblitz.com",
        "huggingface.co",
        # questions
        "stackoverflow.com",
        "stackexchange.com",
        "superuser.com",
        "serverfault.com",
        "askubuntu.com",
        "quora.com",
        # documents
        "docs.google.com",
        "drive.google.com",
        "notion.so",
        "notion.site",
        "dropbox.com",
        "figma.com",
        "medium.com",
        "substack.com",
        "arxiv.org",
        "scribd.com",
        "slideshare.net",
    }
)
"""Hosts whose paths do not describe the page; their subdomains count too."""

MAX_TITLED = 60
"""Longest slug that is made with a title, in characters."""

_MAX_TAG_BYTES = 180
"""A tag's slug is a folder's name; file systems take 255 bytes."""

_NOT_ASCII_WORD = re.compile(r"[^a-z0-9]+")
_DASHES = re.compile(r"-+")
_SPACES = re.compile(r"[\s_]+")
_WORD_DOT = re.compile(r"^\.|\.(?=[^\W\d_])")
_LAST_LATIN = 0x24F


class Slugged(NamedTuple):
    """What a new bookmark's slug is made from."""

    id: str
    date: str
    base: str


def host_of(url: str) -> str:
    """A URL's host as browsers write it, without `www.`; empty when it has none."""
    host = host_name(url)
    bare = host.removeprefix("www.")
    return bare if "." in bare else host


def is_opaque(host: str) -> bool:
    """Whether the host is one of `OPAQUE_HOSTS` or below one; whole labels are compared."""
    labels = host.split(".")
    return any(".".join(labels[start:]) in OPAQUE_HOSTS for start in range(len(labels) - 1))


def base_slug(url: str, title: str | None, bookmark_id: str) -> str:
    """The slug that a bookmark gets when no other bookmark has it; never empty.

    It is made of host and path; of host and title for an opaque host; of the title for a
    bookmark without a URL; of the id when there is no usable text at all.
    """
    host = host_of(url)
    if not host:
        return _titled("", title) or _plain(bookmark_id) or "bookmark-" + _hash8(bookmark_id)
    name = _plain(host) or "bookmark-" + _hash8(host)
    if is_opaque(host):
        titled = _titled(name, title)
        if titled:
            return titled
    # Stored slugs were made of the path as it is written, not as browsers normalise it.
    written = written_path(url)
    path = _plain(written if written.isascii() else quote(written, "/%", errors="replace"))
    return f"{name}-{path}" if path else name


def assign_slugs(
    new: Iterable[Slugged], taken: Mapping[str, str], retired: Mapping[str, str]
) -> dict[str, str]:
    """A slug for each new bookmark, by id.

    `taken` and `retired` map slugs to the ids that have or had them; no other id gets one of
    these. Collisions get `-2`, `-3`… in order of (date, id). An id that comes back gets the
    slug that it had.
    """
    had = {bookmark_id: slug for slug, bookmark_id in retired.items()}
    used = {*taken, *retired}
    next_number: dict[str, int] = {}
    slugs: dict[str, str] = {}
    for bookmark in sorted(new, key=lambda item: (item.date, item.id)):
        returning = had.get(bookmark.id)
        if returning is not None and returning not in taken:
            slugs[bookmark.id] = returning
            continue
        slug, number = bookmark.base, next_number.get(bookmark.base, 2)
        while slug in used:
            slug, number = f"{bookmark.base}-{number}", number + 1
        next_number[bookmark.base] = number
        used.add(slug)
        slugs[bookmark.id] = slug
    return slugs


@lru_cache(maxsize=20_000)
def tag_slug(name: str) -> str:
    """The slug of a tag: readable, in any script, never empty; the slug of a slug is itself.

    `C++` → `c-plus-plus`, `C#` → `c-sharp`, `.NET` → `dotnet`, `Node.js` → `nodedotjs`,
    `R&D` → `r-and-d`. A name of which nothing is left becomes `tag-` and 8 hex of its SHA-256.
    """
    text = name.replace("++", "-plus-plus").replace("+", "-plus")
    text = text.replace("&", "-and-").replace("#", "-sharp").replace("@", "-at-")
    text = _WORD_DOT.sub("dot", text.strip())
    slug = _DASHES.sub("-", _words(_SPACES.sub("-", text))).strip("-")
    if not any(character.isalnum() for character in slug):
        return "tag-" + _hash8(name)
    return slug if len(slug.encode()) <= _MAX_TAG_BYTES else _shortened(slug)


def _titled(prefix: str, title: str | None) -> str:
    """Prefix and title, in any script, within `MAX_TITLED` characters and cut at a dash.

    Empty when the title has no letter and no digit.
    """
    kept = "".join(c if _is_word(c) else "-" for c in _plain_letters(title or ""))
    words = _DASHES.sub("-", kept).strip("-")
    if not any(character.isalnum() for character in words):
        return ""
    whole = f"{prefix}-{words}" if prefix else words
    if len(whole) <= MAX_TITLED:
        return whole
    cut = whole[: MAX_TITLED + 1].rpartition("-")[0]
    # A script without spaces has no dash to cut at: better a cut word than no word.
    return cut if len(cut) > len(prefix) else whole[:MAX_TITLED].rstrip("-")


def _plain(text: str) -> str:
    return _NOT_ASCII_WORD.sub("-", text.lower()).strip("-")


def _words(text: str) -> str:
    kept = "".join(c for c in _plain_letters(text) if c == "-" or _is_word(c))
    # The parts of one letter are neighbours once what stood between them is gone.
    return kept if kept.isascii() else unicodedata.normalize("NFC", kept)


def _plain_letters(text: str) -> str:
    """The text in lower case, without diacritics of Latin letters; other scripts keep theirs."""
    if text.isascii():
        return text.lower()
    kept: list[str] = []
    base = ""
    for character in unicodedata.normalize("NFD", text.lower()):
        if not unicodedata.combining(character):
            # Pictures and joiners fall out, so the next mark belongs to what stands before them.
            if ord(character) <= _LAST_LATIN or _is_word(character):
                base = character
        elif base and ord(base) <= _LAST_LATIN:
            continue
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def _is_word(character: str) -> bool:
    """Whether it is a letter, a digit, or a mark with which some scripts write vowels."""
    if character.isalnum():
        return True
    # Variation selectors are "marks" too, but only choose between pictures (Unicode 23.4).
    selects = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return unicodedata.category(character) in ("Mn", "Mc") and not selects


def _shortened(slug: str) -> str:
    cut = slug.encode()[: _MAX_TAG_BYTES - 9].decode(errors="ignore")
    return f"{cut.rpartition('-')[0] or cut}-{_hash8(slug)}"


def _hash8(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
