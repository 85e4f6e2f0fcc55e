"""Writes fetched metadata and pictures into the stored bookmarks, under the bookmarks' lease."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from datafetch.bookmarks.publish import enrich_bookmarks
from datafetch.clock import to_iso
from datafetch.errors import LeaseHeld
from datafetch.job import JobContext
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.models.run import JobName
from datafetch.opengraph.metadata import MetadataStore
from datafetch.opengraph.model import BookmarkRecord, Description, PageRecord, SavedBookmark
from datafetch.opengraph.rules.merge import (
    BookmarkPicture,
    mark_of,
    override_of,
    own_fields,
    shown,
)
from datafetch.opengraph.state import OpenGraphState
from datafetch.urls import page_address, url_hash

LEASE_WAIT_S = 60.0
"""How long to wait for the bookmarks' lease at most, while their own job runs."""


class Merger:
    """Merges the results of this run, and of earlier runs that died before they merged.

    `descriptions` are those of the pages read in this run, by hash; others are read from the store.
    """

    def __init__(
        self,
        context: JobContext[OpenGraphSettings],
        state: OpenGraphState,
        metadata: MetadataStore,
        descriptions: dict[str, Description],
    ) -> None:
        self._context = context
        self._state = state
        self._metadata = metadata
        self._descriptions = descriptions
        self._marks: dict[str, str] = {}
        self._names_by_url: dict[str, tuple[str, str]] = {}

    def merge(self, bookmarks: Sequence[SavedBookmark]) -> tuple[int, str | None]:
        """Update the stored bookmarks; returns how many changed, and why if they have to wait.

        `bookmarks` are the stored ones as this run read them. When none of these would change,
        the bookmarks' lease is not taken.

        Raises:
            BaseMoved: the bookmarks changed twice meanwhile.
            LeaseLost: a lease ended.
            StoreError: the store failed.
        """
        unmerged = [bookmark for bookmark in bookmarks if self._is_unmerged(bookmark)]
        self._read_descriptions(unmerged)
        changing = sum(bool(self._differing(bookmark)) for bookmark in unmerged)
        changed, waits = self._publish() if changing else (0, None)
        self._remember(unmerged)
        return changed, waits

    def _publish(self) -> tuple[int, str | None]:
        settings = self._context.settings
        tags = settings.tags
        try:
            with self._context.wait_for_lease(JobName.BOOKMARKS, LEASE_WAIT_S) as fence:
                return enrich_bookmarks(self._context.under(fence), tags, self._patch), None
        except LeaseHeld as held:
            self._context.log.warning("merge_put_off", extra={"reason": str(held)})
            return 0, str(held)

    def _patch(self, item: Mapping[str, object]) -> dict[str, str] | None:
        """The fields to set in a stored bookmark; None when it needs no merge now."""
        return self._differing(SavedBookmark.of(item))

    def _differing(self, bookmark: SavedBookmark) -> dict[str, str] | None:
        """The fields to change in a bookmark; None when it is merged, or cannot be now."""
        if not self._is_unmerged(bookmark):
            return None
        address, name, record = self._page_of(bookmark)
        description = self._descriptions.get(name)
        if record is not None and record.source == "external" and description is None:
            # It joined the list meanwhile, or lost its metadata: the next run merges it.
            return None
        override = override_of(address, self._state.overrides, self._context.urls.own_hosts)
        said = shown(address, record or PageRecord(), description, override)
        fields = own_fields(bookmark, said, self._picture_of(bookmark))
        differing = {
            name: value for name, value in fields.items() if bookmark.own.get(name) != value
        }
        merged = replace(bookmark, own={**bookmark.own, **differing})
        self._marks[bookmark.id] = self._mark(merged)
        return differing

    def _remember(self, bookmarks: Sequence[SavedBookmark]) -> None:
        """Remember the marks of the merged bookmarks.

        If they could not be written, the marks are of fields that are not stored: they will not
        match the stored bookmarks, so the next run merges these again.
        """
        for bookmark in bookmarks:
            mark = self._marks.get(bookmark.id)
            if mark is not None:
                known = self._state.bookmarks.get(bookmark.id, BookmarkRecord())
                self._state.bookmarks[bookmark.id] = replace(known, mark=mark)

    # ------------------------------------------------------------------ steps

    def _is_unmerged(self, bookmark: SavedBookmark) -> bool:
        address, _, record = self._page_of(bookmark)
        if not address or (record is None and self._picture_of(bookmark) is None):
            return False
        known = self._state.bookmarks.get(bookmark.id, BookmarkRecord())
        return known.mark != self._mark(bookmark)

    def _mark(self, bookmark: SavedBookmark) -> str:
        address, _, record = self._page_of(bookmark)
        override = override_of(address, self._state.overrides, self._context.urls.own_hosts)
        return mark_of(bookmark, record, override, self._picture_of(bookmark))

    def _page_of(self, bookmark: SavedBookmark) -> tuple[str, str, PageRecord | None]:
        address, name = self._name_of(bookmark.url) if bookmark.url else ("", "")
        return address, name, self._state.pages.get(name)

    def _name_of(self, url: str) -> tuple[str, str]:
        """A page's address and hash; cached, as each bookmark is looked at several times."""
        if url not in self._names_by_url:
            address = page_address(url) or ""
            self._names_by_url[url] = address, url_hash(address)
        return self._names_by_url[url]

    def _picture_of(self, bookmark: SavedBookmark) -> BookmarkPicture | None:
        known = self._state.bookmarks.get(bookmark.id)
        if known is None or known.picture is None:
            return None
        picture = known.picture
        urls = self._context.urls
        then = picture.fetched_at
        return BookmarkPicture(
            picture,
            urls.for_key(picture.key, picture.version or None),
            None if then is None else to_iso(then / 1000),
            urls.has_cdn,
        )

    def _read_descriptions(self, bookmarks: Sequence[SavedBookmark]) -> None:
        """Read the stored metadata of those bookmarks' pages that this run has not read itself."""
        names = {
            name
            for _, name, record in map(self._page_of, bookmarks)
            if record is not None and record.source == "external"
        }
        missing = sorted(names - self._descriptions.keys())

        def read(name: str) -> tuple[str, Description | None]:
            return name, self._metadata.description(name)

        for name, description in self._context.engine.map(read, missing):
            if description is not None:
                self._descriptions[name] = description
            else:
                # The stored metadata is gone or broken: the next run asks the page again.
                known = self._state.pages[name]
                self._state.pages[name] = PageRecord(object_etag=known.object_etag)
