"""The lease in a table of DynamoDB: taken once, renewed, lost, taken over, given back."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from datafetch.clock import ClockSkew
from datafetch.errors import (
    LeaseHeld,
    LeaseLost,
    StoreUnavailable,
)
from datafetch.ops.leases.account import Account
from datafetch.ops.leases.dynamodb import DynamoDbLeases
from datafetch.ops.leases.dynamodb_table import Table
from datafetch.ops.leases.store import StoreLeases
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import ObjectStore
from datafetch.store.checked import CheckedStore
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.fakes.base import Request
from tests.fakes.faults import answer_lost, dropped
from tests.fakes.s3 import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from tests.fakes.tables import TableFake, at_time, refused
from tests.processes import ROOT, clean_environment
from tests.stores import FaultyStore, ServerMemory
from tests.support import FakeClock

KEYS = Keys("-test")
LOCK = "json/datafetch/locks/bookmarks-test.json"
TTL_S = 300.0

Make = Callable[..., DynamoDbLeases]

_CHILD = """
import sys
from pathlib import Path
from datafetch.clock import ClockSkew, SystemClock
from datafetch.ops.leases.account import Account
from datafetch.ops.leases.dynamodb import DynamoDbLeases
from datafetch.ops.leases.dynamodb_table import Table
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
what, table, place, folder, runtime, shared = sys.argv[1:]
clock = SystemClock()
account = Account(("sandbox-key", "sandbox-secret", None), "us-east-1", None, None, "S3_REGION")
leases = DynamoDbLeases(
    Table(table, account, clock, ClockSkew()), place, LocalStore(Path(folder)), Keys("-test"), clock,
    lambda job: 300.0, Path(runtime),
)
"""

_HOLDER = """
leases.acquire("bookmarks", "run-of-another")
print("held", flush=True)
sys.stdin.read()
"""

_WORKER = """
import os
from datafetch.errors import LeaseHeld
mark = Path(shared) / "at-work"
tokens = []
while len(tokens) < int(what):
    try:
        grant = leases.acquire("bookmarks", f"run-{os.getpid()}-{len(tokens)}")
    except LeaseHeld:
        continue
    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))  # fails when another one is at work
    tokens.append(grant.token)
    mark.unlink()
    leases.release(grant)
print(*tokens)
"""


@pytest.fixture(autouse=True)
def endpoint(monkeypatch: pytest.MonkeyPatch, lock_table: TableFake) -> None:
    """Where the client finds DynamoDB."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", lock_table.url)


@pytest.fixture
def clock() -> FakeClock:
    """Told the time; by it this machine is years off."""
    return FakeClock(1_000_000_000.0)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """Where the lock objects are."""
    return LocalStore(tmp_path / "store")


@pytest.fixture
def make(
    lock_table: TableFake, store: LocalStore, clock: FakeClock, tmp_path: Path
) -> Iterator[Make]:
    """Makes the leases as each process does; `store` may be another one."""
    (tmp_path / "locks").mkdir()
    with ExitStack() as stack:

        def made(other: ObjectStore | None = None, *, place: str = "") -> DynamoDbLeases:
            account = Account(
                (ACCESS_KEY_ID, SECRET_ACCESS_KEY, None), REGION, None, None, "S3_REGION"
            )
            table = Table(lock_table.name, account, clock, ClockSkew(), max_retries=1)
            leases = DynamoDbLeases(
                table, place, other or store, KEYS, clock, lambda _job: TTL_S, tmp_path / "locks"
            )
            stack.enter_context(closing(leases))
            return leases

        yield made


def _stored(store: ObjectStore) -> Any:
    return json.loads(store.get(LOCK).body)


def _somebody_elses(lock_table: TableFake) -> None:
    """The holder is a process of another machine: only time can end its lease."""
    lock_table.put(lock_table.item() | {"host": "elsewhere", "boot": "another/1"})


def _is_elsewhere(store: ObjectStore) -> None:
    body = _stored(store) | {"host": "elsewhere", "boot": "another/1"}
    store.put(LOCK, json.dumps(body).encode())


def test_a_lease_is_had_by_one_run_at_a_time(make: Make, lock_table: TableFake) -> None:
    """Taken, refused to others while it is renewed, given back, and taken again with a larger token."""
    mine, theirs = make(), make()
    grant = mine.acquire("bookmarks", "run-1")
    with pytest.raises(LeaseHeld, match=f"process {os.getpid()} on .*run-1"):
        theirs.acquire("bookmarks", "run-2")
    grant = mine.renew(grant)
    with pytest.raises(LeaseHeld, match="run-1"):
        theirs.acquire("bookmarks", "run-2")
    mine.release(grant)
    assert "owner" not in lock_table.item()
    assert lock_table.item()["token"] == str(grant.token)
    again = theirs.acquire("bookmarks", "run-3")
    assert (again.token, again.took_from) == (grant.token + 1, None)


def test_a_table_that_lost_its_items_gives_no_token_twice(
    make: Make, lock_table: TableFake, store: LocalStore
) -> None:
    """Made anew, or tidied: the token is larger than any that was counted up run by run, and than the lock object's."""
    mine = make()
    assert mine.acquire("bookmarks", "run-1").token > 1_700_000_000
    mine.release(mine.acquire("github", "run-1"))
    store.put(LOCK, json.dumps(_stored(store) | {"owner": None, "token": 9_999_999_999}).encode())
    lock_table.put({"id": lock_table.items()[0]["id"]["S"]})
    grant = mine.acquire("bookmarks", "run-2")
    assert grant.token == 10_000_000_000
    mine.release(grant)
    assert lock_table.items()[0]["token"] == {"N": "10000000000"}


def test_the_item_says_who_has_the_lease_and_until_when(
    make: Make, lock_table: TableFake, store: LocalStore
) -> None:
    """Store, environment and job are its key, so that sites share a table; it may be tidied after 90 days."""
    grant = make().acquire("bookmarks", "run-1")
    item = lock_table.item()
    assert item["id"] == f"{store.identity} {LOCK}"
    assert (item["owner"], item["runId"], item["pid"]) == (grant.owner, "run-1", str(os.getpid()))
    assert item["ttlMs"] == "300000"
    assert int(item["tidyAt"]) - int(item["expiresAt"]) // 1000 == 90 * 86_400


def test_two_stores_share_a_table_and_one_store_has_one_name(
    make: Make, lock_table: TableFake, tmp_path: Path
) -> None:
    """A folder that machines mount in different places is one store under `dynamodb://TABLE/NAME`."""
    here, there = LocalStore(tmp_path / "a"), LocalStore(tmp_path / "b")
    make(here).acquire("bookmarks", "run-1")
    make(there).acquire("bookmarks", "run-2")
    make(here, place="site").acquire("github", "run-3")
    with pytest.raises(LeaseHeld, match="run-3"):
        make(there, place="site").acquire("github", "run-4")
    assert len(lock_table.items()) == 3
    assert lock_table.items()[-1]["id"]["S"] == "site json/datafetch/locks/github-test.json"


def test_a_lease_ends_by_the_time_of_dynamodb(
    make: Make, lock_table: TableFake, store: LocalStore
) -> None:
    """Not a second before its time has passed there, with two to spare; this machine's clock has no say."""
    old = make().acquire("bookmarks", "run-1")
    _somebody_elses(lock_table)
    _is_elsewhere(store)
    lock_table.inject(at_time(TTL_S), "GetItem", times=1)
    with pytest.raises(LeaseHeld, match="run-1") as held:
        make().acquire("bookmarks", "run-2")
    assert "its lock ends by" in held.value.hint
    lock_table.inject(at_time(TTL_S + 5), "GetItem", times=1)
    new = make().acquire("bookmarks", "run-2")
    assert new.token == old.token + 1
    assert new.took_from is not None
    assert (new.took_from.run_id, new.took_from.host) == ("run-1", "elsewhere")
    assert not new.took_from.is_gone


def test_a_renewed_lease_goes_on(make: Make, lock_table: TableFake, clock: FakeClock) -> None:
    """The time of the last answer is carried on by the monotonic clock, also when that answer is long ago."""
    mine = make()
    grant = mine.acquire("bookmarks", "run-1")
    first = int(lock_table.item()["expiresAt"])
    _somebody_elses(lock_table)
    clock.advance(200)
    renewed = mine.renew(grant)
    assert renewed.granted_at == grant.granted_at + 200
    assert 200_000 <= int(lock_table.item()["expiresAt"]) - first <= 202_000
    lock_table.inject(at_time(TTL_S + 100), "GetItem", times=1)
    with pytest.raises(LeaseHeld):
        make().acquire("bookmarks", "run-2")


def test_a_lease_never_ends_sooner_than_it_was_told(
    make: Make, lock_table: TableFake, clock: FakeClock
) -> None:
    """A time that is told more exactly later, or a request that comes late, takes nothing back from a renewal."""
    mine = make()
    lock_table.inject(at_time(30), "GetItem", times=1)
    grant = mine.acquire("bookmarks", "run-1")
    first = int(lock_table.item()["expiresAt"])
    grant = mine.renew(grant)
    assert int(lock_table.item()["expiresAt"]) == first
    late: list[bytes] = []

    def note(_index: int, request: Request) -> None:
        if request.headers.get("x-amz-target", "").endswith("PutItem"):
            late.append(request.body)

    lock_table.app.watch(note)
    clock.advance(100)
    grant = mine.renew(grant)
    clock.advance(150)
    grant = mine.renew(grant)
    lock_table.app.watch(None)
    latest = lock_table.item()
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        lock_table.send("put_item", json.loads(late[0]))
    assert lock_table.item() == latest


def test_a_lease_is_given_back_also_when_the_time_went_back(
    make: Make, lock_table: TableFake
) -> None:
    """Two of DynamoDB's servers tell different times: the later end that is stored keeps nothing from being freed."""
    mine = make()
    lock_table.inject(at_time(30), "GetItem", times=1)
    mine.release(mine.acquire("bookmarks", "run-1"))
    assert "owner" not in lock_table.item()


def test_an_expired_item_that_is_renewed_meanwhile_is_not_robbed(
    make: Make, lock_table: TableFake, store: LocalStore
) -> None:
    """Its holder woke just then: the item is not as it was read, and nothing is taken over."""
    mine = make()
    grant = mine.acquire("bookmarks", "run-1")
    _somebody_elses(lock_table)
    item = lock_table.item()
    lock_table.put(item | {"expiresAt": "1000"})
    woken: list[bool] = []

    def wakes(_index: int, request: Request) -> None:
        if request.headers.get("x-amz-target", "").endswith("PutItem") and not woken:
            woken.append(True)
            mine.renew(grant)

    lock_table.app.watch(wakes)
    with pytest.raises(LeaseHeld, match="run-1"):
        make().acquire("bookmarks", "run-2")
    assert woken


def test_a_lease_that_was_taken_over_is_lost_and_left_alone(
    make: Make, lock_table: TableFake, store: LocalStore
) -> None:
    """The run that slept is told by whom, and gives back nothing of theirs."""
    mine, theirs = make(), make()
    old = mine.acquire("bookmarks", "run-1")
    lock_table.put(lock_table.item() | {"expiresAt": "1000", "host": "elsewhere"})
    theirs.acquire("bookmarks", "run-2")
    before = (lock_table.item(), _stored(store))
    with pytest.raises(LeaseLost, match=f"process {os.getpid()} on .*run-2"):
        mine.renew(old)
    mine.release(old)
    assert (lock_table.item(), _stored(store)) == before


def test_a_deleted_item_is_a_lost_lease(make: Make, lock_table: TableFake) -> None:
    """Nobody else has it, but nothing protects it any more either."""
    mine = make()
    grant = mine.acquire("bookmarks", "run-1")
    lock_table.put({"id": lock_table.item()["id"]})
    with pytest.raises(LeaseLost, match=r"is no longer in dynamodb://"):
        mine.renew(grant)


@pytest.mark.parametrize("times", [1, 2])
def test_a_write_whose_answer_was_lost_is_believed(
    make: Make, lock_table: TableFake, times: int
) -> None:
    """Sent again it meets its own success, and when every answer is lost it is looked up: taken, renewed, given back."""
    mine = make()
    lock_table.inject(answer_lost(), "PutItem", times=times)
    grant = mine.acquire("bookmarks", "run-1")
    assert lock_table.item()["owner"] == grant.owner
    lock_table.inject(answer_lost(), "PutItem", times=1)
    grant = mine.renew(grant)
    lock_table.inject(answer_lost(), "PutItem", times=1)
    mine.release(grant)
    assert "owner" not in lock_table.item()
    assert make().acquire("bookmarks", "run-2").token == grant.token + 1


def test_a_table_that_does_not_answer_gives_no_lease(
    make: Make, lock_table: TableFake, store: LocalStore
) -> None:
    """The run fails, nothing is written, and the next one has the lease."""
    for operation in ("GetItem", "PutItem"):
        lock_table.inject(dropped(), operation, times=2)
        with pytest.raises(StoreUnavailable, match="dynamodb://"):
            make().acquire("bookmarks", "run-1")
        assert lock_table.items() == []
        assert [*store.list("")] == []
    make().acquire("bookmarks", "run-2")


def test_renewal_survives_a_table_that_fails_for_a_while(make: Make, lock_table: TableFake) -> None:
    """Throttled or failing it is an error of the store, and the lease is tried again with the next turn."""
    mine = make()
    grant = mine.acquire("bookmarks", "run-1")
    for action in (refused("ProvisionedThroughputExceededException"), refused("X", status=500)):
        rule = lock_table.inject(action, "PutItem", times=2)
        with pytest.raises(StoreUnavailable):
            mine.renew(grant)
        assert rule.hits == 2
    assert mine.renew(grant).owner == grant.owner


def test_a_store_that_fails_for_a_while_ends_no_lease(
    make: Make, lock_table: TableFake, store: LocalStore, clock: FakeClock
) -> None:
    """The table keeps the lease: the lock object in the store waits, and is known again by the next run."""
    faulty = FaultyStore(store)
    mine = make(faulty)
    grant = mine.acquire("bookmarks", "run-1")
    faulty.fault = lambda _call, _number: "fail"
    clock.advance(100)
    grant = mine.renew(grant)
    assert grant.granted_at == clock.monotonic()
    mine.release(grant)
    assert "owner" not in lock_table.item()
    assert _stored(store)["owner"] == grant.owner
    _is_elsewhere(store)
    again = make().acquire("bookmarks", "run-2")
    assert again.took_from is None
    assert _stored(store)["runId"] == "run-2"


def test_a_lease_that_the_store_refuses_is_given_back(
    make: Make, lock_table: TableFake, store: LocalStore
) -> None:
    """The next run does not wait for the end of a lease that nobody has."""
    failing = FaultyStore(store, fault=lambda call, _: "fail" if call.method == "put" else None)
    with pytest.raises(StoreUnavailable):
        make(failing).acquire("bookmarks", "run-1")
    assert "owner" not in lock_table.item()


def test_a_store_that_fails_twice_keeps_no_third_run_out(
    make: Make, lock_table: TableFake, store: LocalStore
) -> None:
    """The lock object of the last run that had the lease is known again after a run that could not write it."""
    faulty = FaultyStore(store)
    mine = make(faulty)
    grant = mine.acquire("bookmarks", "run-1")
    faulty.fault = lambda call, _: "fail" if call.method == "put" else None
    mine.release(grant)
    _is_elsewhere(store)
    with pytest.raises(StoreUnavailable):
        make(faulty).acquire("bookmarks", "run-2")
    assert make().acquire("bookmarks", "run-3").token > grant.token


def test_a_run_whose_locks_live_elsewhere_is_not_robbed(
    make: Make, lock_table: TableFake, store: LocalStore, clock: FakeClock, tmp_path: Path
) -> None:
    """One machine has `DATAFETCH_LOCK` set, the other one not yet: the lock object keeps them apart."""
    theirs = StoreLeases(store, KEYS, clock, lambda _job: TTL_S, tmp_path / "locks")
    grant = theirs.acquire("bookmarks", "run-1")
    _is_elsewhere(store)
    with pytest.raises(LeaseHeld, match="elsewhere"):
        make().acquire("bookmarks", "run-2")
    assert "owner" not in lock_table.item()
    store.put(LOCK, json.dumps(_stored(store) | {"owner": None}).encode())
    mine = make().acquire("bookmarks", "run-3")
    assert mine.token > grant.token
    with pytest.raises(LeaseHeld, match="run-3"):
        theirs.acquire("bookmarks", "run-4")


def test_the_lock_object_is_written_for_people(make: Make, store: LocalStore) -> None:
    """Who runs stands in the store as with other kinds of locks, under the same owner and token."""
    mine = make()
    grant = mine.acquire("bookmarks", "run-1")
    body = _stored(store)
    assert (body["owner"], body["token"], body["pid"]) == (grant.owner, grant.token, os.getpid())
    mine.release(mine.renew(grant))
    assert (_stored(store)["owner"], _stored(store)["token"]) == (None, grant.token)


@pytest.mark.parametrize("dialect", ["quoted", "unquoted", "ignoring", "unsupported"])
def test_a_store_without_conditions_may_be_written(
    make: Make, tmp_path: Path, dialect: Any
) -> None:
    """Checked and not atomic, which the result says; where conditions are kept the publish has them and nothing is said."""
    server = ServerMemory(dialect)
    checked = CheckedStore(server, RuntimeFolder(tmp_path / "locks"))
    leases = make(checked)
    grant = leases.acquire("bookmarks", "run-1")
    keeps = dialect in ("quoted", "unquoted")
    assert checked.checks is not keeps
    assert grant.note.startswith("the publish is checked, not atomic: ") is not keeps
    assert "this machine only" not in grant.note
    leases.release(leases.renew(grant))
    assert make(checked).acquire("bookmarks", "run-2").token == grant.token + 1
    assert server.probes == 1


def test_an_unreadable_item_counts_as_free(make: Make, lock_table: TableFake) -> None:
    """Somebody edited it: the next run writes it anew, on the condition that it is as it was read."""
    mine = make()
    mine.release(mine.acquire("bookmarks", "run-1"))
    lock_table.put(lock_table.item() | {"pid": "none", "token": "-1"})
    grant = make().acquire("bookmarks", "run-2")
    assert grant.token > 1_700_000_000
    assert lock_table.item()["runId"] == "run-2"


def test_answers_without_a_time_give_no_lease(make: Make, lock_table: TableFake) -> None:
    """A proxy that drops `Date`: no lease would have an end, so the run fails and says why."""
    lock_table.inject(
        lambda request, answer: answer(request).changed(headers={"Date": ""}), "GetItem"
    )
    with pytest.raises(StoreUnavailable, match="Date") as caught:
        make().acquire("bookmarks", "run-1")
    assert "proxy" in caught.value.hint
    assert lock_table.items() == []


def test_of_takers_at_once_one_wins(make: Make, tmp_path: Path) -> None:
    """Exactly one has the lease, the others are told, though each has a lock object of its own."""
    stores = [LocalStore(tmp_path / str(number)) for number in range(6)]
    backends = [make(store, place="site") for store in stores]
    gate = threading.Barrier(6)
    outcomes: list[str] = []

    def take(number: int) -> None:
        gate.wait()
        try:
            backends[number].acquire("bookmarks", f"run-{number}")
            outcomes.append("had")
        except LeaseHeld:
            outcomes.append("held")

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["had", *["held"] * 5]


def _process(
    lock_table: TableFake, folder: Path, what: str, code: str, *, own_store: bool = False
) -> "subprocess.Popen[str]":
    """A process of its own machine; with a store of its own only the table keeps it from working."""
    (folder / what).mkdir(exist_ok=True)
    store = folder / what / "store" if own_store else folder / "store"
    return subprocess.Popen(
        [
            *(sys.executable, "-c", _CHILD + code, what.partition("-")[0], lock_table.name),
            *("site" if own_store else "", str(store), str(folder / what), str(folder)),
        ],
        cwd=ROOT,
        env=clean_environment(AWS_ENDPOINT_URL_DYNAMODB=lock_table.url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which processes are gone")
def test_a_killed_holder_of_this_machine_is_known_at_once(
    make: Make, lock_table: TableFake, tmp_path: Path
) -> None:
    """Nobody waits for the lease of a process that is gone, and whose run it was is told."""
    with _process(lock_table, tmp_path, "holder", _HOLDER) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LeaseHeld, match=f"process {holder.pid} on .*run-of-another"):
            make().acquire("bookmarks", "run-2")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    grant = make().acquire("bookmarks", "run-2")
    assert grant.took_from is not None
    assert (grant.took_from.run_id, grant.took_from.is_gone) == ("run-of-another", True)


@pytest.mark.timeout(300)
def test_eight_processes_never_work_at_once(lock_table: TableFake, tmp_path: Path) -> None:
    """Each has the lease three times, as a machine of its own; no two at a time, and no token comes twice."""
    workers = [
        _process(lock_table, tmp_path, f"3-{number}", _WORKER, own_store=True)
        for number in range(8)
    ]
    tokens: list[int] = []
    for worker in workers:
        out, err = worker.communicate(timeout=250)
        assert worker.returncode == 0, err
        tokens.extend(map(int, out.split()))
    assert len(tokens) == len(set(tokens)) == 24
    assert max(tokens) - min(tokens) == 23
