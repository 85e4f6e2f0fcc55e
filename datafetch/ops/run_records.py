"""Reads a job's state, history and dead letters when its run begins, and writes them when it ends."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from datafetch.clock import Clock, to_ms
from datafetch.errors import PreconditionFailed, StoreConflict
from datafetch.models.json import JsonObject
from datafetch.models.run import JobName, RunResult
from datafetch.models.shard import Shard
from datafetch.models.text import one_line
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.history import (
    FailedRunItem,
    RunPlace,
    history_entry,
    history_record,
    unnoticed_entry,
    with_run,
)
from datafetch.ops.job_health import JobHealth, KilledRun
from datafetch.ops.lease import HeldLease
from datafetch.ops.record import Record
from datafetch.ops.scheduled import ScheduledStart
from datafetch.ops.slots import ended
from datafetch.ops.state import JobState, begin, end, ended_unnoticed, state_record
from datafetch.redaction import redact
from datafetch.runtime.engine import beside, together
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys
from datafetch.store.last_look import looked_at_again

_LONGEST_NAME = 100

_TRIES = 100
"""Attempts to write a record that other shares write, too, of which many may end at once."""

_CONFLICTS = 10
"""Attempts when the store answers that another write is under way (409), after its own waits."""


@dataclass(frozen=True, slots=True)
class _LoadedRecords:
    """A job's records as they were when its run began."""

    letters: DeadLetters
    state: Record[JobState | None]
    history: Record[list[object]]


class RunRecords:
    """The records of one job during one run; each is a stored object, and all are read at once."""

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        job: JobName,
        clock: Clock,
        scheduled: ScheduledStart | None = None,
        shard: Shard | None = None,
    ) -> None:
        """`scheduled` is what a scheduled run has read of the state already; None for other runs.

        A share has a state of its own. History and dead letters belong to the job: other shares may
        change them at the same time.
        """
        self._scheduled = scheduled
        self._shard = shard
        self._store = store
        self._keys = keys
        self._job = job
        self._clock = clock
        self._reading: Callable[[], _LoadedRecords] | None = None
        self._lease: HeldLease | None = None
        self._killed: KilledRun | None = None
        self._failures_before = 0
        self._over: JobState | None = None

    def ask(self, *more: Callable[[], object]) -> None:
        """Start to read the records and to call each of `more`, all on threads of their own.

        Meant to be called while the job's lease is being taken (`when_free`). A second call
        discards what the first one read. Errors are raised by `begin`.
        """
        self._reading = beside(lambda: self._load(*more))

    def begin(self, run_id: str, lease: HeldLease | None = None) -> DeadLetters:
        """Wait for what `ask` started, mark the job as running, and return its dead letters.

        The run before that never said how it ended gets its entry in the history. `lease` is the
        one that the run holds; None for a lease that never ends.

        A scheduled run claims its slot by the same write.

        Records that another run has written since they were read are read once more: the first
        reading may be from before the lease was there.

        Raises:
            NotDueError: a scheduled run has found that its slot was run meanwhile.
            LeaseLost: the lease is over, since this process stood still; nothing more was written.
            PreconditionFailed: another run has written since, twice.
            StoreError: the store did not answer; nothing is written unless all could be read.
        """
        self._loaded()
        self._lease = lease
        with _under(lease):
            try:
                self._mark_as_running(run_id, lease)
            except PreconditionFailed:
                _check(lease)
                if self._scheduled is not None:
                    self._scheduled.look()
                self.ask()
                self._mark_as_running(run_id, lease)
        return self._loaded().letters

    def _mark_as_running(self, run_id: str, lease: HeldLease | None) -> None:
        _check(lease)
        state = self._begun(run_id, lease)
        _check(lease)
        self._loaded().state.save(state)

    def _begun(self, run_id: str, lease: HeldLease | None) -> JobState:
        """The state of this run; the one before gets its entry in the history, if it has none."""
        read, now = self._loaded(), self._clock.now()
        known, now_ms = read.state.value, to_ms(now)
        gone = ended_unnoticed(known, lease.took_from if lease else None, now)
        if known is not None and gone:
            # The history first: if this run dies in between, the next one finds it is told.
            entry = unnoticed_entry(
                known.id, self._job, gone, now_ms, _began(known), shard=self._shard
            )
            self._add_to_history(read.history, entry)
        state = begin(known, job=self._job, run_id=run_id, now_ms=now_ms, unnoticed=gone)
        self._failures_before, self._killed = state.retry_count, None
        if known is not None and gone:
            run = one_line(known.id, _LONGEST_NAME)
            self._killed = KilledRun(run, gone, known.retry_count, state.retry_count)
        return state if self._scheduled is None else self._scheduled.claim(state, run_id)

    def notes(self) -> tuple[str, ...]:
        """What to tell users of the run before, and of records that could not be read."""
        read = self._loaded()
        pauses = self._scheduled.broken if self._scheduled else ""
        killed = self._killed
        took_over = f"took over from run {killed.run_id}, which {killed.gone}" if killed else ""
        told = (
            *(took_over, read.state.broken, read.history.broken, read.letters.broken),
            pauses,
        )
        return tuple(note for note in told if note)

    def end(
        self, result: RunResult, *, full_sync: bool, stays_due: bool = False, unmerged: bool = False
    ) -> None:
        """Store how the run ended.

        With `stays_due` a scheduled run may run its slot again. With `unmerged` a share's results
        are not in the dataset yet, so that the run is no success.

        When the run's lease is over, the state is written first, on the condition that it is still
        the one that this run wrote: if it is, no other run has begun.

        Raises:
            PreconditionFailed: another run has written since, and its records stay. It put this
                run into the history when it took over.
            StoreError: the store did not answer. Of several errors, that of the state is raised.
        """
        read, now_ms = self._loaded(), to_ms(self._clock.now())
        state = read.state.value
        assert state is not None, "the run was not begun"
        entry = history_entry(
            result, self._job, now_ms, began=_began(state), failed=_failed_in(read.letters)
        )
        over = end(state, result, full_sync=full_sync, now_ms=now_ms, unmerged=unmerged)
        over = ended(over, result, stays_due=stays_due)
        self._over = over
        if self._lease is None or self._lease.holds():
            _, changed, _ = together(
                lambda: read.state.save(over),
                lambda: _is_changed(read.letters),
                lambda: self._add_to_history(read.history, entry),
            )
            if changed:  # by other shares, or by hand: this run's state stood
                _together_with_others(read.letters.save)
            return
        read.state.save(over)
        together(
            lambda: _together_with_others(read.letters.save),
            lambda: self._add_to_history(read.history, entry),
        )

    def _add_to_history(self, history: Record[list[object]], entry: JsonObject) -> None:
        """Add a run to the job's history; one that is in it already is not added again.

        Raises:
            StoreError: the history could not be written.
        """
        _together_with_others(partial(history.change, partial(with_run, entry=entry)))

    def killed(self) -> KilledRun | None:
        """The run before, if it never said how it ended; to be asked after `begin`."""
        return self._killed

    def health(self) -> JobHealth | None:
        """The job's health after this run; None before `end`."""
        over = self._over
        if over is None:
            return None
        return JobHealth(
            failures_before=self._failures_before,
            failures=over.retry_count,
            last_run_at=over.completed_at or over.started_at,
            last_success_at=over.last_successful_sync_at,
            dead_letters=len(self._loaded().letters.letters),
        )

    def _loaded(self) -> _LoadedRecords:
        assert self._reading is not None, "nothing was asked for"
        return self._reading()

    def _load(self, *more: Callable[[], object]) -> _LoadedRecords:
        if self._scheduled is None:
            state = state_record(self._store, self._keys, self._job, self._clock, self._shard)
            read_state: tuple[Callable[[], object], ...] = (state.load,)
        else:
            state, read_state = self._scheduled.state, ()
        history = history_record(self._store, self._keys, self._job, self._clock)
        letters, _ = together(
            lambda: DeadLetters.load(self._store, self._keys, self._job, self._clock),
            lambda: together(history.load, *read_state, *more),
        )
        return _LoadedRecords(letters, state, history)


def _began(state: JobState) -> RunPlace:
    return RunPlace(state.started_at, state.host, state.pid)


def _failed_in(letters: DeadLetters) -> list[FailedRunItem]:
    """The items that this run asked for in vain."""
    untried = {letter.id for letter in letters.untried()}
    return [
        FailedRunItem(letter.item, letter.error.removeprefix(f"{redact(letter.item)}: "))
        for letter in list(letters.letters.values())
        if letter.id not in untried
    ]


def _together_with_others(change: Callable[..., None]) -> None:
    """Change a record that other shares of the job change too, or people who drop letters.

    When several write at the same moment, one of them succeeds and the others try again.

    Raises:
        StoreConflict: others were faster at every attempt.
        StoreError: it could not be written.
    """
    for left in reversed(range(_CONFLICTS)):
        try:
            change(tries=_TRIES)
        except PreconditionFailed as error:
            raise StoreConflict(
                f"{error.key} was changed by others each of {_TRIES} times in which it was to be "
                "written",
                key=error.key,
            ) from error
        except StoreConflict:
            if left == 0:
                raise
        else:
            return


def _is_changed(letters: DeadLetters) -> bool:
    """Store the letters, unless others have written since; returns whether they have."""
    try:
        letters.save(tries=1)
    except (PreconditionFailed, StoreConflict):
        return True
    return False


def _check(lease: HeldLease | None) -> None:
    if lease is not None:
        lease.check()


def _under(lease: HeldLease | None) -> AbstractContextManager[None]:
    """Have the store look, right before each write in the block, whether the lease is alive."""
    return nullcontext() if lease is None else looked_at_again(lease.check)
