"""Runs a piece of work on a thread, so that a stop need not wait until the work has ended."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from datafetch.clock import CancelToken

T = TypeVar("T")

GRACE_S = 5.0
"""Seconds that work may go on after it was asked to stop; then its thread is left running."""

_POLL_S = 0.5


class StoppedLate(Exception):
    """The work was asked to stop and did not end in time; its thread goes on."""


def supervise(
    work: Callable[[], T],
    cancel: CancelToken,
    on_cancel: Callable[[], None],
    grace_s: float = GRACE_S,
) -> T:
    """Run the work on a thread of its own, and return what it returns or raise what it raises.

    The calling thread stays free to take signals. When the token is cancelled, `on_cancel` is
    called, which should make the work end, and the work has `grace_s` seconds to do so.

    Raises:
        StoppedLate: it did not end in that time.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            outcome.set_exception(error)

    thread = threading.Thread(target=run, name="datafetch-job", daemon=True)
    thread.start()
    while thread.is_alive() and not cancel.cancelled:
        thread.join(_POLL_S)
    if thread.is_alive():
        on_cancel()
        thread.join(grace_s)
        if thread.is_alive():
            raise StoppedLate
    return outcome.result()
