"""One suite for every place where leases live: what a run may rely on."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from datafetch.clock import SystemClock
from datafetch.errors import LeaseHeld
from datafetch.ops.lease import LeaseBackend
from datafetch.ops.leases.file import FileLeases
from datafetch.ops.leases.store import StoreLeases
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import ObjectStore
from datafetch.store.checked import CheckedStore
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.contract.lease_kinds import lease_kind
from tests.contract.support import open_s3
from tests.fakes.base import FakeServer
from tests.fakes.s3 import S3Fake

KEYS = Keys("-test")
LOCK = "json/datafetch/locks/logos-test.json"
KINDS = [
    "folder",
    "quoted",
    "unquoted",
    "folder, file",
    "quoted, file",
    "unquoted, file",
    "ignoring, file",
    "unsupported, file",
    "unsupported-400, file",
    "dynamodb",
    "redis",
]

Places = tuple[ObjectStore, Callable[[], LeaseBackend]]


@pytest.fixture(params=KINDS)
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Places]:
    """A store, and a function that makes its leases as each new process does."""
    where, _, how = request.param.partition(", ")
    (tmp_path / "runtime").mkdir(exist_ok=True)
    if where in ("dynamodb", "redis"):
        with ExitStack() as stack:
            server: FakeServer = request.getfixturevalue("moto_server")
            kind = stack.enter_context(lease_kind(where, tmp_path, server))
            opened = stack.enter_context(kind.opened())
            yield opened.store, lambda: stack.enter_context(kind.opened()).leases
        return

    def leases(store: ObjectStore) -> LeaseBackend:
        kind = FileLeases if how else StoreLeases
        return kind(store, KEYS, SystemClock(), lambda _job: 300.0, tmp_path / "runtime")

    if where == "folder":
        folder = LocalStore(tmp_path / "store")
        yield folder, lambda: leases(folder)
        return
    fake: S3Fake = request.getfixturevalue("s3_fake")
    fake.app.dialect = where
    with closing(open_s3(fake, width=12)) as bucket:
        yield (
            bucket,
            lambda: leases(
                CheckedStore(bucket, RuntimeFolder(tmp_path / "runtime")) if how else bucket
            ),
        )


def _stored(store: ObjectStore) -> Any:
    return json.loads(store.get(LOCK).body)


def test_a_lease_is_had_by_one_run_at_a_time(places: Places) -> None:
    """Taken, refused to others while it is renewed, given back, and taken again with a larger token."""
    store, make = places
    mine, theirs = make(), make()
    grant = mine.acquire("logos", "run-1")
    with pytest.raises(LeaseHeld, match="run-1"):
        theirs.acquire("logos", "run-2")
    grant = mine.renew(grant)
    with pytest.raises(LeaseHeld, match="run-1"):
        theirs.acquire("logos", "run-2")
    assert theirs.acquire("github", "run-2").job == "github"
    mine.release(grant)
    assert _stored(store)["owner"] is None
    again = theirs.acquire("logos", "run-3")
    assert again.token > grant.token
    assert (_stored(store)["runId"], _stored(store)["token"]) == ("run-3", again.token)


def test_of_takers_at_once_one_wins(places: Places) -> None:
    """Exactly one has the lease, the others are told; a store without a lock object yet is no exception."""
    store, make = places
    backends = [make() for _ in range(4)]
    gate = threading.Barrier(4)
    outcomes: list[str] = []
    tokens: list[int] = []

    def take(number: int) -> None:
        gate.wait()
        try:
            tokens.append(backends[number].acquire("logos", f"run-{number}").token)
            outcomes.append(f"run-{number}")
        except LeaseHeld:
            outcomes.append("held")

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("held") == 3
    assert _stored(store)["runId"] in outcomes
    assert _stored(store)["token"] == tokens[0]
