"""The breakers of one process, and the stored object from which the next run learns of them."""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from datafetch.clock import Clock, log_time, to_ms
from datafetch.errors import StoreError
from datafetch.logs import bound_logger
from datafetch.models.json import JsonObject
from datafetch.models.stored_times import NearestMs
from datafetch.ops.record import Record
from datafetch.runtime.breaker import CLOSED, Breaker, BreakerPolicy, Breakers, Outcome, Patience
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

LIMIT = 500
"""Open breakers that are stored; those that opened first are dropped."""

KEPT_S = 30 * 24 * 3600.0
"""Seconds after which a breaker that opened, and was not tried since, is forgotten."""

_TRIES = 4
"""Attempts to store the breakers while other processes store theirs."""

_log = bound_logger()


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """An open breaker as it is stored; closed ones are not stored.

    Attributes:
        failures: requests that failed in a row.
        opened_at: epoch milliseconds.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    state: Literal["open"]
    failures: int
    opened_at: NearestMs


_ADAPTER: TypeAdapter[dict[str, OpenBreaker]] = TypeAdapter(dict[str, OpenBreaker])


class BreakerBook:
    """The `HostGate` that the HTTP client asks before each request; all jobs of a process share it.

    The stored breakers are read once, before the first request to any host, and written after
    a run that opened or closed one. A failure of the store fails no run: when the breakers cannot
    be read all count as closed; when they cannot be written the next run misses the changes.
    """

    def __init__(self, store: ObjectStore, keys: Keys, clock: Clock, policy: BreakerPolicy) -> None:
        self._clock = clock
        self._record = Record(store, keys, clock, keys.breakers(), _ADAPTER, empty={})
        self._policy = policy
        self._breakers = Breakers(policy, clock)
        self._load_lock = threading.Lock()
        self._loaded = False
        self._save_lock = threading.Lock()
        self._lock = threading.Lock()
        self._changed: dict[str, str] = {}
        """For each host whose breaker has changed the reason; empty for one that closed."""

    def load(self) -> None:
        """Read the stored breakers, unless they were read before."""
        with self._load_lock:
            if self._loaded:
                return
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

    def allow(
        self, host: str, visit: object, patience: Patience | None = None, *, again: bool = False
    ) -> float:
        """See `HostGate.allow`."""
        self.load()
        waited_s = self._breakers.allow(host, visit, patience, again=again)
        if waited_s > 0:
            _log.debug("probe_awaited", extra={"host": host, "wait_s": round(waited_s, 1)})
        return waited_s

    def settle(self, host: str, outcome: Outcome, patience: Patience | None = None) -> None:
        """See `HostGate.settle`."""
        self._breakers.settle(host, outcome, patience)

    def record(self, host: str, outcome: Outcome, visit: object, why: str = "") -> None:
        """See `HostGate.record`."""
        before, after = self._breakers.record(host, outcome, visit)
        if before.opened_at != after.opened_at:
            self._note_change(host, before, after, why)

    def _note_change(self, host: str, before: Breaker, after: Breaker, why: str = "") -> None:
        with self._lock:
            self._changed[host] = why
        if after.opened_at is not None:
            until = log_time(after.opened_at + self._policy.cooldown_s)
            about = {"host": host, "failures": after.failures, "until": until}
            about |= {"reason": why} if why else {}
            if before.is_open:
                _log.debug("breaker_still_open", extra=about)
            else:
                _log.warning("breaker_opened", extra=about)
        else:
            _log.info("breaker_closed", extra={"host": host})

    def take(self) -> JsonObject:
        """The breakers that opened or closed since the last call, as JSON for another process.

        That process stores them; `save` here does not. A breaker that closed is null.
        """
        with self._lock:
            changed, self._changed = self._changed, {}
        taken: JsonObject = {}
        for host in sorted(changed):
            breaker = self._breakers.get(host)
            taken[host] = (
                None
                if breaker.opened_at is None
                else {
                    "failures": breaker.failures,
                    "openedAt": to_ms(breaker.opened_at),
                    "reason": changed[host],
                }
            )
        return taken

    def learn(self, taken: JsonObject) -> None:
        """Take over the breakers that `take` returned in another process; `save` stores them."""
        self.load()
        for host, told in taken.items():
            known = CLOSED if told is None else Breaker(told["failures"], told["openedAt"] / 1000)
            before, after = self._breakers.become(host, known)
            if before.opened_at != after.opened_at:
                self._note_change(host, before, after, "" if told is None else told["reason"])

    def open_hosts(self) -> tuple[str, ...]:
        """The hosts whose breakers are open, as far as this process knows, in order."""
        return self._breakers.open_hosts()

    def save(self) -> None:
        """Store which breakers opened or closed since the last call; those of other hosts stay.

        A store that does not answer is logged, and the next call stores these changes too.
        """
        with self._lock:
            changed, self._changed = self._changed, {}
        if not (changed or self._record.is_corrupt):
            return
        try:
            with self._save_lock:
                self._record.change(partial(self._merged, changed=changed), tries=_TRIES)
        except StoreError as error:
            _log.warning("breakers_not_saved", extra={"error": str(error)})
            with self._lock:
                self._changed = changed | self._changed

    def _merged(
        self, stored: dict[str, OpenBreaker], changed: Collection[str]
    ) -> dict[str, OpenBreaker]:
        """The stored breakers, with this process's own in place of those of the changed hosts."""
        merged = {host: breaker for host, breaker in stored.items() if host not in changed}
        for host in changed:
            breaker = self._breakers.get(host)
            if breaker.opened_at is not None:
                merged[host] = OpenBreaker("open", breaker.failures, to_ms(breaker.opened_at))
        oldest = to_ms(self._clock.now() - KEPT_S)
        recent = [host for host, breaker in merged.items() if breaker.opened_at > oldest]
        newest = sorted(recent, key=lambda host: merged[host].opened_at)[-LIMIT:]
        return {host: merged[host] for host in sorted(newest)}
