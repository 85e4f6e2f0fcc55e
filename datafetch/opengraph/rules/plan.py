"""Decides which pages and pictures are due, where to look for pictures, and which are usable."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, NamedTuple

from datafetch.opengraph.model import BookmarkRecord, PageRecord, SavedBookmark, digest_of
from datafetch.urls import host_of, page_address, url_hash, without_query

FRESH_MS = 24 * 3600 * 1000
"""A page that answered is asked again after this time."""

RETRY_MS = 3600 * 1000
"""A page that failed is asked again after this time."""

MIN_BANNER_BYTES = 5 * 1024
"""Smaller banners are icons and empty pictures."""

MIN_SIDE = 16
"""In pixels; smaller pictures are tracking pixels or icons."""

PictureKind = Literal["banner", "screenshot", "page"]
"""Where a picture is: the bookmark server's asset (banner, screenshot), or a URL on the web."""

_PICTURE_OF = "picture of "


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for.

    Attributes:
        force: ask for everything, whatever is known.
        missing: only pages that were never read.
        older_than_ms: a page that answered is asked again when its answer is at least so old,
            instead of `FRESH_MS`. Pages that were never read or that failed are asked as always.
        named: only the pages with these addresses; None for all.
    """

    force: bool = False
    missing: bool = False
    older_than_ms: int | None = None
    named: frozenset[str] | None = None


class BookmarkedPage(NamedTuple):
    """A page and the stored bookmarks of it."""

    address: str
    bookmarks: list[SavedBookmark]

    @property
    def hash(self) -> str:
        """The hash by which its metadata is stored."""
        return url_hash(self.address)


class PicturePlace(NamedTuple):
    """A place to look for a picture; `name` is an asset's id, or for the kind `page` a URL."""

    kind: PictureKind
    name: str


def pages_of(bookmarks: Iterable[SavedBookmark]) -> list[BookmarkedPage]:
    """The pages of all bookmarks that have a page address, each once, in the list's order."""
    found: dict[str, BookmarkedPage] = {}
    for bookmark in bookmarks:
        address = page_address(bookmark.url) if bookmark.url else None
        if address is not None:
            found.setdefault(address, BookmarkedPage(address, [])).bookmarks.append(bookmark)
    return list(found.values())


def picture_item(bookmark_id: str) -> str:
    """The name of a bookmark's picture as the item of a dead letter."""
    return _PICTURE_OF + bookmark_id


def named_pages(
    names: Iterable[str], pages: Sequence[BookmarkedPage]
) -> tuple[frozenset[str], tuple[str, ...]]:
    """The addresses of the pages that a user named, and the names that fit no page.

    Names are URLs, or items of dead letters: `picture of {bookmark id}`. A URL without a query
    that fits no page names the pages that differ from it in their query only: that is how messages
    and logs show them.
    """
    addresses = {page.address for page in pages}
    by_id = {saved.id: page.address for page in pages for saved in page.bookmarks}
    named: set[str] = set()
    unknown: list[str] = []
    for name in names:
        if name.startswith(_PICTURE_OF):
            address = by_id.get(name.removeprefix(_PICTURE_OF))
        else:
            address = page_address(name)
        meant = {address} if address in addresses else _without_their_query(address, addresses)
        named |= meant
        if not meant:
            unknown.append(name)
    return frozenset(named), tuple(unknown)


def _without_their_query(address: str | None, addresses: Iterable[str]) -> set[str]:
    if address is None or "?" in address:
        return set()
    return {found for found in addresses if without_query(found) == address}


def stored_of_host(name: str, pages: Iterable[BookmarkedPage]) -> list[str]:
    """The addresses of the pages at the host of a URL that fits none of them."""
    host = host_of(name)
    return [page.address for page in pages if host and host_of(page.address) == host]


def page_is_due(
    address: str,
    record: PageRecord | None,
    asked: Asked,
    now_ms: int,
    *,
    waiting: bool,
    due: bool = False,
) -> bool:
    """Whether a run asks for the page.

    Its dead letter may say to wait (`waiting`), or that its time has come (`due`).
    """
    if asked.named is not None:
        return address in asked.named
    if waiting and not asked.force:
        return False
    if asked.missing and record is not None and record.source == "external":
        return False
    if asked.force or record is None or due:
        return True
    if record.failed_at is not None:
        return _older(record.failed_at, RETRY_MS, now_ms)
    limit = FRESH_MS if asked.older_than_ms is None else asked.older_than_ms
    return record.fetched_at is None or _older(record.fetched_at, limit, now_ms)


def _older(then_ms: int, limit_ms: int, now_ms: int) -> bool:
    """Whether a time was at least `limit_ms` ago, or is in the future, written by a wrong clock."""
    return now_ms - then_ms >= limit_ms or then_ms > now_ms


def places_of(
    bookmark: SavedBookmark, image_url: str | None, *, assets: bool, itself: bool = False
) -> tuple[PicturePlace, ...]:
    """Where a picture is looked for, best first: banner, screenshot, page, saved picture.

    Args:
        bookmark: has the ids of banner and screenshot, and the URL of the saved picture: the one
            that the page had when the bookmark was made.
        image_url: the page's picture.
        assets: whether the bookmark server can be asked.
        itself: whether the bookmark is of `image_url` itself, which then comes first: of a picture
            the server has only the screenshot of a browser that shows it.
    """
    places = []
    if itself and image_url is not None:
        places.append(PicturePlace("page", image_url))
    if assets and bookmark.banner is not None:
        places.append(PicturePlace("banner", bookmark.banner))
    if assets and bookmark.screenshot is not None:
        places.append(PicturePlace("screenshot", bookmark.screenshot))
    if image_url is not None and not itself:
        places.append(PicturePlace("page", image_url))
    saved_url = page_address(bookmark.saved_image) if bookmark.saved_image else None
    if saved_url is not None and (image_url is None or saved_url != page_address(image_url)):
        places.append(PicturePlace("page", saved_url))
    return tuple(places)


def picture_is_due(
    record: BookmarkRecord,
    places: Sequence[PicturePlace],
    asked: Asked,
    *,
    has_picture: bool,
    settled: bool,
) -> bool:
    """Whether a bookmark's picture is looked for in these places.

    A search that found nothing is repeated when the places have changed, when the user forces it or
    names the page, and when it is not `settled`: it ended with a fault whose dead letter is due.
    """
    if not places or (has_picture and not asked.force):
        return False
    if asked.force or asked.named is not None or record.tried != tried(places):
        return True
    return not settled


def tried(places: Sequence[PicturePlace]) -> str:
    """A digest of the places of a search, to tell whether the same search was made before."""
    return digest_of([list(place) for place in places])


def spread(pages: Sequence[BookmarkedPage]) -> list[BookmarkedPage]:
    """The pages, ordered so that hosts take turns and no site gets all its requests at once."""
    hosts: dict[str, list[BookmarkedPage]] = {}
    for page in pages:
        hosts.setdefault(host_of(page.address), []).append(page)
    return [page for turn in zip_longest(*hosts.values()) for page in turn if page is not None]


def why_unusable(
    kind: PictureKind, picture_format: str, width: int, height: int, size: int
) -> str | None:
    """Why a picture cannot be the preview of a page; None when it can. `size` in bytes."""
    if kind == "banner" and size < MIN_BANNER_BYTES:
        return f"the banner has only {size} bytes"
    if picture_format == "ico":
        return "it is an icon"
    if min(width, height) < MIN_SIDE:
        return f"it has only {width} by {height} pixels"
    return None
