"""Runs a piece of work so that it can be stopped: in a thread, with a bounded farewell."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from datafetch.clock import CancelToken

T = TypeVar("T")

GRACE_S = 5.0
"""How long work that was asked to stop may go on before it is left behind."""

_POLL_S = 0.5


class StoppedLate(Exception):
    """The work did not end in time after it was asked to stop; its thread is left behind."""


class _Box(Generic[T]):
    value: T
    error: BaseException | None = None


def supervise(
    work: Callable[[], T],
    cancel: CancelToken,
    on_cancel: Callable[[], None],
    grace_s: float = GRACE_S,
) -> T:
    """Run the work in a thread of its own and return what it returns, or raise what it raises.

    The calling thread stays free to take signals. When the token is cancelled,
    `on_cancel` is called (it shuts sockets), and the work has `grace_s` seconds to end.

    Raises:
        StoppedLate: it did not end in that time.
    """
    box: _Box[T] = _Box()

    def run() -> None:
        try:
            box.value = work()
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            box.error = error

    thread = threading.Thread(target=run, name="datafetch-job", daemon=True)
    thread.start()
    while thread.is_alive() and not cancel.cancelled:
        thread.join(_POLL_S)
    if thread.is_alive():
        on_cancel()
        thread.join(grace_s)
        if thread.is_alive():
            raise StoppedLate
    if box.error is not None:
        raise box.error
    return box.value
