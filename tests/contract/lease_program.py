"""A process that takes leases as a run does, and does what it is told: `python -m tests.contract.lease_program`.

Its settings are those of the command. It reads commands, a line of JSON each (the name, then the
arguments), and prints for each a line of JSON: what the command returned, or the error.

LEASE_PROGRAM_CLOCK may name a file with two numbers, by which the clocks of this machine are off:
the time, and the clock that never goes back.
"""

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from datafetch.clock import CancelToken, Clock, SystemClock
from datafetch.environment import load_settings
from datafetch.errors import DatafetchError, LeaseHeld
from datafetch.factory import make_parts
from datafetch.ops.lease import Grant, HeldLease
from datafetch.store.fenced import Fence, FencedStore

JOB = "logos"
_PATIENCE_S = 0.5
"""Seconds after which whoever waits for the bell tries again: the bell of others may be missed."""

_PAUSE_S = 0.02


class OffClock(SystemClock):
    """The machine's clocks, off by what the file says at that moment."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def now(self) -> float:
        """The wrong time."""
        return super().now() + self._off()[0]

    def monotonic(self) -> float:
        """As if the machine had been stopped meanwhile."""
        return super().monotonic() + self._off()[1]

    def _off(self) -> list[float]:
        return [float(number) for number in self._path.read_text().split()]


class StopsAfterLook:
    """Asks another fence, and has this process stopped right after the first answer."""

    def __init__(self, fence: Fence) -> None:
        self._fence = fence
        self._looked = False

    def check(self) -> None:
        """See `Fence.check`."""
        self._fence.check()
        if not self._looked:
            self._looked = True
            os.kill(os.getpid(), signal.SIGSTOP)


class Program:
    """The leases and the store of this process, and the lease that it has."""

    def __init__(self) -> None:
        off = os.environ.get("LEASE_PROGRAM_CLOCK")
        self._clock: Clock = OffClock(Path(off)) if off else SystemClock()
        parts = make_parts(load_settings(None), self._clock, CancelToken())
        self._leases, self._store = parts.leases, parts.store
        self._grant: Grant | None = None
        self._lease: HeldLease | None = None

    def now(self) -> float:
        """The time, as this process has it."""
        return self._clock.now()

    def process(self) -> list[Any]:
        """Who this is to others."""
        from datafetch.ops.leases.process import this_process

        found = this_process()
        return [found.host, found.pid, found.boot]

    def take(self, run_id: str) -> dict[str, Any]:
        """Take the lease, and have it renewed as a run does."""
        grant = self._grant = self._leases.acquire(JOB, run_id)
        self._lease = HeldLease(self._leases, grant, self._clock, lambda _lost: None)
        self._lease.start()
        dead = grant.took_from
        took_from = None if dead is None else [dead.run_id, dead.is_gone]
        return {"token": grant.token, "took_from": took_from}

    def renew(self) -> int:
        """Renew the lease now, past the thread that does; returns the token."""
        assert self._grant is not None
        self._grant = self._leases.renew(self._grant)
        return self._grant.token

    def release(self) -> None:
        """Give the lease back."""
        assert self._lease is not None
        self._lease.release()

    def write(self, key: str, text: str) -> None:
        """Write an object, if the lease lives."""
        self._fenced(self._held()).put(key, text.encode())

    def write_stopped(self, key: str, text: str) -> None:
        """Write an object, stopped between the look at the lease and the write."""
        self._fenced(StopsAfterLook(self._held())).put(key, text.encode())

    def contend(self, run: str, times: int, log: str, bell: list[int]) -> int:
        """Take the lease so often, and write down in the log when its work begins and ends.

        Who is locked out waits until somebody rings the bell, a pipe, on giving the lease back: two
        of those who wait are woken, so that they meet, and also meet the one that gave it back.

        Returns:
            How often it was locked out.
        """
        listens, rings = bell
        file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        refused = 0
        for number in range(times):
            while True:
                try:
                    grant = self._leases.acquire(JOB, f"{run}-{number}")
                    break
                except LeaseHeld:
                    refused += 1
                    if select.select([listens], [], [], _PATIENCE_S)[0]:
                        with suppress(BlockingIOError):
                            os.read(listens, 1)
            os.write(file, f"begin {grant.token} {grant.run_id}\n".encode())
            grant = self._leases.renew(grant)
            os.write(file, f"end {grant.token} {grant.run_id}\n".encode())
            self._leases.release(grant)
            with suppress(BlockingIOError):
                os.write(rings, b"..")
        os.close(file)
        return refused

    def measure(self, times: int) -> list[list[float]]:
        """Milliseconds to take the lease and to renew it, each so often."""
        taken: list[float] = []
        renewed: list[float] = []
        for number in range(times):
            began = time.perf_counter()
            grant = self._leases.acquire(JOB, f"run-{number}")
            had = time.perf_counter()
            grant = self._leases.renew(grant)
            renewed.append((time.perf_counter() - had) * 1000)
            taken.append((had - began) * 1000)
            self._leases.release(grant)
        return [taken, renewed]

    def measure_takeover(self, run_id: str) -> list[float]:
        """Try until the lease of somebody else can be taken; milliseconds of that, and of the last try."""
        began = time.perf_counter()
        while True:
            tried = time.perf_counter()
            try:
                self.take(run_id)
            except LeaseHeld:
                self._clock.sleep(_PAUSE_S)
                continue
            ended = time.perf_counter()
            return [(ended - began) * 1000, (ended - tried) * 1000]

    def _held(self) -> HeldLease:
        assert self._lease is not None
        return self._lease

    def _fenced(self, fence: Fence) -> FencedStore:
        return FencedStore(self._store, fence)


def main() -> None:
    """Do what standard input says until it ends."""
    program = Program()
    commands: dict[str, Callable[..., object]] = {
        name: getattr(program, name) for name in dir(program) if not name.startswith("_")
    }
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            told: dict[str, object] = {"value": commands[name](*arguments)}
        except DatafetchError as error:
            told = {"error": type(error).__name__, "message": str(error), "hint": error.hint}
        print(json.dumps(told), flush=True)  # noqa: T201 - what was told


if __name__ == "__main__":
    main()
