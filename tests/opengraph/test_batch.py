"""Pages and their results as JSON, and the worker that is given them."""

import json
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datafetch.errors import BaseMoved, DatafetchError
from datafetch.opengraph.batch import (
    asked_value,
    batch_worker,
    item_work,
    read_asked,
    read_result,
    read_task,
    result_value,
    task_value,
)
from datafetch.opengraph.model import (
    OWN_FIELDS,
    BookmarkRecord,
    Description,
    Override,
    PageRecord,
    PictureRecord,
    SavedBookmark,
)
from datafetch.opengraph.pictures import PictureFound, PictureNotFound
from datafetch.opengraph.rules.plan import Asked, BookmarkedPage
from datafetch.opengraph.worker import PageResult, PageTask, PictureSearch, WantedPicture
from datafetch.runtime.limits import Places
from datafetch.upstream_errors import BreakerOpen, Denied, Malformed, Refused, WorkerKilled
from tests.opengraph.parts import Parts

TEXTS = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\x00é😀"), max_size=8
)
_TEXT = st.none() | TEXTS
_TIMES = st.none() | st.integers(0, 2**53)
_SOURCES = st.sampled_from(["external", "fallback"])
_JSON = st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS, max_size=2)
_BOOKMARKS = st.builds(
    SavedBookmark,
    TEXTS,
    *([_TEXT] * 6),
    st.dictionaries(st.sampled_from(OWN_FIELDS), _JSON, max_size=3),
)
_PAGES = st.builds(
    PageRecord,
    _TIMES,
    _TIMES,
    st.none() | _SOURCES,
    _TEXT,
    TEXTS,
    *([_TEXT] * 3),
    _TIMES,
)
_PICTURES = st.builds(PictureRecord, TEXTS, TEXTS, _TIMES, _TEXT)
_RECORDS = st.builds(BookmarkRecord, st.none() | _PICTURES, TEXTS, TEXTS)
_OVERRIDES = st.builds(Override, TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=2))
_WANTED = st.builds(
    WantedPicture,
    _BOOKMARKS,
    _RECORDS,
    st.lists(TEXTS, max_size=2).map(tuple),
    st.booleans(),
)
_KINDS = st.sampled_from([BreakerOpen, Denied, Malformed, Refused, WorkerKilled, BaseMoved])
_ERRORS = st.builds(lambda kind, text: kind(text), _KINDS, TEXTS)
_UPSTREAM = _ERRORS.filter(lambda error: not isinstance(error, BaseMoved))
_FOUND = st.builds(PictureFound, _PICTURES, st.booleans())
_NOT_FOUND = st.builds(PictureNotFound, st.none() | _UPSTREAM)
_SEARCHES = st.lists(st.builds(PictureSearch, TEXTS, TEXTS, _FOUND | _NOT_FOUND), max_size=2).map(
    tuple
)


@st.composite
def tasks(draw: st.DrawFn) -> PageTask:
    """A task as the job makes it: what is wanted has the page's bookmarks, in their order."""
    wanted = draw(st.lists(_WANTED, min_size=1, max_size=2))
    return PageTask(
        page=BookmarkedPage(draw(TEXTS), [each.bookmark for each in wanted]),
        record=draw(st.none() | _PAGES),
        override=draw(st.none() | _OVERRIDES),
        wanted=tuple(wanted),
        ask=draw(st.booleans()),
        conditionally=draw(st.booleans()),
    )


def _results(task: PageTask) -> st.SearchStrategy[PageResult]:
    return st.builds(
        PageResult,
        st.just(task),
        st.none() | _PAGES,
        st.none() | _ERRORS,
        st.booleans(),
        st.none() | st.builds(Description, TEXTS, *([_TEXT] * 6)),
        _SEARCHES,
    )


def _sent(value: object) -> object:
    return json.loads(json.dumps(value))


def _without_errors(result: PageResult) -> PageResult:
    """Errors are equal only to themselves, so they are compared by what they say."""
    searches = tuple(
        replace(search, outcome=PictureNotFound(None))
        if isinstance(search.outcome, PictureNotFound)
        else search
        for search in result.searches
    )
    return replace(result, error=None, searches=searches)


def _errors(result: PageResult) -> list[tuple[type, str, str] | None]:
    outcomes = [search.outcome for search in result.searches]
    faults = [outcome.error for outcome in outcomes if isinstance(outcome, PictureNotFound)]
    found: list[DatafetchError | None] = [result.error, *faults]
    return [None if error is None else (type(error), str(error), error.hint) for error in found]


_LARGE = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)


@_LARGE
@given(tasks())
def test_a_task_arrives_as_it_was_sent(task: PageTask) -> None:
    """The worker is given the same task as a thread."""
    assert read_task(_sent(task_value(task))) == task


@_LARGE
@given(tasks().flatmap(_results))
def test_a_result_comes_back_as_it_was(result: PageResult) -> None:
    """The run records the same result as that of a thread, errors included."""
    read = read_result(result.task, _sent(result_value(result)))
    assert _without_errors(read) == _without_errors(result)
    assert _errors(read) == _errors(result)


@given(
    st.builds(
        Asked,
        st.booleans(),
        st.booleans(),
        _TIMES,
        st.none() | st.frozensets(TEXTS, max_size=3),
    )
)
def test_what_was_asked_for_arrives(asked: Asked) -> None:
    """Each batch says what the user asked for."""
    sent = _sent(asked_value(asked))
    assert isinstance(sent, dict)
    assert read_asked(sent) == asked


def _task(address: str, record: PageRecord | None, *, ask: bool = True) -> PageTask:
    page = BookmarkedPage(address, [SavedBookmark("b", address)])
    return PageTask(page, record, None, (), ask=ask, conditionally=True)


def test_pages_of_one_host_stay_together(parts: Parts) -> None:
    """Its limit of requests holds for one worker only."""
    work = item_work(parts.context(), Asked(), 9)
    addresses = ("https://Example.com/a", "http://example.com:8080/b", "https://www.example.com/")
    groups = [work.group(_task(address, None)) for address in addresses]
    assert groups == ["example.com", "example.com", "www.example.com"]


def test_a_page_that_ends_workers_becomes_a_dead_letter(parts: Parts) -> None:
    """Its record says that it failed just now, unless only pictures were looked for."""
    work = item_work(parts.context(), Asked(), 9)
    known = PageRecord(fetched_at=1, source="external", digest="d")
    asked = work.lost(_task("https://example.com/", known))
    assert asked.record == replace(known, failed_at=parts.now_ms)
    assert type(asked.error) is WorkerKilled
    assert work.lost(_task("https://example.com/", known, ask=False)).record == known
    assert work.lost(_task("https://example.com/", None)).record is None


def test_a_site_holds_nobody(parts: Parts) -> None:
    """Sites have limits of their own: no wait is told."""
    context = parts.context()
    worker = batch_worker(context, {"asked": asked_value(Asked())}, Places())
    assert worker.hold_s() == 0
    context.http.close()
