"""Storing logos that visitors asked for: under the lease of the logo job, whole or not at all."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from datafetch.clock import CancelToken
from datafetch.environment import load_settings
from datafetch.factory import Parts, make_parts
from datafetch.keep_run import KeptLogos
from datafetch.logos.model import Logo
from datafetch.logos.on_demand import FoundLogo
from datafetch.manager import DataFetchManager
from datafetch.models.run import JobName, RunStatus
from datafetch.settings import Settings
from datafetch.store.base import encode_json
from datafetch.store.keys import Keys
from tests.fakes.pictures import colour_of, picture
from tests.stores import Call, FaultyStore
from tests.support import FakeClock

KEYS = Keys("-dev")
MANIFEST, NEGATIVE = KEYS.logo_manifest(), KEYS.logo_failed_domains()
LOCK = "json/datafetch/locks/logos-dev.json"
A, B, C = "a.example.com", "b.example.org", "c.example.net"


@dataclass
class Machine:
    """A machine with an empty store whose calls can be made to fail."""

    settings: Settings
    clock: FakeClock
    parts: Parts
    store: FaultyStore

    def keep(self, *found: FoundLogo, **without: str) -> KeptLogos:
        """Store logos, and why domains (with `_` for each dot) have none."""
        reasons = {name.replace("_", "."): reason for name, reason in without.items()}
        return DataFetchManager(self.settings, self.parts).keep_logos(found, reasons)

    def stored(self, key: str) -> Any:
        """An object of the store."""
        return json.loads(self.store.inner.get(key).body)

    @property
    def keys(self) -> list[str]:
        """All keys that are stored."""
        return [info.key for info in self.store.inner.list("")]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine on which two strangers' logos may be stored."""
    monkeypatch.setenv("DATAFETCH_STORE", f"file:{tmp_path}/store")
    monkeypatch.setenv("S3_CDN_URL", "https://cdn.example.com")
    monkeypatch.setenv("LOGO_ON_DEMAND_MAX", "2")
    settings, clock = load_settings(None), FakeClock()
    parts = make_parts(settings, clock, CancelToken())
    store = FaultyStore(parts.store)
    return Machine(settings, clock, replace(parts, store=store), store)


def found(domain: str, side: int = 128, source: str = "google", **more: Any) -> FoundLogo:
    """A logo that was found."""
    body = picture("png", side, side, colour_of(domain))
    logo = Logo(
        key=KEYS.logo(domain, source, "png"),
        original_source=source,
        content_type="image/png",
        size=len(body),
        width=side,
        height=side,
        sha256=hashlib.sha256(body).hexdigest(),
        fetched_at=1_795_507_200_000,
    )
    return FoundLogo(domain=domain, logo=logo, body=body, **{"before": None, **more})


def test_a_batch_is_stored_as_the_job_does(machine: Machine) -> None:
    """Pictures, manifest and negative cache; no state, history or slot of the job; the lock is free."""
    kept = machine.keep(found(A), found(B, stranger=True), c_example_net="none has one")
    assert (kept.result.status, kept.result.items_changed) == (RunStatus.SUCCEEDED, 2)
    assert set(kept.entries) == {A, B}
    manifest = machine.stored(MANIFEST)
    assert manifest[A]["bytes"] == len(found(A).body)
    assert ("onDemand" in manifest[A], manifest[B]["onDemand"]) == (False, True)
    assert machine.stored(NEGATIVE)[C]["attempts"] == 1
    lock = machine.stored(LOCK)
    assert (lock["owner"], lock["runId"]) == (None, kept.result.run_id)
    assert lock["runId"].endswith("-brief")
    assert not [key for key in machine.keys if "/jobs/" in key or "/history/" in key]


def test_while_a_run_has_the_lease_nothing_is_stored(machine: Machine) -> None:
    """It is not waited for: who asked tries again later."""
    grant = machine.parts.leases.acquire(JobName.LOGOS, "20261124T080000Z-0a0b0c0d")
    kept = machine.keep(found(A))
    assert (kept.result.status, kept.result.exit_code) == (RunStatus.LOCKED, 75)
    assert kept.entries == {}
    assert machine.clock.slept == []
    machine.parts.leases.release(grant)
    assert set(machine.keep(found(A)).entries) == {A}


@pytest.mark.parametrize("number", range(8))
def test_a_fault_at_each_write_leaves_what_the_next_try_mends(
    machine: Machine, tmp_path: Path, number: int
) -> None:
    """Whatever fails, the manifest names only stored pictures, and the same batch can be stored again."""
    writes = 0

    def fault(call: Call, _number: int) -> str | None:
        nonlocal writes
        if call.method != "put":
            return None
        writes += 1
        return "fail" if writes == number + 1 else None

    machine.store.fault = fault
    kept = machine.keep(found(A), found(B), c_example_net="none")
    keys = machine.keys
    if MANIFEST in keys:
        assert {entry["key"] for entry in machine.stored(MANIFEST).values()} <= set(keys)
    machine.store.fault = None
    if not kept.result.success:
        again = machine.keep(found(A), found(B), c_example_net="none")
        assert again.result.success
    assert set(machine.stored(MANIFEST)) == {A, B}
    assert machine.stored(LOCK)["owner"] is None


def test_strangers_beyond_the_limit_are_left_out(machine: Machine) -> None:
    """Others are stored however many strangers there are; a stranger's logo may be replaced."""
    kept = machine.keep(*(found(f"s{number}.example.com", stranger=True) for number in range(4)))
    assert set(kept.entries) == {"s0.example.com", "s1.example.com"}
    kept = machine.keep(found(A), found(B, stranger=True))
    assert set(kept.entries) == {A}
    larger = found("s0.example.com", 256, before=kept.entries.get(A), stranger=True)
    assert machine.keep(larger).result.items_changed == 1
    entry = machine.stored(MANIFEST)["s0.example.com"]
    assert (entry["width"], entry["onDemand"]) == (256, True)


@pytest.mark.parametrize(
    ("stored", "side", "source", "replaced"),
    [
        (128, 64, "google", True),
        (128, 32, "google", False),
        (32, 64, "duckduckgo", True),
        (128, 64, "duckduckgo", False),
        (128, 128, "duckduckgo", False),
    ],
)
def test_what_a_run_has_stored_since_is_not_made_worse(
    machine: Machine, stored: int, side: int, source: str, *, replaced: bool
) -> None:
    """A logo that the search did not know gives way to a good one of its provider, or to a larger one."""
    machine.keep(found(A, stored))
    kept = machine.keep(found(A, side, source))
    entry = kept.entries[A]
    assert isinstance(entry, Logo)
    assert entry.width == (side if replaced else stored)
    assert machine.store.inner.head(entry.key).size == entry.size


def test_a_confirmation_without_its_logo_stores_nothing(machine: Machine) -> None:
    """The logo that it confirms was removed meanwhile: an entry without picture would be a lie."""
    item = found(A)
    kept = machine.keep(replace(item, body=b"", before=item.logo))
    assert kept.entries == {}
    assert machine.stored(MANIFEST) == {}


def test_a_broken_manifest_is_kept_aside(machine: Machine) -> None:
    """The readable entries stay, and what was there is kept beside it."""
    machine.keep(found(A))
    good = machine.stored(MANIFEST)[A]
    machine.store.inner.put(MANIFEST, encode_json({A: good, "x": 7}))
    assert set(machine.keep(found(B)).entries) == {B}
    assert set(machine.stored(MANIFEST)) == {A, B}
    assert [key for key in machine.keys if ".corrupt-" in key]


def test_somebody_elses_manifest_is_merged(machine: Machine) -> None:
    """A manifest that was written meanwhile is read again, and both sides' logos are in it."""
    machine.keep(found(A))
    theirs = {**machine.stored(MANIFEST), C: machine.stored(MANIFEST)[A]}

    def write(call: Call) -> None:
        if call == Call("put", MANIFEST) and C not in machine.stored(MANIFEST):
            machine.store.inner.put(MANIFEST, encode_json(theirs))

    machine.store.before = write
    assert machine.keep(found(B)).result.success
    assert set(machine.stored(MANIFEST)) == {A, B, C}
