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
