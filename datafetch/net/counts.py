"""Counts, for each upstream, requests, bytes, retries and the statuses of its answers."""

import threading
from collections import Counter
from collections.abc import Mapping


class Counts:
    """Counters for each upstream: `requests`, `bytes`, `retries`, `status_NNN`. Thread-safe.

    A redirect that is followed counts as a request of its own. `bytes` counts those of bodies
    before they are decoded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_upstream: dict[str, Counter[str]] = {}

    def add(self, upstream: str, name: str, amount: int = 1) -> None:
        """Add to a counter."""
        with self._lock:
            self._by_upstream.setdefault(upstream, Counter())[name] += amount

    def add_all(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Add what was counted elsewhere, such as in another process."""
        for upstream, numbers in counts.items():
            for name, amount in numbers.items():
                self.add(upstream, name, amount)

    def snapshot(self) -> Mapping[str, Mapping[str, int]]:
        """A copy of all counters."""
        with self._lock:
            return {upstream: dict(counter) for upstream, counter in self._by_upstream.items()}


def summed(
    *several: Mapping[str, Mapping[str, int]],
) -> Mapping[str, Mapping[str, int]]:
    """The counts of several places, added up."""
    total = Counts()
    for counts in several:
        total.add_all(counts)
    return total.snapshot()


def since(
    before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """What was counted between two snapshots; upstreams without any change are left out."""
    grown = {}
    for upstream, numbers in after.items():
        known = before.get(upstream, {})
        more = {name: count - known.get(name, 0) for name, count in numbers.items()}
        more = {name: count for name, count in more.items() if count}
        if more:
            grown[upstream] = {"requests": 0, "bytes": 0, "retries": 0, **more}
    return grown
