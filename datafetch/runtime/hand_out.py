"""Decides which items of a run the next batch of a worker has, and what becomes of lost ones."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")

_AHEAD = 2
"""Batches at a worker: the one under way, and the next, so that it goes on at once."""


@dataclass(frozen=True, slots=True)
class Parcel(Generic[T]):
    """Items that go to one worker together.

    Attributes:
        number: each is handed out under a number of its own.
        width: items under way at once in it, at most; None for as many as the worker allows.
        alone: whether its worker gets nothing else meanwhile, so that a loss of the worker can
            only have come from this one.
        struck: whether its item was under way already when a worker was lost.
    """

    number: int
    worker: str
    items: tuple[T, ...]
    width: int | None
    alone: bool = False
    struck: bool = False


@dataclass(frozen=True, slots=True)
class _Again(Generic[T]):
    """Items whose worker was lost; they are handed out alone."""

    items: tuple[T, ...]
    struck: bool


class HandOut(Generic[T]):
    """Which items are at which worker, and which come next. For one thread.

    Items of one group are at one worker at a time. Those that have to wait for that are kept
    aside, up to `aside` of them; then nothing more is drawn.
    """

    def __init__(
        self,
        items: Iterator[T],
        *,
        group: Callable[[T], str],
        size: int,
        width: int | None = None,
        aside: int = 1000,
    ) -> None:
        """`size` items in a batch at most; `width` of them under way at once at all workers."""
        self._items = items
        self._group = group
        self._size = max(1, size)
        self._width = None if width is None else max(1, width)
        self._most_aside = aside
        self._aside: deque[T] = deque()
        self._again: deque[_Again[T]] = deque()
        self._parcels: dict[int, Parcel[T]] = {}
        self._groups: dict[str, tuple[str, int]] = {}
        """The worker at which items of the group are, and how many."""
        self._drawn = False
        self._count = 0

    @property
    def done(self) -> bool:
        """Whether no item is left, neither under way nor to be handed out."""
        return self._drawn and not (self._parcels or self._again or self._aside)

    def next_for(self, worker: str, workers: int) -> Parcel[T] | None:
        """The next parcel for a worker, one of `workers`; None when it gets nothing now."""
        at_worker = [parcel for parcel in self._parcels.values() if parcel.worker == worker]
        # A worker is to become free for what has to be alone; a waiting batch would take width.
        ahead = 1 if self._again or self._width is not None else _AHEAD
        if len(at_worker) >= ahead or any(parcel.alone for parcel in at_worker):
            return None
        width = self._free_width(workers)
        if width == 0:
            return None
        again = self._next_again(worker)
        if again is not None:
            return self._handed(worker, again.items, width, alone=True, struck=again.struck)
        items = self._draw(worker)
        return self._handed(worker, items, width) if items else None

    def ended(self, number: int) -> Parcel[T] | None:
        """The parcel that has ended; None when it was given up before."""
        parcel = self._parcels.pop(number, None)
        if parcel is not None:
            for item in parcel.items:
                self._leave(self._group(item))
        return parcel

    def failed(self, number: int) -> list[T]:
        """Take back a parcel whose worker is as good as lost; return the items that are given up."""
        parcel = self.ended(number)
        return [] if parcel is None else self._take_back(parcel, began=True)

    def lost_worker(self, worker: str, threads: int) -> list[T]:
        """Take back what a lost worker had; return the items that are given up.

        `threads` of its parcels were under way, in the order in which they were handed out; the
        others were not begun, and are handed out again as they are, but alone: should one of them
        have been begun after all, the next loss tells.
        """
        numbers = [number for number, parcel in self._parcels.items() if parcel.worker == worker]
        given_up = []
        for place, number in enumerate(numbers):
            parcel = self.ended(number)
            assert parcel is not None
            given_up += self._take_back(parcel, began=place < max(1, threads))
        return given_up

    # ------------------------------------------------------------------ steps

    def _take_back(self, parcel: Parcel[T], *, began: bool) -> list[T]:
        if not began:
            self._again.append(_Again(parcel.items, parcel.struck))
            return []
        if parcel.struck:
            return list(parcel.items)
        self._again.extend(_Again((item,), struck=True) for item in parcel.items)
        return []

    def _free_width(self, workers: int) -> int | None:
        """How many items a parcel may have under way at once; 0 for none, None for any number."""
        if self._width is None:
            return None
        taken = sum(parcel.width or 0 for parcel in self._parcels.values())
        return min(max(1, self._width // max(1, workers)), self._width - taken)

    def _next_again(self, worker: str) -> _Again[T] | None:
        if any(parcel.worker == worker for parcel in self._parcels.values()):
            return None
        for place, again in enumerate(self._again):
            if all(self._may_have(worker, item) for item in again.items):
                del self._again[place]
                return again
        return None

    def _may_have(self, worker: str, item: T) -> bool:
        group = self._group(item)
        return group not in self._groups or self._groups[group][0] == worker

    def _draw(self, worker: str) -> tuple[T, ...]:
        items: list[T] = []
        for _ in range(len(self._aside)):
            item = self._aside.popleft()
            fits = len(items) < self._size and self._may_have(worker, item)
            (items if fits else self._aside).append(item)
        while len(items) < self._size and len(self._aside) < self._most_aside and not self._drawn:
            taken = list(islice(self._items, 1))
            self._drawn = not taken
            for item in taken:
                (items if self._may_have(worker, item) else self._aside).append(item)
        return tuple(items)

    def _handed(
        self,
        worker: str,
        items: tuple[T, ...],
        width: int | None,
        *,
        alone: bool = False,
        struck: bool = False,
    ) -> Parcel[T]:
        self._count += 1
        parcel = Parcel(self._count, worker, items, width, alone, struck)
        self._parcels[parcel.number] = parcel
        for item in items:
            self._enter(self._group(item), worker)
        return parcel

    def _enter(self, group: str, worker: str) -> None:
        if group:
            self._groups[group] = (worker, self._groups.get(group, (worker, 0))[1] + 1)

    def _leave(self, group: str) -> None:
        if group:
            worker, count = self._groups.pop(group)
            if count > 1:
                self._groups[group] = (worker, count - 1)
