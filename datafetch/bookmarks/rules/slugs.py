"""Makes slugs, the names of bookmarks and tags in addresses: stable, readable, never empty."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from datafetch.bookmarks.rules.opaque_hosts import is_opaque
from datafetch.models.normal_forms import in_form
from datafetch.urls import host_name, written_path

MAX_TITLED = 60
"""Longest slug that is made with a title, in characters."""

_MAX_TAG_BYTES = 180
"""A tag's slug is a folder's name; file systems take 255 bytes."""

_NOT_ASCII_WORD = re.compile(r"[^a-z0-9]+")
_DASHES = re.compile(r"-+")
_SPACES = re.compile(r"[\s_]+")
_WORD_DOT = re.compile(r"^\.|\.(?=[A-Za-z])")
# What JavaScript takes for white space (ECMA-262, 12.2 and 12.3).
_READERS_SPACES = re.compile(r"[_ \xa0\u1680\u2000-\u200a\u205f\u3000\ufeff]+")
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_NOT_IN_TAGS = re.compile(r"[^a-z0-9-]")
_NEVER_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2066-\u206f]")
"""Controls and marks of direction, which readers take out of a name before they make its slug."""

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


def base_slug(url: str, title: str | None, bookmark_id: str) -> str:
    """The slug that a bookmark gets when no other bookmark has it; never empty.

    It is made of host and path; of host and title for an opaque host; of the title for a
    bookmark without a URL; of the id when there is no usable text at all. It is in ASCII, since
    routes cannot look up other letters: a title of which such letters are left is not used.
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
    """The slug of a tag: readable, never empty; the slug of a slug is itself.

    `C++` → `c-plus-plus`, `C#` → `c-sharp`, `.NET` → `dotnet`, `Node.js` → `nodedotjs`,
    `R&D` → `r-and-d`. It is in ASCII, as readers make it of the name for their links: other
    scripts are dropped from a mixed name (`日本語 AI` → `ai`). A name of which that leaves nothing
    keeps its letters, and one without letters becomes `tag-` and 8 hex of its SHA-256.
    """
    text = _NEVER_SHOWN.sub("", name).replace("++", "-plus-plus").replace("+", "-plus")
    text = text.replace("&", "-and-").replace("#", "-sharp").replace("@", "-at-")
    slug = _ascii_tag(text) or _tag_in_its_script(text)
    if not slug:
        return "tag-" + _hash8(name)
    return slug if len(slug.encode()) <= _MAX_TAG_BYTES else _shortened(slug)


def _ascii_tag(text: str) -> str:
    """What readers keep of a tag's name: without diacritics, in ASCII only; it may be empty."""
    text = _WORD_DOT.sub("dot", text)
    plain = _ACCENTS.sub("", in_form("NFD", text)).lower()
    kept = _NOT_IN_TAGS.sub("", _READERS_SPACES.sub("-", plain))
    return _DASHES.sub("-", kept).strip("-")


def _tag_in_its_script(text: str) -> str:
    """The letters of a name of which `_ascii_tag` leaves nothing; empty when it has none."""
    slug = _DASHES.sub("-", _words(_SPACES.sub("-", text))).strip("-")
    return slug if any(character.isalnum() for character in slug) else ""


def _titled(prefix: str, title: str | None) -> str:
    """Prefix and title in ASCII, within `MAX_TITLED` characters and cut at a dash.

    Empty when the title has no letter and no digit, or one that is not in ASCII once its
    diacritics are stripped (`ł`, `ß`, `я`): half a word says something else.
    """
    parts = in_form("NFKD", title or "")
    letters = "".join(c for c in parts if not unicodedata.category(c).startswith("M")).lower()
    words = _plain(letters)
    if not words or any(c.isalnum() and not c.isascii() for c in letters):
        return ""
    whole = f"{prefix}-{words}" if prefix else words
    if len(whole) <= MAX_TITLED:
        return whole
    cut = whole[: MAX_TITLED + 1].rpartition("-")[0]
    # A first word that is too long has no dash to cut at: better a cut word than no word.
    return cut if len(cut) > len(prefix) else whole[:MAX_TITLED].rstrip("-")


def _plain(text: str) -> str:
    return _NOT_ASCII_WORD.sub("-", text.lower()).strip("-")


def _words(text: str) -> str:
    kept = "".join(c for c in _plain_letters(text) if c == "-" or _is_word(c))
    # The parts of one letter are neighbours once what stood between them is gone.
    return kept if kept.isascii() else in_form("NFC", kept)


def _plain_letters(text: str) -> str:
    """The text in lower case, without diacritics of Latin letters; other scripts keep theirs."""
    if text.isascii():
        return text.lower()
    kept: list[str] = []
    base = ""
    for character in in_form("NFD", text.lower()):
        if not unicodedata.combining(character):
            # Pictures and joiners fall out, so the next mark belongs to what stands before them.
            if ord(character) <= _LAST_LATIN or _is_word(character):
                base = character
        elif base and ord(base) <= _LAST_LATIN:
            continue
        kept.append(character)
    return in_form("NFC", "".join(kept))


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
