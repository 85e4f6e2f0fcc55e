"""Parallel work: maps a function over items with bounded threads, and stops when asked."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

from datafetch.clock import CancelToken

T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """Runs a function over items side by side; holds no truth."""

    @property
    def width(self) -> int:
        """How many items are under way at once."""
        ...

    def map(
        self, function: Callable[[T], R], items: Iterable[T], *, width: int | None = None
    ) -> Iterator[R]:
        """Results in order of completion.

        Items are drawn as places become free, so an endless iterable costs no memory.
        The first exception of the function is raised after what is under way has ended.

        Raises:
            Cancelled: the run was asked to stop; no further item is taken.
        """
        ...


class ThreadEngine:
    """Threads of this process; with a width of one, no thread at all."""

    def __init__(self, width: int, cancel: CancelToken | None = None) -> None:
        self._width = max(1, width)
        self._cancel = cancel or CancelToken()

    @property
    def width(self) -> int:
        """How many items are under way at once."""
        return self._width

    def map(
        self, function: Callable[[T], R], items: Iterable[T], *, width: int | None = None
    ) -> Iterator[R]:
        """Results in order of completion; see `Engine.map`."""
        places = min(self._width, width or self._width)
        if places == 1:
            for item in items:
                self._cancel.raise_if_cancelled()
                yield function(item)
            return
        with ThreadPoolExecutor(places, thread_name_prefix="datafetch") as pool:
            yield from self._drain(pool, function, iter(items), places)

    def _drain(
        self,
        pool: ThreadPoolExecutor,
        function: Callable[[T], R],
        items: Iterator[T],
        places: int,
    ) -> Iterator[R]:
        under_way: set[Future[R]] = set()
        try:
            for item in items:
                self._cancel.raise_if_cancelled()
                under_way.add(pool.submit(function, item))
                if len(under_way) >= places:
                    done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while under_way:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                self._cancel.raise_if_cancelled()
                yield from (future.result() for future in done)
        finally:
            for future in under_way:
                future.cancel()
