"""Decides which items the next batch of a worker has, and what becomes of items whose worker died.

Pure: it sends nothing, and is told what has happened.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")

_AHEAD = 2
"""Parcels at a worker, at most: the one under way, and the next, so that it need not wait for it."""


@dataclass(frozen=True, slots=True)
class Parcel(Generic[T]):
    """The items of one batch, and where they are; the `Batch` that is sent is made from it.

    Attributes:
        number: tells it from the other parcels; a parcel that is handed out again gets a new one.
        worker: the name of the worker that has it.
        width: items of it under way at once, at most; None for as many as the worker allows.
        alone: whether its worker gets no other parcel meanwhile. If that worker dies, this parcel
            was under way.
        struck: whether its items were under way once before when their worker died.
    """

    number: int
    worker: str
    items: tuple[T, ...]
    width: int | None
    alone: bool = False
    struck: bool = False


@dataclass(frozen=True, slots=True)
class _Again(Generic[T]):
    """Items to hand out again in a parcel that is `alone`, since their worker died."""

    items: tuple[T, ...]
    struck: bool


class HandOut(Generic[T]):
    """Which items are at which worker, and which come next. For one thread.

    Items of one group are at one worker at a time. Items whose group is at another worker are kept
    aside. While `aside` items are kept, no more are taken from the iterator.
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
        """Hand out `items`.

        Args:
            items: the items of the run.
            group: see `ItemWork.group`.
            size: items in a parcel, at most.
            width: items under way at once at all workers together; None for no such limit.
            aside: how many items may be kept aside.
        """
        self._items = items
        self._group = group
        self._size = max(1, size)
        self._width = None if width is None else max(1, width)
        self._most_aside = aside
        self._aside: deque[T] = deque()
        self._again: deque[_Again[T]] = deque()
        self._parcels: dict[int, Parcel[T]] = {}
        self._groups: dict[str, tuple[str, int]] = {}
        """For each group that is under way: its worker, and how many of its items that has."""
        self._drawn = False
        self._count = 0

    @property
    def done(self) -> bool:
        """Whether no item is left, neither under way nor to be handed out."""
        return self._drawn and not (self._parcels or self._again or self._aside)

    @property
    def under_way(self) -> bool:
        """Whether a parcel is at a worker."""
        return bool(self._parcels)

    def next_for(self, worker: str, workers: int) -> Parcel[T] | None:
        """The next parcel for this worker; None when it gets nothing now.

        `workers` is how many workers there are: they share the width.
        """
        at_worker = [parcel for parcel in self._parcels.values() if parcel.worker == worker]
        # No second parcel while one waits that must be alone: its worker has to be free of others.
        # Nor with a width: a parcel that only waits at its worker would take a part of that.
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
        """Note that a parcel has ended, and return it; None when it was taken back before."""
        parcel = self._parcels.pop(number, None)
        if parcel is not None:
            for item in parcel.items:
                self._leave(self._group(item))
        return parcel

    def failed(self, number: int) -> list[T]:
        """Take back a parcel that its worker could not answer; return the items that are given up.

        An item is given up when it was under way for the second time.
        """
        parcel = self.ended(number)
        return [] if parcel is None else self._take_back(parcel, began=True)

    def lost_worker(self, worker: str, threads: int) -> list[T]:
        """Take back the parcels of a worker that died; return the items that are given up.

        The first `threads` of its parcels count as under way: their items are handed out again one
        by one, or given up when they were under way for the second time. The others count as not
        begun: each is handed out again whole, but alone. If such a parcel was begun after all and
        has an item that ends its worker, that shows when the next worker dies.
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
        """Items of the next parcel that may be under way at once; 0 for none, None for no limit."""
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
