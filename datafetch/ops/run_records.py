"""Reads the records of a job when its run begins, and writes them when it ends: state, history, dead letters."""

from collections.abc import Callable
from dataclasses import dataclass

from datafetch.clock import Clock, to_ms
from datafetch.models.run import JobName, RunResult
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.history import History, history_entry
from datafetch.ops.state import StateBook
from datafetch.runtime.engine import beside, together
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys


class RunRecords:
    """The records of one job during one run; each is one object, and they are asked for together."""

    def __init__(self, store: ObjectStore, keys: Keys, job: JobName, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._job = job
        self._clock = clock
        self._reading: Callable[[], _Read] | None = None

    def ask(self, *more: Callable[[], object]) -> None:
        """Begin to read; for the moment in which the job's lease is free and being taken.

        `more` is what else is to be read then; errors are raised by `begin`. What was asked for
        last counts.
        """
        self._reading = beside(lambda: self._ask(*more))

    def begin(self, run_id: str) -> DeadLetters:
        """When all that was asked for is there, mark the job as running; gives its dead letters.

        Raises:
            StoreError: the store did not answer; unless all could be read nothing is written.
        """
        read = self._read()
        read.state.start(run_id)
        return read.letters

    def end(self, result: RunResult, *, full_sync: bool) -> None:
        """Store how the run ended; the state's error counts before those of the others.

        Raises:
            PreconditionFailed: another run has written since: its state and its dead letters
                stand, the history has both runs.
            StoreError: the store did not answer.
        """
        read = self._read()
        now_ms = to_ms(self._clock.now())
        together(
            lambda: read.state.finish(result, full_sync=full_sync),
            read.letters.save,
            lambda: read.history.append(history_entry(result, self._job, now_ms)),
        )

    def _read(self) -> "_Read":
        assert self._reading is not None, "nothing was asked for"
        return self._reading()

    def _ask(self, *more: Callable[[], object]) -> "_Read":
        state = StateBook(self._store, self._keys, self._job, self._clock)
        history = History(self._store, self._keys, self._job, self._clock)
        letters, _ = together(
            lambda: DeadLetters.load(self._store, self._keys, self._job, self._clock),
            lambda: together(state.load, history.load, *more),
        )
        return _Read(letters, state, history)


@dataclass(frozen=True, slots=True)
class _Read:
    """The records as they were when the run began."""

    letters: DeadLetters
    state: StateBook
    history: History
