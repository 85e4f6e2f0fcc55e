"""Parallel work: a function mapped over items with bounded threads, and a few calls side by side."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar, overload

from datafetch.clock import CancelToken

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 2
"""Items drawn for each place: one under way, one that waits, so that a place whose item is done
goes on at once, whatever the consumer of the results is busy with."""


@overload
def together(a: Callable[[], A], b: Callable[[], B], /) -> tuple[A, B]: ...
@overload
def together(a: Callable[[], A], b: Callable[[], B], c: Callable[[], C], /) -> tuple[A, B, C]: ...
@overload
def together(
    a: Callable[[], A], b: Callable[[], B], c: Callable[[], C], d: Callable[[], D], /
) -> tuple[A, B, C, D]: ...
@overload
def together(*calls: Callable[[], object]) -> tuple[object, ...]: ...
def together(*calls: Callable[[], object]) -> tuple[object, ...]:
    """Make a few calls side by side, each on a thread of its own; gives what they give.

    For reads and writes that do not depend on each other: together they cost one round trip.
    All of them have ended when it returns. Of several errors, that of the earliest call is raised.
    """
    with ThreadPoolExecutor(len(calls), thread_name_prefix="datafetch") as pool:
        futures = [pool.submit(call) for call in calls]
    return tuple(future.result() for future in futures)


def beside(call: Callable[[], T]) -> Callable[[], T]:
    """Make a call on a thread of its own, at once; who calls what it gives waits for the result.

    An error of the call is raised there.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="datafetch")
    future = pool.submit(call)
    pool.shutdown(wait=False)
    return future.result


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
        After the first exception of the function no other item is begun; it is raised after
        what is under way has ended.

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
            yield from _Mapped(pool, function, self._cancel).over(iter(items), _AHEAD * places)


class _Untouched:
    """Stands for an item that was drawn but not begun, since the run ends."""


class _Mapped(Generic[T, R]):
    """One mapping on an executor."""

    def __init__(self, executor: Executor, function: Callable[[T], R], cancel: CancelToken) -> None:
        self._executor = executor
        self._function = function
        self._cancel = cancel
        self._ending = threading.Event()
        self._done: SimpleQueue[Future[R | _Untouched]] = SimpleQueue()
        self._drawn: set[Future[R | _Untouched]] = set()

    def over(self, items: Iterator[T], most: int) -> Iterator[R]:
        """The results; at most so many items are drawn and not yet done."""
        try:
            for item in items:
                self._cancel.raise_if_cancelled()
                self._submit(item)
                if len(self._drawn) >= most:
                    yield from self._next()
            while self._drawn:
                yield from self._next()
        finally:
            self._ending.set()
            for future in self._drawn:
                future.cancel()

    def _submit(self, item: T) -> None:
        future = self._executor.submit(self._work, item)
        self._drawn.add(future)
        future.add_done_callback(self._done.put)

    def _work(self, item: T) -> R | _Untouched:
        if self._ending.is_set() or self._cancel.cancelled:
            return _Untouched()
        try:
            return self._function(item)
        except BaseException:
            self._ending.set()
            raise

    def _next(self) -> Iterator[R]:
        future = self._done.get()
        self._drawn.remove(future)
        result = future.result()
        self._cancel.raise_if_cancelled()
        if not isinstance(result, _Untouched):
            yield result
