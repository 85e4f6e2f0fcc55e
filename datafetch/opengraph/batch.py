"""The OpenGraph job's work in worker processes: pages and results as JSON, and who works on them."""

from dataclasses import asdict, replace

from datafetch.clock import to_ms
from datafetch.errors import DatafetchError
from datafetch.job import JobContext
from datafetch.models.error_values import error_value, read_error
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.models.json import JsonObject
from datafetch.models.option_values import options_value
from datafetch.models.run import JobName
from datafetch.opengraph.metadata import MetadataStore
from datafetch.opengraph.model import (
    BookmarkRecord,
    Description,
    Override,
    PageRecord,
    PictureRecord,
    SavedBookmark,
)
from datafetch.opengraph.pictures import PictureFinder, PictureFound, PictureNotFound
from datafetch.opengraph.rules.plan import Asked, BookmarkedPage
from datafetch.opengraph.state import DATASET
from datafetch.opengraph.webpage import WebPages
from datafetch.opengraph.worker import (
    PageResult,
    PageTask,
    PageWorker,
    PictureSearch,
    WantedPicture,
)
from datafetch.runtime.batches import ItemWork, batch_size
from datafetch.runtime.limits import Places
from datafetch.upstream_errors import UpstreamError, WorkerKilled
from datafetch.urls import host_name


def item_work(
    context: JobContext[OpenGraphSettings], asked: Asked, pages: int
) -> ItemWork[PageTask, PageResult]:
    """How the pages of a run become batches; `pages` is how many there are.

    All pages of one host go to one worker: the limit of requests at once to a host is kept by each
    process for itself.
    """

    def lost(task: PageTask) -> PageResult:
        record = task.record
        if record is not None and task.ask:
            record = replace(record, failed_at=to_ms(context.clock.now()))
        return PageResult(task, record, WorkerKilled())

    return ItemWork(
        job=JobName.OPENGRAPH.value,
        common={"options": options_value(context.options), "asked": asked_value(asked)},
        encode=task_value,
        decode=read_result,
        lost=lost,
        group=lambda task: host_name(task.page.address),
        size=batch_size(pages, context.engine.width),
    )


def batch_worker(
    context: JobContext[OpenGraphSettings],
    common: JsonObject,
    places: Places,  # noqa: ARG001 - one worker does all pages of a host
) -> "PageBatches":
    """The `BatchWorker` for the pages of one run."""
    return PageBatches(context, read_asked(common["asked"]))


class PageBatches:
    """Works on pages that came as JSON. What it knows of hosts is kept between batches."""

    def __init__(self, context: JobContext[OpenGraphSettings], asked: Asked) -> None:
        publisher = context.publisher()
        publisher.leave_journal(DATASET)
        web = WebPages(context.http, context.settings, context.urls.own_hosts)
        metadata = MetadataStore(context, publisher)
        self._worker = PageWorker(context, web, metadata, PictureFinder(context, web), asked)

    def __call__(self, item: object) -> object:
        """See `PageWorker.__call__`."""
        return result_value(self._worker(read_task(item)))

    def hold_s(self) -> float:
        """Always 0: a site that asks to wait does not hold up the other sites."""
        return 0.0


# ---------------------------------------------------------------------- JSON


def asked_value(asked: Asked) -> JsonObject:
    """The JSON of what the user asked for."""
    named = None if asked.named is None else sorted(asked.named)
    return {
        "force": asked.force,
        "missing": asked.missing,
        "olderThanMs": asked.older_than_ms,
        "named": named,
    }


def read_asked(value: JsonObject) -> Asked:
    """What `asked_value` wrote."""
    named = None if value["named"] is None else frozenset(value["named"])
    return Asked(value["force"], value["missing"], value["olderThanMs"], named)


def task_value(task: PageTask) -> JsonObject:
    """The JSON of a page to work on; its bookmarks are sent as part of what is wanted, in order."""
    return {
        "address": task.page.address,
        "bookmarks": [asdict(bookmark) for bookmark in task.page.bookmarks],
        "record": None if task.record is None else asdict(task.record),
        "override": None if task.override is None else _override_value(task.override),
        "wanted": [_wanted_value(wanted) for wanted in task.wanted],
        "ask": task.ask,
        "conditionally": task.conditionally,
    }


def read_task(value: object) -> PageTask:
    """The page that `task_value` wrote."""
    assert isinstance(value, dict)
    bookmarks = [SavedBookmark(**bookmark) for bookmark in value["bookmarks"]]
    wanted = zip(bookmarks, value["wanted"], strict=True)
    return PageTask(
        page=BookmarkedPage(value["address"], bookmarks),
        record=None if value["record"] is None else PageRecord(**value["record"]),
        override=None if value["override"] is None else Override(**value["override"]),
        wanted=tuple(_read_wanted(bookmark, known) for bookmark, known in wanted),
        ask=value["ask"],
        conditionally=value["conditionally"],
    )


def result_value(result: PageResult) -> JsonObject:
    """The JSON of a result, without its task, which the reader knows."""
    return {
        "record": None if result.record is None else asdict(result.record),
        "error": None if result.error is None else error_value(result.error),
        "changed": result.changed,
        "description": None if result.description is None else asdict(result.description),
        "searches": [_search_value(search) for search in result.searches],
    }


def read_result(task: PageTask, value: object) -> PageResult:
    """The result that `result_value` wrote for a task."""
    assert isinstance(value, dict)
    said = value["description"]
    return PageResult(
        task=task,
        record=None if value["record"] is None else PageRecord(**value["record"]),
        error=_read_error(value["error"]),
        changed=value["changed"],
        description=None if said is None else Description(**said),
        searches=tuple(_read_search(search) for search in value["searches"]),
    )


def _override_value(override: Override) -> JsonObject:
    return {"etag": override.etag, "value": dict(override.value)}


def _wanted_value(wanted: WantedPicture) -> JsonObject:
    return {
        "record": asdict(wanted.record),
        "keys": list(wanted.stored_keys),
        "settled": wanted.settled,
    }


def _read_wanted(bookmark: SavedBookmark, value: JsonObject) -> WantedPicture:
    picture = value["record"]["picture"]
    record = BookmarkRecord(
        picture=None if picture is None else PictureRecord(**picture),
        tried=value["record"]["tried"],
        mark=value["record"]["mark"],
    )
    return WantedPicture(bookmark, record, tuple(value["keys"]), value["settled"])


def _search_value(search: PictureSearch) -> JsonObject:
    value: JsonObject = {"bookmark": search.bookmark_id, "digest": search.digest}
    match search.outcome:
        case PictureFound(record, changed):
            return {**value, "picture": asdict(record), "changed": changed}
        case PictureNotFound(error):
            return {**value, "error": None if error is None else error_value(error)}


def _read_search(value: JsonObject) -> PictureSearch:
    outcome: PictureFound | PictureNotFound
    if "picture" in value:
        outcome = PictureFound(PictureRecord(**value["picture"]), value["changed"])
    else:
        error = _read_error(value["error"])
        assert error is None or isinstance(error, UpstreamError)
        outcome = PictureNotFound(error)
    return PictureSearch(value["bookmark"], value["digest"], outcome)


def _read_error(value: JsonObject | None) -> DatafetchError | None:
    return None if value is None else read_error(value)
