"""The clock and the signal to stop, passed to all that waits, so that tests never wait."""

import threading
import time
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from datafetch.errors import Cancelled

PACIFIC = "America/Los_Angeles"


class Clock(Protocol):
    """Tells the time, and waits."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds.

        Raises:
            Cancelled: the run was asked to stop while it waited.
        """
        ...


class CancelToken:
    """Tells every part of a command that it is to stop, and why."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reason = Cancelled()

    def cancel(self, reason: Cancelled) -> None:
        """Ask to stop. When asked more than once, the first reason stays."""
        if not self._event.is_set():
            self._reason = reason
            self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether the command was asked to stop."""
        return self._event.is_set()

    @property
    def reason(self) -> Cancelled:
        """Why the command was asked to stop; read it only when `cancelled` is true."""
        return self._reason

    def raise_if_cancelled(self) -> None:
        """Raise the reason if the command was asked to stop.

        Raises:
            Cancelled: the run was asked to stop.
        """
        if self.cancelled:
            reason = self._reason
            raise Cancelled(str(reason), signal=reason.signal, hint=reason.hint)

    def wait(self, seconds: float) -> bool:
        """Wait for the command to be asked to stop, at most `seconds`; return whether it was."""
        # No lock can wait longer, some 292 years.
        return self._event.wait(min(seconds, threading.TIMEOUT_MAX))


class SystemClock:
    """The machine's clock, whose sleep ends at once when the command is asked to stop."""

    def __init__(self, cancel: CancelToken | None = None) -> None:
        self._cancel = cancel or CancelToken()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds.

        Raises:
            Cancelled: the run was asked to stop while it waited.
        """
        self._cancel.wait(max(0.0, seconds))
        self._cancel.raise_if_cancelled()


def to_ms(seconds: float) -> int:
    """Epoch seconds as epoch milliseconds."""
    return round(seconds * 1000)


def to_iso(seconds: float) -> str:
    """Epoch seconds as JavaScript's `Date.toISOString` prints them: `2026-11-24T08:00:00.000Z`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def utc_text(seconds: float, now: float) -> str:
    """Epoch seconds as sentences tell them: `16:37 UTC`, and `2026-11-27 16:37 UTC` if not today.

    Today is the day of `now`, epoch seconds, in UTC.
    """
    moment, today = datetime.fromtimestamp(seconds, UTC), datetime.fromtimestamp(now, UTC)
    form = "%H:%M UTC" if moment.date() == today.date() else "%Y-%m-%d %H:%M UTC"
    return moment.strftime(form)


def log_time(seconds: float) -> str:
    """Epoch seconds as people read them in logs: `2026-11-26 15:32:34Z`, in UTC everywhere."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}Z"


def pacific_text(seconds: float) -> str:
    """Epoch seconds as the site shows them: `04/03/2025, 05:16:45 AM PDT`, two digits each."""
    moment = datetime.fromtimestamp(seconds, ZoneInfo(PACIFIC))
    half = "AM" if moment.hour < 12 else "PM"  # noqa: PLR2004 - `%p` follows the locale
    return f"{moment:%m/%d/%Y, %I:%M:%S} {half} {moment:%Z}"
