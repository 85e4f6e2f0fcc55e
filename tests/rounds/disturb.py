"""The runs of one round: started, disturbed at their moment, and awaited."""

import signal
import threading
from collections.abc import Callable

from tests.fakes.base import Answer, Request, Response
from tests.fakes.faults import dropped
from tests.fakes.world import World
from tests.rounds.places import BucketPlace, FolderPlace
from tests.rounds.plan import Round
from tests.rounds.runs import Run

_SPARE_S = 0.6
"""Seconds after which a lease is over for certain: stores tell whole seconds."""

_LONGEST_S = 300.0
_LONGEST_AFTER_SIGNAL_S = 20.0
"""Far above the contract's 6, since machines that try this may be busy."""

_POLL_S = 0.02
_SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}
_CODES = {
    signal.SIGKILL: {-signal.SIGKILL},
    # Before the program's first line the signal's own end counts.
    signal.SIGTERM: {143, -signal.SIGTERM},
    signal.SIGINT: {130, -signal.SIGINT},
}
_ENDED_ITSELF = {0, 1, 75}


class Disturbed:
    """The runs of one round, until all of them have ended."""

    def __init__(
        self,
        played: Round,
        world: World,
        place: FolderPlace | BucketPlace,
        start: Callable[..., Run],
    ) -> None:
        self._round = played
        self._world = world
        self.place = place
        self._start = start
        self.fired = threading.Event()
        self.faults: list[str] = []
        self.runs: list[Run] = []

    def play(self) -> None:
        """Start the run, wait for the moment, disturb, and see that all ends as it should."""
        played = self._round
        first = self._run(0)
        if played.kind in ("pair-kill", "clock-pair"):
            self._run(1)
        self._arm()
        while not self.fired.wait(_POLL_S) and first.code is None:
            pass
        if self.fired.is_set():
            self._after()
        self._await_end()

    def end(self) -> None:
        """Mend everything, and end what has not ended."""
        self.place.arm(0, lambda: None)
        self.place.mend()
        for app in self._world.apps.values():
            app.heal()
        for run in self.runs:
            run.end()
        self.place.settle()

    def _run(self, number: int) -> Run:
        played = self._round
        run = self._start(
            played.commands[number],
            f"{played.kind}-{number}",
            played,
            machine="there" if played.apart and number else "here",
            clock_s=0 if number else played.clock_s,
        )
        self.runs.append(run)
        return run

    def _arm(self) -> None:
        moment = self._round.moment
        if moment.of == "start":
            self.fired.wait(moment.number / 1000)
            self._fire()
        elif moment.of == "store":
            self.place.arm(moment.number, self._fire)
        else:
            self._arm_servers(moment.number)

    def _arm_servers(self, number: int) -> None:
        """Fire before the n-th request to any of the servers; then they answer it."""
        left, guard = [number], threading.Lock()

        def is_the_one(_request: Request) -> bool:
            with guard:
                left[0] -= 1
                return left[0] == 0

        def act(request: Request, answer: Answer) -> Response:
            self._fire()
            return answer(request)

        for app in self._world.apps.values():
            app.inject(act, is_the_one, times=1)

    def _fire(self) -> None:
        """The disturbance itself. Called by a server, in the midst of a request, so it is short."""
        kind, first = self._round.kind, self.runs[0]
        match kind:
            case "kill" | "term" | "int":
                first.send(_SIGNALS[kind])
            case "clock" | "build" | "pair-kill":
                first.send(signal.SIGKILL)
            case "pause":
                first.send(signal.SIGSTOP)
            case "hang" | "hang-term":
                self.place.hang()
            case "cut":
                self.place.cut()
            case "slow":
                self.place.slow()
            case "upstream":
                for app in self._world.apps.values():
                    app.inject(dropped())
        self.fired.set()

    def _after(self) -> None:
        """What follows the moment."""
        played, first = self._round, self.runs[0]
        still = threading.Event()
        match played.kind:
            case "pair":
                self._run(1)
            case "pause":
                still.wait(played.ttl_ms / 1000 + _SPARE_S)
                second = self._run(1)
                if played.early:
                    still.wait(_SPARE_S)
                else:
                    second.wait(_LONGEST_AFTER_SIGNAL_S)
                first.send(signal.SIGCONT)
            case "hang" | "cut" | "slow" | "upstream":
                still.wait(played.lasts_s or _SPARE_S)
                self.place.mend()
                for app in self._world.apps.values():
                    app.heal()
            case "hang-term":
                still.wait(_SPARE_S)
                first.send(signal.SIGTERM)
                if not first.wait(_LONGEST_AFTER_SIGNAL_S):
                    self.faults.append(f"SIGTERM did not end {first} while the store hung")

    def _await_end(self) -> None:
        """See that each run ends, with a code that it may have, and without a traceback."""
        for run in self.runs:
            if not run.wait(_LONGEST_S):
                self.faults.append(f"{run} did not end: {run.err[-1500:]}")
                continue
            if run.code not in self._codes(run):
                self.faults.append(f"{run} ended with a code that means nothing: {run.err[-1500:]}")
            if "Traceback" in run.err:
                self.faults.append(f"{run} showed a traceback: {run.err[-3000:]}")

    def _codes(self, run: Run) -> set[int]:
        kind = self._round.kind
        if run is not self.runs[0]:
            return _ENDED_ITSELF
        if kind in _SIGNALS:
            return _ENDED_ITSELF | _CODES[_SIGNALS[kind]]
        if kind in ("clock", "build", "pair-kill"):
            return _ENDED_ITSELF | _CODES[signal.SIGKILL]
        return _ENDED_ITSELF | (_CODES[signal.SIGTERM] if kind == "hang-term" else set())
