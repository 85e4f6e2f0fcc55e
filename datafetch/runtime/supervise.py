"""Runs a piece of work on a thread, so that a stop need not wait until the work has ended."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from datafetch.clock import CancelToken

T = TypeVar("T")

STOP_S = 5.0
"""Seconds after which a run that was asked to stop has ended: what goes on by then is left."""

CUT_S = 2.5
"""Seconds after which the requests to the store that are still under way are cut off.

The rest of `STOP_S` is for what is still to be written then: how the run ended, and the lock that
is given back.
"""

GRACE_S = 3.0
"""Seconds that a job's work may go on after it was asked to stop, the cut included."""


class StoppedLate(Exception):
    """The work was asked to stop and did not end in time; its thread goes on."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """How work is stopped.

    Attributes:
        at_once: called when it is asked to stop; should make work that waits end.
        grace_s: seconds that it may go on; then its thread is left running.
        cut: called after `cut_after_s` seconds if the work still goes on.
        cut_after_s: see `cut`; less than `grace_s`.
    """

    at_once: Callable[[], None]
    grace_s: float = GRACE_S
    cut: Callable[[], None] | None = None
    cut_after_s: float = CUT_S


def supervise(work: Callable[[], T], cancel: CancelToken, stopping: Stopping) -> T:
    """Run the work on a thread of its own, and return what it returns or raise what it raises.

    When the token is cancelled, the work is stopped as `stopping` says. When the token is
    abandoned, the work is left at once.

    Raises:
        StoppedLate: it did not end in time.
    """
    outcome: Future[T] = Future()
    news = threading.Event()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            outcome.set_exception(error)
        news.set()

    unlisten = cancel.listen(news.set)
    threading.Thread(target=run, name="datafetch-job", daemon=True).start()
    try:
        while not (outcome.done() or cancel.cancelled):
            _await(news, None)
        if not outcome.done():
            _stop(outcome, news, cancel, stopping)
    finally:
        unlisten()
    return outcome.result()


def _stop(
    outcome: Future[T], news: threading.Event, cancel: CancelToken, stopping: Stopping
) -> None:
    """Stop the work, and wait for its outcome until it is left."""
    began, cut = time.monotonic(), stopping.cut
    stopping.at_once()
    while not outcome.done():
        gone = time.monotonic() - began
        if cancel.abandoned or gone >= stopping.grace_s:
            raise StoppedLate
        if cut is not None and gone >= stopping.cut_after_s:
            cut()
            cut = None
        due = stopping.grace_s if cut is None else stopping.cut_after_s
        _await(news, max(0.0, due - gone))


def _await(news: threading.Event, seconds: float | None) -> None:
    """Wait until something has happened, at most so many seconds."""
    news.wait(seconds)
    news.clear()
