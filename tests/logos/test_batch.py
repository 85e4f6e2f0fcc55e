"""Domains and their results as JSON, and the worker that is given them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.logos.batch import (
    batch_worker,
    item_work,
    read_result,
    read_task,
    result_value,
    task_value,
)
from datafetch.logos.model import Logo
from datafetch.logos.rules.entries import OldLogo
from datafetch.logos.search import NoAnswer, NoLogo
from datafetch.logos.worker import HasLogo, LogoTask
from datafetch.runtime.limits import Places
from datafetch.upstream_errors import (
    BreakerOpen,
    Denied,
    RateLimited,
    TransientError,
    WorkerKilled,
)
from tests.fakes import faults
from tests.job_settings import logo_settings
from tests.logos.world import World
from tests.support import make_context

TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\x00é😀"))
_COUNTS = st.integers(0, 2**53)
_LOGOS = st.builds(
    Logo,
    key=TEXTS,
    original_source=TEXTS,
    content_type=TEXTS,
    size=_COUNTS,
    width=_COUNTS,
    height=_COUNTS,
    sha256=TEXTS,
    etag=st.none() | TEXTS,
    fetched_at=_COUNTS,
    others=TEXTS,
)
_ENTRIES = _LOGOS | st.builds(OldLogo, st.none() | TEXTS, TEXTS)
_TASKS = st.builds(LogoTask, TEXTS, st.none() | _ENTRIES, st.booleans(), st.none() | TEXTS)
_ERRORS = st.builds(
    lambda kind, message, url, status: kind(message, url=url, status=status),
    st.sampled_from([TransientError, Denied, RateLimited, BreakerOpen, WorkerKilled]),
    TEXTS,
    TEXTS,
    st.none() | st.integers(100, 599),
)


def _sent(value: object) -> object:
    return json.loads(json.dumps(value))


@given(_TASKS)
def test_a_task_arrives_as_it_was_sent(task: LogoTask) -> None:
    """The worker is given the same task as a thread."""
    assert read_task(_sent(task_value(task))) == task


@given(TEXTS, _LOGOS, st.booleans(), TEXTS)
def test_a_result_comes_back_as_it_was(domain: str, logo: Logo, changed: bool, reason: str) -> None:
    """The run records the same result as that of a thread."""
    for result in (HasLogo(domain, logo, changed), NoLogo(domain, reason)):
        assert read_result(LogoTask(domain), _sent(result_value(result))) == result


@given(TEXTS, _ERRORS, st.booleans(), st.booleans())
def test_an_error_comes_back_as_it_was(
    domain: str, error: TransientError, asked: bool, alone: bool
) -> None:
    """Dead letters are written by the same class, message and address."""
    result = NoAnswer(domain, error, asked, alone)
    read = read_result(LogoTask(domain), _sent(result_value(result)))
    assert isinstance(read, NoAnswer)
    assert (read.domain, read.asked, read.by_site_alone) == (domain, asked, alone)
    assert type(read.error) is type(error)
    assert (str(read.error), vars(read.error)) == (str(error), vars(error) | vars(read.error))


def test_domains_of_one_site_stay_together(tmp_path: Path) -> None:
    """Its limit of requests holds for one worker only."""
    work = item_work(make_context(logo_settings(), tmp_path), 9)
    names = ("example.co.uk", "a.example.co.uk", "b.a.example.co.uk", "other.co.uk")
    groups = [work.group(LogoTask(name)) for name in names]
    assert groups == ["example.co.uk"] * 3 + ["other.co.uk"]


def test_a_domain_that_ends_workers_becomes_a_dead_letter(tmp_path: Path) -> None:
    """It counts as asked for, and as a failure that may pass."""
    lost = item_work(make_context(logo_settings(), tmp_path), 9).lost(LogoTask("a.example.com"))
    assert isinstance(lost, NoAnswer)
    assert lost.asked
    assert type(lost.error) is WorkerKilled
    assert "worker process" in str(lost.error)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers and an empty store."""
    with World.started(tmp_path, monkeypatch) as world:
        yield world


def test_a_service_that_asks_to_wait_holds_all(world: World) -> None:
    """The wait of a service is told, and passes; that of a site is the site's own matter."""
    world.bookmark("a.example.com")
    world.sites.inject(faults.reply(429, headers={"Retry-After": "7200"}))
    context = world.context()
    worker = batch_worker(context, {}, Places())
    task = task_value(LogoTask("a.example.com"))
    worker(_sent(task))
    assert worker.hold_s() == 0
    world.google.inject(faults.reply(429, headers={"Retry-After": "3600"}))
    worker(_sent(task))
    assert worker.hold_s() == pytest.approx(3600, abs=60)
    world.clock.advance(4000)
    assert worker.hold_s() == 0
    context.http.close()
