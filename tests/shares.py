"""Shares of a job in tests: under real leases, one after the other or at once, and what is left of them."""

import itertools
import json
import random
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from datafetch.clock import CancelToken
from datafetch.logs import bound_logger
from datafetch.models.shard import Shard
from datafetch.ops.lease_keeper import LeaseKeeper
from datafetch.ops.leases.store import StoreLeases
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys
from tests.stores import Call, Fault
from tests.support import START, FakeClock

FOUR = [Shard(index, 4) for index in range(1, 5)]

_TIMES = re.compile(r"At$|^last|^timestamp$|^mark$")
"""The fields that are times, or digests of times."""


def played(seed: int) -> list[tuple[Shard | None, int | None]]:
    """Runs of the four shares in some order, each with the write at which it dies, or None.

    Some come more than once, and in most plays a run of the whole job (None) comes in between. At
    the end each share has a run that does not die.
    """
    rng = random.Random(seed)
    some = [rng.choice(FOUR) for _ in range(rng.randint(1, 5))] + rng.sample(FOUR, 4)
    runs: list[tuple[Shard | None, int | None]] = [
        (shard, rng.choice([None, rng.randint(1, 25)])) for shard in some
    ]
    if rng.random() < 0.8:
        runs.insert(rng.randint(0, len(runs)), (None, rng.choice([None, rng.randint(1, 25)])))
    return [*runs, *[(shard, None) for shard in rng.sample(FOUR, 4)]]


def dies_at(write: int | None) -> Fault:
    """A store at whose n-th write or removal the process dies."""
    writes = itertools.count(1)

    def fault(call: Call, _number: int) -> str | None:
        is_write = call.method in ("put", "delete")
        return "kill" if is_write and next(writes) == write else None

    return fault


class PatientClock(FakeClock):
    """Its time stands still: who waits for a lease lets other threads go on, and asks again."""

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        threading.Event().wait(0.002)


def keeper(
    store: ObjectStore,
    keys: Keys,
    folder: Path,
    run_id: str,
    cancel: CancelToken | None = None,
    clock: FakeClock | None = None,
) -> LeaseKeeper:
    """The keeper of the leases of one run, which live in the store."""
    clock = clock or PatientClock(START)
    leases = StoreLeases(store, keys, clock, lambda _job: 5000.0, folder / "machine")
    return LeaseKeeper(leases, clock, cancel or CancelToken(), run_id, bound_logger())


def at_once(calls: Iterable[Callable[[], object]]) -> None:
    """Make the calls on a thread each, which begin together; the first error is raised."""
    todo = list(calls)
    gate = threading.Barrier(len(todo))

    def begin(call: Callable[[], object]) -> object:
        gate.wait(10)
        return call()

    with ThreadPoolExecutor(len(todo)) as pool:
        for future in [pool.submit(begin, call) for call in todo]:
            future.result()


def one_by_one(calls: Iterable[Callable[[], object]]) -> None:
    """Make one call after the other."""
    for call in calls:
        call()


def left_in(store: ObjectStore) -> dict[str, object]:
    """All that is stored but locks, without times: what two ways to the same have to agree on."""
    return {
        info.key: _timeless(info.key, store.get(info.key).body)
        for info in store.list("")
        if "/locks/" not in info.key
    }


def _timeless(key: str, body: bytes) -> object:
    return _without_times(json.loads(body)) if key.endswith(".json") else body


def _without_times(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: _without_times(field) for name, field in value.items() if not _TIMES.search(name)
        }
    return [_without_times(item) for item in value] if isinstance(value, list) else value
