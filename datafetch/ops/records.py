"""What is read when a run begins and written when it ends: state, history and dead letters."""

from datafetch.clock import Clock, to_ms
from datafetch.models.run import JobName, RunResult
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.history import History, history_entry
from datafetch.ops.state import StateBook
from datafetch.runtime.engine import together
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys


class RunRecords:
    """The records of one job during one run; each is one object, and they are asked for together."""

    def __init__(self, store: ObjectStore, keys: Keys, job: JobName, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._job = job
        self._clock = clock
        self._state = StateBook(store, keys, job, clock)
        self._history = History(store, keys, job, clock)
        self._letters: DeadLetters | None = None

    def begin(self, run_id: str) -> DeadLetters:
        """Mark the job as running by this process; gives its dead letters.

        Raises:
            StoreError: the store did not answer; unless all could be read nothing is written.
        """
        letters, *_ = together(
            lambda: DeadLetters.load(self._store, self._keys, self._job, self._clock),
            self._state.load,
            self._history.load,
        )
        self._state.start(run_id)
        self._letters = letters
        return letters

    def end(self, result: RunResult, *, full_sync: bool) -> None:
        """Store how the run ended; the state's error counts before those of the others.

        Raises:
            PreconditionFailed: another run has written since: its state and its dead letters
                stand, the history has both runs.
            StoreError: the store did not answer.
        """
        letters = self._letters
        assert letters is not None
        now_ms = to_ms(self._clock.now())
        together(
            lambda: self._state.finish(result, full_sync=full_sync),
            lambda: letters.save(self._store, self._keys, str(now_ms)),
            lambda: self._history.append(history_entry(result, self._job, now_ms)),
        )
