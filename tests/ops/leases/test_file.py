"""The lease that is a file lock of this machine, held for the whole run."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from datafetch.errors import LeaseHeld, LeaseLost, StoreUnavailable
from datafetch.ops.lease import HeldLease
from datafetch.ops.leases.file import FileLeases
from datafetch.ops.leases.store import StoreLeases
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import ObjectStore
from datafetch.store.checked import CheckedStore
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.processes import ROOT, clean_environment
from tests.stores import Call, FaultyStore, ServerMemory
from tests.support import FakeClock

KEYS = Keys("-test")
LOCK = "json/datafetch/locks/bookmarks-test.json"

_HOLDER = """
import sys
from pathlib import Path
from datafetch.clock import SystemClock
from datafetch.ops.leases.file import FileLeases
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
folder = Path(sys.argv[1])
store = LocalStore(folder / "store")
leases = FileLeases(store, Keys("-test"), SystemClock(), lambda job: 300.0, folder / "runtime")
leases.acquire("bookmarks", "run-of-another")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def clock() -> FakeClock:
    """Told the time."""
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """The folder that the other process uses too."""
    return LocalStore(tmp_path / "store")


def _leases(store: ObjectStore, clock: FakeClock, folder: Path) -> FileLeases:
    (folder / "runtime").mkdir(exist_ok=True)
    return FileLeases(store, KEYS, clock, lambda _job: 300.0, folder / "runtime")


def _stored(store: ObjectStore) -> Any:
    return json.loads(store.get(LOCK).body)


@contextmanager
def _another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the lease of the bookmarks."""
    (folder / "runtime").mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder)],
        cwd=ROOT,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_of_two_processes_one_is_locked_out(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """The second is told which process works on which run, and it writes nothing."""
    with _another_process(tmp_path) as other:
        faulty = FaultyStore(store)
        with pytest.raises(
            LeaseHeld, match=rf"process {other.pid} on .*since .* UTC .run run-of-another"
        ):
            _leases(faulty, clock, tmp_path).acquire("bookmarks", "run-2")
        assert faulty.count("put") == 0


def test_a_killed_holder_frees_the_lock_at_once(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """A restarted container was locked out by its own: the kernel gives the lock back, whatever has its number now."""
    with _another_process(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert _stored(store)["owner"] is not None
    # the number is in use again, by this process
    store.put(LOCK, json.dumps(_stored(store) | {"pid": os.getpid()}).encode())
    assert _leases(store, clock, tmp_path).acquire("bookmarks", "run-2").token == 2


def test_a_run_that_locks_in_another_folder_is_not_robbed(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """Cron has no session's folder, and root has one of its own: a live run of theirs was taken for ended."""
    (tmp_path / "session").mkdir()
    leases = FileLeases(store, KEYS, clock, lambda _job: 300.0, tmp_path / "session")
    with _another_process(tmp_path) as other:
        with pytest.raises(
            LeaseHeld, match=rf"process {other.pid} on .*since .* UTC .run run-of-another"
        ):
            leases.acquire("bookmarks", "run-2")
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert leases.acquire("bookmarks", "run-2").token == 2


def test_a_container_of_our_name_and_number_is_not_robbed(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """Two containers with one host name both run as process 1: the second took the lock of the first."""
    (tmp_path / "theirs").mkdir()
    theirs = FileLeases(store, KEYS, clock, lambda _job: 300.0, tmp_path / "theirs")
    theirs.acquire("bookmarks", "run-1")
    for process in ({"boot": "b/2", "started": 5}, {"boot": None, "started": None}):
        store.put(LOCK, json.dumps(_stored(store) | process).encode())
        with pytest.raises(LeaseHeld, match="run-1"):
            _leases(store, clock, tmp_path).acquire("bookmarks", "run-2")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_container_that_kept_its_folder_for_locks_is_free_at_once(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """Started again in another PID namespace, it holds the file lock that its dead run held: that proves the end."""
    with _another_process(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
    boot = _stored(store)["boot"].partition("/")[0]
    store.put(LOCK, json.dumps(_stored(store) | {"boot": f"{boot}/1"}).encode())
    assert _leases(store, clock, tmp_path).acquire("bookmarks", "run-2").token == 2


def test_a_lost_lease_frees_its_file_lock(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """A run that lost its lease kept the kernel's lock, as long as its process went on with other jobs."""
    leases = _leases(store, clock, tmp_path)
    held = HeldLease(leases, leases.acquire("bookmarks", "run-1"), clock, lambda _lost: None)
    clock.advance(300)
    with pytest.raises(LeaseLost):
        held.check()
    held.release()
    assert leases.acquire("bookmarks", "run-2").token == 2


def test_a_lease_that_another_machine_keeps_alive_is_held(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """`file` is for one machine: when it is set on two, the one that comes second is told, not let in."""
    leases = _leases(store, clock, tmp_path)
    leases.release(leases.acquire("bookmarks", "run-1"))
    foreign = _stored(store) | {
        "owner": "them",
        "host": "elsewhere",
        "expiresAt": 2_000_000_000_000,
    }
    store.put(LOCK, json.dumps(foreign).encode())
    with pytest.raises(LeaseHeld, match="elsewhere"):
        leases.acquire("bookmarks", "run-2")
    store.put(LOCK, json.dumps(foreign | {"ttlMs": 0}).encode())
    os.utime(tmp_path / "store" / LOCK, (1, 1))
    assert leases.acquire("bookmarks", "run-2").token == 2


def test_a_lease_that_was_refused_leaves_no_file_lock(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """A store that does not answer does not keep the next run out."""
    faulty = FaultyStore(store, fault=lambda call, _: "fail" if call.method == "put" else None)
    leases = _leases(faulty, clock, tmp_path)
    with pytest.raises(StoreUnavailable):
        leases.acquire("bookmarks", "run-1")
    faulty.fault = None
    assert leases.acquire("bookmarks", "run-2").token == 1


def test_a_lease_that_cannot_be_given_back_frees_its_file_lock(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """The store is gone when the run ends: the next run of this machine need not wait for the lease's end."""
    faulty = FaultyStore(store)
    leases = _leases(faulty, clock, tmp_path)
    grant = leases.acquire("bookmarks", "run-1")
    faulty.fault = lambda _call, _number: "fail"
    with pytest.raises(StoreUnavailable):
        leases.release(grant)
    faulty.fault = None
    assert leases.acquire("bookmarks", "run-2").token == 2


def test_another_thread_may_give_the_lease_back(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """File locks that know threads stayed held when another one let go of them."""
    leases = _leases(store, clock, tmp_path)
    grant = leases.acquire("bookmarks", "run-1")
    thread = threading.Thread(target=lambda: leases.release(grant))
    thread.start()
    thread.join()
    assert leases.acquire("bookmarks", "run-2").token == 2


def test_one_process_takes_the_leases_of_two_jobs(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """OpenGraph merges under the bookmarks' lease while it has its own; a lease is not given twice."""
    leases = _leases(store, clock, tmp_path)
    own = leases.acquire("opengraph", "run-1")
    merging = leases.acquire("bookmarks", "run-1")
    with pytest.raises(LeaseHeld, match=f"process {os.getpid()} on"):
        leases.acquire("bookmarks", "run-1")
    leases.release(merging)
    leases.release(own)
    assert leases.acquire("bookmarks", "run-2").token == 2


def test_a_holder_that_has_not_signed_yet_is_named_by_its_machine(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """Between the file lock and the lock object nobody knows who: no dead run is named in its place."""
    with _another_process(tmp_path):
        pass  # killed: its name is left in the lock object
    leases = _leases(store, clock, tmp_path)
    seen: list[str] = []
    hints: list[str] = []

    def meanwhile(call: Call) -> None:
        if call.method == "put":
            with pytest.raises(LeaseHeld) as caught:
                leases.acquire("bookmarks", "run-2")
            seen.append(str(caught.value))
            hints.append(caught.value.hint)

    _leases(FaultyStore(store, before=meanwhile), clock, tmp_path).acquire("bookmarks", "run-1")
    assert seen == ["bookmarks is being run by another process on this machine"]
    assert hints[0].startswith("This run did nothing.")
    assert "fuser " in hints[0]


def test_whoever_is_locked_out_needs_no_store_to_be_told(
    tmp_path: Path, store: LocalStore, clock: FakeClock
) -> None:
    """The lock is this machine's: a store that does not answer turns 75 into no other error."""
    faulty = FaultyStore(store)
    leases = _leases(faulty, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    faulty.fault = lambda _call, _number: "fail"
    with pytest.raises(LeaseHeld, match="another process on this machine"):
        leases.acquire("bookmarks", "run-2")


def test_the_verdict_none_is_remembered_and_the_token_grows(
    tmp_path: Path, clock: FakeClock
) -> None:
    """On a server that ignores conditions later runs do not probe again; back under `store` it is probed anew."""
    server = ServerMemory("ignoring")
    for token in (1, 2, 3):
        leases = _leases(CheckedStore(server, RuntimeFolder(tmp_path / "runtime")), clock, tmp_path)
        grant = leases.acquire("bookmarks", f"run-{token}")
        assert (grant.token, bool(grant.note)) == (token, True)
        leases.release(leases.renew(grant))
    assert server.probes == 1
    assert _stored(server)["conditional"] == {"form": "none", "endpoint": "https://s3.example.com"}
    server.dialect = "quoted"
    grant = StoreLeases(server, KEYS, clock, lambda _job: 300.0, tmp_path / "runtime").acquire(
        "bookmarks", "run-4"
    )
    assert (grant.token, grant.note, server.probes) == (4, "", 2)
    assert _stored(server)["conditional"]["form"] == "quoted"


def test_a_lease_that_somebody_else_wrote_over_is_lost(tmp_path: Path, clock: FakeClock) -> None:
    """Checked, not atomic: another machine that came through all the same is noticed at the next renewal."""
    server = ServerMemory("ignoring")
    leases = _leases(CheckedStore(server, RuntimeFolder(tmp_path / "runtime")), clock, tmp_path)
    grant = leases.acquire("bookmarks", "run-1")
    theirs = json.dumps(_stored(server) | {"owner": "them", "host": "elsewhere"}).encode()
    server.objects[LOCK] = theirs
    with pytest.raises(LeaseLost):
        leases.renew(grant)
    leases.release(grant)
    assert server.objects[LOCK] == theirs


def test_people_can_read_who_runs(tmp_path: Path, store: LocalStore, clock: FakeClock) -> None:
    """The lock object is written as it is without file locks."""
    grant = _leases(store, clock, tmp_path).acquire("bookmarks", "run-1")
    body = _stored(store)
    assert (body["owner"], body["host"], body["pid"]) == (
        grant.owner,
        socket.gethostname(),
        os.getpid(),
    )
    assert (body["runId"], body["ttlMs"], body["conditional"]) == ("run-1", 300_000, None)
