"""The list as a whole: its order, pages, tags, checksum, index and slug mapping."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from datafetch.bookmarks.model import Bookmark
from datafetch.models.json import encode_json

PAGE_SIZE = 24
MAPPING_VERSION = "1.0.0"


class Times(NamedTuple):
    """The times of an index.

    Attributes:
        last_modified: ISO 8601 in UTC.
        last_fetched_at, last_attempted_at: epoch ms.
    """

    last_modified: str
    last_fetched_at: int | None
    last_attempted_at: int


def weave(fetched: Sequence[Bookmark], kept: Sequence[Bookmark]) -> list[Bookmark]:
    """The fetched bookmarks in the server's order, with kept ones where their date puts them.

    Kept are those that are stored but were not read this time, in the stored order; both lists
    are newest first.
    """
    woven: list[Bookmark] = []
    waiting = list(_placed(kept))[::-1]
    for bookmark, place in _placed(fetched):
        while waiting and waiting[-1][1] > place:
            woven.append(waiting.pop()[0])
        woven.append(bookmark)
    return woven + [bookmark for bookmark, _ in reversed(waiting)]


def places(dates: Sequence[str]) -> list[str]:
    """For each bookmark of a list, by its date, the date that its place in the list stands for.

    That is its own date, except where the list is not in the order of the dates: the server puts
    a bookmark made in the year 56789 first, though another date had to be published for it. Such
    a bookmark has the place of the next one that is in order, or of the last one.
    """
    if all(newer >= older for newer, older in pairwise(dates)):
        return list(dates)
    in_order = _longest_in_order(dates[::-1])
    found: list[str] = []
    place = next(date for date, fits in zip(dates[::-1], in_order, strict=True) if fits)
    for date, fits in zip(dates[::-1], in_order, strict=True):
        place = date if fits else place
        found.append(place)
    return found[::-1]


def _longest_in_order(dates: Sequence[str]) -> list[bool]:
    """For each date whether it belongs to the longest part of the list that is in order.

    By patience sorting: `ends[n]` is the earliest date with which n + 1 dates in order may end.
    """
    ends: list[str] = []
    places_of_ends: list[int] = []
    before: list[int | None] = []
    for at, date in enumerate(dates):
        length = bisect_right(ends, date)
        before.append(places_of_ends[length - 1] if length else None)
        ends[length : length + 1] = [date]
        places_of_ends[length : length + 1] = [at]
    in_order = [False] * len(dates)
    last: int | None = places_of_ends[-1]
    while last is not None:
        in_order[last] = True
        last = before[last]
    return in_order


def _placed(bookmarks: Sequence[Bookmark]) -> Iterator[tuple[Bookmark, str]]:
    return zip(bookmarks, places([item.date_bookmarked for item in bookmarks]), strict=True)


def pages(bookmarks: Sequence[Bookmark]) -> list[Sequence[Bookmark]]:
    """Slices of at most `PAGE_SIZE`; an empty list has none."""
    return [bookmarks[at : at + PAGE_SIZE] for at in range(0, len(bookmarks), PAGE_SIZE)]


def as_array(bookmarks: Sequence[Bookmark]) -> tuple[bytes, ...]:
    """The JSON array of the bookmarks in parts; the items' bytes are shared, not copied."""
    if not bookmarks:
        return (b"[]",)
    parts = [b","] * (2 * len(bookmarks) + 1)
    parts[0], parts[-1] = b"[", b"]"
    parts[1::2] = [bookmark.body for bookmark in bookmarks]
    return tuple(parts)


def group_by_tag(
    bookmarks: Sequence[Bookmark], max_tags: int | None
) -> list[tuple[str, list[Bookmark]]]:
    """The slug of each tag, and its bookmarks in the list's order, a bookmark once per slug.

    `max_tags` keeps the tags with the most bookmarks; among equal ones, the first by slug.
    """
    groups: dict[str, list[Bookmark]] = {}
    for bookmark in bookmarks:
        for slug, _ in bookmark.tags:
            groups.setdefault(slug, []).append(bookmark)
    ranked = sorted(groups, key=lambda slug: (-len(groups[slug]), slug))
    return [(slug, groups[slug]) for slug in ranked[:max_tags]]


def checksum(bookmarks: Iterable[Bookmark]) -> str:
    """SHA-256 (hex) of the lines `id:modifiedAt`, sorted by id."""
    lines = sorted((bookmark.id, bookmark.modified_at) for bookmark in bookmarks)
    text = "\n".join(f"{bookmark_id}:{modified}" for bookmark_id, modified in lines)
    return hashlib.sha256(text.encode()).hexdigest()


def index(
    bookmarks: Sequence[Bookmark], times: Times, list_checksum: str, *, changed: bool
) -> dict[str, object]:
    """The index of a list, or of the bookmarks of one tag, as it is stored."""
    return {
        "count": len(bookmarks),
        "totalPages": -(-len(bookmarks) // PAGE_SIZE),
        "pageSize": PAGE_SIZE,
        "lastModified": times.last_modified,
        # Readers demand a number; 0 is a time at which nobody fetched anything.
        "lastFetchedAt": times.last_fetched_at or 0,
        "lastAttemptedAt": times.last_attempted_at,
        "checksum": list_checksum,
        "changeDetected": changed,
    }


def mapping_entries(bookmarks: Iterable[Bookmark]) -> dict[str, dict[str, str]]:
    """What the slug mapping says of each bookmark, by id; one without an address has no `url`."""
    return {
        item.id: {
            "id": item.id,
            "slug": item.slug,
            **({"url": item.url} if item.url else {}),
            "title": item.title,
        }
        for item in bookmarks
    }


def mapping_checksum(bookmarks: Iterable[Bookmark]) -> str:
    """The checksum of the slug mapping: the MD5, in hex, of the compact JSON array of its pairs.

    The pairs `[id,slug]` are sorted by id, by code points, so that no locale decides; letters
    beyond ASCII stand as they are. It is MD5 since readers demand that; no safety depends on it.
    """
    pairs = encode_json([[item.id, item.slug] for item in sorted(bookmarks, key=lambda it: it.id)])
    return hashlib.md5(pairs, usedforsecurity=False).hexdigest()


def slug_mapping(
    bookmarks: Sequence[Bookmark], entries: bytes, generated: str, checksum_of_pairs: str
) -> tuple[bytes, ...]:
    """Slugs by id and ids by slug, as the parts of one JSON object.

    `entries` are the encoded `mapping_entries`: the largest part, encoded once. `generated` is an
    ISO time in UTC, which ends in `Z`.
    """
    head = {
        "version": MAPPING_VERSION,
        "generated": generated,
        "count": len(bookmarks),
        "checksum": checksum_of_pairs,
    }
    reverse = {bookmark.slug: bookmark.id for bookmark in bookmarks}
    return (
        encode_json(head)[:-1],
        b',"slugs":',
        entries,
        b',"reverseMap":',
        encode_json(reverse),
        b"}",
    )
