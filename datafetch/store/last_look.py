"""Lets a store look once more whether a write may be made, in the moment in which it is sent.

A process that is stopped between the check of its lease and the write wakes with the lease over,
and a client that sends a request again, since its connection died meanwhile, does so long after
that check. So the store looks right before each attempt, and a bucket before each piece of the body
that it sends: a request that was half sent when the process was stopped stays unfinished.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_check: ContextVar[Callable[[], None] | None] = ContextVar("datafetch_last_look", default=None)


@contextmanager
def looked_at_again(check: Callable[[], None]) -> Iterator[None]:
    """Have the stores that this thread calls in the `with` block call `check` before they write.

    The checks of several such blocks around each other are all made.
    """
    outer = _check.get()

    def both() -> None:
        if outer is not None:
            outer()
        check()

    token = _check.set(both)
    try:
        yield
    finally:
        _check.reset(token)


def look_again(**_of_botocore: object) -> None:
    """Raise what the check raises, if there is one; a store calls it right before it writes."""
    check = _check.get()
    if check is not None:
        check()
