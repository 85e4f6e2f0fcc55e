"""Gathers the list from its copies (pages, tag pages, single objects, backups) when it is not whole."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from datafetch.bookmarks.rules.mapping import slug_owners
from datafetch.errors import ObjectNotFound
from datafetch.job import AnyContext
from datafetch.models.json import JsonObject, is_safe_segment
from datafetch.store.base import StoredObject
from datafetch.store.publish import etags_by_listing


class ObjectReader:
    """Reads on behalf of one run."""

    def __init__(self, context: AnyContext) -> None:
        self._context = context
        self._store = context.store

    def get(self, key: str) -> StoredObject | None:
        """The object, None when it is not there.

        Raises:
            StoreError: the store did not answer.
        """
        try:
            return self._store.get(key)
        except ObjectNotFound:
            return None


def parsed(found: StoredObject | None, kind: type) -> Any:
    """The object's JSON when it is of the kind, else None."""
    if found is None:
        return None
    try:
        value = json.loads(found.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, kind) else None


class Listing(NamedTuple):
    """What could be read of an array of bookmarks.

    Attributes:
        items: each id once; what a second entry of an id knows beyond the first is in it.
        odd: entries that are no bookmarks: without an id, or with one that cannot name an object.
        doubled: entries whose id had come before.
    """

    items: list[JsonObject]
    odd: int
    doubled: int

    @property
    def whole(self) -> bool:
        """Whether it is the list of somebody who had bookmarks, and each entry is one."""
        return bool(self.items) and not self.odd and not self.doubled


@dataclass(frozen=True, slots=True)
class Expected:
    """What the other objects say that there was.

    Attributes:
        ids: those of the slug mapping; empty when it cannot be read.
        count: that of the index; 0 when it cannot be read.
    """

    ids: frozenset[str]
    count: int

    @property
    def known(self) -> bool:
        """Whether anything is said at all."""
        return bool(self.ids) or self.count > 0

    @property
    def names_all(self) -> bool:
        """Whether what is not named was deleted."""
        return bool(self.ids) and len(self.ids) >= self.count

    def met_by(self, found: Mapping[str, Any]) -> bool:
        """Whether nothing more is to be looked for."""
        return bool(found) and self.ids <= found.keys() and len(found) >= self.count

    def met_by_list(self, read: Listing, *, under_way: bool) -> bool:
        """Whether the list itself gave all that there is.

        One of which all can be read, and that is no shorter than the index says, is
        believed. While a publish is under way the index is behind, and the list is newer.
        """
        if read.odd or not read.items:
            return self.known and self.met_by({item["id"]: item for item in read.items})
        return under_way or len(read.items) >= self.count


def read_listing(found: StoredObject | None) -> Listing | None:
    """Whatever bookmarks an array holds; None when it is none.

    Old systems wrapped it: `{"bookmarks": [...]}`.
    """
    values = parsed(found, object)
    if isinstance(values, dict):
        values = values.get("bookmarks")
    if not isinstance(values, list):
        return None
    items: dict[str, JsonObject] = {}
    odd = 0
    for value in values:
        if isinstance(value, dict) and has_id(value):
            add_copy(items, value)
        else:
            odd += 1
    return Listing(list(items.values()), odd, len(values) - len(items) - odd)


def has_id(item: Mapping[str, Any]) -> bool:
    """Whether a stored item can be told from others, and name an object."""
    bookmark_id = item.get("id")
    return isinstance(bookmark_id, str) and is_safe_segment(bookmark_id)


def add_copy(items: dict[str, JsonObject], copy: JsonObject) -> None:
    """Add an item, or what this copy of it knows beyond the copies before it."""
    item = items.setdefault(copy["id"], copy)
    if item is copy:
        return
    for name, value in copy.items():
        if value not in (None, "") and item.get(name) in (None, ""):
            item[name] = value


class Copies:
    """The other objects that hold bookmarks, each broken one kept aside.

    Every method may raise `StoreError`.
    """

    def __init__(self, context: AnyContext, objects: ObjectReader) -> None:
        self._context = context
        self._keys = context.keys
        self._objects = objects

    def gather(
        self, first: Iterable[JsonObject], expected: Expected, keys: Iterable[str]
    ) -> list[JsonObject]:
        """All bookmarks that can be found, newest first.

        `first` is what the list itself gave. Single objects and pages are current and are
        both read: enrichment may be in one of them only. Tags' pages and then backups, newest
        first, are read as long as something is missing; of these only what the slug mapping
        names is taken, when it names all: they hold deleted bookmarks too.
        """
        keys = list(keys)
        found: dict[str, JsonObject] = {}
        for item in first:
            add_copy(found, item)
        given = len(found)
        for item in (*self._singles(keys), *self._pages(keys)):
            add_copy(found, item)
        for source in (lambda: self._tag_pages(keys), *self._backups()):
            if expected.met_by(found):
                break
            for item in source():
                if item["id"] in expected.ids or not expected.names_all:
                    add_copy(found, item)
        if found:
            self._context.log.warning(
                "bookmarks_rebuilt",
                extra={"key": self._keys.bookmarks(), "items": len(found), "read": given},
            )
        return sorted(
            found.values(),
            key=lambda item: (str(item.get("dateBookmarked")), item["id"]),
            reverse=True,
        )

    def backup_keys(self) -> list[str]:
        """The kept backups, newest first."""
        prefix = self._keys.bookmarks_backup_prefix()
        return sorted(etags_by_listing(self._context.store, (prefix,)), reverse=True)

    def backup_slugs(self) -> dict[str, str]:
        """Who has which slug in the backups; the newest counts."""
        slugs: dict[str, str] = {}
        for key in reversed(self.backup_keys()):
            slugs.update(slug_owners(self._backup(key)))
        return slugs

    # ------------------------------------------------------------------ steps

    def _singles(self, keys: Iterable[str]) -> Iterator[JsonObject]:
        prefix = self._keys.bookmarks_by_id_prefix()
        wanted = [key for key in keys if key.startswith(prefix) and key.endswith(".json")]
        found = self._context.engine.map(self._single, wanted)
        return (item for item in found if item is not None)

    def _pages(self, keys: Iterable[str]) -> Iterator[JsonObject]:
        return self._paged(self._keys.bookmark_pages_prefix(), keys)

    def _tag_pages(self, keys: Iterable[str]) -> Iterator[JsonObject]:
        return self._paged(self._keys.tags_prefix(), keys)

    def _paged(self, prefix: str, keys: Iterable[str]) -> Iterator[JsonObject]:
        wanted = [
            key
            for key in keys
            if key.startswith(prefix) and key.rpartition("/")[2].startswith("page-")
        ]
        for items in self._context.engine.map(self._items_of, wanted):
            yield from items

    def _backups(self) -> Iterator[Callable[[], Iterable[JsonObject]]]:
        return (partial(self._backup, key) for key in self.backup_keys())

    def _backup(self, key: str) -> list[JsonObject]:
        """The bookmarks of a backup; a broken one stays where it is, a copy all the same."""
        listing = read_listing(self._objects.get(key))
        if listing is None:
            self._context.log.warning("backup_unreadable", extra={"key": key})
        return listing.items if listing is not None else []

    def _single(self, key: str) -> JsonObject | None:
        found = self._objects.get(key)
        item: JsonObject | None = parsed(found, dict)
        if found is None or (item is not None and has_id(item)):
            return item
        self._context.keep_aside(found)
        return None

    def _items_of(self, key: str) -> list[JsonObject]:
        found = self._objects.get(key)
        listing = read_listing(found)
        if found is not None and (listing is None or listing.odd):
            self._context.keep_aside(found)
        return listing.items if listing is not None else []
