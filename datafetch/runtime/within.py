"""Makes calls side by side for a limited time; what has not ended by then is left."""

import threading
import time
from collections.abc import Callable, Sequence


def within(calls: Sequence[Callable[[], object]], until: Callable[[], float]) -> int:
    """Make the calls, each on a thread of its own, and wait for their ends.

    Args:
        calls: they raise nothing; what one raises ends its thread, and Python prints it.
        until: the `time.monotonic` at which they are left; asked again and again, since a signal
            may bring it nearer.

    Returns:
        How many were left.
    """
    threads = [
        threading.Thread(target=call, name="datafetch-notice", daemon=True) for call in calls
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive() and (left := until() - time.monotonic()) > 0:
            thread.join(min(left, _LOOK_S))
    return sum(thread.is_alive() for thread in threads)


_LOOK_S = 0.2
"""Seconds after which it is looked whether a signal has come."""
