"""Reads something of the store once, however many requests ask for it at the same time."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

from datafetch.clock import Clock
from datafetch.errors import StoreError

T = TypeVar("T")


class SharedRead(Generic[T]):
    """What `read` returns, read on a thread, for the requests of one event loop.

    A read that hangs holds one thread, not one for each request that waits.
    """

    def __init__(self, read: Callable[[], T], clock: Clock, *, fresh_s: float) -> None:
        """What was read counts as new for `fresh_s` seconds."""
        self._read = read
        self._clock = clock
        self._fresh_s = fresh_s
        self._task: asyncio.Task[T | StoreError] | None = None
        self._read_at: float | None = None
        self._is_new = False

    def expire(self) -> None:
        """Have the next request see what is stored from now on. From any thread."""
        self._is_new = False

    def begin(self) -> None:
        """Begin to read, unless that is under way or what was read is new; nobody waits for it."""
        self._current()

    async def value(self, within_s: float | None = None) -> T | None:
        """What is stored; None when the read has not ended within `within_s` seconds.

        Raises:
            StoreError: the store did not answer, and said so in time.
        """
        task = self._current()
        # Not `wait_for`, which would end the read that others wait for.
        await asyncio.wait({task}, timeout=within_s)
        if not task.done():
            return None
        found = task.result()
        if isinstance(found, StoreError):
            raise found
        return found

    def _current(self) -> "asyncio.Task[T | StoreError]":
        now = self._clock.monotonic()
        is_old = self._read_at is None or now - self._read_at >= self._fresh_s
        # One under way that began before a change does not count, however long it takes.
        if self._task is None or not self._is_new or (is_old and self._task.done()):
            self._is_new = True
            self._read_at = now
            self._task = asyncio.ensure_future(run_in_threadpool(self._outcome))
        return self._task

    def _outcome(self) -> T | StoreError:
        # As a value: of an error that nobody waits for any more asyncio would write a traceback.
        try:
            return self._read()
        except StoreError as error:
            return error
