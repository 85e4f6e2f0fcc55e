"""How all jobs are, as the store said last: read at most every two seconds, however many ask."""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from datafetch.clock import Clock
from datafetch.errors import DatafetchError, StoreError, StoreUnavailable, Unexpected
from datafetch.logs import bound_logger
from datafetch.models.json import JsonObject
from datafetch.ops.overview import Overview
from datafetch.ops.overview_report import document, failed_document
from datafetch.printable import printable_json
from datafetch.web.loops import first_of, on_this_loop

_FRESH_S = 2.0
"""Seconds for which what was read counts as new."""

_LONGEST_S = 7.0
"""Seconds that somebody waits for the store; then it counts as not answering."""

_log = bound_logger()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was read at one moment.

    Attributes:
        number: grows by one with each snapshot that says something else than the one before.
        at: when it was read, epoch seconds.
        overview: None when the store could not be asked.
        document: what `status --json` would print.
        body: the document as bytes of JSON.
        error: why the store could not be asked.
    """

    number: int
    at: float
    overview: Overview | None
    document: JsonObject
    body: bytes
    error: DatafetchError | None = None


class StatusBoard:
    """Reads the overview when it is asked for, once for all who ask. Thread-safe.

    `look` reads the store. Its calls are bounded in time by the store; one that hangs all the same
    is left on its thread, and the next reader does not start another beside it.
    """

    def __init__(self, look: Callable[[], Overview], clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._guard = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._good: Snapshot | None = None
        self._read_at = 0.0
        self._asked = 0
        """How often `expire` was called: a read that began before the last call does not count as new."""
        self._known = -1
        """What `_asked` was when the read that made the snapshot began."""
        self._is_reading = False
        self._waiting: dict[object, Callable[[], None]] = {}
        """Those on an event loop who wait for a look to end."""

    async def soon(self) -> Snapshot:
        """What the store says, two seconds old at most; waits for the store, seven seconds at most.

        However many wait, they hold no thread.
        """
        until = self._clock.monotonic() + _LONGEST_S
        looked, key = asyncio.Event(), object()
        with self._guard:
            wanted = self._asked
            self._waiting[key] = on_this_loop(looked.set)
        try:
            while True:
                looked.clear()
                with self._guard:
                    if (found := self._new(wanted)) is not None:
                        return found
                left_s = until - self._clock.monotonic()
                if left_s <= 0:
                    return self._no_answer()
                await first_of(looked, left_s)
        finally:
            with self._guard:
                del self._waiting[key]

    def expire(self) -> None:
        """Have the next reader see what is stored from now on."""
        with self._guard:
            self._asked += 1

    def last(self) -> Snapshot | None:
        """The newest snapshot of a store that answered, however old it is; None before the first."""
        with self._guard:
            return self._good

    # ----------------------------------------------------------------- inside

    def _new(self, wanted: int) -> Snapshot | None:
        """What was read, if that is new enough; else have the store read. Under the guard."""
        found = self._snapshot
        is_new = self._clock.monotonic() - self._read_at < _FRESH_S
        if found is not None and self._known >= wanted and is_new:
            return found
        if not self._is_reading:
            try:
                threading.Thread(target=self._fill, name="status-board", daemon=True).start()
            except RuntimeError as error:  # the system has no thread to give; it may have one later
                return self._made(None, Unexpected.of(error), self._clock.now())
            self._is_reading = True
        return None

    def _fill(self) -> None:
        with self._guard:
            wanted = self._asked
        overview: Overview | None = None
        error: DatafetchError | None = None
        try:
            overview = self._look()
        except StoreError as failed:
            error = failed
        except Exception as failed:  # noqa: BLE001 - told as the state of the store
            _log.exception("unexpected_error")
            error = Unexpected.of(failed)
        made = self._made(overview, error, self._clock.now())
        with self._guard:
            before = self._snapshot
            is_news = before is None or _said(made.document) != _said(before.document)
            number = (before.number if before else 0) + is_news
            self._snapshot = made = Snapshot(
                number, made.at, made.overview, made.document, made.body, made.error
            )
            if overview is not None:
                self._good = made
            self._read_at, self._known = self._clock.monotonic(), wanted
            self._is_reading = False
            for call in self._waiting.values():
                call()

    def _no_answer(self) -> Snapshot:
        error = StoreUnavailable(
            f"the store did not answer within {_LONGEST_S:g} s",
            hint="Whether the jobs are fresh is not known. `datafetch doctor` looks at the store.",
        )
        return self._made(None, error, self._clock.now())

    @staticmethod
    def _made(overview: Overview | None, error: DatafetchError | None, now: float) -> Snapshot:
        if overview is not None:
            found = document(overview)
        else:
            found = failed_document(error or StoreUnavailable(), now)
        body = printable_json(json.dumps(found)).encode()
        return Snapshot(0, now, overview, found, body, error)


def _said(found: Mapping[str, object]) -> Mapping[str, object]:
    """The document without what changes with each look: its time, and the sentence's distances."""
    return {name: value for name, value in found.items() if name not in ("at", "sentence")}
