"""Makes calls side by side for a limited time; what has not ended by then is left."""

import threading
import time
from collections.abc import Callable, Mapping


def within(
    calls: Mapping[str, Callable[[], object]], until: Callable[[], float]
) -> tuple[str, ...]:
    """Make the calls, each on a thread of its own, and wait for their ends.

    Args:
        calls: by name. They should raise nothing: an error ends its thread, and Python prints it.
        until: the `time.monotonic` at which they are left; asked again and again, since a signal
            may bring it nearer.

    Returns:
        The names of the calls that were left.
    """
    threads = {
        name: threading.Thread(target=call, name="datafetch-notice", daemon=True)
        for name, call in calls.items()
    }
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        while thread.is_alive() and (left := until() - time.monotonic()) > 0:
            thread.join(min(left, _LOOK_S))
    return tuple(name for name, thread in threads.items() if thread.is_alive())


_LOOK_S = 0.2
"""Seconds between two looks at whether `until` has changed."""
