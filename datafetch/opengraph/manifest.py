"""The manifest of all pages' pictures: read, merged, committed."""

from collections.abc import Sequence
from typing import Any

from datafetch.errors import CorruptObject, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.models.json import JsonObject
from datafetch.opengraph.model import BookmarkRecord, PictureRecord
from datafetch.opengraph.rules.merge import merged_manifest, pictures_by_stem, stem_of
from datafetch.opengraph.rules.plan import Page
from datafetch.opengraph.state import DATASET, OpenGraphState
from datafetch.store.base import encode_json
from datafetch.store.publish import Publisher, PublishPlan, Write
from datafetch.urls import host_of


class PictureManifest:
    """The manifest of all pictures: the commit object of the dataset."""

    def __init__(self, context: AnyContext, publisher: Publisher) -> None:
        self._context = context
        self._publisher = publisher
        self._key = context.keys.opengraph_manifest()
        self._urls: list[Any] = []
        self._etag: str | None = None

    def load(self) -> None:
        """Read what is stored; a manifest that cannot be read is kept aside and made anew.

        Raises:
            StoreError: the store did not answer.
        """
        self._urls, self._etag = [], None
        try:
            found = self._context.store.get(self._key)
        except ObjectNotFound:
            return
        self._etag = found.etag
        try:
            value = found.json()
        except CorruptObject:
            value = None
        if isinstance(value, list):
            self._urls = value
        else:
            self._context.keep_aside(found)

    def recall(self, pages: Sequence[Page]) -> dict[str, PictureRecord]:
        """The pictures of bookmarks that the manifest names, by bookmark id."""
        known = pictures_by_stem(self._urls, self._context.urls.key_of)
        found = {}
        for page in pages:
            for item in page.bookmarks:
                key = self._context.keys.opengraph_image(
                    host_of(page.address), page.address, item["id"], "x"
                )
                picture = known.get(stem_of(key))
                if picture is not None:
                    found[item["id"]] = PictureRecord(picture[0], picture[1], None)
        return found

    def publish(self, state: OpenGraphState, items: Sequence[JsonObject]) -> bool:
        """Add all known pictures to it; says whether it changed. Equal bytes are not written.

        Bookmarks of old systems name pictures that the state does not know.

        Raises:
            BaseMoved: somebody else wrote it twice meanwhile.
            LeaseLost: this run may not write any more.
            StoreError: the store failed.
        """
        urls = self._context.urls
        pictures = self._named_by(items, state)
        for record in state.bookmarks.values():
            if record.picture is not None:
                key, version = record.picture.key, record.picture.version
                pictures[key] = urls.for_key(key, version or None)
        if self._etag is not None and merged_manifest(self._urls, pictures, urls.key_of) == (
            self._urls
        ):
            return False

        def build(attempt: int) -> PublishPlan:
            if attempt:
                self.load()
            value = merged_manifest(self._urls, pictures, urls.key_of)
            return PublishPlan(DATASET, Write(self._key, encode_json(value)), self._etag)

        return bool(self._publisher.publish_with_restart(build).written)

    def _named_by(self, items: Sequence[JsonObject], state: OpenGraphState) -> dict[str, str]:
        """Key and URL of the stored pictures that bookmarks name."""
        prefix = self._context.keys.opengraph_images_prefix()
        found = {}
        for item in items:
            url = item.get("ogImage")
            known = state.bookmarks.get(item["id"], BookmarkRecord())
            key = self._context.urls.key_of(url) if isinstance(url, str) else None
            if key is not None and key.startswith(prefix) and known.picture is None:
                found[key] = str(url)
        return found
