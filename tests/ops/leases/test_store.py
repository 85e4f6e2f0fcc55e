"""The lease in the store: taken once, renewed, lost, taken over, released."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from datafetch.errors import LeaseHeld, LeaseLost, StoreConflict, StoreUnavailable
from datafetch.ops.lease import Grant, Predecessor
from datafetch.ops.leases.store import StoreLeases
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import Condition, FilePart, StoredObject
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.stores import Call, FaultyStore, MemoryStore
from tests.support import FakeClock, unprivileged

KEYS = Keys("-test")
TTL_S = 300.0


@pytest.fixture
def clock():
    """Told the time."""
    return FakeClock()


@pytest.fixture
def store(tmp_path, clock):
    """A folder whose ages go by the same clock."""
    return LocalStore(tmp_path / "store", clock)


def _leases(store, clock, tmp_path):
    return StoreLeases(store, KEYS, clock, lambda _job: TTL_S, tmp_path / "locks")


def _stored(store):
    return json.loads(store.get(KEYS.lock("bookmarks")).body)


def _pass(store, clock, seconds):
    """Let time pass for the runs, and for the file system that stamped the lock."""
    clock.advance(seconds)
    for lock in (Path(store.name.removeprefix("file:")) / "json/datafetch/locks").iterdir():
        written_at = lock.stat().st_mtime - seconds
        os.utime(lock, (written_at, written_at))


def test_a_lease_is_given_once(store, clock, tmp_path):
    """The conditional header never reached the PUT: every instance "had" the lock."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    with pytest.raises(LeaseHeld, match="run-1"):
        leases.acquire("bookmarks", "run-2")


def test_what_is_read_beside_the_taking_is_read_while_nobody_has_the_lease(store, clock, tmp_path):
    """Reading begins when the lease was seen free, anew when it changed hands since, never while it is held."""
    other = _leases(store, clock, tmp_path / "other")
    told: list[int] = []

    def somebody_is_faster(call: Call) -> None:
        if (call.method, len(told)) == ("put", 1):
            other.release(other.acquire("bookmarks", "run-0"))

    mine = _leases(FaultyStore(store, before=somebody_is_faster), clock, tmp_path)
    mine.acquire("bookmarks", "run-1", lambda: told.append(_token(store)))
    assert told == [0, 1]
    with pytest.raises(LeaseHeld):
        mine.acquire("bookmarks", "run-2", lambda: told.append(_token(store)))
    assert told == [0, 1]


def _token(store):
    """The fencing token of who had the lease last."""
    return _stored(store)["token"] if [*store.list("json/")] else 0


def test_of_many_takers_one_wins(store, clock, tmp_path):
    """Takers at the same moment: exactly one has the lease, the others are told."""
    outcomes: list[str] = []
    gate = threading.Barrier(6)

    def take(number: int) -> None:
        leases = StoreLeases(store, KEYS, clock, lambda _job: TTL_S, tmp_path / f"m{number}")
        gate.wait()
        try:
            leases.acquire("bookmarks", f"run-{number}")
            outcomes.append("had")
        except LeaseHeld:
            outcomes.append("held")

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["had", *["held"] * 5]


@pytest.mark.timeout(30)
def test_whoever_meets_a_run_that_is_stuck_in_the_taking_is_told(store, clock, tmp_path):
    """While the store hung, a second run waited a minute for the first one, whatever `--wait` said."""
    leases = _leases(store, clock, tmp_path)
    taking = RuntimeFolder(tmp_path / "locks").lock(f"{leases.lock_name('bookmarks')}.lock", 0)
    with taking, pytest.raises(LeaseHeld) as caught:
        leases.acquire("bookmarks", "run-2")
    assert "is being taken by another run of this machine right now" in str(caught.value)
    assert "--wait SECONDS. See which one: fuser " in caught.value.hint
    assert leases.acquire("bookmarks", "run-3").token == 1


def test_the_object_is_the_contracts(store, clock, tmp_path):
    """Who holds the lock can be read by people and by other runs."""
    grant = _leases(store, clock, tmp_path).acquire("bookmarks", "run-1")
    body = _stored(store)
    assert set(body) == {
        *(
            "owner",
            "host",
            "pid",
            "boot",
            "started",
            "runId",
            "acquiredAt",
            "expiresAt",
            "ttlMs",
            "token",
            "conditional",
        ),
    }
    assert (body["runId"], body["ttlMs"], body["token"]) == ("run-1", 300_000, 1)
    assert body["owner"] == grant.owner


def test_release_keeps_the_token_and_deletes_nothing(store, clock, tmp_path):
    """Released is `owner: null`; the fencing token only grows."""
    leases = _leases(store, clock, tmp_path)
    leases.release(leases.acquire("bookmarks", "run-1"))
    assert _stored(store)["owner"] is None
    assert leases.acquire("bookmarks", "run-2").token == 2


def test_an_expired_lease_is_taken_over_on_its_etag(store, clock, tmp_path):
    """An expired lock was deleted, then created: two takers deleted each other's new lock."""
    leases = _leases(store, clock, tmp_path)
    old = leases.acquire("bookmarks", "run-1")
    _pass(store, clock, TTL_S - 60)
    with pytest.raises(LeaseHeld):
        leases.acquire("bookmarks", "run-2")
    _pass(store, clock, 60)
    new = leases.acquire("bookmarks", "run-2")
    assert new.token == 2
    with pytest.raises(LeaseLost, match=f"process {os.getpid()} on .*run-2") as lost:
        leases.renew(old)
    assert "the next run goes on" in lost.value.hint
    assert "DATAFETCH_LOCK_TTL_MS" in lost.value.hint
    leases.release(old)
    assert _stored(store)["runId"] == "run-2"


def test_whoever_is_locked_out_is_told_until_when(store, clock, tmp_path):
    """By the store's clock: the lease time, less the age that the store gives the lock."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    _pass(store, clock, 100)
    with pytest.raises(LeaseHeld) as caught:
        leases.acquire("bookmarks", "run-2")
    holder = caught.value.holder
    assert holder is not None
    assert (holder.pid, holder.run_id) == (os.getpid(), "run-1")
    assert holder.since == clock.now() - 100
    assert holder.until == pytest.approx(clock.now() + TTL_S - 100, abs=60)


def test_a_lease_lost_to_nobody_known_is_lost_all_the_same(store, clock, tmp_path):
    """The lock was given back, or the store does not say who has it: no name is made up."""
    leases = _leases(store, clock, tmp_path)
    old = leases.acquire("bookmarks", "run-1")
    _pass(store, clock, TTL_S + 1)
    leases.release(leases.acquire("bookmarks", "run-2"))
    with pytest.raises(LeaseLost, match=r"another run took the lock of bookmarks$"):
        leases.renew(old)


def test_a_renewed_lease_is_not_expired(store, clock, tmp_path):
    """The lease was 5 minutes, the job took 20; a second instance started in the middle."""
    leases = _leases(store, clock, tmp_path)
    grant = leases.acquire("bookmarks", "run-1")
    for _ in range(5):
        _pass(store, clock, TTL_S * 0.8)
        grant = leases.renew(grant)
        with pytest.raises(LeaseHeld):
            leases.acquire("bookmarks", "run-2")


def test_the_lock_of_a_dead_process_of_this_machine_is_taken_at_once(store, clock, tmp_path):
    """A spawn error left the "running" mark set for ever: a dead run is recognised."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    store.put(KEYS.lock("bookmarks"), json.dumps(_stored(store) | {"pid": ended.pid}).encode())
    assert leases.acquire("bookmarks", "run-2").token == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_dead_process_that_nobody_asked_for_is_dead(store, clock, tmp_path):
    """In a container without an init, the lock of a run that was killed was held to its end."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        store.put(KEYS.lock("bookmarks"), json.dumps(_stored(store) | {"pid": ended.pid}).encode())
        assert leases.acquire("bookmarks", "run-2").token == 2


def test_a_dead_process_of_another_machine_is_not_ours_to_judge(store, clock, tmp_path):
    """A process number means nothing on another host: its lease runs out by itself."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    foreign = _stored(store) | {"pid": ended.pid, "host": "elsewhere"}
    store.put(KEYS.lock("bookmarks"), json.dumps(foreign).encode())
    with pytest.raises(LeaseHeld, match="elsewhere"):
        leases.acquire("bookmarks", "run-2")


@pytest.fixture
def others_process():
    """The number of a process that belongs to another user than `unprivileged` is."""
    if os.geteuid() != 0:
        yield 1
        return
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, user=65533) as process:
        yield process.pid


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_lock_of_another_users_process_is_held(clock, tmp_path, others_process):
    """A process that may not be signalled is alive: its run goes on."""
    store = MemoryStore()
    _leases(store, clock, tmp_path).acquire("bookmarks", "run-1")
    told = Path(f"/proc/{others_process}/stat").read_text().rpartition(")")[2].split()
    foreign = _stored(store) | {"pid": others_process, "started": int(told[19])}
    store.put(KEYS.lock("bookmarks"), json.dumps(foreign).encode())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        leases = StoreLeases(store, KEYS, clock, lambda _job: TTL_S, Path(folder))
        with unprivileged(), pytest.raises(LeaseHeld, match=f"process {others_process} "):
            leases.acquire("bookmarks", "run-2")


def test_a_lock_without_a_process_is_held_by_its_time(store, clock, tmp_path):
    """A number that is no process's says nothing about a run: the lease runs out by itself."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    store.put(KEYS.lock("bookmarks"), json.dumps(_stored(store) | {"pid": 0}).encode())
    with pytest.raises(LeaseHeld, match="process 0"):
        leases.acquire("bookmarks", "run-2")


def test_the_lock_of_this_machine_is_in_the_users_own_folder(store, clock, tmp_path):
    """Runs of one user find each other's; no other user can open them, or be in the way."""
    _leases(store, clock, tmp_path).acquire("bookmarks", "run")
    folder = tmp_path / "locks" / f"datafetch-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len([*folder.glob("bookmarks-*.lock")]) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{broken",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"instanceId": "web-1", "acquiredAt": 1, "expiresAt": 9e99}',
    ],
)
def test_an_unreadable_lock_holds_nobody_back(store, clock, tmp_path, body):
    """A corrupt lock object is replaced on its own ETag, and the token still grows."""
    store.put(KEYS.lock("bookmarks"), body)
    clock.advance(1)
    grant = _leases(store, clock, tmp_path).acquire("bookmarks", "run-1")
    assert grant.token == 1_795_507_202
    assert _stored(store)["owner"] == grant.owner


@pytest.mark.parametrize(("padding", "token"), [(60_000, None), (70_000, 1_795_507_202)])
def test_a_lock_of_more_than_64_kib_is_none(store, clock, tmp_path, padding, token):
    """Nobody has to read megabytes to find out that it is locked out; ours have under a kilobyte."""
    _leases(store, clock, tmp_path).acquire("bookmarks", "run-1")
    padded = _stored(store) | {"host": "elsewhere", "x": "y" * padding}
    store.put(KEYS.lock("bookmarks"), json.dumps(padded).encode())
    clock.advance(1)
    leases = _leases(store, clock, tmp_path)
    if token is None:
        with pytest.raises(LeaseHeld):
            leases.acquire("bookmarks", "run-2")
    else:
        assert leases.acquire("bookmarks", "run-2").token == token


@pytest.mark.parametrize(
    "field",
    [
        {"pid": 2_147_483_648},
        {"pid": -1},
        {"acquiredAt": 253_402_300_800_000},
        {"ttlMs": 252_000_000_000_000},
        {"ttlMs": "long"},
        {"token": None},
    ],
    ids=str,
)
def test_an_odd_field_of_a_lock_ends_no_run_with_a_traceback(store, clock, tmp_path, field):
    """Numbers that the system or the calendar cannot take make a lock unreadable, no more."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    odd = _stored(store) | {"host": socket.gethostname()} | field
    store.put(KEYS.lock("bookmarks"), json.dumps(odd).encode())
    assert leases.acquire("bookmarks", "run-2").token == 1_795_507_201


def test_fields_of_a_newer_version_are_no_hindrance(store, clock, tmp_path):
    """A lock with more in it than this version writes is held like any other."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    newer = _stored(store) | {"boot": "b", "conditional": {"form": "quoted"}}
    store.put(KEYS.lock("bookmarks"), json.dumps(newer).encode())
    with pytest.raises(LeaseHeld, match=f"process {os.getpid()} .* since 08:00 UTC .run run-1"):
        leases.acquire("bookmarks", "run-2")


@pytest.mark.parametrize("fault", ["lost", "gone"])
@pytest.mark.parametrize("call", ["acquire", "renew", "release"])
def test_a_lost_answer_is_no_lost_lease(clock, tmp_path, fault: str, call):
    """A conditional PUT was stored, its answer lost, the retry met a 412, and the lease was taken for lost."""
    store = (
        MemoryStore()
    )  # reads back what it refuses, as each store does whose answers can be lost
    faulty = FaultyStore(store)
    leases = _leases(faulty, clock, tmp_path)
    grant = leases.acquire("bookmarks", "run-1") if call != "acquire" else None

    def once(asked: Call, _number: int) -> str | None:
        if asked.method != "put":
            return None
        faulty.fault = None
        return fault

    faulty.fault = once
    if call == "acquire":
        grant = leases.acquire("bookmarks", "run-1")
    elif call == "renew":
        with suppress(StoreUnavailable):  # a later turn of the run's thread renews it
            leases.renew(grant)
        grant = leases.renew(grant)
    else:
        with suppress(StoreUnavailable):
            leases.release(grant)
        assert _stored(store)["owner"] is None
        return
    assert _stored(store)["owner"] == grant.owner
    leases.release(leases.renew(grant))
    assert _stored(store)["owner"] is None


def test_a_lease_that_was_not_stored_is_not_had(store, clock, tmp_path):
    """A store that fails while the lease is taken: the run fails, and nobody is kept out."""
    faulty = FaultyStore(store, fault=lambda call, _: "fail" if call.method == "put" else None)
    with pytest.raises(StoreUnavailable):
        _leases(faulty, clock, tmp_path).acquire("bookmarks", "run-1")
    assert _leases(store, clock, tmp_path).acquire("bookmarks", "run-2").token == 1


@pytest.mark.parametrize("call", ["acquire", "renew"])
def test_another_write_at_the_same_moment_is_no_lost_lease(store, clock, tmp_path, call):
    """409 is no 412: whoever asks for the lease is locked out for now, whoever has it tries again."""

    class Busy(FaultyStore):
        busy = False

        def put(self, key: str, body: bytes | FilePart, **options: Any) -> str:
            if self.busy:
                raise StoreConflict(f"{key}: 409", key=key)
            return super().put(key, body, **options)

    faulty = Busy(store)
    leases = _leases(faulty, clock, tmp_path)
    if call == "acquire":
        faulty.busy = True
        with pytest.raises(LeaseHeld, match="being taken by another run right now"):
            leases.acquire("bookmarks", "run-1")
        faulty.busy = False
        assert leases.acquire("bookmarks", "run-1").token == 1
        return
    grant = leases.acquire("bookmarks", "run-1")
    faulty.busy = True
    with pytest.raises(StoreConflict):
        leases.renew(grant)
    faulty.busy = False
    assert leases.renew(grant).token == 1


class Aging(MemoryStore):
    """A store that tells how old its objects are, by a clock that is told the time."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self._written: dict[str, float] = {}

    def get(self, key: str) -> StoredObject:
        return replace(super().get(key), age_s=self._clock.now() - self._written[key])

    def put_once(self, key: str, body: bytes, condition: Condition) -> str:
        etag = super().put_once(key, body, condition)
        self._written[key] = self._clock.now()
        return etag


def test_whole_seconds_of_a_server_take_nobodys_lease(clock, tmp_path):
    """Of times in whole seconds the difference may be one too high: a lease of 1.5 s counts as 2."""
    store = Aging(clock)
    leases = StoreLeases(store, KEYS, clock, lambda _job: 1.5, tmp_path / "locks")
    leases.acquire("bookmarks", "run-1")
    clock.advance(2)
    with pytest.raises(LeaseHeld):
        leases.acquire("bookmarks", "run-2")
    clock.advance(1)
    assert leases.acquire("bookmarks", "run-2").token == 2


def _wrong(clock, hours):
    """The clock of a machine whose time is that many hours off."""
    return FakeClock(clock.now() + hours * 3600)


@pytest.mark.parametrize("hours", [-24, -1, 1, 23.9])
def test_without_the_stores_time_a_lock_is_watched(clock, tmp_path, hours):
    """A machine's clock was wrong, and leases expired at once or never: what counts is that nothing changes."""
    store = MemoryStore()
    _leases(store, clock, tmp_path / "theirs").acquire("bookmarks", "run-1")
    there = _stored(store) | {"host": "elsewhere"}
    store.put(KEYS.lock("bookmarks"), json.dumps(there).encode())
    wrong = _wrong(clock, hours)
    with pytest.raises(LeaseHeld) as caught:
        _leases(store, wrong, tmp_path).acquire("bookmarks", "run-2")
    assert caught.value.holder is not None
    assert caught.value.holder.until == wrong.now() + 300


def test_a_lock_that_does_not_change_before_our_eyes_is_over(clock, tmp_path):
    """A run looks once and ends: the next one on this machine goes on with the watch, then takes over."""
    store = MemoryStore()
    _leases(store, clock, tmp_path / "theirs").acquire("bookmarks", "run-1")
    there = _stored(store) | {"host": "elsewhere"}
    for seconds, token in ((0, None), (200, None), (101, 2)):
        clock.advance(seconds)
        if token is None:
            store.put(KEYS.lock("bookmarks"), json.dumps(there).encode())
            with pytest.raises(LeaseHeld):
                _leases(store, clock, tmp_path).acquire("bookmarks", "run-2")
        else:
            assert _leases(store, clock, tmp_path).acquire("bookmarks", "run-2").token == token


def test_a_watch_that_cannot_remember_ends_after_a_day(clock, tmp_path):
    """A container forgets what it saw: it takes a lease that ended a day ago by the clock of its holder."""
    store = MemoryStore()
    _leases(store, clock, tmp_path / "theirs").acquire("bookmarks", "run-1")
    there = _stored(store) | {"host": "elsewhere"}
    store.put(KEYS.lock("bookmarks"), json.dumps(there).encode())
    for number, seconds in enumerate((300, 24 * 3600)):
        clock.advance(seconds)
        with pytest.raises(LeaseHeld):
            _leases(store, clock, tmp_path / str(number)).acquire("bookmarks", "run-2")
    clock.advance(1)
    assert _leases(store, clock, tmp_path / "new").acquire("bookmarks", "run-2").token == 2


@pytest.mark.parametrize("hours", [-24, 24])
def test_on_a_shared_disk_no_clock_of_a_machine_counts(store, clock, tmp_path, hours):
    """A lock of a host 10 s behind was taken at once, one of a host a day ahead stayed for a day."""
    folder = Path(store.name.removeprefix("file:"))
    theirs = StoreLeases(
        LocalStore(folder, _wrong(clock, hours)),
        KEYS,
        _wrong(clock, hours),
        lambda _job: TTL_S,
        tmp_path / "theirs",
    )
    theirs.acquire("bookmarks", "run-1")
    ours = _leases(LocalStore(folder, _wrong(clock, -hours)), clock, tmp_path)
    with pytest.raises(LeaseHeld):
        ours.acquire("bookmarks", "run-2")
    _pass(store, clock, TTL_S + 1)
    assert ours.acquire("bookmarks", "run-2").token == 2


def test_a_lock_from_the_future_is_watched(store, clock, tmp_path):
    """Disks that machines write directly are stamped by each one's clock: one that is ahead held for ever."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    there = _stored(store) | {"host": "elsewhere"}
    store.put(KEYS.lock("bookmarks"), json.dumps(there).encode())
    path = Path(store.name.removeprefix("file:")) / KEYS.lock("bookmarks")
    ahead = path.stat().st_mtime + 24 * 3600
    os.utime(path, (ahead, ahead))
    with pytest.raises(LeaseHeld):
        leases.acquire("bookmarks", "run-2")
    clock.advance(TTL_S + 1)
    assert leases.acquire("bookmarks", "run-2").token == 2


def test_whoever_takes_over_knows_from_whom(store, clock, tmp_path):
    """The next run says which run ended without notice, and whether its process is known to be gone."""
    leases = _leases(store, clock, tmp_path)
    assert leases.acquire("bookmarks", "run-1").took_from is None
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone = _stored(store) | {"pid": ended.pid}
    store.put(KEYS.lock("bookmarks"), json.dumps(gone).encode())
    grant = leases.acquire("bookmarks", "run-2")
    host = socket.gethostname()
    assert grant.took_from == Predecessor("run-1", host, ended.pid, is_gone=True)
    _pass(store, clock, TTL_S + 1)
    grant = leases.acquire("bookmarks", "run-3")
    assert grant.took_from == Predecessor("run-2", host, os.getpid(), is_gone=False)
    leases.release(grant)
    assert leases.acquire("bookmarks", "run-4").took_from is None


def test_the_lock_of_an_earlier_version_ends_by_its_time(store, clock, tmp_path):
    """While machines are upgraded: a lock without `boot` and `started` is nobody's to judge."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    old = _stored(store) | {"pid": ended.pid}
    del old["boot"], old["started"]
    store.put(KEYS.lock("bookmarks"), json.dumps(old).encode())
    with pytest.raises(LeaseHeld, match="run-1"):
        leases.acquire("bookmarks", "run-2")
    _pass(store, clock, TTL_S + 1)
    assert leases.acquire("bookmarks", "run-2").token == 2


def test_a_lease_that_always_changes_hands_is_held(store, clock, tmp_path):
    """Five times another machine was faster: the run gives up instead of trying for ever."""
    other = _leases(store, clock, tmp_path / "other")

    def somebody_is_faster(call: Call) -> None:
        if call.method == "put":
            other.release(other.acquire("bookmarks", "run-0"))

    faulty = FaultyStore(store, before=somebody_is_faster)
    with pytest.raises(LeaseHeld, match="changes hands too fast"):
        _leases(faulty, clock, tmp_path).acquire("bookmarks", "run-1")
    assert faulty.count("put") == 5


@dataclass(eq=False)
class Run:
    """A run on one of two machines that took the lease, and what it was given."""

    machine: int
    grant: Grant


class Machine(RuleBasedStateMachine):
    """Runs on two machines take, renew and give back one lease while time passes."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.store = Aging(self.clock)
        self.machines = [
            StoreLeases(
                self.store,
                KEYS,
                self.clock,
                lambda _job: 300.0,
                Path(self._folder.name) / str(number),
            )
            for number in range(2)
        ]
        self.holder: Run | None = None
        self.ends_at = 0.0
        self.token = 0

    def teardown(self) -> None:
        """Remove the machines' file locks."""
        self._folder.cleanup()

    @rule(target=runs, machine=st.integers(0, 1))
    def take(self, machine: int) -> Run | MultipleResults[Run]:
        """A lease is given when nobody has it or its time is over, and at no other time."""
        if self.holder is not None and self.clock.now() <= self.ends_at:
            with pytest.raises(LeaseHeld):
                self.machines[machine].acquire("logos", "run")
            return multiple()
        self.holder = Run(machine, self.machines[machine].acquire("logos", "run"))
        self.ends_at = self.clock.now() + 300
        assert self.holder.grant.token == self.token + 1
        self.token += 1
        return self.holder

    @rule(run=runs)
    def renew(self, run: Run) -> None:
        """Who took the lease last, and has not given it back, may renew it even late."""
        if run is self.holder:
            run.grant = self.machines[run.machine].renew(run.grant)
            self.ends_at = self.clock.now() + 300
        else:
            with pytest.raises(LeaseLost):
                self.machines[run.machine].renew(run.grant)

    @rule(run=consumes(runs))
    def release(self, run: Run) -> None:
        """Giving back frees the lease of the run that has it, and changes no other."""
        self.machines[run.machine].release(run.grant)
        self.holder = None if run is self.holder else self.holder

    @rule(seconds=st.sampled_from([1.0, 299.0, 300.0, 1000.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    @invariant()
    def agrees(self) -> None:
        """The object names the run that has the lease, and the last token."""
        if self.token:
            body = json.loads(self.store.objects[KEYS.lock("logos")])
            assert body["owner"] == (self.holder.grant.owner if self.holder else None)
            assert body["token"] == self.token


TestMachine = Machine.TestCase
