"""Gathers the bookmarks from their own objects, pages and backups if the master is broken."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from datafetch.bookmarks.model import StoredBookmark
from datafetch.bookmarks.rules.list import weave
from datafetch.bookmarks.rules.mapping import slug_owners
from datafetch.errors import CorruptObject, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.models.json_bounds import check_density
from datafetch.store.base import StoredObject
from datafetch.store.publish import etags_by_listing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReadObject(Generic[T]):
    """What reading a stored object gave.

    Attributes:
        value: None when there is no such object, or it cannot be read.
        etag: None when there is no such object.
    """

    value: T | None = None
    etag: str | None = None


class ObjectReader:
    """Reads objects of the dataset on behalf of one run.

    Every method may raise `StoreError`, when the store did not answer.
    """

    def __init__(self, context: AnyContext) -> None:
        self._context = context
        self._store = context.store

    def get(self, key: str) -> StoredObject | None:
        """The object; None when it is not there."""
        try:
            return self._store.get(key)
        except ObjectNotFound:
            return None

    def read(self, key: str, adapter: TypeAdapter[T]) -> ReadObject[T]:
        """Read the object as a value of the adapter's type; if that fails, copy it aside."""
        found = self.get(key)
        if found is None:
            return ReadObject()
        try:
            return ReadObject(adapter.validate_python(found.json()), found.etag)
        except (CorruptObject, ValidationError):
            self._context.keep_aside(found)
            return ReadObject(etag=found.etag)


def parsed(found: StoredObject | None) -> object:
    """The object's JSON; None when it is missing, or not JSON."""
    try:
        # Not pydantic's reader: it refuses half a surrogate pair, which old systems have written.
        if found is not None:
            check_density(found.body)
        return json.loads(found.body) if found is not None else None
    except (ValueError, RecursionError):
        return None


class Listing(NamedTuple):
    """The bookmarks that could be read from a JSON array.

    Attributes:
        items: each id once; a further entry of an id fills in fields that the first lacks.
        odd: how many entries have no id that can be part of a key.
        doubled: how many entries have an id that had come before.
    """

    items: list[StoredBookmark]
    odd: int = 0
    doubled: int = 0

    @property
    def whole(self) -> bool:
        """Whether there are entries, and each is a different bookmark."""
        return bool(self.items) and not self.odd and not self.doubled


@dataclass(frozen=True, slots=True)
class Expected:
    """The bookmarks that should exist, by the slug mapping and the index.

    Attributes:
        ids: the ids that the slug mapping names; none when it cannot be read.
        count: how many bookmarks the index counts; 0 when it cannot be read.
    """

    ids: frozenset[str]
    count: int

    @property
    def names_all(self) -> bool:
        """Whether the mapping names every bookmark: then any other bookmark was deleted."""
        return bool(self.ids) and len(self.ids) >= self.count

    def met_by(self, found: Mapping[str, StoredBookmark]) -> bool:
        """Whether `found` has every expected bookmark."""
        return bool(found) and self.ids <= found.keys() and len(found) >= self.count

    def met_by_list(self, read: Listing, *, under_way: bool) -> bool:
        """Whether the master has every expected bookmark, so that no copy need be read.

        A master without odd entries is believed when it is no shorter than the index says. While
        a publish is `under_way` it is newer than the index, and is believed whatever its length.
        """
        if read.odd or not read.items:
            known = bool(self.ids) or self.count > 0
            return known and self.met_by({item.id: item for item in read.items})
        return under_way or len(read.items) >= self.count


def read_listing(found: StoredObject | None) -> Listing | None:
    """The bookmarks of an array; None when the object is missing, or no array.

    Old systems wrapped the array: `{"bookmarks": [...]}`.
    """
    entries = parsed(found)
    if isinstance(entries, dict):
        entries = entries.get("bookmarks")
    if not isinstance(entries, list):
        return None
    copies: dict[str, list[StoredBookmark]] = {}
    odd = 0
    for entry in entries:
        item = StoredBookmark.of(entry)
        if item is None:
            odd += 1
        else:
            copies.setdefault(item.id, []).append(item)
    items = [_filled(of_one_id) for of_one_id in copies.values()]
    return Listing(items, odd, len(entries) - len(items) - odd)


def add_copy(items: dict[str, StoredBookmark], copy: StoredBookmark) -> None:
    """Add a bookmark to `items`; if its id is there, only fill in fields that are empty there."""
    item = items.setdefault(copy.id, copy)
    if item is not copy:
        items[copy.id] = _filled([item, copy])


def _filled(copies: Sequence[StoredBookmark]) -> StoredBookmark:
    """The first of some copies of a bookmark, whose empty fields the others fill in, in order.

    All at once: a list may hold thousands of copies, each with a field more.
    """
    first, *others = copies
    more: dict[str, object] = {}
    for copy in others:
        for name, value in copy.fields.items():
            known = more.get(name, first.fields.get(name))
            if value not in (None, "") and known in (None, ""):
                more[name] = value
    return first.with_fields(more) if more else first


def backup_keys(context: AnyContext) -> list[str]:
    """The keys of the kept backups of the list, newest first.

    Raises:
        StoreError: the store did not answer.
    """
    prefix = context.keys.bookmarks_backup_prefix()
    listed = etags_by_listing(context.store, (prefix,))
    # Other tools leave .DS_Store, Thumbs.db and their like, and folders of their own.
    names = {key: key.removeprefix(prefix) for key in listed}
    return sorted(
        (key for key, name in names.items() if re.fullmatch(r"[^./][^/]*\.json", name)),
        reverse=True,
    )


class Copies:
    """Reads the objects beside the master that hold bookmarks; broken ones are copied aside.

    Every method may raise `StoreError`.
    """

    def __init__(self, context: AnyContext, objects: ObjectReader) -> None:
        self._context = context
        self._keys = context.keys
        self._objects = objects

    def gather(
        self, first: Iterable[StoredBookmark], expected: Expected, keys: Iterable[str]
    ) -> list[StoredBookmark]:
        """All bookmarks that can be found, in the order of the pages as far as these have them.

        `first` are those of the master, `keys` those of the stored objects. Single objects and
        pages are current and are both read, since a field of another job may be in one of them
        only. Tag pages and then backups, newest first, are read as long as a bookmark is missing.
        They may hold deleted bookmarks: when the slug mapping names all bookmarks, only those
        are taken.
        """
        keys = list(keys)
        found: dict[str, StoredBookmark] = {}
        for item in first:
            add_copy(found, item)
        given = len(found)
        paged = list(self._paged(self._keys.bookmark_pages_prefix(), keys))
        for item in (*self._singles(keys), *paged):
            add_copy(found, item)
        sources: list[Callable[[], Iterable[StoredBookmark]]] = [
            partial(self._paged, self._keys.tags_prefix(), keys),
            *(partial(self._backup, key) for key in backup_keys(self._context)),
        ]
        for source in sources:
            if expected.met_by(found):
                break
            for item in source():
                if item.id in expected.ids or not expected.names_all:
                    add_copy(found, item)
        if found:
            self._context.remarks.say(
                f"{self._keys.bookmarks()} was missing or broken: {len(found)} bookmarks were "
                f"gathered from it and its copies ({given} from it)"
            )
            self._context.log.warning(
                "bookmarks_rebuilt",
                extra={"key": self._keys.bookmarks(), "items": len(found), "read": given},
            )
        return _in_order(found, paged)

    def backup_slugs(self) -> dict[str, str]:
        """Each slug of the backups with the id of its bookmark; newer backups win."""
        slugs: dict[str, str] = {}
        for key in reversed(backup_keys(self._context)):
            slugs.update(slug_owners(self._backup(key)))
        return slugs

    # ------------------------------------------------------------------ steps

    def _singles(self, keys: Iterable[str]) -> Iterator[StoredBookmark]:
        prefix = self._keys.bookmarks_by_id_prefix()
        wanted = [key for key in keys if key.startswith(prefix) and key.endswith(".json")]
        found = self._context.engine.map(self._single, wanted)
        return (item for item in found if item is not None)

    def _paged(self, prefix: str, keys: Iterable[str]) -> Iterator[StoredBookmark]:
        wanted = [
            key
            for key in keys
            if key.startswith(prefix) and key.rpartition("/")[2].startswith("page-")
        ]
        wanted.sort(key=lambda key: (len(key), key))  # page 10 comes after page 9
        for items in self._context.engine.map(self._items_of, wanted):
            yield from items

    def _backup(self, key: str) -> list[StoredBookmark]:
        """The bookmarks of a backup; a broken one is not copied aside, as nothing overwrites it."""
        listing = read_listing(self._objects.get(key))
        if listing is None:
            self._context.log.warning("backup_unreadable", extra={"key": key})
        return listing.items if listing is not None else []

    def _single(self, key: str) -> StoredBookmark | None:
        found = self._objects.get(key)
        item = StoredBookmark.of(parsed(found))
        if found is not None and item is None:
            self._context.keep_aside(found)
        return item

    def _items_of(self, key: str) -> list[StoredBookmark]:
        found = self._objects.get(key)
        listing = read_listing(found)
        if found is not None and (listing is None or listing.odd):
            self._context.keep_aside(found)
        return listing.items if listing is not None else []


def _in_order(
    found: Mapping[str, StoredBookmark], paged: Iterable[StoredBookmark]
) -> list[StoredBookmark]:
    """The bookmarks in the order of the pages; those that are on none where their date puts them."""
    known = list(dict.fromkeys(item.id for item in paged))
    others = sorted(
        (found[key] for key in found.keys() - set(known)),
        key=lambda item: (_date(item), item.id),
        reverse=True,
    )
    return weave([found[key] for key in known], others, _date)


def _date(item: StoredBookmark) -> str:
    return str(item.fields.get("dateBookmarked"))
