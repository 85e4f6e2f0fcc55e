"""What the store knows of logos, held in memory for the web server, and read again after a change."""

import logging
import threading
from collections.abc import Callable, Iterator

from datafetch.clock import Clock
from datafetch.errors import CorruptObject, DatafetchError, ObjectNotFound, StoreUnavailable
from datafetch.logos.model import Logo, NoLogoRecord
from datafetch.logos.negative_cache import NEGATIVE_CACHE
from datafetch.logos.rules.entries import Entry, packed, read_entry, shown, unpacked
from datafetch.ops.record import seen
from datafetch.store.base import ObjectStore
from datafetch.store.json_stream import fields
from datafetch.store.keys import Keys
from datafetch.store.public_urls import PublicUrls

FRESH_S = 60.0
"""Seconds for which the store is not asked again whether the manifest has changed."""

_AGAIN_S = 5.0
"""Seconds after a failure until the store is asked again."""


class LogoIndex:
    """The logo manifest and the negative cache as they were at most a minute ago. Thread-safe.

    While the store does not answer, they may be older.

    It only reads: of a broken manifest the readable entries count, and nothing is kept aside.
    """

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        urls: PublicUrls,
        clock: Clock,
        log: "logging.LoggerAdapter[logging.Logger]",
    ) -> None:
        self._store = store
        self._keys = keys
        self._urls = urls
        self._clock = clock
        self._log = log
        self._reading = threading.Lock()
        self._etags: dict[str, str | None] = {}
        self._entries: dict[str, bytes] = {}
        self._on_demand: set[str] = set()
        self._records: dict[str, NoLogoRecord | None] = {}
        self._fresh_until: float | None = None
        self._failed: DatafetchError | None = None

    @property
    def was_read(self) -> bool:
        """Whether it has ever been read."""
        return len(self._etags) == 2  # noqa: PLR2004 - the manifest and the negative cache

    @property
    def is_fresh(self) -> bool:
        """Whether the store need not be asked now."""
        until = self._fresh_until
        return until is not None and self._clock.monotonic() < until

    def refresh(self) -> None:
        """Ask the store what has changed, unless it was asked just now; one thread asks at a time.

        When the store does not answer, what was read before stays in use.

        Raises:
            StoreError: the store did not answer, and nothing was ever read.
        """
        with self._reading:
            if not self.is_fresh:
                self._refresh()
            failed = self._failed
        if failed is not None and not self.was_read:
            raise StoreUnavailable(f"the logos are not known: {failed}") from failed

    def entry(self, domain: str) -> Entry | None:
        """The entry of a domain in the manifest; None when there is none."""
        held = self._entries.get(domain)
        return None if held is None else unpacked(held, self._key_start(domain))

    def record(self, domain: str) -> NoLogoRecord | None:
        """The record of a domain in the negative cache; None when there is none."""
        return self._records.get(domain)

    @property
    def on_demand_count(self) -> int:
        """How many logos belong to domains that only visitors asked for."""
        return len(self._on_demand)

    def note(self, domain: str, entry: Entry) -> None:
        """Take note of an entry that has just been stored."""
        held = packed(entry, self._key_start(domain))
        with self._reading:
            self._entries[domain] = held
            if _is_on_demand(entry):
                self._on_demand.add(domain)
            self._records.pop(domain, None)

    def _refresh(self) -> None:
        manifest, negative = self._keys.logo_manifest(), self._keys.logo_failed_domains()
        try:
            if self._has_changed(manifest):
                self._read_manifest(manifest)
            if self._has_changed(negative):
                etag = self._etag_of(negative)
                found = seen(self._store, negative, NEGATIVE_CACHE, empty={})
                self._records, self._etags[negative] = found.value, etag
        except DatafetchError as error:
            self._failed = error
            self._fresh_until = self._clock.monotonic() + _AGAIN_S
            self._log.warning("logos_not_read", extra={"error": str(error)})
        else:
            self._failed = None
            self._fresh_until = self._clock.monotonic() + FRESH_S

    def _has_changed(self, key: str) -> bool:
        return key not in self._etags or self._etag_of(key) != self._etags[key]

    def _etag_of(self, key: str) -> str | None:
        try:
            return self._store.head(key).etag
        except ObjectNotFound:
            return None

    def _read_manifest(self, key: str) -> None:
        try:
            with self._store.open(key) as found:
                on_demand: set[str] = set()
                entries = dict(self._readable(found.chunks(), on_demand))
                etag: str | None = found.etag
        except ObjectNotFound:
            entries, on_demand, etag = {}, set(), None
        self._entries, self._on_demand, self._etags[key] = entries, on_demand, etag

    def _readable(
        self, chunks: Iterator[bytes], on_demand: set[str]
    ) -> Iterator[tuple[str, bytes]]:
        """The readable entries of a manifest, packed; adds the domains that only visitors named."""
        broken, urls = 0, self._urls
        try:
            for domain, value in fields(chunks):
                try:
                    entry = shown(read_entry(value), urls.own_hosts, urls.for_key)
                except CorruptObject:
                    broken += 1
                    continue
                if entry is not None:
                    if _is_on_demand(entry):
                        on_demand.add(domain)
                    yield domain, packed(entry, self._key_start(domain))
        except ValueError:
            broken += 1
        if broken:
            self._log.warning("manifest_partly_read", extra={"broken": broken})

    def _key_start(self, domain: str) -> Callable[[str], str]:
        """A function that gives, for a source, how the keys of the domain's logos from it start."""
        return lambda source: self._keys.logo(domain, source, "")


def _is_on_demand(entry: Entry) -> bool:
    return isinstance(entry, Logo) and entry.is_on_demand
