"""The clock and the signal to stop, passed to all that waits, so that tests never wait."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol
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
    """Tells every part of a command, or of one run in it, that it is to stop, and why. Thread-safe.

    Not to be used by a handler of signals: it takes locks, which the interrupted code may hold.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._abandoned = threading.Event()
        self._guard = threading.Lock()
        self._listeners: dict[object, Callable[[], None]] = {}
        self._reason = Cancelled()
        self._children: list[CancelToken] = []

    def child(self) -> "CancelToken":
        """A token for a part of the command, such as a job: it is cancelled together with this one.

        Cancelling it leaves this one as it is, so that the rest of the command goes on.
        """
        part = CancelToken()

        def follow() -> None:
            if self.cancelled:
                part.cancel(self.reason)
            if self.abandoned:
                part.abandon()

        self._children.append(part)
        self.listen(follow)
        return part

    def cancel(self, reason: Cancelled) -> None:
        """Ask to stop. When asked more than once, the first reason stays."""
        with self._guard:
            if self._event.is_set():
                return
            self._reason = reason
            self._event.set()
            told = tuple(self._listeners.values())
        for listener in told:
            listener()

    def abandon(self) -> None:
        """Ask those who wait for work to end, after a stop, to wait no longer."""
        with self._guard:
            self._abandoned.set()
            told = tuple(self._listeners.values())
        for listener in told:
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have a function called when this token is asked to stop, and when it is abandoned.

        It is called on the thread that asks, and has to return at once; when the token was asked
        before, it is called now.

        Returns:
            A function that ends this.
        """
        key = object()
        with self._guard:
            self._listeners[key] = listener
        if self.cancelled or self.abandoned:
            listener()
        return lambda: self._forget(key)

    def _forget(self, key: object) -> None:
        with self._guard:
            self._listeners.pop(key, None)

    @property
    def cancelled(self) -> bool:
        """Whether the command, or the part that this token is for, was asked to stop."""
        return self._event.is_set()

    @property
    def any_cancelled(self) -> bool:
        """Whether this token or one of its children is cancelled: threads may be left of its work."""
        return self.cancelled or any(child.any_cancelled for child in self._children)

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits any longer for work to end."""
        return self._abandoned.is_set()

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


_NEVER_STOPS: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The machine's clock, whose sleep ends at once when the command is asked to stop."""

    def __init__(self, cancel: CancelToken | None = None) -> None:
        self._cancel = cancel or CancelToken()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back, and goes on while the machine sleeps.

        `time.monotonic` stands still then on Linux and macOS, so that a laptop that woke after an
        hour would take its lease for alive (clock_gettime(2), CLOCK_BOOTTIME; on macOS
        CLOCK_MONOTONIC).
        """
        return time.clock_gettime(_NEVER_STOPS)

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds.

        Raises:
            Cancelled: the run was asked to stop while it waited.
        """
        self._cancel.wait(max(0.0, seconds))
        self._cancel.raise_if_cancelled()


def stopped_by(clock: Clock, cancel: CancelToken) -> Clock:
    """The same clock, whose sleep ends when this token is cancelled; for the system's clock only."""
    return SystemClock(cancel) if isinstance(clock, SystemClock) else clock


CLOCKS_APART_S = 300.0
"""Seconds by which clocks may differ. With more, requests to S3 and tokens begin to be refused."""

_MOST_WITNESSES = 32
_HOUR_S, _DAY_S = 3600.0, 86_400.0

Witness = Literal["store", "named", "other"]
"""Who told the time: the store, another server that the settings name, or any other host."""


class Skew(NamedTuple):
    """How far this machine's clock is from that of others.

    Attributes:
        host: who told the other time.
        ahead_s: seconds by which this machine's clock is ahead; negative when it is behind.
        told: the host's time, epoch seconds.
        is_alone: whether only this one host says so, so that its clock may be the wrong one.
    """

    host: str
    ahead_s: float
    told: float
    is_alone: bool

    def __str__(self) -> str:
        way = "ahead of" if self.ahead_s > 0 else "behind"
        other = f" (or {self.host}'s, if that is wrong)" if self.is_alone else ""
        return (
            f"this machine's clock is {_span(abs(self.ahead_s))} {way} {self.host} (Date: "
            f"{log_time(self.told)}): set it{other}, for example with `timedatectl set-ntp true`; "
            "times in results and schedules are wrong until then"
        )


class ClockSkew:
    """Compares this machine's clock with the times in the answers of servers. Thread-safe.

    For each host the smallest difference counts: an answer may have been kept by a cache, or have
    waited in this machine. A server with a wrong clock must not blame this machine, so a host
    somewhere else whose clock agrees with ours settles it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._agreed = False
        self._seen: dict[tuple[Witness, str], tuple[float, float]] = {}
        """For each host the smallest difference, 0 when the clocks agree, and the time it told."""

    def observe_answer(
        self, host: str, headers: Mapping[str, str], now: float, witness: Witness = "other"
    ) -> None:
        """Take note of the time in an answer's headers, whose names are in lower case.

        An answer out of a cache tells when it was made, and is left out. The rest is as in
        `observe`.
        """
        told = http_date(headers.get("date", ""))
        if told is not None and headers.get("age", "0").strip() == "0":
            self.observe(host, told, now, witness)

    def observe(self, host: str, told: float, now: float, witness: Witness = "other") -> None:
        """Take note of a time that a host told.

        Args:
            host: its name or address.
            told: the `Date` of an answer that came fresh from the host, epoch seconds.
            now: this machine's time at that moment, epoch seconds.
            witness: who the host is to us.
        """
        if self._agreed:
            return
        ahead, key = now - told, (witness, host)
        if abs(ahead) <= CLOCKS_APART_S:
            # A server on this machine or beside it may share its clock: that proves nothing.
            if not _is_near(host):
                self._agreed = True
            ahead = 0.0
        with self._lock:
            known = self._seen.get(key)
            has_room = witness != "other" or len(self._seen) < _MOST_WITNESSES
            if has_room if known is None else abs(ahead) < abs(known[0]):
                self._seen[key] = (ahead, told)

    @property
    def is_told(self) -> bool:
        """Whether any host has told the time."""
        return self._agreed or bool(self._seen)

    def found(self) -> Skew | None:
        """How far this machine's clock is off; None when it is not, or nobody can tell.

        The store is believed first, then another server that the settings name. Of other hosts at
        least two must say so.
        """
        if self._agreed:
            return None
        with self._lock:
            apart = {key: seen for key, seen in self._seen.items() if seen[0]}
        for witness, least in (("store", 1), ("named", 1), ("other", 2)):
            of_kind = [(seen, key[1]) for key, seen in apart.items() if key[0] == witness]
            if len(of_kind) >= least:
                (ahead, told), host = min(of_kind, key=lambda found: abs(found[0][0]))
                return Skew(host, ahead, told, is_alone=len(apart) == 1)
        return None


def _is_near(host: str) -> bool:
    """Whether a host may run on this machine, or in a container on it: a private or short name."""
    from ipaddress import ip_address

    name = host.strip("[]")
    try:
        return not ip_address(name).is_global
    except ValueError:
        return "." not in name or name.endswith((".localhost", ".local", ".internal"))


def _span(seconds: float) -> str:
    """A time span in the largest unit of which there are at least two: `2 d`, `25 h`, `6 min`."""
    if seconds >= 2 * _DAY_S:
        return f"{seconds / _DAY_S:.0f} d"
    if seconds >= 2 * _HOUR_S:
        return f"{seconds / _HOUR_S:.0f} h"
    return f"{seconds / 60:.0f} min"


@lru_cache(maxsize=64)
def http_date(text: str) -> float | None:
    """A `Date` header as epoch seconds (RFC 9110, 5.6.7); None when it is none.

    Kept for some texts: many answers of one second hold the same.
    """
    # Imported here: it loads slowly, and many commands ask no server.
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    try:
        # "-0000" comes without a zone: UTC (RFC 5322, 3.3).
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


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
