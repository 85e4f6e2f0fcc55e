"""What the OpenGraph job remembers between runs, so that fresh pages cost no request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from datafetch.errors import CorruptObject, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.models.own_result import OwnResult, own_results
from datafetch.opengraph.model import BookmarkRecord, Override, PageRecord
from datafetch.ops.record import Record

DATASET = "opengraph"

RULES = 2
"""The version of the rules that read pages' heads and choose pictures; increase it when they change.

What older rules have read then loses its validators, because a 304 would keep it, and each search
for a picture that found none is made once more.
"""

_VERSION: Literal[1] = 1
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Memory:
    """The state as it is stored.

    Attributes:
        version: that of this format.
        rules: the `RULES` of the run that stored this state.
        pages: by the hash of their address.
        bookmarks: by id.
        overrides: by the hash in their key.
    """

    version: Literal[1]
    rules: int
    pages: Mapping[str, PageRecord]
    bookmarks: Mapping[str, BookmarkRecord]
    overrides: Mapping[str, Override]


_MEMORY: TypeAdapter[Memory | None] = TypeAdapter(Memory | None)
_OVERRIDE: TypeAdapter[Override] = TypeAdapter(Override)


class OpenGraphState:
    """The dataset's state during one run: read once, changed in memory, saved when it differs.

    Attributes:
        pages: by the hash of their address.
        bookmarks: by id.
        overrides: by the hash in their key.
        found: whether a state was stored and can be read.
    """

    def __init__(self, context: AnyContext) -> None:
        self._context = context
        self._record = Record(
            context.store,
            context.keys,
            context.clock,
            context.keys.dataset(DATASET),
            _MEMORY,
            empty=None,
        )
        self.pages: dict[str, PageRecord] = {}
        self.bookmarks: dict[str, BookmarkRecord] = {}
        self.overrides: dict[str, Override] = {}
        self.found = False
        self._read_pages: Mapping[str, PageRecord] = {}
        self._read_bookmarks: Mapping[str, BookmarkRecord] = {}

    def load(self) -> None:
        """Read the stored state; a broken one counts as none, and a copy is kept aside on save.

        When it was stored under other `RULES`, the pages' validators and the bookmarks' `tried` are
        dropped, so that the pages are read, and missing pictures searched for, once more.

        Raises:
            StoreError: the store did not answer.
        """
        stored = self._record.load()
        if stored is None:
            return
        self.found = True
        pages, bookmarks = stored.pages, stored.bookmarks
        if stored.rules != RULES:
            pages = {name: as_unread(page) for name, page in pages.items()}
            bookmarks = {name: replace(known, tried="") for name, known in bookmarks.items()}
        self._read_pages, self._read_bookmarks = pages, bookmarks
        self.pages, self.bookmarks = dict(pages), dict(bookmarks)
        self.overrides = dict(stored.overrides)

    @property
    def has_own_results(self) -> bool:
        """Whether records were changed since the state was read, or since `note_saved`."""
        return bool(self.own_pages() or self.own_bookmarks())

    def own_pages(self) -> dict[str, OwnResult[PageRecord]]:
        """The records of pages that were changed since the state was read, or `note_saved`."""
        return own_results(self._read_pages, self.pages)

    def own_bookmarks(self) -> dict[str, OwnResult[BookmarkRecord]]:
        """The records of bookmarks that were changed since the state was read, or `note_saved`."""
        return own_results(self._read_bookmarks, self.bookmarks)

    def note_saved(self) -> None:
        """Note that the stored state has all these records: another object has saved them."""
        self._read_pages, self._read_bookmarks = dict(self.pages), dict(self.bookmarks)

    def save(self) -> None:
        """Store it when it differs from what is stored.

        Raises:
            StoreError: it could not be written, or somebody else has written it meanwhile.
            LeaseLost: this run may not write any more.
        """
        memory = Memory(
            version=_VERSION,
            rules=RULES,
            pages=dict(self.pages),
            bookmarks=dict(self.bookmarks),
            overrides=dict(self.overrides),
        )
        if memory != self._record.value:
            self._record.save(memory)

    def forget_all_but(self, pages: Iterable[str], bookmarks: Iterable[str]) -> None:
        """Forget all other pages and bookmarks; their stored objects stay."""
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
        for name, override in self._context.engine.map(self._read_override, changed):
            if override is not None:
                self.overrides[name] = override

    def _read_override(self, key: str) -> tuple[str, Override | None]:
        """The hash in an override's key, and the override; None when it was deleted meanwhile.

        An override that cannot be read counts as one without texts; its object is left as it is.
        """
        name = key.rpartition("/")[2].removesuffix(".json")
        try:
            found = self._context.store.get(key)
        except ObjectNotFound:
            return name, None
        try:
            # `json()`, as pydantic's parser refuses lone surrogates, which some editors write.
            return name, _OVERRIDE.validate_python({"etag": found.etag, "value": found.json()})
        except (CorruptObject, ValidationError):
            self._context.log.warning("override_unreadable", extra={"key": key})
            return name, Override(found.etag, {})


def as_unread(page: PageRecord) -> PageRecord:
    """The record without the page's validators, so that the site sends the page itself."""
    return replace(page, etag=None, last_modified=None)


def _only(records: Mapping[str, _T], names: Iterable[str]) -> dict[str, _T]:
    wanted = set(names)
    return {name: record for name, record in records.items() if name in wanted}
