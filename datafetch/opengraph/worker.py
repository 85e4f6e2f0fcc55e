"""What a worker does for one page: ask for it, store what it says, find its bookmarks' pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from datafetch.clock import to_ms
from datafetch.errors import BaseMoved, DatafetchError, Denied, Malformed, UpstreamError
from datafetch.job import JobContext
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.models.json import JsonObject
from datafetch.net.base import Validators
from datafetch.opengraph.metadata import MetadataStore
from datafetch.opengraph.model import (
    BookmarkRecord,
    Description,
    Override,
    PageMetadata,
    PageRecord,
)
from datafetch.opengraph.pictures import Found, NotFound, PictureFinder
from datafetch.opengraph.rules.merge import fallback
from datafetch.opengraph.rules.plan import Asked, Page, Place, picture_is_due, places_of, tried
from datafetch.opengraph.rules.tags import describe
from datafetch.opengraph.rules.walls import blocked_by
from datafetch.opengraph.webpage import WebPages
from datafetch.pages.head import PageHead


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bookmark of a page, and what is known of its picture.

    Attributes:
        has_one: whether it has a stored picture.
        settled: see `picture_is_due`.
    """

    item: JsonObject
    record: BookmarkRecord
    has_one: bool
    settled: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One page to work on.

    Attributes:
        ask: whether the page itself is due.
        conditionally: whether it may answer that it did not change.
    """

    page: Page
    record: PageRecord | None
    override: Override | None
    wanted: tuple[Wanted, ...]
    ask: bool
    conditionally: bool


@dataclass(frozen=True, slots=True)
class Searched:
    """What came of the search for a bookmark's picture in these places."""

    bookmark_id: str
    digest: str
    outcome: Found | NotFound


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a task.

    Attributes:
        record: what is to be remembered of the page.
        error: why the page could not be read.
        changed: whether its metadata is another one now.
        description: what it says, when it was read just now.
    """

    task: Task
    record: PageRecord | None
    error: DatafetchError | None = None
    changed: bool = False
    description: Description | None = None
    pictures: tuple[Searched, ...] = field(default=())


class PageWorker:
    """Works on pages, several at a time; small values come back."""

    def __init__(
        self,
        context: JobContext[OpenGraphSettings],
        web: WebPages,
        metadata: MetadataStore,
        pictures: PictureFinder,
        asked: Asked,
    ) -> None:
        self._context = context
        self._web = web
        self._metadata = metadata
        self._pictures = pictures
        self._asked = asked

    def __call__(self, task: Task) -> Result:
        """Do what is due for one page.

        Raises:
            StoreError: the store failed.
            LeaseLost: this run may not write any more.
            Cancelled: the run was asked to stop.
        """
        result = self._ask(task) if task.ask else Result(task, task.record)
        image_url = self.image_url(task, result.record)
        pictures = []
        for wanted in task.wanted:
            places = places_of(wanted.item, image_url, assets=self._pictures.has_assets)
            if self.is_due(wanted, places):
                pictures.append(self._search(task, wanted, places))
        return replace(result, pictures=tuple(pictures))

    def is_due(self, wanted: Wanted, places: tuple[Place, ...]) -> bool:
        """Whether a bookmark's picture is looked for in these places."""
        return picture_is_due(
            wanted.record, places, self._asked, has_one=wanted.has_one, settled=wanted.settled
        )

    def picture_is_due(self, task: Task) -> bool:
        """Whether, by what is known of the page, any picture is looked for."""
        image_url = self.image_url(task, task.record)
        assets = self._pictures.has_assets
        return any(
            self.is_due(wanted, places_of(wanted.item, image_url, assets=assets))
            for wanted in task.wanted
        )

    @staticmethod
    def image_url(task: Task, record: PageRecord | None) -> str | None:
        """The page's own picture, unless people chose another."""
        known = record or PageRecord()
        said = Description(final_url=task.page.address, image_url=known.image_url)
        override: Mapping[str, object] = task.override.value if task.override else {}
        return said.overridden(override).image_url

    # ------------------------------------------------------------------- page

    def _ask(self, task: Task) -> Result:
        known = task.record or PageRecord()
        conditional = task.conditionally and known.source == "external"
        given = Validators(known.etag, known.last_modified) if conditional else Validators()
        validators = given if given.headers() else None
        try:
            head = self._web.head(task.page.address, validators)
            if head is None:
                return Result(task, replace(known, fetched_at=self._now(), failed_at=None))
            return self._read(task, known, head)
        except (UpstreamError, BaseMoved) as error:
            return self._failed(task, known, error)

    def _read(self, task: Task, known: PageRecord, head: PageHead) -> Result:
        """Store what a page says, when it says something else than before.

        Raises:
            Denied: it is a wall before the page.
            Malformed: it says nothing, and did before.
        """
        wall = blocked_by(head)
        if wall is not None:
            raise Denied(f"the site shows another page: {wall}", url=task.page.address, hint="")
        said = describe(head)
        if said.says_nothing and known.source == "external":
            before = self._metadata.description(task.page.hash)
            if before is not None and not before.says_nothing:
                raise Malformed("the page says nothing of itself any more", url=task.page.address)
        now = self._now()
        same = (
            known.source == "external"
            and known.object_etag is not None
            and known.digest == said.digest()
        )
        if same and not self._asked.force:
            record = replace(
                known,
                fetched_at=now,
                failed_at=None,
                etag=head.etag,
                last_modified=head.last_modified,
            )
            return Result(task, record, description=said)
        metadata = PageMetadata(
            task.page.address, said, now, "external", head.etag, head.last_modified
        )
        record = self._metadata.write(metadata, known.object_etag)
        return Result(task, record, changed=not same, description=said)

    def _failed(self, task: Task, known: PageRecord, error: DatafetchError) -> Result:
        """Remember the failure; a page that was never read gets what its bookmark says."""
        now = self._now()
        if known.source == "external" or isinstance(error, BaseMoved):
            return Result(task, replace(known, failed_at=now), error)
        said = fallback(task.page.address, task.page.bookmarks[0])
        if known.source == "fallback" and known.digest == said.digest():
            return Result(task, replace(known, failed_at=now), error)
        metadata = PageMetadata(task.page.address, said, now, "fallback")
        record = self._metadata.write(metadata, known.object_etag)
        return Result(task, replace(record, failed_at=now), error, changed=True)

    def _search(self, task: Task, wanted: Wanted, places: tuple[Place, ...]) -> Searched:
        bookmark_id = wanted.item["id"]
        outcome = self._pictures.find(bookmark_id, task.page.address, places, wanted.record.picture)
        return Searched(bookmark_id, tried(places), outcome)

    def _now(self) -> int:
        return to_ms(self._context.clock.now())
