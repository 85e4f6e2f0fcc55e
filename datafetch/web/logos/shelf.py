"""Logos that were found on demand and wait to be stored; a thread stores them in batches."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from datafetch.clock import Clock
from datafetch.errors import Cancelled
from datafetch.logos.on_demand import FoundLogo
from datafetch.logos.rules.entries import Entry
from datafetch.logs import EventLogger
from datafetch.models.run import RunStatus

if TYPE_CHECKING:
    from datafetch.keep_run import KeptLogos

Keep = Callable[[Sequence[FoundLogo], Mapping[str, str]], "KeptLogos"]
"""Stores logos, and why domains have none; `DataFetchManager.keep_logos`."""

AGAIN_S = 30.0
"""Seconds until storing is tried again, after another run had the lease or the store failed."""

MOST_BYTES = 64 * 1024 * 1024
MOST_LOGOS = 5000
"""So many bytes of pictures, logos, and domains without one wait at most; more is not stored."""


class LogoShelf:
    """Holds found logos in memory until they are stored. Thread-safe.

    A logo is stored at once; all that come meanwhile are stored in one batch after it. While the
    lease is taken or the store fails, storing is tried every 30 seconds, and once more at the end.
    """

    def __init__(
        self,
        keep: Keep,
        clock: Clock,
        stored: Callable[[str, Entry | None], None],
        log: EventLogger,
        *,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """The sleep of `clock` ends when the server is asked to stop.

        `stored` is told of each logo that was taken off the shelf, with the entry that its domain
        has now; None when it was left out, as one of too many strangers.
        """
        self._keep = keep
        self._clock = clock
        self._stored = stored
        self._log = log
        self._most_bytes = most_bytes
        self._guard = threading.Lock()
        self._news = threading.Condition(self._guard)
        self._found: dict[str, FoundLogo] = {}
        self._without: dict[str, str] = {}
        self._bytes = 0
        self._tries: dict[str, Future[Entry | None]] = {}
        self._held_up = False
        self._ending = False
        self._thread: threading.Thread | None = None

    def add(self, found: FoundLogo) -> Future[Entry | None] | None:
        """Have a logo stored; None when there is no room for it.

        Returns:
            The result of the next try to store: the stored entry, or None when the logo has to wait.
        """
        attempt: Future[Entry | None] = Future()
        with self._news:
            before = self._found.get(found.domain)
            grows = len(found.body) - (0 if before is None else len(before.body))
            is_full = before is None and len(self._found) >= MOST_LOGOS
            if self._ending or is_full or self._bytes + grows > self._most_bytes:
                self._log.warning("logo_not_kept", extra={"domain": found.domain})
                return None
            self._found[found.domain] = found
            self._bytes += grows
            self._begin()
            if self._held_up:
                attempt.set_result(None)
            else:
                attempt = self._tries.setdefault(found.domain, attempt)
        return attempt

    def without_logo(self, domain: str, reason: str) -> None:
        """Have it stored that no provider has a logo for the domain, though every one answered."""
        with self._news:
            if self._ending or len(self._without) >= MOST_LOGOS:
                return
            self._without[domain] = reason
            self._begin()

    def waiting(self, domain: str) -> FoundLogo | None:
        """The logo of a domain that waits to be stored; None when none does."""
        with self._guard:
            return self._found.get(domain)

    @property
    def size(self) -> tuple[int, int]:
        """How many logos wait, and how many bytes their pictures have."""
        with self._guard:
            return len(self._found), self._bytes

    def close(self, wait_s: float) -> bool:
        """Try once more to store what waits, for `wait_s` seconds; returns whether that ended in time.

        Call it when the server was asked to stop, so that the clock does not sleep any more.
        """
        with self._news:
            self._ending = True
            self._news.notify_all()
            thread = self._thread
        if thread is None:
            return True
        thread.join(wait_s)
        return not thread.is_alive()

    def _begin(self) -> None:
        """Wake the thread, and start it when there is none; the caller holds the lock."""
        self._news.notify_all()
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._work, name="datafetch-logo-shelf", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no thread can be started: the next logo tries again
            self._log.warning("logos_not_kept", extra={"error": str(error)})
            self._held_up = True
        else:
            self._thread = thread

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._found or self._without or self._ending)
                last = self._ending
                found, without = dict(self._found), dict(self._without)
            done = not (found or without) or self._try(found, without)
            if last:
                if not done:
                    self._log.warning("logos_lost", extra={"logos": len(found)})
                return
            if not done:
                self._pause()

    def _pause(self) -> None:
        try:
            self._clock.sleep(AGAIN_S)
        except Cancelled:
            # At the end of the server: `close` follows, and then the last try.
            with self._news:
                self._news.wait_for(lambda: self._ending)

    def _try(self, found: dict[str, FoundLogo], without: dict[str, str]) -> bool:
        """Store a batch; returns whether it is stored. What came meanwhile stays for the next batch."""
        try:
            kept = self._keep(tuple(found.values()), without)
        except Exception:  # noqa: BLE001 - whatever it is, the thread has to go on
            self._log.exception("unexpected_error")
            self._settle({}, is_stored=False)
            return False
        if not kept.result.success:
            if kept.result.status is not RunStatus.LOCKED:
                self._log.warning("logos_not_kept", extra={"error": kept.result.error})
            self._settle({}, is_stored=False)
            return False
        with self._guard:
            for domain, logo in found.items():
                if self._found.get(domain) is logo:
                    del self._found[domain]
                    self._bytes -= len(logo.body)
            for domain, reason in without.items():
                if self._without.get(domain) is reason:
                    del self._without[domain]
        for domain in found:
            self._stored(domain, kept.entries.get(domain))
        self._settle({domain: kept.entries.get(domain) for domain in found}, is_stored=True)
        return True

    def _settle(self, entries: Mapping[str, Entry | None], *, is_stored: bool) -> None:
        """Tell those who wait what a try brought; a failed one brings all of them nothing."""
        with self._guard:
            self._held_up = not is_stored
            over = [*entries] if is_stored else [*self._tries]
            told = {
                domain: self._tries.pop(domain)
                for domain in over
                if domain in self._tries and (not is_stored or domain not in self._found)
            }
        for domain, attempt in told.items():
            attempt.set_result(entries.get(domain))
