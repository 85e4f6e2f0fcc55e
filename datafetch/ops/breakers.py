"""The breakers of one process, kept between runs: which hosts failed too often, and since when."""

import threading
from collections.abc import Mapping
from typing import Any

from datafetch.clock import Clock, to_ms
from datafetch.errors import CorruptObject, PreconditionFailed, StoreError
from datafetch.logs import bound_logger
from datafetch.ops.record import keep_aside
from datafetch.runtime.breaker import Breaker, BreakerPolicy, Breakers, Outcome
from datafetch.store.base import IfAbsent, IfMatch, ObjectStore, encode_json, read_json
from datafetch.store.keys import Keys

LIMIT = 500
"""Open breakers that are kept; the oldest are dropped."""

KEPT_S = 30 * 24 * 3600.0
"""A host that nobody has asked for so long is forgotten."""

_TRIES = 4

_log = bound_logger()


def read_breakers(store: ObjectStore, keys: Keys) -> tuple[dict[str, Breaker], str | None]:
    """The stored open breakers by host, and the object's ETag when there is one.

    Raises:
        CorruptObject: it cannot be read.
        StoreError: the store did not answer.
    """
    key = keys.breakers()
    found = read_json(store, key)
    if found is None:
        return {}, None
    value, etag = found
    try:
        return {str(host): _from_json(entry) for host, entry in value.items()}, etag
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CorruptObject(f"{key} is not what it should be", key=key) from error


class BreakerBook:
    """The gate of the HTTP client (`HostGate`), shared by all jobs of a process.

    The stored breakers are read once, at the latest when the first host is asked for, and
    written after a run that opened or closed one. They help
    and decide nothing: when the store does not give them, all count as closed, and the
    run meets the store's trouble where it needs the store.
    """

    def __init__(self, store: ObjectStore, keys: Keys, clock: Clock, policy: BreakerPolicy) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._breakers = Breakers(policy, clock)
        self._load_lock = threading.Lock()
        self._loaded = False
        self._save_lock = threading.Lock()
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._known: dict[str, Breaker] = {}
        self._etag: str | None = None
        self._corrupt = False

    def load(self) -> None:
        """Read what is stored, unless that is done."""
        with self._load_lock:
            if not self._loaded:
                self._load()

    def allow(self, host: str, visit: object) -> None:
        """See `HostGate.allow`."""
        self.load()
        self._breakers.allow(host, visit)

    def record(self, host: str, outcome: Outcome, visit: object) -> None:
        """See `HostGate.record`."""
        before, after = self._breakers.record(host, outcome, visit)
        if before.opened_at == after.opened_at:
            return
        with self._lock:
            self._changed.add(host)
        if after.is_open:
            _log.warning("breaker_opened", extra={"host": host, "failures": after.failures})
        else:
            _log.info("breaker_closed", extra={"host": host})

    def save(self) -> None:
        """Write what opened or closed since the last time; changes of other processes are kept.

        A store that fails is logged, and the changes wait for the next call.
        """
        with self._lock:
            changed, self._changed = self._changed, set()
        if not (changed or self._corrupt):
            return
        try:
            with self._save_lock:
                self._write(changed)
        except StoreError as error:
            _log.warning("breakers_not_saved", extra={"error": str(error)})
            with self._lock:
                self._changed |= changed

    # ----------------------------------------------------------------- inside

    def _load(self) -> None:
        self._loaded = True
        try:
            self._read()
        except StoreError as error:
            _log.warning("breakers_not_read", extra={"error": str(error)})
        self._breakers.adopt(self._known)

    def _read(self) -> None:
        try:
            self._known, self._etag = read_breakers(self._store, self._keys)
            self._corrupt = False
        except CorruptObject as error:
            # Kept aside when it is written over: a dry run may load, but not write.
            _log.warning("breakers_corrupt", extra={"error": str(error)})
            self._known, self._corrupt = {}, True

    def _write(self, changed: set[str]) -> None:
        for last_try in (False,) * (_TRIES - 1) + (True,):
            key = self._keys.breakers()
            if self._corrupt:
                self._etag = keep_aside(self._store, self._keys, key, self._clock)
            merged = self._merged(changed)
            if merged == self._known and not self._corrupt:
                return
            body = encode_json({host: _to_json(breaker) for host, breaker in merged.items()})
            try:
                self._etag = self._store.put(
                    key, body, condition=IfMatch(self._etag) if self._etag else IfAbsent()
                )
            except PreconditionFailed:
                if last_try:
                    raise
                self._read()
            else:
                self._known, self._corrupt = merged, False
                return

    def _merged(self, changed: set[str]) -> dict[str, Breaker]:
        """What is stored, with this process's word on the hosts that it has changed."""
        own = {host: self._breakers.get(host) for host in changed}
        every = {**self._known, **own}
        oldest = self._clock.now() - KEPT_S
        opened = {
            host: (breaker.opened_at, breaker.failures)
            for host, breaker in every.items()
            if breaker.opened_at is not None and breaker.opened_at > oldest
        }
        newest = sorted(opened, key=lambda host: opened[host][0])[-LIMIT:]
        return {host: Breaker(opened[host][1], opened[host][0]) for host in sorted(newest)}


def _to_json(breaker: Breaker) -> dict[str, Any]:
    assert breaker.opened_at is not None, "closed breakers are not stored"
    return {
        "state": "open",
        "failures": breaker.failures,
        "openedAt": to_ms(breaker.opened_at),
    }


def _from_json(value: Mapping[str, Any]) -> Breaker:
    return Breaker(int(value["failures"]), int(value["openedAt"]) / 1000)
