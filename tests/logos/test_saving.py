"""How a share's results come into a manifest and a negative cache that others have changed meanwhile."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from datafetch.job import JobContext
from datafetch.logos.manifest import LogoManifest
from datafetch.logos.model import Logo, LogoSource
from datafetch.logos.negative_cache import NegativeCache
from datafetch.logos.saving import bring
from datafetch.models.job_settings import LogoSettings
from datafetch.models.own_result import OwnResult
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.job_settings import logo_settings
from tests.support import FakeClock, make_context

KEYS = Keys("-test")
A = "a.example.com"


def logo(source: LogoSource, at: int) -> Logo:
    """The domain's logo from a provider."""
    return Logo(
        key=KEYS.logo(A, source, "png"),
        original_source=source,
        content_type="image/png",
        size=2000,
        width=128,
        height=96,
        sha256=hashlib.sha256(f"{source} {at}".encode()).hexdigest(),
        fetched_at=at,
    )


BEFORE = logo("google", 1)


@pytest.fixture
def context(tmp_path: Path) -> JobContext[LogoSettings]:
    """Of the run that has the lease, at a store with the picture that everybody began with."""
    store = LocalStore(tmp_path / "store")
    store.put(BEFORE.key, b"google")
    return make_context(logo_settings(), store, clock=FakeClock())


def stored(context: JobContext[LogoSettings], *logos: Logo) -> LogoManifest:
    """The manifest, loaded, after a run has stored these logos of the domain one after the other."""
    manifest = LogoManifest(context)
    manifest.load()
    for entry in logos:
        manifest.put(A, entry)
        context.store.put(entry.key, entry.original_source.encode())
    manifest.save()
    return manifest


def pictures(context: JobContext[LogoSettings]) -> set[str]:
    """The keys of all pictures."""
    return {info.key for info in context.store.list("images/")}


def test_a_later_logo_of_another_run_stays(context: JobContext[LogoSettings]) -> None:
    """The share's picture, which no entry will ever name, goes."""
    late, own = logo("direct", 9), logo("duckduckgo", 5)
    manifest = stored(context, BEFORE, late)
    context.store.put(own.key, b"duckduckgo")
    bring(context, manifest, A, OwnResult(BEFORE, own))
    manifest.save()
    assert manifest.get(A) == late
    assert pictures(context) == {late.key}


def test_an_earlier_logo_of_another_run_goes(context: JobContext[LogoSettings]) -> None:
    """With its picture."""
    early, own = logo("direct", 3), logo("duckduckgo", 5)
    manifest = stored(context, BEFORE, early)
    context.store.put(own.key, b"duckduckgo")
    bring(context, manifest, A, OwnResult(BEFORE, own))
    manifest.save()
    assert manifest.get(A) == own
    assert pictures(context) == {own.key}


def test_a_logo_whose_picture_was_removed_is_not_named(context: JobContext[LogoSettings]) -> None:
    """The share confirmed the old picture; another run has replaced it, and removed it, meanwhile."""
    early = logo("direct", 3)
    manifest = stored(context, BEFORE, early)
    assert pictures(context) == {early.key}
    bring(context, manifest, A, OwnResult(BEFORE, replace(BEFORE, fetched_at=5)))
    manifest.save()
    assert manifest.get(A) == early
    assert pictures(context) == {early.key}


def test_the_later_record_of_a_domain_without_a_logo_stays(
    context: JobContext[LogoSettings],
) -> None:
    """And one that the share has found a logo for is forgotten."""
    clock = FakeClock()
    context = replace(context, clock=clock)
    first = NegativeCache(context)
    first.add("gone.example.com", "none")
    first.add(A, "none")
    first.save()
    share = NegativeCache(context)
    share.load()
    clock.advance(10)
    share.add(A, "by the share")
    share.drop("gone.example.com")
    clock.advance(10)
    late = NegativeCache(context)
    late.load()
    late.add(A, "later")
    late.save()
    now = NegativeCache(context)
    now.load()
    share.bring_into(now)
    now.save()
    found = context.store.get(KEYS.logo_failed_domains()).json()
    assert isinstance(found, dict)
    assert {name: record["reason"] for name, record in found.items()} == {A: "later"}
