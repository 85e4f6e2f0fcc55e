"""The manifest, the list of all pictures' public URLs: read, merged, committed."""

import re
from collections.abc import Collection, Sequence
from typing import Annotated

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from datafetch.addresses import for_visitors
from datafetch.errors import CorruptObject, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.opengraph.model import BookmarkRecord, PictureRecord, SavedBookmark
from datafetch.opengraph.pictures import picture_stems
from datafetch.opengraph.rules.merge import merged_manifest, pictures_by_stem
from datafetch.opengraph.rules.plan import BookmarkedPage
from datafetch.opengraph.state import DATASET, OpenGraphState
from datafetch.store.base import encode_json
from datafetch.store.blog_manifest import make_blog_manifest
from datafetch.store.keys import IMAGES_PREFIX
from datafetch.store.publish import Publisher, PublishPlan, Write
from datafetch.urls import publishable

_ENTRIES: TypeAdapter[list[str | None]] = TypeAdapter(
    list[Annotated[str | None, BeforeValidator(lambda it: it if isinstance(it, str) else None)]]
)
"""An entry that is no text is read as None, so that the others can be read."""


_PICTURE = re.compile(rf"{IMAGES_PREFIX}opengraph/[A-Za-z0-9_-][A-Za-z0-9._-]{{0,199}}")
"""The key of a page's picture, whoever stored it."""


class PictureManifest:
    """The manifest of all pictures, which is the commit object of the dataset."""

    def __init__(self, context: AnyContext, publisher: Publisher) -> None:
        self._context = context
        self._publisher = publisher
        self._key = context.keys.opengraph_manifest()
        self._urls: list[str] = []
        self._etag: str | None = None
        self._outdated = False
        """Whether an entry was left out, or has another URL than in the stored manifest."""

    def load(self, *, keep: bool = True) -> None:
        """Read what is stored; with `keep` a copy of one with unreadable entries is kept aside.

        Raises:
            StoreError: the store did not answer.
        """
        self._urls, self._etag, self._outdated = [], None, False
        try:
            found = self._context.store.get(self._key)
        except ObjectNotFound:
            return
        self._etag = found.etag
        try:
            entries = _ENTRIES.validate_python(found.json())
        except (CorruptObject, ValidationError):
            entries = [None]
        shown = [None if entry is None else self._shown(entry) for entry in entries]
        self._urls = [url for url in shown if url is not None]
        broken = None in shown
        self._outdated = broken or shown != entries
        if broken and keep:
            self._context.keep_aside(found)

    def recall(
        self, pages: Sequence[BookmarkedPage], without: Collection[str] = ()
    ) -> dict[str, PictureRecord]:
        """The pictures that the manifest has of these pages' bookmarks, by bookmark id.

        Their keys may be those that earlier releases made. Bookmarks in `without` are left out.
        """
        known = pictures_by_stem(self._urls, self._key_of)
        found = {}
        for page in pages if known else ():
            for bookmark in page.bookmarks:
                if bookmark.id in without:
                    continue
                stems = picture_stems(self._context.keys, page.address, bookmark)
                picture = next((known[stem] for stem in stems if stem in known), None)
                if picture is not None:
                    found[bookmark.id] = picture
        return found

    def publish(self, state: OpenGraphState, bookmarks: Sequence[SavedBookmark]) -> bool:
        """Add the state's pictures, and those of old systems, which only bookmarks name.

        Returns whether the manifest changed; equal bytes are written with --force only.

        Raises:
            BaseMoved: somebody else wrote it twice meanwhile.
            LeaseLost: this run may not write any more.
            StoreError: the store failed.
        """
        make_blog_manifest(self._context.store, self._context.keys)
        urls = self._context.urls
        pictures = self._named_by(bookmarks, state)
        for record in state.bookmarks.values():
            if record.picture is not None:
                key, version = record.picture.key, record.picture.version
                pictures[key] = urls.for_key(key, version or None)
        same = merged_manifest(self._urls, pictures, self._key_of) == self._urls
        whole = same and self._etag is not None and not self._outdated
        if whole and not self._context.options.force:
            return False

        def build(attempt: int) -> PublishPlan:
            if attempt:
                self.load()
            value = merged_manifest(self._urls, pictures, self._key_of)
            return PublishPlan(DATASET, Write(self._key, encode_json(value)), self._etag)

        result = self._publisher.with_restart(
            lambda attempt: self._publisher.publish(build(attempt))
        )
        return bool(result.written)

    def _shown(self, entry: str) -> str | None:
        """The entry if visitors' browsers can load it: a web address, or the path of a folder's picture.

        A web address that they should not ask for, such as one of an earlier store on this
        machine, becomes the picture's present URL when it has the key of a picture of ours. None
        for all others.
        """
        urls = self._context.urls
        if for_visitors(entry, urls.own_hosts) or entry.startswith(f"/{IMAGES_PREFIX}"):
            return entry
        key = self._key_of(entry)
        if publishable(entry) is None or not _PICTURE.fullmatch(key):
            return None
        return urls.for_key(key, entry.partition("?v=")[2] or None)

    def _key_of(self, url: str) -> str:
        """The key of a picture's URL, which may be below a public base URL that is set no longer.

        A URL without a key of ours is given as it is.
        """
        start = url.find(self._context.keys.opengraph_images_prefix())
        own = url[start:].partition("?")[0] if start >= 0 else url
        return self._context.urls.key_of(url) or own

    def _named_by(
        self, bookmarks: Sequence[SavedBookmark], state: OpenGraphState
    ) -> dict[str, str]:
        """URLs, by key, of the stored pictures that bookmarks name and the state does not know."""
        prefix = self._context.keys.opengraph_images_prefix()
        found = {}
        for bookmark in bookmarks:
            known = state.bookmarks.get(bookmark.id, BookmarkRecord())
            key = self._context.urls.key_of(bookmark.image) if bookmark.image else None
            if key is not None and key.startswith(prefix) and known.picture is None:
                found[key] = str(bookmark.image)
        return found
