"""The lease that lives in a Redis server."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from datafetch.clock import SystemClock
from datafetch.errors import LeaseHeld, LeaseLost, StoreError, StoreUnavailable, UnsafeStore
from datafetch.models.lock_place import RedisPlace
from datafetch.ops.lease import HeldLease
from datafetch.ops.leases.redis import RedisLeases
from datafetch.ops.leases.redis_scripts import TAKE
from datafetch.ops.leases.redis_server import RedisServer
from datafetch.ops.leases.store import StoreLeases
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import ObjectStore
from datafetch.store.checked import CheckedStore
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.fakes.relay import Relay
from tests.processes import ROOT, clean_environment
from tests.redis_servers import RealRedis, real_redis
from tests.stores import FaultyStore, MemoryStore, ServerMemory
from tests.support import FakeClock

KEYS = Keys("-test")
LOCK = "json/datafetch/locks/bookmarks-test.json"

_PROGRAM = """
import sys
from datafetch.clock import SystemClock
from datafetch.models.lock_place import RedisPlace
from datafetch.ops.lease import HeldLease
from datafetch.ops.leases.redis import RedisLeases
from datafetch.ops.leases.redis_server import RedisServer
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from pathlib import Path
folder, port, ttl_s = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
server = RedisServer(RedisPlace("127.0.0.1", port))
store, clock = LocalStore(folder / "store"), SystemClock()
leases = RedisLeases(server, store, Keys("-test"), clock, lambda job: ttl_s, folder / "runtime")
"""

_HOLDER = f"""{_PROGRAM}
held = HeldLease(leases, leases.acquire("bookmarks", "run-of-another"), clock, lambda lost: None)
print("held", flush=True)
sys.stdin.readline()
try:
    held.check()
    print("may write", flush=True)
except Exception as error:
    print(type(error).__name__, flush=True)
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRedis]:
    """A server for all tests of this module that do not end it."""
    with real_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(running: RealRedis) -> RealRedis:
    """The server, which knows nothing yet."""
    running.tell("FLUSHALL")
    return running


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """The folder that all runs use."""
    return LocalStore(tmp_path / "store")


@pytest.fixture
def make(tmp_path: Path, redis: RealRedis, store: LocalStore) -> Callable[..., RedisLeases]:
    """Makes leases as each new process does."""

    def make(
        kept_in: ObjectStore = store, place: RedisPlace = redis.place, keys: Keys = KEYS
    ) -> RedisLeases:
        folder = tmp_path / "runtime"
        return RedisLeases(
            RedisServer(place), kept_in, keys, SystemClock(), lambda _job: 300.0, folder
        )

    return make


def _stored(store: ObjectStore) -> Any:
    return json.loads(store.get(LOCK).body)


def _lease_key(redis: RealRedis) -> str:
    return redis.find("datafetch:{bookmarks-*}:lease")


@contextmanager
def _another_process(
    folder: Path, redis: RealRedis, ttl_s: float = 300.0
) -> Iterator[subprocess.Popen[str]]:
    """A process that has the lease of the bookmarks."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder), str(redis.port), str(ttl_s)],
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


def test_a_lease_is_had_by_one_run_at_a_time(
    make: Callable[..., RedisLeases], redis: RealRedis, store: LocalStore
) -> None:
    """Redis says who has it and until when; given back, it is free at once, with a larger token."""
    mine, theirs = make(), make()
    grant = mine.acquire("bookmarks", "run-1")
    assert 299_000 < int(redis.tell("PTTL", _lease_key(redis))) <= 300_000
    with pytest.raises(LeaseHeld, match=rf"process {os.getpid()} on .* .run run-1.") as caught:
        theirs.acquire("bookmarks", "run-2")
    assert caught.value.exit_code == 75
    assert (_stored(store)["runId"], _stored(store)["owner"]) == ("run-1", grant.owner)
    mine.release(mine.renew(grant))
    assert _stored(store)["owner"] is None
    after = theirs.acquire("bookmarks", "run-2")
    assert after.token > grant.token
    assert _stored(store)["token"] == after.token


def test_a_run_that_is_locked_out_writes_nothing(
    make: Callable[..., RedisLeases], store: LocalStore
) -> None:
    """Redis alone is asked: the store is neither read nor written."""
    make().acquire("bookmarks", "run-1")
    faulty = FaultyStore(store)
    with pytest.raises(LeaseHeld):
        make(faulty).acquire("bookmarks", "run-2")
    assert faulty.calls == []


def test_tokens_are_the_seconds_since_1970_of_redis_or_more(
    make: Callable[..., RedisLeases], redis: RealRedis
) -> None:
    """A Redis that lost its memory goes on with larger tokens, also within one second."""
    leases = make()
    tokens = []
    for number in range(3):
        before = int(redis.tell("TIME", first=True))
        grant = leases.acquire("bookmarks", f"run-{number}")
        tokens.append(grant.token)
        assert grant.token >= before
        leases.release(grant)
        redis.tell("FLUSHALL")
    assert tokens == sorted(set(tokens))


def test_a_redis_that_lost_its_memory_lets_no_second_run_in(
    make: Callable[..., RedisLeases], redis: RealRedis, store: LocalStore
) -> None:
    """FLUSHALL under a run: the lock object keeps others out, and the run goes on with its token."""
    mine, theirs = make(), make()
    grant = mine.acquire("bookmarks", "run-1")
    redis.tell("FLUSHALL")
    for _ in range(2):
        with pytest.raises(LeaseHeld, match="run-1"):
            theirs.acquire("bookmarks", "run-2")
    grant = mine.renew(grant)
    assert 299_000 < int(redis.tell("PTTL", _lease_key(redis))) <= 300_000
    mine.release(grant)
    assert theirs.acquire("bookmarks", "run-2").token > grant.token
    assert _stored(store)["runId"] == "run-2"


def test_a_redis_that_is_started_anew_keeps_the_run(tmp_path: Path, store: LocalStore) -> None:
    """It has nothing on disk: while it is away renewals fail, afterwards they put the lease there again."""
    with real_redis(tmp_path) as redis:
        server = RedisServer(redis.place)
        leases = RedisLeases(server, store, KEYS, SystemClock(), lambda _job: 300.0)
        grant = leases.acquire("bookmarks", "run-1")
        redis.stop()
        with pytest.raises(StoreUnavailable, match="cannot be reached: Connection refused"):
            leases.renew(grant)
        redis.start()
        grant = leases.renew(grant)
        other = RedisLeases(server, store, KEYS, SystemClock(), lambda _job: 300.0)
        with pytest.raises(LeaseHeld, match="run-1"):
            other.acquire("bookmarks", "run-2")
        leases.release(grant)
        assert other.acquire("bookmarks", "run-2").token > grant.token


def test_a_store_that_counted_further_is_followed(
    make: Callable[..., RedisLeases], redis: RealRedis, store: LocalStore
) -> None:
    """Another Redis, or one whose clock is behind: the lock object's token counts, and Redis learns it."""
    leases = make()
    leases.release(leases.acquire("bookmarks", "run-1"))
    store.put(LOCK, json.dumps(_stored(store) | {"token": 9_000_000_000}).encode())
    grant = leases.acquire("bookmarks", "run-2")
    assert grant.token == 9_000_000_001
    leases.release(leases.renew(grant))
    store.delete(LOCK)
    assert make().acquire("bookmarks", "run-3").token == 9_000_000_002


def test_a_killed_holder_frees_the_lock_at_once(
    tmp_path: Path, make: Callable[..., RedisLeases], redis: RealRedis
) -> None:
    """SIGKILL on this machine: the next run knows whose lease it takes over, and that it was gone."""
    with _another_process(tmp_path, redis) as other:
        with pytest.raises(LeaseHeld, match=rf"process {other.pid} on .* .run run-of-another."):
            make().acquire("bookmarks", "run-2")
        other.send_signal(signal.SIGKILL)
        other.wait()
    grant = make().acquire("bookmarks", "run-2")
    assert grant.took_from is not None
    assert (grant.took_from.run_id, grant.took_from.pid) == ("run-of-another", other.pid)
    assert grant.took_from.is_gone


def test_a_lease_whose_time_is_over_is_free_though_the_store_says_otherwise(
    make: Callable[..., RedisLeases], redis: RealRedis
) -> None:
    """Redis's clock decides: a holder elsewhere that fell silent is followed, and not called dead."""
    make().acquire("bookmarks", "run-1")
    redis.tell("PEXPIRE", _lease_key(redis), "0")
    grant = make().acquire("bookmarks", "run-2")
    assert grant.took_from is not None
    assert (grant.took_from.run_id, grant.took_from.is_gone) == ("run-1", False)


def test_a_holder_that_was_stopped_past_its_lease_may_not_write(
    tmp_path: Path, make: Callable[..., RedisLeases], redis: RealRedis
) -> None:
    """SIGSTOP: another run takes over, and the first, when it wakes, is refused by its own clock."""
    with _another_process(tmp_path, redis, ttl_s=0.3) as other:
        other.send_signal(signal.SIGSTOP)
        while True:
            with suppress(LeaseHeld):
                make().acquire("bookmarks", "run-2")
                break
        other.send_signal(signal.SIGCONT)
        assert other.communicate("go\n", timeout=60)[0] == "LeaseLost\n"


def test_a_lease_that_another_run_has_is_lost_and_left_alone(
    make: Callable[..., RedisLeases], redis: RealRedis, store: LocalStore
) -> None:
    """Renewal says who has it now; release leaves it to them."""
    mine, theirs = make(), make()
    grant = mine.acquire("bookmarks", "run-1")
    redis.tell("PEXPIRE", _lease_key(redis), "0")
    theirs.acquire("bookmarks", "run-2")
    before = redis.tell("GET", _lease_key(redis))
    with pytest.raises(LeaseLost, match=rf"process {os.getpid()} on .* .run run-2."):
        mine.renew(grant)
    mine.release(grant)
    assert redis.tell("GET", _lease_key(redis)) == before
    assert _stored(store)["runId"] == "run-2"
    assert _stored(store)["owner"] is not None


def test_a_lease_that_another_run_had_meanwhile_is_lost(
    make: Callable[..., RedisLeases], redis: RealRedis
) -> None:
    """It is free again, but what was read before is old: the run that slept does not go on.

    Redis knows it by itself: each run has a store of its own here.
    """
    mine, theirs = make(MemoryStore()), make(MemoryStore())
    grant = mine.acquire("bookmarks", "run-1")
    redis.tell("PEXPIRE", _lease_key(redis), "0")
    theirs.release(theirs.acquire("bookmarks", "run-2"))
    with pytest.raises(LeaseLost, match=r"another run took the lock of bookmarks$"):
        mine.renew(grant)


def test_a_lease_that_ran_out_and_nobody_took_is_renewed(
    make: Callable[..., RedisLeases], redis: RealRedis
) -> None:
    """A short stop costs nothing when no other run came in between."""
    leases = make()
    grant = leases.acquire("bookmarks", "run-1")
    redis.tell("PEXPIRE", _lease_key(redis), "0")
    leases.renew(grant)
    with pytest.raises(LeaseHeld, match="run-1"):
        make().acquire("bookmarks", "run-2")


@pytest.fixture
def relay(redis: RealRedis) -> Iterator[Relay]:
    """Loses answers on the way from Redis."""
    with Relay(redis.port) as relay:
        yield relay


def _through(relay: Relay) -> RedisPlace:
    return RedisPlace("127.0.0.1", relay.port)


def test_an_answer_that_was_lost_is_asked_for_again(
    make: Callable[..., RedisLeases], relay: Relay, redis: RealRedis
) -> None:
    """Taken, renewed and given back although each first answer was lost: nobody is locked out by himself."""
    leases = make(place=_through(relay))
    relay.lose_answers()
    grant = leases.acquire("bookmarks", "run-1")
    relay.lose_answers()
    grant = leases.renew(grant)
    relay.lose_answers()
    leases.release(grant)
    assert (relay.lost, relay.scripts) == (3, 6)
    assert make().acquire("bookmarks", "run-2").token > grant.token


def test_a_lost_answer_keeps_what_redis_knew_before(
    make: Callable[..., RedisLeases], relay: Relay, redis: RealRedis
) -> None:
    """Asked again, Redis tells whose lease was over before, and not the asker's own."""
    make().acquire("bookmarks", "run-1")
    redis.tell("PEXPIRE", _lease_key(redis), "0")
    relay.lose_answers()
    grant = make(place=_through(relay)).acquire("bookmarks", "run-2")
    assert grant.took_from is not None
    assert grant.took_from.run_id == "run-1"


def test_a_lease_that_ends_before_it_is_asked_for_again_hides_nobody(redis: RealRedis) -> None:
    """The answer comes after the lease's time: it tells the run before, and not the asker itself."""
    server, keys = RedisServer(redis.place), ("datafetch:{x}:lease", "datafetch:{x}:last")
    for owner in ("first", "second", "second"):
        answer = server.run(TAKE, keys, owner, 60_000, "", "{}")
        redis.tell("PEXPIRE", "datafetch:{x}:lease", "0")
    assert answer[2] == b"first"


def test_a_lease_counts_from_before_redis_was_asked(
    redis: RealRedis, store: LocalStore, tmp_path: Path
) -> None:
    """A store that takes long to write the lock object makes no lease longer than Redis keeps it."""
    clock = FakeClock()
    slow = FaultyStore(store, before=lambda _call: clock.advance(20))
    leases = RedisLeases(
        RedisServer(redis.place), slow, KEYS, clock, lambda _job: 300.0, tmp_path / "runtime"
    )
    began = clock.monotonic()
    grant = leases.acquire("bookmarks", "run-1")
    assert clock.monotonic() > began
    assert grant.granted_at == began
    began = clock.monotonic()
    assert leases.renew(grant).granted_at == began
    leases.release(grant)


def test_answers_that_are_lost_for_good_are_an_outage(
    make: Callable[..., RedisLeases], relay: Relay
) -> None:
    """It is asked twice and not for ever; the error has exit 1 and says what to do."""
    relay.lose_answers(100)
    with pytest.raises(StoreUnavailable, match="closed the connection") as caught:
        make(place=_through(relay)).acquire("bookmarks", "run-1")
    assert caught.value.exit_code == 1
    assert "Check DATAFETCH_LOCK" in caught.value.hint
    assert relay.scripts == 2


def test_a_store_that_fails_for_a_while_does_not_end_the_lease(
    make: Callable[..., RedisLeases], redis: RealRedis, store: LocalStore
) -> None:
    """Redis keeps it; the lock object follows when the store answers again."""
    faulty = FaultyStore(store)
    leases = make(faulty)
    grant = leases.acquire("bookmarks", "run-1")
    redis.tell("PEXPIRE", _lease_key(redis), "1000")
    faulty.fault = lambda _call, _number: "fail"
    grant = leases.renew(grant)
    assert int(redis.tell("PTTL", _lease_key(redis))) > 299_000
    leases.release(grant)
    assert redis.find("datafetch:{bookmarks-*}:lease") == ""
    faulty.fault = None
    # The lock object still names the run: Redis knows that it gave the lease back.
    assert make().acquire("bookmarks", "run-2").token > grant.token


def test_a_lock_object_that_cannot_be_written_leaves_no_lease(
    make: Callable[..., RedisLeases], redis: RealRedis, store: LocalStore
) -> None:
    """A store that does not answer does not keep the next run out."""
    faulty = FaultyStore(store, fault=lambda call, _: "fail" if call.method == "put" else None)
    with pytest.raises(StoreError):
        make(faulty).acquire("bookmarks", "run-1")
    assert redis.find("datafetch:{bookmarks-*}:lease") == ""


def test_a_run_whose_lock_lives_in_the_store_is_respected(
    make: Callable[..., RedisLeases], redis: RealRedis, store: LocalStore, tmp_path: Path
) -> None:
    """The setting was changed on one machine first: both kinds see each other, by the lock object."""
    old = StoreLeases(store, KEYS, SystemClock(), lambda _job: 300.0, tmp_path / "runtime")
    grant = old.acquire("bookmarks", "run-1")
    with pytest.raises(LeaseHeld, match="run-1"):
        make().acquire("bookmarks", "run-2")
    assert redis.tell("DBSIZE") == b"0"
    old.release(grant)
    new = make().acquire("bookmarks", "run-2")
    with pytest.raises(LeaseHeld, match="run-2"):
        old.acquire("bookmarks", "run-3")
    assert new.token > grant.token


@pytest.mark.parametrize(("dialect", "checks"), [("ignoring", True), ("quoted", False)])
def test_a_store_without_conditions_is_used_and_said_so(
    make: Callable[..., RedisLeases], tmp_path: Path, dialect: Any, checks: bool
) -> None:
    """Checked, not atomic, for several machines; where the server keeps conditions, they are used."""
    server = ServerMemory(dialect)
    checked = CheckedStore(server, RuntimeFolder(tmp_path / "runtime"))
    grant = make(checked).acquire("bookmarks", "run-1")
    said = "the publish is checked, not atomic: the conditional writes of s3://memory cannot be relied on"
    assert grant.note == (said if checks else "")
    assert checked.checks is checks
    with pytest.raises(LeaseHeld):
        make(checked).acquire("bookmarks", "run-2")


def test_a_store_that_is_not_checked_is_refused_all_the_same(
    make: Callable[..., RedisLeases], redis: RealRedis
) -> None:
    """Without the check a server that ignores conditions gets nothing, and Redis keeps no lease."""
    with pytest.raises(UnsafeStore):
        make(ServerMemory("ignoring")).acquire("bookmarks", "run-1")
    assert redis.find("datafetch:{bookmarks-*}:lease") == ""


def test_a_full_redis_keeps_the_leases_that_it_gave(
    make: Callable[..., RedisLeases], redis: RealRedis
) -> None:
    """It takes no new ones; a run that has its lease renews it, and gives it back."""
    leases = make()
    grant = leases.acquire("bookmarks", "run-1")
    redis.tell("CONFIG", "SET", "maxmemory", "1")
    try:
        leases.release(leases.renew(grant))
        with pytest.raises(StoreUnavailable, match="has no memory left"):
            leases.acquire("bookmarks", "run-2")
    finally:
        redis.tell("CONFIG", "SET", "maxmemory", "0")
    assert leases.acquire("bookmarks", "run-2").token > grant.token


class _Site(MemoryStore):
    """A store of another site."""

    name = identity = "s3://another"


def test_sites_environments_and_jobs_share_a_redis(
    make: Callable[..., RedisLeases], redis: RealRedis
) -> None:
    """Each has names of its own there; that of its job can be read."""
    make(MemoryStore()).acquire("bookmarks", "run-1")
    make(MemoryStore()).acquire("logos", "run-1")
    make(MemoryStore(), keys=Keys("")).acquire("bookmarks", "run-1")
    make(_Site()).acquire("bookmarks", "run-1")
    assert redis.tell("DBSIZE") == b"8"
    assert redis.find("datafetch:{logos-*}:lease") != ""


def test_something_else_at_the_lease_is_told(
    make: Callable[..., RedisLeases], redis: RealRedis
) -> None:
    """A value that no run wrote names no process: the message says where to look."""
    leases = make()
    leases.release(leases.acquire("bookmarks", "run-1"))
    name = redis.find("datafetch:{bookmarks-*}:last").replace(":last", ":lease")
    redis.tell("SET", name, "hello")
    with pytest.raises(LeaseHeld, match="something that is no run of datafetch") as caught:
        leases.acquire("bookmarks", "run-2")
    assert name in caught.value.hint


def test_the_hint_of_a_held_lease_follows_redis(
    make: Callable[..., RedisLeases], redis: RealRedis
) -> None:
    """Until when a dead run's lock holds is what Redis says, not the lock object."""
    held = HeldLease(
        leases := make(),
        leases.acquire("bookmarks", "run-1"),
        SystemClock(),
        lambda _lost: None,
    )
    redis.tell("PEXPIRE", _lease_key(redis), "7200000")
    with pytest.raises(LeaseHeld) as caught:
        make().acquire("bookmarks", "run-2")
    assert caught.value.holder is not None
    assert caught.value.holder.until is not None
    assert 7100 < caught.value.holder.until - SystemClock().now() <= 7200
    held.release()


_RIVAL = """
import os, sys
from pathlib import Path
from datafetch.clock import SystemClock
from datafetch.errors import LeaseHeld
from datafetch.models.lock_place import RedisPlace
from datafetch.ops.leases.redis import RedisLeases
from datafetch.ops.leases.redis_server import RedisServer
from datafetch.store.keys import Keys
from tests.stores import MemoryStore
folder, port, number = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
own = folder / f"runtime-{number}"
own.mkdir()
server = RedisServer(RedisPlace("127.0.0.1", port))
# A store and a folder for locks of its own: nothing but Redis keeps this process from the others.
leases = RedisLeases(server, MemoryStore(), Keys("-test"), SystemClock(), lambda job: 300.0, own)
sys.stdin.readline()
had = 0
while had < 5:
    try:
        grant = leases.acquire("bookmarks", f"run-{number}")
    except LeaseHeld:
        continue
    inside = os.open(folder / "inside", os.O_CREAT | os.O_EXCL)
    with (folder / "tokens").open("a") as tokens:
        tokens.write(f"{grant.token}\\n")
    os.close(inside)
    os.unlink(folder / "inside")
    leases.release(grant)
    had += 1
"""


def test_eight_processes_never_have_the_lease_at_the_same_time(
    tmp_path: Path, redis: RealRedis
) -> None:
    """Each has the lease five times, and a store of its own, so that only Redis keeps them apart: one at a time."""
    rivals = [
        subprocess.Popen(
            [sys.executable, "-c", _RIVAL, str(tmp_path), str(redis.port), str(number)],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    for rival in rivals:
        assert rival.stdin is not None
        rival.stdin.write("go\n")
        rival.stdin.flush()
    for rival in rivals:
        assert rival.communicate(timeout=100)[1] == ""
        assert rival.returncode == 0
    tokens = [int(line) for line in (tmp_path / "tokens").read_text().split()]
    assert len(tokens) == 40
    assert tokens == sorted(set(tokens))
