"""Reads a job's state, history and dead letters when its run begins, and writes them when it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from datafetch.clock import Clock, to_ms
from datafetch.models.run import JobName, RunResult
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.history import history_entry, history_record, with_run
from datafetch.ops.record import Record
from datafetch.ops.state import JobState, begin, end, state_record
from datafetch.runtime.engine import beside, together
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys


@dataclass(frozen=True, slots=True)
class _LoadedRecords:
    """A job's records as they were when its run began."""

    letters: DeadLetters
    state: Record[JobState | None]
    history: Record[list[object]]


class RunRecords:
    """The records of one job during one run; each is a stored object, and all are read at once."""

    def __init__(self, store: ObjectStore, keys: Keys, job: JobName, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._job = job
        self._clock = clock
        self._reading: Callable[[], _LoadedRecords] | None = None

    def ask(self, *more: Callable[[], object]) -> None:
        """Start to read the records and to call each of `more`, all on threads of their own.

        Meant to be called while the job's lease is being taken (`when_free`). A second call
        discards what the first one read. Errors are raised by `begin`.
        """
        self._reading = beside(lambda: self._load(*more))

    def begin(self, run_id: str) -> DeadLetters:
        """Wait for what `ask` started, mark the job as running, and return its dead letters.

        Raises:
            StoreError: the store did not answer; nothing is written unless all could be read.
        """
        read, now_ms = self._loaded(), to_ms(self._clock.now())
        read.state.save(begin(read.state.value, job=self._job, run_id=run_id, now_ms=now_ms))
        return read.letters

    def notes(self) -> tuple[str, ...]:
        """What to tell users of records that could not be read when the run began."""
        read = self._loaded()
        broken = (read.state.broken, read.history.broken, read.letters.broken)
        return tuple(note for note in broken if note)

    def end(self, result: RunResult, *, full_sync: bool) -> None:
        """Store how the run ended.

        Raises:
            PreconditionFailed: another run has written since: its state and its dead letters
                stand, the history has both runs.
            StoreError: the store did not answer. Of several errors, that of the state is raised.
        """
        read, now_ms = self._loaded(), to_ms(self._clock.now())
        state = read.state.value
        assert state is not None, "the run was not begun"
        entry = history_entry(result, self._job, now_ms)
        together(
            lambda: read.state.save(end(state, result, full_sync=full_sync, now_ms=now_ms)),
            read.letters.save,
            lambda: read.history.change(partial(with_run, entry=entry)),
        )

    def _loaded(self) -> _LoadedRecords:
        assert self._reading is not None, "nothing was asked for"
        return self._reading()

    def _load(self, *more: Callable[[], object]) -> _LoadedRecords:
        state = state_record(self._store, self._keys, self._job, self._clock)
        history = history_record(self._store, self._keys, self._job, self._clock)
        letters, _ = together(
            lambda: DeadLetters.load(self._store, self._keys, self._job, self._clock),
            lambda: together(state.load, history.load, *more),
        )
        return _LoadedRecords(letters, state, history)
