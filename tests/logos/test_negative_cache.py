"""The negative cache by itself: what it remembers, what it forgives, what it never writes over."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from datafetch.job import JobContext
from datafetch.logos.model import NoLogoRecord
from datafetch.logos.negative_cache import NegativeCache
from datafetch.models.job_settings import LogoSettings
from datafetch.models.run import RunOptions
from datafetch.store.base import encode_json
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.job_settings import logo_settings
from tests.stores import Fault, FaultyStore
from tests.support import FakeClock, make_context

KEY = Keys("-test").logo_failed_domains()
A, B = "a.example.com", "b.example.org"
OLD = {"item": B, "attempts": 2, "lastAttempt": 5, "reason": "none"}


@dataclass
class Stored:
    """A folder, and the cache of one run after the other on it."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.store = LocalStore(self.folder, self.clock)

    def put(self, body: bytes) -> None:
        """Store an object in the cache's place."""
        self.store.put(KEY, body)

    def entries(self) -> dict[str, dict[str, object]]:
        """What is stored."""
        entries: dict[str, dict[str, object]] = json.loads(self.store.get(KEY).body)
        return entries

    def aside(self) -> list[bytes]:
        """The copies of what could not be read."""
        return [self.store.get(info.key).body for info in self.store.list(KEY + ".corrupt-")]

    def loaded(self, fault: Fault | None = None, *, dry_run: bool = False) -> NegativeCache:
        """The cache of a run that begins now."""
        self.calls = FaultyStore(self.store, fault)
        context: JobContext[LogoSettings] = make_context(
            logo_settings(), self.calls, clock=self.clock, options=RunOptions(dry_run=dry_run)
        )
        cache = NegativeCache(context)
        cache.load()
        return cache


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    """An empty folder."""
    return Stored(tmp_path / "store")


def test_what_was_added_is_known_to_the_next_run(stored: Stored) -> None:
    """Each run that finds no logo counts one attempt more."""
    for attempts in (1, 2):
        cache = stored.loaded()
        cache.add(A, "google: status 404")
        cache.save()
        now = round(stored.clock.now() * 1000)
        assert stored.entries() == {
            A: {
                "item": A,
                "attempts": attempts,
                "lastAttempt": now,
                "reason": "google: status 404",
            }
        }
        stored.clock.advance(3600)


def test_the_sixth_answer_is_permanent(stored: Stored) -> None:
    """`permanentFailure` says to people and to the site that the domain is hardly ever asked."""
    cache = stored.loaded()
    for _ in range(6):
        cache.add(A, "none")
    cache.save()
    assert stored.entries()[A]["permanentFailure"] is True


def test_a_domain_with_a_logo_is_dropped(stored: Stored) -> None:
    """What is known against a domain goes with its first logo."""
    stored.put(encode_json({A: {**OLD, "item": A}, B: OLD}))
    cache = stored.loaded()
    cache.drop(A)
    assert cache.get(A) is None
    cache.save()
    assert stored.entries() == {B: OLD}


def test_without_changes_nothing_is_written(stored: Stored) -> None:
    """A logo of a domain that nobody knew is no change, and a broken entry is left to people."""
    body = encode_json({B: OLD, "c.example.net": {}})
    stored.put(body)
    cache = stored.loaded()
    cache.drop(A)
    cache.save()
    assert KEY not in stored.calls.keys("put")
    assert stored.store.get(KEY).body == body


def test_a_broken_entry_loses_itself_only(stored: Stored) -> None:
    """One broken entry made all domains be asked again; the whole object is kept aside for people."""
    body = encode_json({A: {"item": A}, B: OLD, "c.example.net": None})
    stored.put(body)
    cache = stored.loaded()
    assert cache.get(A) is None
    assert cache.get(B) == NoLogoRecord(item=B, attempts=2, last_attempt=5, reason="none")
    assert stored.aside() == [body]
    cache.add(A, "none")
    cache.save()
    assert sorted(stored.entries()) == [A, B]


@pytest.mark.parametrize("body", [b"{broken", b"", b"[]", b"null", b"\xff\xfe"])
def test_what_is_no_cache_is_kept_aside_before_it_is_written_over(
    stored: Stored, body: bytes
) -> None:
    """It starts anew; what was there can be looked at."""
    stored.put(body)
    cache = stored.loaded()
    cache.add(A, "none")
    cache.save()
    assert list(stored.entries()) == [A]
    assert stored.aside() == [body]


def test_a_dry_run_keeps_nothing_aside(stored: Stored) -> None:
    """A dry run writes nothing, not even a copy."""
    stored.put(encode_json({A: {}}))
    assert stored.loaded(dry_run=True).get(A) is None
    assert stored.aside() == []


def test_records_that_somebody_else_stored_meanwhile_stay(stored: Stored) -> None:
    """The changes of this run are made over theirs."""
    cache = stored.loaded()
    cache.add(A, "none")
    stored.put(encode_json({B: OLD}))
    cache.save()
    assert sorted(stored.entries()) == [A, B]


def test_a_lost_answer_is_no_second_attempt(stored: Stored) -> None:
    """The write was stored and its answer lost: asked again, it is our own success."""
    cache = stored.loaded(lambda call, _: "lost" if call.method == "put" else None)
    cache.add(A, "none")
    cache.save()
    assert stored.entries()[A]["attempts"] == 1


def test_five_thousand_domains_are_remembered(stored: Stored) -> None:
    """The object does not grow without end: those that were asked longest ago go."""
    stored.put(
        encode_json({f"d{at}.example": {**OLD, "lastAttempt": at} for at in range(5000)}),
    )
    cache = stored.loaded()
    cache.add(A, "none")
    cache.save()
    kept = stored.entries()
    assert len(kept) == 5000
    assert A in kept
    assert "d0.example" not in kept
    assert "d1.example" in kept
