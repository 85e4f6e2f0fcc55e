"""What the OpenGraph job remembers between runs, so that what is fresh costs no request."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from datafetch.errors import CorruptObject, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.opengraph.model import BookmarkRecord, Override, PageRecord, PictureRecord
from datafetch.store.base import encode_json
from datafetch.urls import well_formed

DATASET = "opengraph"

RULES = 1
"""Raised when heads are read in another way: then no page may answer that it did not change."""

_VERSION = 1
_T = TypeVar("_T")

_PAGE = {
    "fetched_at": "fetchedAt",
    "failed_at": "failedAt",
    "source": "source",
    "object_etag": "object",
    "digest": "digest",
    "image_url": "imageUrl",
    "etag": "etag",
    "last_modified": "lastModified",
}
_PICTURE = {"key": "key", "version": "version", "fetched_at": "fetchedAt", "etag": "etag"}


class OpenGraphState:
    """The dataset's state during one run: read once, changed in memory, saved when it differs.

    Attributes:
        pages: by the hash of their address.
        bookmarks: by id.
        overrides: by their hash.
        found: whether a state was stored and can be read.
        same_rules: whether it was made by the rules of today.
    """

    def __init__(self, context: AnyContext) -> None:
        self._context = context
        self._key = context.keys.dataset(DATASET)
        self._stored = b""
        self.pages: dict[str, PageRecord] = {}
        self.bookmarks: dict[str, BookmarkRecord] = {}
        self.overrides: dict[str, Override] = {}
        self.found = False
        self.same_rules = True

    def load(self) -> None:
        """Read what is stored; a state that cannot be read is kept aside and made anew.

        Raises:
            StoreError: the store did not answer.
        """
        try:
            found = self._context.store.get(self._key)
        except ObjectNotFound:
            return
        try:
            self._read(found.json())
        except (CorruptObject, AttributeError, KeyError, TypeError, ValueError):
            self.pages, self.bookmarks, self.overrides = {}, {}, {}
            self._context.keep_aside(found)
            return
        self.found = True
        self._stored = self._encoded()

    def save(self) -> None:
        """Store it when it differs from what is stored.

        Raises:
            StoreError: it could not be written.
            LeaseLost: this run may not write any more.
        """
        body = self._encoded()
        if body == self._stored:
            return
        self._context.store.put(self._key, body)
        self._stored = body

    def forget_all_but(self, pages: Iterable[str], bookmarks: Iterable[str]) -> None:
        """Forget pages and bookmarks that are stored no longer; their objects stay."""
        self.pages = _only(self.pages, pages)
        self.bookmarks = _only(self.bookmarks, bookmarks)

    def read_overrides(self) -> None:
        """Bring the overrides up to date: one listing, and a read for each that changed.

        Raises:
            StoreError: the store did not answer.
        """
        prefix = self._context.keys.opengraph_override("")[: -len(".json")]
        etags = {
            info.key: info.etag
            for info in self._context.store.list(prefix)
            if info.key.endswith(".json")
        }
        known = {self._context.keys.opengraph_override(name): name for name in self.overrides}
        for key in known.keys() - etags.keys():
            del self.overrides[known[key]]
        changed = [
            key
            for key, etag in etags.items()
            if key not in known or self.overrides[known[key]].etag != etag
        ]
        for name, override in self._context.engine.map(self._override, changed):
            if override is not None:
                self.overrides[name] = override

    # ------------------------------------------------------------------ steps

    def _override(self, key: str) -> tuple[str, Override | None]:
        """An override; one that cannot be read counts for nothing and is left as it is."""
        name = key.rpartition("/")[2].removesuffix(".json")
        try:
            found = self._context.store.get(key)
        except ObjectNotFound:
            return name, None
        try:
            value = found.json()
        except (CorruptObject, RecursionError):
            value = None
        if not isinstance(value, dict):
            self._context.log.warning("override_unreadable", extra={"key": key})
            value = {}
        texts = {key: well_formed(text) for key, text in value.items() if isinstance(text, str)}
        return name, Override(found.etag, texts)

    def _read(self, value: Any) -> None:
        if value["version"] != _VERSION:
            raise ValueError("a state of another version")
        self.same_rules = value["rules"] == RULES
        self.pages = _each(value["pages"], _page)
        self.bookmarks = _each(value["bookmarks"], _bookmark)
        self.overrides = _each(
            value["overrides"], lambda one: Override(str(one["etag"]), dict(one["value"]))
        )

    def _encoded(self) -> bytes:
        return encode_json(
            {
                "version": _VERSION,
                "rules": RULES,
                "pages": {name: _packed(one, _PAGE) for name, one in self.pages.items()},
                "bookmarks": {name: _packed_bookmark(one) for name, one in self.bookmarks.items()},
                "overrides": {
                    name: {"etag": one.etag, "value": one.value}
                    for name, one in self.overrides.items()
                },
            }
        )


def _only(records: Mapping[str, _T], names: Iterable[str]) -> dict[str, _T]:
    wanted = set(names)
    return {name: record for name, record in records.items() if name in wanted}


def _each(values: Mapping[str, Any], read: Callable[[Any], _T]) -> dict[str, _T]:
    return {name: read(value) for name, value in values.items()}


def _packed(record: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """The stored form of a record: what is empty is left out."""
    return {
        stored: value
        for name, stored in names.items()
        if (value := getattr(record, name)) is not None and value != ""
    }


def _renamed(value: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: value[stored] for name, stored in names.items() if stored in value}


def _packed_bookmark(record: BookmarkRecord) -> dict[str, Any]:
    packed: dict[str, Any] = {}
    if record.picture is not None:
        packed["picture"] = _packed(record.picture, _PICTURE)
    if record.tried:
        packed["tried"] = record.tried
    if record.mark:
        packed["mark"] = record.mark
    return packed


def _page(value: Mapping[str, Any]) -> PageRecord:
    fields = _renamed(value, _PAGE)
    if not all(isinstance(fields.get(name, 0), int) for name in ("fetched_at", "failed_at")):
        raise TypeError("a page whose times are no numbers")
    return PageRecord(**fields)


def _bookmark(value: Mapping[str, Any]) -> BookmarkRecord:
    picture = value.get("picture")
    return BookmarkRecord(
        picture=None
        if picture is None
        else PictureRecord(**{"fetched_at": None, **_renamed(picture, _PICTURE)}),
        tried=value.get("tried", ""),
        mark=value.get("mark", ""),
    )
