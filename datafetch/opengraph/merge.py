"""Lays what was fetched into the stored bookmarks, under their own lease."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from datafetch.bookmarks.publish import enrich_bookmarks
from datafetch.clock import to_iso
from datafetch.errors import LeaseHeld
from datafetch.job import JobContext
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.models.json import JsonObject
from datafetch.models.run import JobName
from datafetch.opengraph.metadata import MetadataStore
from datafetch.opengraph.model import BookmarkRecord, Description, PageRecord
from datafetch.opengraph.rules.merge import Stored, mark_of, override_of, own_fields, shown
from datafetch.opengraph.state import OpenGraphState
from datafetch.urls import page_address, url_hash

LEASE_WAIT_S = 60.0
"""So long the bookmarks' own job is waited for."""


class Merger:
    """Merges one run's results, and those of runs that died before they could.

    `descriptions` are those that this run read, by hash; others are read when needed.
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
        self._named: dict[str, tuple[str, str]] = {}

    def merge(self, items: Sequence[JsonObject]) -> tuple[int, str | None]:
        """Bring the bookmarks up to date; says how many changed, and why some had to wait.

        `items` are the bookmarks as this run read them. When by them nothing changes, the
        bookmarks' lease is not taken.

        Raises:
            BaseMoved: the bookmarks changed twice meanwhile.
            LeaseLost: a lease ended.
            StoreError: the store failed.
        """
        unmerged = [item for item in items if self._is_unmerged(item)]
        self._read_descriptions(unmerged)
        changing = sum(bool(self._patch(item)) for item in unmerged)
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
            self._context.log.warning("merge_waits", extra={"reason": str(held)})
            return 0, str(held)

    def _patch(self, item: Mapping[str, Any]) -> dict[str, str] | None:
        """The fields that a bookmark gets; None for one that is merged already."""
        if not self._is_unmerged(item):
            return None
        address, name, record = self._page_of(item)
        description = self._descriptions.get(name)
        if record is not None and record.source == "external" and description is None:
            # It joined the list meanwhile, or its metadata was lost: the next run merges it.
            return None
        override = override_of(address, self._state.overrides)
        said = shown(address, record or PageRecord(), description, override)
        fields = own_fields(dict(item), said, self._picture_of(item))
        differing = {key: value for key, value in fields.items() if item.get(key) != value}
        self._marks[item["id"]] = self._mark({**item, **differing})
        return differing

    def _remember(self, items: Sequence[JsonObject]) -> None:
        """Keep the marks; one of fields that were not written after all fits no bookmark."""
        for item in items:
            mark = self._marks.get(item["id"])
            if mark is not None:
                known = self._state.bookmarks.get(item["id"], BookmarkRecord())
                self._state.bookmarks[item["id"]] = replace(known, mark=mark)

    # ------------------------------------------------------------------ steps

    def _is_unmerged(self, item: Mapping[str, Any]) -> bool:
        address, _, record = self._page_of(item)
        if not address or (record is None and self._picture_of(item) is None):
            return False
        known = self._state.bookmarks.get(item["id"], BookmarkRecord())
        return known.mark != self._mark(item)

    def _mark(self, item: Mapping[str, Any]) -> str:
        address, _, record = self._page_of(item)
        override = override_of(address, self._state.overrides)
        return mark_of(dict(item), record, override, self._picture_of(item))

    def _page_of(self, item: Mapping[str, Any]) -> tuple[str, str, PageRecord | None]:
        url = item.get("url")
        address, name = self._name_of(url) if isinstance(url, str) and url else ("", "")
        return address, name, self._state.pages.get(name)

    def _name_of(self, url: str) -> tuple[str, str]:
        """A page's address and hash; each bookmark is looked at several times."""
        if url not in self._named:
            address = page_address(url) or ""
            self._named[url] = address, url_hash(address)
        return self._named[url]

    def _picture_of(self, item: Mapping[str, Any]) -> Stored | None:
        known = self._state.bookmarks.get(item["id"])
        if known is None or known.picture is None:
            return None
        picture = known.picture
        urls = self._context.urls
        then = picture.fetched_at
        return Stored(
            picture,
            urls.for_key(picture.key, picture.version or None),
            None if then is None else to_iso(then / 1000),
            urls.has_cdn,
        )

    def _read_descriptions(self, items: Sequence[JsonObject]) -> None:
        """Read the metadata that this run did not bring itself."""
        names = {
            name
            for _, name, record in map(self._page_of, items)
            if record is not None and record.source == "external"
        }
        missing = sorted(names - self._descriptions.keys())

        def read(name: str) -> tuple[str, Description | None]:
            return name, self._metadata.description(name)

        for name, description in self._context.engine.map(read, missing):
            if description is not None:
                self._descriptions[name] = description
            else:
                # What was stored is gone or broken: the page is asked for again.
                known = self._state.pages[name]
                self._state.pages[name] = PageRecord(object_etag=known.object_etag)
