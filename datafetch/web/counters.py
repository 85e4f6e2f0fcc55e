"""What the server has counted since its start, for `/metrics`."""

import threading
from collections import Counter
from collections.abc import Mapping

Labels = tuple[str, ...]

SERIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "datafetch_http_requests": ("Answered requests, by route and status.", ("route", "status")),
    "datafetch_logo_answers": ("Answers of /api/logo, by where they came from.", ("tier",)),
    "datafetch_refreshes": ("Runs that were asked for, by what came of it.", ("job", "outcome")),
}
"""Each series: its help, and its labels. Prometheus adds `_total` to the names of counters."""


class Counters:
    """Counts by series and labels. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._counts: dict[str, Counter[Labels]] = {name: Counter() for name in SERIES}

    def add(self, series: str, *labels: str) -> None:
        """Count one more; the labels must come from a small set, never from a request's text."""
        with self._guard:
            self._counts[series][labels] += 1

    def rows(self, series: str) -> dict[Labels, float]:
        """The counts of a series by their labels."""
        with self._guard:
            return {labels: float(count) for labels, count in self._counts[series].items()}
