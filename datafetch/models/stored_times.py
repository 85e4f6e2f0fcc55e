"""Times as they are stored: bounded, because other programs and people may have written any number.

Python's dates end with the year 9999, and a time beyond them ends whatever asks for its date.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

LATEST_MS = 221_845_392_000_000
"""The year 9000 in epoch milliseconds: schedules look 50 years on from a time."""

StoredMs = Annotated[int, Field(ge=0, le=LATEST_MS)]
"""Epoch milliseconds. An object that has something else there cannot be read."""


def _within_bounds(value: object) -> object:
    """A number as the nearest time that can be told; anything else as it is."""
    if isinstance(value, int | float):
        return int(min(max(value, 0), LATEST_MS))
    return value


def _end(value: object) -> object:
    """None for an end after the last time that can be told."""
    bounded = _within_bounds(value)
    return None if bounded == LATEST_MS else bounded


NearestMs = Annotated[int, BeforeValidator(_within_bounds)]
"""Epoch milliseconds. A number out of bounds counts as the nearest one within them."""

EndMs = Annotated[int | None, BeforeValidator(_end)]
"""When something ends, in epoch milliseconds. After the year 9000 is never; before 1970 is over."""
