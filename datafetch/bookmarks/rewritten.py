"""Tells a list that another tool has written anew, with equal content, from one that was changed.

Tools that copy or tidy a store print JSON with other white space or another order of keys. What
was published is then still there, though its bytes and its ETag are others.
"""

import hashlib
from collections.abc import Sequence

from datafetch.bookmarks.copies import ObjectReader, parsed, read_listing
from datafetch.bookmarks.model import StoredBookmark
from datafetch.bookmarks.rules.list import PAGE_SIZE
from datafetch.bookmarks.state import BookmarkState
from datafetch.job import AnyContext
from datafetch.models.json import canonical_json, encode_json
from datafetch.store.base import StoredObject


class Published:
    """The items of the last publish, found by their hashes in the state.

    Every method may raise `StoreError`, when the store did not answer.
    """

    def __init__(self, context: AnyContext, objects: ObjectReader, state: BookmarkState) -> None:
        self._context = context
        self._objects = objects
        self._hashes = state.hashes()
        self._ids = list(state.sources)

    @staticmethod
    def has_bytes(state: BookmarkState, found: StoredObject) -> bool:
        """Whether the object may have the bytes that were published.

        False when its hash is not the published one; True also when that is not known.
        """
        return state.hashes().get(found.info.key) in (None, _hash(found.body))

    def items_of(self, master: StoredObject) -> list[StoredBookmark] | None:
        """The items as they were published, if this stored list says the same; else None.

        Where only white space differs, the list's own hash proves that. Where the keys have
        another order, pages and single items that still have the published bytes are the proof.
        """
        listing = read_listing(master)
        if listing is None or not listing.whole:
            return None
        if [item.id for item in listing.items] != self._ids:
            return None
        key = master.info.key
        if self._hashes.get(key) == _hash(_array(listing.items)):
            return listing.items
        places = range(0, len(listing.items), PAGE_SIZE)
        groups = [(at, listing.items[at : at + PAGE_SIZE]) for at in places]
        found: dict[int, list[StoredBookmark]] = {}
        for at, items in self._context.engine.map(self._proved, groups):
            if items is None:
                return None
            found[at] = items
        return [item for at in places for item in found[at]]

    def _proved(
        self, group: tuple[int, list[StoredBookmark]]
    ) -> tuple[int, list[StoredBookmark] | None]:
        """The published items of one page; None instead when the given ones say something else.

        `group` is the index of the page's first item in the list, and the items to compare. The
        index is returned too.
        """
        at, items = group
        published = self._page(at // PAGE_SIZE + 1) or self._singles(items)
        same = published is not None and _same(published, items)
        return at, published if same else None

    def _page(self, number: int) -> list[StoredBookmark] | None:
        listing = read_listing(self._unchanged(self._context.keys.bookmark_page(number)))
        return listing.items if listing is not None else None

    def _singles(self, items: Sequence[StoredBookmark]) -> list[StoredBookmark] | None:
        keys = (self._context.keys.bookmark_by_id(item.id) for item in items)
        found = [StoredBookmark.of(parsed(self._unchanged(key))) for key in keys]
        known = [item for item in found if item is not None]
        return known if len(known) == len(items) else None

    def _unchanged(self, key: str) -> StoredObject | None:
        """The object, if it has the bytes that were published."""
        found = self._objects.get(key)
        same = found is not None and self._hashes.get(key) == _hash(found.body)
        return found if same else None


def _same(stored: Sequence[StoredBookmark], other: Sequence[StoredBookmark]) -> bool:
    return len(stored) == len(other) and all(
        canonical_json(a.fields) == canonical_json(b.fields)
        for a, b in zip(stored, other, strict=True)
    )


def _array(items: Sequence[StoredBookmark]) -> bytes:
    return b"[" + b",".join(encode_json(item.fields) for item in items) + b"]"


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
