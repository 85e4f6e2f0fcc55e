"""Leases of each kind: time to take, to renew, and to take over after a kill (medians)."""

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks.measure import Figure

from tests.contract.lease_kinds import KINDS, lease_kind
from tests.contract.lease_processes import CONTAINER, Actor
from tests.fakes.base import FakeServer
from tests.fakes.s3 import MotoApp

_TIMES, _KILLS, _ENDS = 40, 7, 3
_SHORT_TTL_S = 1.0

Start = Callable[..., Actor]


def leases(_: argparse.Namespace) -> Iterator[Figure]:
    """Each kind on loopback, measured in processes of their own; a warm one for all but the kill."""
    with FakeServer(MotoApp()) as server:
        for name in KINDS:
            if name == "redis" and shutil.which("redis-server") is None:
                yield Figure("redis", "skipped", "redis-server is not installed")
                continue
            yield from _of_kind(name, server)


def _of_kind(name: str, server: FakeServer) -> Iterator[Figure]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kind = stack.enter_context(lease_kind(name, folder, server))

        def start(machine: str, prefix: tuple[str, ...] = (), **variables: str) -> Actor:
            return stack.enter_context(Actor(kind.environment(machine, **variables), prefix))

        taker = start("one")
        taken, renewed = taker.do("measure", _TIMES)
        yield _figure(f"{name}: take", taken)
        yield _figure(f"{name}: renew", renewed)
        yield _figure(f"{name}: take over from a process killed here", _here(start, taker))
        ends = _elsewhere(start)
        if not ends:
            yield Figure(f"{name}: … killed where it cannot be seen", "skipped", "no unshare")
            return
        aim = f"after a kill right after a renewal; the lease's time is {_SHORT_TTL_S:g} s"
        yield _figure(f"{name}: take over from a container killed", ends, aim)


def _here(start: Start, taker: Actor) -> list[float]:
    """Milliseconds to take the lease of a process of this machine that was just killed."""
    found = []
    for number in range(_KILLS):
        with start("one") as holder:
            holder.do("take", f"run-{number}")
            holder.kill()
        found.append(taker.do("measure_takeover", f"next-{number}")[0])
        taker.do("release")
    return found


def _elsewhere(start: Start) -> list[float]:
    """Milliseconds from the kill of a container to the lease's end as others see it."""
    tried = subprocess.run([*CONTAINER, "true"], check=False, capture_output=True)
    if tried.returncode:
        return []
    short = {"DATAFETCH_LOCK_TTL_MS": str(round(_SHORT_TTL_S * 1000))}
    found = []
    with start("two", **short) as taker:
        for number in range(_ENDS):
            with start("container", CONTAINER, **short) as holder:
                holder.do("take", f"run-{number}")
                holder.do("renew")
                holder.kill()
            found.append(taker.do("measure_takeover", f"next-{number}")[0])
            taker.do("release")
    return found


def _figure(case: str, found: list[float], aim: str = "") -> Figure:
    return Figure(case, f"{median(found):.1f} ms", f"{aim or f'median of {len(found)}'}")
