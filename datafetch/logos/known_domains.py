"""Which domains the bookmarks and `LOGO_DOMAIN_FILES` name, and the domains of companies in these files."""

import logging
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from datafetch.clock import Clock
from datafetch.errors import ConfigurationError, DatafetchError, ObjectNotFound
from datafetch.logos.domain_files import read_domain_file
from datafetch.logos.rules.domains import FIELDS, bookmark_domain, domains_of
from datafetch.store.base import ObjectStore
from datafetch.store.json_stream import members
from datafetch.store.keys import Keys

_FRESH_S = 60.0
"""Seconds for which neither the store nor the files are asked again whether they have changed."""


def company_key(name: str) -> str:
    """A company's name as names are compared: case and white space do not count."""
    return "".join(name.split()).casefold()


def companies_of(values: Iterable[object]) -> dict[str, str]:
    """The domain of each record that has a `name`, by the `company_key` of the name.

    Of several records with one name the first counts.
    """
    found: dict[str, str] = {}
    pending = list(values)[::-1]
    while pending:
        part = pending.pop()
        if isinstance(part, Mapping):
            key = company_key(name) if isinstance(name := _name_in(part), str) else ""
            own = {field: value for field, value in part.items() if not isinstance(value, Mapping)}
            domain = next(domains_of([own]), None)
            if key and domain is not None:
                found.setdefault(key, domain)
            pending += list(part.values())[::-1]
        elif isinstance(part, Sequence) and not isinstance(part, str | bytes):
            pending += part[::-1]
    return found


def _name_in(record: Mapping[object, object]) -> object:
    return next((value for field, value in record.items() if str(field).lower() == "name"), None)


class KnownDomains:
    """The domains of the stored bookmarks and of `LOGO_DOMAIN_FILES`, at most a minute old.

    Thread-safe. When the bookmarks cannot be read, those read before count; a file that cannot be
    read names no domain. The log tells of both.
    """

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        clock: Clock,
        files: Sequence[str],
        log: "logging.LoggerAdapter[logging.Logger]",
    ) -> None:
        self._store = store
        self._key = keys.bookmarks()
        self._clock = clock
        self._files = files
        self._log = log
        # Two locks: who asks for a company must not wait for a store that hangs.
        self._reading_files, self._reading_bookmarks = threading.Lock(), threading.Lock()
        self._bookmarks_until: float | None = None
        self._files_until: float | None = None
        self._etag: str | None = None
        self._of_bookmarks: Collection[str] = frozenset()
        self._marks: tuple[object, ...] = ()
        self._of_files: Collection[str] = frozenset()
        self._companies: Mapping[str, str] = {}

    def knows(self, domain: str) -> bool:
        """Whether a bookmark or a file names the domain; reads what has changed."""
        with self._reading_files:
            self._refresh_files()
            if domain in self._of_files:
                return True
        with self._reading_bookmarks:
            self._refresh_bookmarks()
            return domain in self._of_bookmarks

    def of_company(self, name: str) -> str | None:
        """The domain of a company; None when no file has a record of that `name`. Reads what has changed."""
        with self._reading_files:
            self._refresh_files()
            return self._companies.get(company_key(name))

    def _refresh_bookmarks(self) -> None:
        now = self._clock.monotonic()
        if self._bookmarks_until is not None and now < self._bookmarks_until:
            return
        self._bookmarks_until = now + _FRESH_S
        try:
            if self._store.head(self._key).etag == self._etag:
                return
            with self._store.open(self._key) as found:
                self._of_bookmarks = frozenset(self._domains_in(found.chunks()))
                self._etag = found.etag
        except ObjectNotFound:
            self._of_bookmarks, self._etag = frozenset(), None
        except (DatafetchError, ValueError) as error:
            self._log.warning("domains_not_read", extra={"error": str(error)})

    @staticmethod
    def _domains_in(chunks: Iterator[bytes]) -> Iterator[str]:
        for _, item in members(chunks):
            domain = bookmark_domain(item)
            if domain is not None:
                yield domain

    def _refresh_files(self) -> None:
        now = self._clock.monotonic()
        if self._files_until is not None and now < self._files_until:
            return
        self._files_until = now + _FRESH_S
        marks = tuple(_mark_of(path) for path in self._files)
        if marks == self._marks:
            return
        self._marks = marks
        values = list(self._values())
        self._of_files = frozenset(domains_of(values))
        self._companies = companies_of(values)

    def _values(self) -> Iterator[object]:
        for path in self._files:
            try:
                yield from read_domain_file(path, FIELDS)
            except ConfigurationError as error:
                self._log.warning("domains_not_read", extra={"error": str(error)})


def _mark_of(path: str) -> tuple[int, int, int] | None:
    """What changes when a file is written; None when it cannot be looked at."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
