"""Takes the signals that end the program, from its first line to its last.

Python runs a handler of signals only when the main thread comes round to it, in the middle of
whatever it does, locks held. So the handler here only counts. The number of each signal is also
written to a pipe (`signal.set_wakeup_fd`), which a thread reads: it tells the work to stop, and
ends the process when that takes too long, whatever the main thread is busy with.

Nothing of ours is imported here before it is needed: this module is loaded first.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datafetch.clock import CancelToken
    from datafetch.errors import Cancelled

_ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)

_LONGEST_S = 5.4
"""Seconds after a signal, or the time limit, in which the process has ended.

The work ends itself before (`STOP_S`), which leaves some time to print the results.
"""

_AT_ONCE_S = 0.5
"""Seconds for the results to be printed after a second signal, and for the last words."""

_FAILED = 1


class Signals:
    """The signals of this process; there is one, `signals`."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._noted: list[int] = []
        self._taken = 0
        self._news = threading.Event()
        self._first: int | None = None
        self._stopped_at: float | None = None
        self._hurried_at: float | None = None
        self._limit: tuple[float, Cancelled] | None = None
        self._cancel: CancelToken | None = None
        self._last_words: Callable[[], None] | None = None
        self._pipe: tuple[int, int] | None = None

    def hold(self) -> None:
        """Note the signals that come from now on; `start` will act on them.

        One SIGHUP that is ignored stays so: `nohup` has started us.
        """
        for number in _ENDING:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note)

    def start(self, last_words: Callable[[], None]) -> None:
        """Act on signals, also on those that came since `hold`.

        `last_words` is called before the process is ended from here, on any thread; it tells the
        result as far as it is known.
        """
        self._last_words = last_words
        read, write = self._pipe = os.pipe()
        os.set_blocking(write, False)
        # While they are blocked none can be both in the list and in the pipe.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        early = tuple(self._noted)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        if early:
            os.write(write, bytes(early))
        threading.Thread(target=self._watch, args=[read], name="signals", daemon=True).start()

    def listen(self, cancel: "CancelToken", last_words: Callable[[], None]) -> None:
        """From now on a signal stops the work that looks at this token.

        A second one makes it be left at once. `last_words` takes the place of that of `start`.
        """
        if self._pipe is None:
            self.hold()
            self.start(last_words)
        self.settle()
        with self._guard:
            self._cancel, self._last_words = cancel, last_words
            first = self._first
        if first is not None:
            cancel.cancel(_stop_by(first))

    def limit(self, seconds: float, reason: "Cancelled") -> None:
        """Stop the work after so many seconds, for this reason, and end the process as after a signal."""
        with self._guard:
            self._limit = (time.monotonic() + seconds, reason)
        if self._pipe is not None:
            os.write(self._pipe[1], b"\0")  # the thread looks anew how long it may sleep

    def settle(self) -> None:
        """Wait until the thread has acted on the signals that the main thread has seen."""
        until = time.monotonic() + 1
        while len(self._noted) > self._taken and time.monotonic() < until:
            self._news.wait(0.01)
            self._news.clear()

    @property
    def code(self) -> int | None:
        """The exit code of the first signal, 128 and its number; None when none has come."""
        self.settle()
        return None if self._first is None else 128 + self._first

    # ------------------------------------------------- inside: on the main thread

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._noted.append(number)

    # ---------------------------------------------------- inside: on the thread

    def _watch(self, read: int) -> None:
        while True:
            due = self._due()
            left = None if due is None else max(0.0, due - time.monotonic())
            if select.select([read], [], [], left)[0]:
                for number in os.read(read, 64):
                    if number in _ENDING:
                        self._take(number)
                self._news.set()
            self._look_at_time()

    def _take(self, number: int) -> None:
        now = time.monotonic()
        with self._guard:
            again, self._first = self._first is not None, self._first or number
            self._stopped_at = self._stopped_at or now
            if again:
                self._hurried_at = self._hurried_at or now
            cancel = self._cancel
        if cancel is not None:
            cancel.cancel(_stop_by(number))
            if again:
                cancel.abandon()
        self._taken += 1

    def _due(self) -> float | None:
        """When there is something to do by the time, in monotonic seconds."""
        with self._guard:
            if self._stopped_at is not None:
                longest = self._stopped_at + _LONGEST_S
                hurried = self._hurried_at
                return longest if hurried is None else min(longest, hurried + _AT_ONCE_S)
            return None if self._limit is None else self._limit[0]

    def _look_at_time(self) -> None:
        due = self._due()
        if due is None or time.monotonic() < due:
            return
        if self._stopped_at is not None:
            self._end()
        assert self._limit is not None
        self._stopped_at = time.monotonic()
        if self._cancel is not None:
            self._cancel.cancel(self._limit[1])

    def _end(self) -> None:
        """End the process; what it still says may not hold it up."""
        if self._last_words is not None:
            words = threading.Thread(target=self._last_words, name="last-words", daemon=True)
            words.start()
            words.join(_AT_ONCE_S)
        os._exit(_FAILED if self._first is None else 128 + self._first)


def _stop_by(number: int) -> "Cancelled":
    from datafetch.errors import Cancelled

    return Cancelled(f"stopped by {signal.Signals(number).name}", signal=number)


signals = Signals()
