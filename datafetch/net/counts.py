"""Counts what each upstream was asked and what it answered."""

import threading
from collections import Counter
from collections.abc import Mapping


class Counts:
    """Numbers for each upstream: `requests`, `bytes`, `retries`, `status_NNN`; safe among threads.

    Every exchange counts, redirects too; bytes are those of bodies as they came over the
    wire.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_upstream: dict[str, Counter[str]] = {}

    def add(self, upstream: str, name: str, amount: int = 1) -> None:
        """Count something."""
        with self._lock:
            self._by_upstream.setdefault(upstream, Counter())[name] += amount

    def snapshot(self) -> Mapping[str, Mapping[str, int]]:
        """A copy of all numbers."""
        with self._lock:
            return {upstream: dict(counter) for upstream, counter in self._by_upstream.items()}


def since(
    before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """What was counted between two snapshots; upstreams that were not asked are left out."""
    grown = {}
    for upstream, numbers in after.items():
        known = before.get(upstream, {})
        more = {name: count - known.get(name, 0) for name, count in numbers.items()}
        more = {name: count for name, count in more.items() if count}
        if more:
            grown[upstream] = {"requests": 0, "bytes": 0, "retries": 0, **more}
    return grown
