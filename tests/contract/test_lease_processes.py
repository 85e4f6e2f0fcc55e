"""One suite for every kind of leases, with real processes: they meet, are killed, paused, or have a wrong clock."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from datafetch.errors import LeaseHeld
from datafetch.factory import Parts
from tests.contract.lease_kinds import JOB, LeaseKind
from tests.contract.lease_processes import Actor, bell, clock_file, clock_off, in_container

PROCESSES = 8
_TIMES = {"folder": 40, "file": 40}
"""How often each process has the lease; a service answers slower, so there it is less often."""

_TIMES_AT_SERVICES = 12
HOUR_S = 3600
CONTENT = "json/site-logos/content-test.json"

Start = Callable[..., Actor]


@pytest.fixture
def start(kind: LeaseKind) -> Iterator[Start]:
    """Starts a process that uses the kind; killed in the end."""
    with ExitStack() as stack:

        def started(
            machine: str = "one",
            prefix: tuple[str, ...] = (),
            files: tuple[int, ...] = (),
            **variables: str,
        ) -> Actor:
            return stack.enter_context(Actor(kind.environment(machine, **variables), prefix, files))

        yield started


def _let_it_end(kind: LeaseKind) -> None:
    """Let the rest of a lease pass of which a minute was left, as little as the services allow."""
    kind.let_pass(65)


def _overlaps(log: str) -> tuple[list[str], list[int]]:
    """Whose work began while another's had not ended; and the tokens, in the order of the work."""
    found: list[str] = []
    tokens: list[int] = []
    at_work: str | None = None
    for line in log.splitlines():
        what, token, run = line.split()
        if what == "begin":
            tokens.append(int(token))
            if at_work is not None:
                found.append(f"{run} began while {at_work} was at work")
            at_work = run
        else:
            if at_work != run:
                found.append(f"{run} ended its work while {at_work} was at work")
            at_work = None
    return found, tokens


def test_the_check_sees_who_works_while_another_one_does() -> None:
    """Two at work at once, and an end that is another's, are told; work one after the other is none."""
    assert _overlaps("begin 1 a\nend 1 a\nbegin 2 b\nend 2 b\n") == ([], [1, 2])
    found, tokens = _overlaps("begin 1 a\nbegin 2 b\nend 1 a\nend 2 b\n")
    assert found == [
        "b began while a was at work",
        "a ended its work while b was at work",
        "b ended its work while None was at work",
    ]
    assert tokens == [1, 2]


@pytest.mark.timeout(300)
def test_the_work_of_many_processes_never_overlaps(
    kind: LeaseKind, start: Start, tmp_path: Path
) -> None:
    """Eight processes on four machines take the lease again and again: one at a time, with tokens that only grow."""
    times = _TIMES.get(kind.name, _TIMES_AT_SERVICES)
    log = tmp_path / "log"
    with bell() as ends:
        actors = [
            start("one" if kind.name == "file" else f"m{number // 2}", files=ends)
            for number in range(PROCESSES)
        ]
        for number, actor in enumerate(actors):
            actor.tell("contend", f"run-{number}", times, str(log), ends)
        for actor in actors:
            told = actor.hear()
            assert not told.error, told
    found, tokens = _overlaps(log.read_text())
    assert found == []
    assert len(tokens) == PROCESSES * times
    assert all(earlier < later for earlier, later in pairwise(tokens))


@pytest.mark.parametrize("machine", ["one", "another"])
def test_the_lease_of_a_killed_process_is_taken_at_once(
    kind: LeaseKind, start: Start, machine: str
) -> None:
    """Whoever sees that the holder is gone waits for nothing, also with another folder for locks; and says whose it was."""
    holder = start()
    token = holder.do("take", "run-1")["token"]
    holder.kill()
    with kind.opened(machine) as parts:
        grant = parts.leases.acquire(JOB, "run-2")
        assert grant.token > token
        assert grant.took_from is not None
        assert (grant.took_from.run_id, grant.took_from.is_gone) == ("run-1", True)


def test_a_killed_process_that_nobody_can_see_keeps_its_lease_until_its_end(
    kind: LeaseKind, start: Start
) -> None:
    """Killed in a container, its number says nothing here: its lease is taken when its time is over, not before."""
    holder = start("container", prefix=in_container())
    token = holder.do("take", "run-1")["token"]
    holder.kill()
    taker = start()
    kind.let_pass(240)
    told = taker.ask("take", "run-2")
    assert (told.error, "run-1" in told.message) == ("LeaseHeld", True), told
    _let_it_end(kind)
    taken = taker.do("take", "run-2")
    assert taken["token"] > token
    assert taken["took_from"] == ["run-1", False]


def test_a_container_with_our_host_name_and_number_is_not_robbed(
    kind: LeaseKind, start: Start
) -> None:
    """Both are process 1 on one host: the second took the lease of the first, and both ran."""
    container = in_container()
    holder, other = start("a", prefix=container), start("b", prefix=container)
    here, there = holder.do("process"), other.do("process")
    assert here[:2] == there[:2]
    assert here[1] == 1
    assert here[2] != there[2]
    token = holder.do("take", "run-1")["token"]
    told = other.ask("take", "run-2")
    assert (told.error, "process 1 on" in told.message) == ("LeaseHeld", True), told
    assert "Whether it is alive cannot be seen from here, only its host name is ours" in told.hint
    assert holder.do("renew") == token
    # The container is started again, and meets its own lease.
    holder.kill()
    assert other.ask("take", "run-2").error == "LeaseHeld"
    kind.let_pass(240)
    assert other.ask("take", "run-2").error == "LeaseHeld"
    _let_it_end(kind)
    assert other.do("take", "run-2")["token"] > token


def test_a_process_that_was_paused_past_its_lease_writes_nothing_when_it_wakes(
    kind: LeaseKind, start: Start, tmp_path: Path
) -> None:
    """Stopped between the look at its lease and the write: what another run stored meanwhile stays, and so does its lease."""
    holder = start(**clock_file(tmp_path))
    token = holder.do("take", "run-1")["token"]
    holder.do("write", CONTENT, '"by run-1"')
    holder.tell("write_stopped", CONTENT, '"late"')
    holder.wait_until_stopped()
    clock_file(tmp_path, later_s=301)
    kind.let_pass(305)
    with kind.opened("another") as parts:
        grant = parts.leases.acquire(JOB, "run-2")
        assert grant.token > token
        assert grant.took_from is not None
        assert (grant.took_from.run_id, grant.took_from.is_gone) == ("run-1", False)
        parts.store.put(CONTENT, b'"by run-2"')
        holder.wake()
        assert holder.hear().error == "LeaseLost"
        assert holder.ask("write", CONTENT, '"late"').error == "LeaseLost"
        assert kind.stored(CONTENT) == b'"by run-2"'
        assert holder.ask("renew").error == "LeaseLost"
        holder.do("release")
        assert parts.leases.renew(grant).token == grant.token
        parts.leases.release(grant)


@pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S], ids=["ahead", "behind"])
def test_a_wrong_clock_neither_robs_nor_waits(
    kind: LeaseKind, start: Start, tmp_path: Path, ahead_s: int
) -> None:
    """A machine's clock is an hour off: leases ended at once or never. They end when their service says, on both sides."""
    wrong = start("wrong", **clock_off(ahead_s, tmp_path))
    assert wrong.do("now") - time.time() == pytest.approx(ahead_s, abs=600)
    with kind.opened("right") as parts:
        parts.leases.acquire(JOB, "run-1")
        assert wrong.ask("take", "run-2").error == "LeaseHeld"
        kind.let_pass(240)
        assert wrong.ask("take", "run-2").error == "LeaseHeld"
        _let_it_end(kind)
        assert wrong.do("take", "run-2")["took_from"] == ["run-1", False]
    with kind.opened("third") as parts:
        for passed_s in (0, 240):
            kind.let_pass(passed_s)
            assert "run-2" in _refusal(parts)
        _let_it_end(kind)
        grant = parts.leases.acquire(JOB, "run-3")
        assert wrong.ask("renew").error == "LeaseLost"
        parts.leases.release(grant)


def _refusal(parts: Parts) -> str:
    """What somebody is told who is locked out."""
    with pytest.raises(LeaseHeld) as caught:
        parts.leases.acquire(JOB, "run-3")
    return str(caught.value)
