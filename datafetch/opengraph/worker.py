"""The work on one page: fetch it, store its metadata, find the pictures of its bookmarks."""

from dataclasses import dataclass, replace

from datafetch.clock import to_ms
from datafetch.errors import BaseMoved, DatafetchError
from datafetch.job import JobContext
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.net.base import Validators
from datafetch.opengraph.metadata import MetadataStore
from datafetch.opengraph.model import (
    BookmarkRecord,
    Description,
    Override,
    PageMetadata,
    PageRecord,
    SavedBookmark,
)
from datafetch.opengraph.pictures import PictureFinder, PictureFound, PictureNotFound
from datafetch.opengraph.rules.merge import fallback
from datafetch.opengraph.rules.plan import (
    Asked,
    BookmarkedPage,
    PicturePlace,
    picture_is_due,
    places_of,
    tried,
)
from datafetch.opengraph.rules.tags import describe
from datafetch.opengraph.rules.walls import blocked_by
from datafetch.opengraph.webpage import WebPages
from datafetch.pages.head import PageHead
from datafetch.upstream_errors import Denied, Malformed, UpstreamError


@dataclass(frozen=True, slots=True)
class WantedPicture:
    """A bookmark of a page, and what is known of its picture.

    Attributes:
        record: what the job remembers of the bookmark.
        stored_keys: of the pictures that are stored for it: those that its record and its own
            fields name.
        settled: False when a fault ended the last search, and its dead letter is due.
    """

    bookmark: SavedBookmark
    record: BookmarkRecord
    stored_keys: tuple[str, ...]
    settled: bool

    @property
    def has_picture(self) -> bool:
        """Whether a picture is stored for it."""
        return bool(self.stored_keys)


@dataclass(frozen=True, slots=True)
class PageTask:
    """One page to work on.

    Attributes:
        record: what the job remembers of the page.
        ask: whether the page itself is due; else only pictures are looked for.
        conditionally: whether to send validators, so that the site may answer 304.
    """

    page: BookmarkedPage
    record: PageRecord | None
    override: Override | None
    wanted: tuple[WantedPicture, ...]
    ask: bool
    conditionally: bool


@dataclass(frozen=True, slots=True)
class PictureSearch:
    """A search for a bookmark's picture that has ended.

    Attributes:
        digest: of the places that were searched (`tried`).
    """

    bookmark_id: str
    digest: str
    outcome: PictureFound | PictureNotFound


@dataclass(frozen=True, slots=True)
class PageResult:
    """The result of a task.

    Attributes:
        record: what is to be remembered of the page.
        error: why the page could not be read.
        changed: whether its metadata differs from what was stored before.
        description: the page's, if it was read just now.
        searches: the searches for its bookmarks' pictures.
    """

    task: PageTask
    record: PageRecord | None
    error: DatafetchError | None = None
    changed: bool = False
    description: Description | None = None
    searches: tuple[PictureSearch, ...] = ()


class PageWorker:
    """Works on pages, several at a time; its results hold no pictures."""

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

    def __call__(self, task: PageTask) -> PageResult:
        """Do what is due for one page.

        Raises:
            StoreError: the store failed.
            LeaseLost: this run may not write any more.
            Cancelled: the run was asked to stop.
        """
        result = self._ask(task) if task.ask else PageResult(task, task.record)
        searches = tuple(
            self._search(task, wanted, places)
            for wanted, places in self._due_pictures(task, result.record)
        )
        return self._written_again(replace(result, searches=searches))

    def _written_again(self, result: PageResult) -> PageResult:
        """With --force, write again what is stored of the page and was not written just now.

        That is the metadata of a page that could not be read, and pictures that were not found
        again, or not looked for.
        """
        if not self._asked.force:
            return result
        for wanted in result.task.wanted:
            for key in wanted.stored_keys:
                self._pictures.write_again(key)
        record = result.record
        if result.error is None or result.changed or record is None or not record.object_etag:
            return result
        etag = self._metadata.write_again(result.task.page.hash)
        return replace(result, record=replace(record, object_etag=etag or record.object_etag))

    def picture_is_due(self, task: PageTask) -> bool:
        """Whether a bookmark's picture is due, as far as is known before the page is asked."""
        return bool(self._due_pictures(task, task.record))

    def _due_pictures(
        self, task: PageTask, record: PageRecord | None
    ) -> list[tuple[WantedPicture, tuple[PicturePlace, ...]]]:
        """The bookmarks whose picture is due, each with the places to search."""
        image_url = _image_url(task, record)
        due = []
        for wanted in task.wanted:
            places = places_of(wanted.bookmark, image_url, assets=self._pictures.has_assets)
            if picture_is_due(
                wanted.record,
                places,
                self._asked,
                has_picture=wanted.has_picture,
                settled=wanted.settled,
            ):
                due.append((wanted, places))
        return due

    # ------------------------------------------------------------------- page

    def _ask(self, task: PageTask) -> PageResult:
        known = task.record or PageRecord()
        conditional = task.conditionally and known.source == "external"
        given = Validators(known.etag, known.last_modified) if conditional else Validators()
        validators = given if given.headers() else None
        try:
            head = self._web.head(task.page.address, validators)
            if head is None:
                return PageResult(task, replace(known, fetched_at=self._now(), failed_at=None))
            said = describe(head)
            self._check_is_the_page(task.page, known, head, said)
            return self._store(task, known, head, said)
        except (UpstreamError, BaseMoved) as error:
            return self._failed(task, known, error)

    def _check_is_the_page(
        self, page: BookmarkedPage, known: PageRecord, head: PageHead, said: Description
    ) -> None:
        """Refuse an answer that would replace stored metadata by that of a wall, or by nothing.

        Raises:
            Denied: a consent, log-in or robot page was shown in place of the page.
            Malformed: the page says nothing now, and said something before.
        """
        wall = blocked_by(head)
        if wall is not None:
            raise Denied(f"the site shows another page: {wall}", url=page.address, hint="")
        if said.says_nothing and known.source == "external":
            before = self._metadata.description(page.hash)
            if before is not None and not before.says_nothing:
                raise Malformed("the page says nothing of itself any more", url=page.address)

    def _store(
        self, task: PageTask, known: PageRecord, head: PageHead, said: Description
    ) -> PageResult:
        """Store a page's description, unless it is stored already and the run is not forced."""
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
            return PageResult(task, record, description=said)
        metadata = PageMetadata.of(
            task.page.address,
            said,
            timestamp=now,
            source="external",
            etag=head.etag,
            last_modified=head.last_modified,
        )
        record = self._metadata.write(metadata, known.object_etag)
        return PageResult(task, record, changed=not same, description=said)

    def _failed(self, task: PageTask, known: PageRecord, error: DatafetchError) -> PageResult:
        """Remember the failure; a page that was never read gets metadata made from its bookmark."""
        now = self._now()
        if known.source == "external" or isinstance(error, BaseMoved):
            return PageResult(task, replace(known, failed_at=now), error)
        said = fallback(task.page.address, task.page.bookmarks[0])
        if known.source == "fallback" and known.digest == said.digest():
            return PageResult(task, replace(known, failed_at=now), error)
        metadata = PageMetadata.of(task.page.address, said, timestamp=now, source="fallback")
        try:
            record = self._metadata.write(metadata, known.object_etag)
        except BaseMoved:  # others write it at this moment: theirs counts, and is read next time
            return PageResult(task, replace(known, failed_at=now), error)
        return PageResult(task, replace(record, failed_at=now), error, changed=True)

    def _search(
        self, task: PageTask, wanted: WantedPicture, places: tuple[PicturePlace, ...]
    ) -> PictureSearch:
        bookmark_id = wanted.bookmark.id
        outcome = self._pictures.find(bookmark_id, task.page.address, places, wanted.record.picture)
        return PictureSearch(bookmark_id, tried(places), outcome)

    def _now(self) -> int:
        return to_ms(self._context.clock.now())


def _image_url(task: PageTask, record: PageRecord | None) -> str | None:
    """URL of the page's own picture, or of the one that its override names."""
    known = record or PageRecord()
    said = Description(final_url=task.page.address, image_url=known.image_url)
    return (said.overridden(task.override.value) if task.override else said).image_url
