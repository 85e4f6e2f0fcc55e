"""Lets items that may be slow go first, in a bounded number of places: the others go beside them."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Hands out the items of two queues: those that failed before, and all others.

    The first ones are taken first, but no more than `most` of them are under way at once as long as
    there are others: when their hosts hang, the others go on. Not thread-safe: items are taken, and
    their ends noted, on one thread.
    """

    def __init__(
        self, first: Iterable[T], rest: Iterable[T], most: int, key: Callable[[T], Hashable]
    ) -> None:
        """`key` names an item when its end is noted; each item has one of its own."""
        self._first = deque(first)
        self._rest = deque(rest)
        self._most = max(1, most)
        self._key = key
        self._under_way: set[Hashable] = set()

    def __iter__(self) -> Iterator[T]:
        """The items that were not handed out yet; each is under way until its end is noted."""
        while self._first or self._rest:
            is_free = len(self._under_way) < self._most
            if self._first and (is_free or not self._rest):
                item = self._first.popleft()
                self._under_way.add(self._key(item))
                yield item
            else:
                yield self._rest.popleft()

    def ended(self, key: Hashable) -> None:
        """Note that an item is no longer under way, by its name."""
        self._under_way.discard(key)
