"""The work on one page: fetch it, store its metadata, find the pictures of its bookmarks."""

from dataclasses import dataclass, replace

from datafetch.addresses import OwnHosts
from datafetch.clock import to_ms
from datafetch.errors import BaseMoved, DatafetchError
from datafetch.job import JobContext
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.net.base import Validators
from datafetch.net.guard import public_url
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
from datafetch.opengraph.rules.belief import Known, Verdict, judge, judge_picture
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
from datafetch.opengraph.webpage import BarePicture, WebPages
from datafetch.pages.head import PageHead
from datafetch.upstream_errors import Denied, Malformed, UpstreamError

Shown = PageHead | BarePicture
"""What stands at a page's address."""


@dataclass(frozen=True, slots=True)
class WantedPicture:
    """A bookmark of a page, and what is known of its picture.

    Attributes:
        record: what the job remembers of the bookmark.
        stored_keys: the keys of its stored pictures, as its record and its own fields name
            them.
        settled: False when a fault ended the last search, and its dead letter is due, or its page
            is named.
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
        self._own = context.urls.own_hosts

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
            places = places_of(
                wanted.bookmark,
                image_url,
                assets=self._pictures.has_assets,
                itself=image_url == task.page.address,
            )
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
            shown = self._web.read(task.page.address, validators)
            if shown is None:
                now = self._now()
                record = replace(known, fetched_at=now, failed_at=None, bare_since=None)
                return PageResult(task, record)
            said = _said(shown, task.page, self._own)
            verdict = self._verdict(task.page, known, shown, said)
            if verdict.doubt is not None:
                doubted = replace(known, bare_since=verdict.bare_since)
                return self._failed(task, doubted, _doubt(verdict, task.page.address, shown.url))
            return self._store(task, known, shown, said)
        except (UpstreamError, BaseMoved) as error:
            return self._failed(task, known, error)

    def _verdict(
        self, page: BookmarkedPage, known: PageRecord, shown: Shown, said: Description
    ) -> Verdict:
        """Whether the answer is believed; stored metadata is read when it says something else."""
        stored = None
        if known.source == "external":
            same = known.digest == said.digest()
            stored = said if same else self._metadata.description(page.hash)
        before = Known(page.address, stored, known.bare_since)
        if isinstance(shown, BarePicture):
            return judge_picture(before, shown.url)
        return judge(before, shown, said, self._now())

    def _store(
        self, task: PageTask, known: PageRecord, shown: Shown, said: Description
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
                etag=shown.etag,
                last_modified=shown.last_modified,
                bare_since=None,
            )
            return PageResult(task, record, description=said)
        metadata = PageMetadata.of(
            task.page.address,
            said,
            timestamp=now,
            source="external",
            etag=shown.etag,
            last_modified=shown.last_modified,
        )
        record = self._metadata.write(metadata, known.object_etag)
        return PageResult(task, record, changed=not same, description=said)

    def _failed(self, task: PageTask, known: PageRecord, error: DatafetchError) -> PageResult:
        """Remember the failure; a page that was never read gets metadata made from its bookmark."""
        now = self._now()
        if known.source == "external" or isinstance(error, BaseMoved):
            return PageResult(task, replace(known, failed_at=now), error)
        said = fallback(task.page.address, task.page.bookmarks[0], self._own)
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
        outcome = self._pictures.find(
            wanted.bookmark, task.page.address, places, wanted.record.picture
        )
        return PictureSearch(wanted.bookmark.id, tried(places), outcome)

    def _now(self) -> int:
        return to_ms(self._context.clock.now())


def _said(shown: Shown, page: BookmarkedPage, own: OwnHosts) -> Description:
    """What is told of a page; a picture without a page has the words of its bookmark."""
    if isinstance(shown, PageHead):
        return describe(shown, own)
    words = fallback(page.address, page.bookmarks[0], own)
    return replace(words, final_url=shown.url, image_url=page.address).for_visitors(own)


def _doubt(verdict: Verdict, address: str, final: str) -> UpstreamError:
    """The error of an answer that is not believed."""
    asked, shown = public_url(address), public_url(final)
    if not verdict.walled:
        return Malformed(f"{asked}: {verdict.doubt}", url=asked, hint="What is stored stays.")
    where = "" if shown == asked else f", at {shown}"
    return Denied(
        f"{asked}: another page is shown: {verdict.doubt}{where}",
        url=asked,
        hint=f"What is stored stays. See what a browser shows without a log-in at {asked}.",
    )


def _image_url(task: PageTask, record: PageRecord | None) -> str | None:
    """URL of the page's own picture, or of the one that its override names."""
    known = record or PageRecord()
    said = Description(final_url=task.page.address, image_url=known.image_url)
    return (said.overridden(task.override.value) if task.override else said).image_url
