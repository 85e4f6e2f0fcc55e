"""The breakers of one process, kept between runs: which hosts failed too often, and since when."""

import threading
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from datafetch.clock import Clock, to_ms
from datafetch.errors import StoreError
from datafetch.logs import bound_logger
from datafetch.ops.record import Record
from datafetch.runtime.breaker import Breaker, BreakerPolicy, Breakers, Outcome
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

LIMIT = 500
"""Open breakers that are kept; the oldest are dropped."""

KEPT_S = 30 * 24 * 3600.0
"""A host that nobody has asked for so long is forgotten."""

_TRIES = 4

_log = bound_logger()


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """An open breaker as it is stored; closed ones are not. `opened_at` is epoch milliseconds."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    state: Literal["open"]
    failures: int
    opened_at: int


_ADAPTER: TypeAdapter[dict[str, OpenBreaker]] = TypeAdapter(dict[str, OpenBreaker])


class BreakerBook:
    """The gate of the HTTP client (`HostGate`), shared by all jobs of a process.

    The stored breakers are read once, at the latest when the first host is asked for, and
    written after a run that opened or closed one. They help
    and decide nothing: when the store does not give them, all count as closed, and the
    run meets the store's trouble where it needs the store.
    """

    def __init__(self, store: ObjectStore, keys: Keys, clock: Clock, policy: BreakerPolicy) -> None:
        self._clock = clock
        self._record = Record(store, keys, clock, keys.breakers(), _ADAPTER, empty={})
        self._breakers = Breakers(policy, clock)
        self._load_lock = threading.Lock()
        self._loaded = False
        self._save_lock = threading.Lock()
        self._lock = threading.Lock()
        self._changed: set[str] = set()

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
        if not (changed or self._record.is_corrupt):
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
            self._record.load()
        except StoreError as error:
            _log.warning("breakers_not_read", extra={"error": str(error)})
        self._breakers.adopt(
            {
                host: Breaker(stored.failures, stored.opened_at / 1000)
                for host, stored in self._record.value.items()
            }
        )

    def _write(self, changed: set[str]) -> None:
        self._record.change(lambda stored: self._merged(stored, changed), tries=_TRIES)

    def _merged(self, stored: dict[str, OpenBreaker], changed: set[str]) -> dict[str, OpenBreaker]:
        """What is stored, with this process's word on the hosts that it has changed."""
        every = {host: breaker for host, breaker in stored.items() if host not in changed}
        for host in changed:
            breaker = self._breakers.get(host)
            if breaker.opened_at is not None:
                every[host] = OpenBreaker("open", breaker.failures, to_ms(breaker.opened_at))
        oldest = to_ms(self._clock.now() - KEPT_S)
        kept = {host: one for host, one in every.items() if one.opened_at > oldest}
        newest = sorted(kept, key=lambda host: kept[host].opened_at)[-LIMIT:]
        return {host: kept[host] for host in sorted(newest)}
