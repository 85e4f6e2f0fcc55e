"""Finds the picture of one bookmark, checks it, and streams it into the store."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from datafetch.bookmarks.karakeep import BookmarkApi
from datafetch.clock import to_ms
from datafetch.job import JobContext
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.net.base import Download
from datafetch.opengraph import report as words
from datafetch.opengraph.model import PictureRecord, SavedBookmark
from datafetch.opengraph.rules.merge import kept_stem
from datafetch.opengraph.rules.plan import PicturePlace, why_unusable
from datafetch.opengraph.webpage import WebPages, as_picture
from datafetch.store.base import IMAGE_CACHE, FilePart
from datafetch.store.keys import Keys
from datafetch.upstream_errors import (
    Denied,
    Malformed,
    Missing,
    Refused,
    Rejected,
    TransientError,
    UpstreamError,
)
from datafetch.urls import host_of


@dataclass(frozen=True, slots=True)
class PictureFound:
    """The bookmark has this picture now; `changed`: another one or none was stored before."""

    record: PictureRecord
    changed: bool


@dataclass(frozen=True, slots=True)
class PictureNotFound:
    """No usable picture was found.

    Attributes:
        error: the last fault of the search; None when every place gave a valid picture, but none
            that can be a preview.
    """

    error: UpstreamError | None


class PictureFinder:
    """Searches places for the pictures of bookmarks; several searches may run at a time."""

    def __init__(self, context: JobContext[OpenGraphSettings], web: WebPages) -> None:
        self._context = context
        self._web = web
        self._stored: set[str] = set()
        settings = context.settings
        self._assets = (
            BookmarkApi(context.http, settings.karakeep) if settings.karakeep is not None else None
        )

    @property
    def has_assets(self) -> bool:
        """Whether the bookmark server can be asked for assets."""
        return self._assets is not None

    def find(
        self,
        bookmark: SavedBookmark,
        address: str,
        places: Sequence[PicturePlace],
        stored: PictureRecord | None,
    ) -> PictureFound | PictureNotFound:
        """Store the first usable picture; `stored` is the one that the bookmark has now.

        `address` is that of the bookmark's page.

        A server that may answer later ends the search: its picture would be better than those of
        the next places, and once a bookmark has a picture, it is not searched for again.

        Raises:
            StoreError: the store failed.
            LeaseLost: this run may not write any more.
            Cancelled: the run was asked to stop.
        """
        fault: UpstreamError | None = None
        for place in places:
            try:
                download = self._download(place)
            except (TransientError, Denied) as error:
                fault = error
                if place.kind != "page" or isinstance(error, TransientError):
                    break
                continue
            except (Missing, Rejected, Refused, Malformed) as error:
                fault = error
                continue
            with closing(download):
                try:
                    found = self._take(bookmark, address, place, download, stored)
                except (Refused, Malformed) as error:
                    fault = error
                    continue
            if found is not None:
                return found
        return PictureNotFound(fault)

    def write_again(self, key: str) -> None:
        """With --force, write a stored picture again unless this run has stored it already.

        Raises:
            StoreError: the store failed; the picture is as it was.
            LeaseLost: this run may not write any more.
        """
        if key not in self._stored:
            self._context.write_again(key)

    def _download(self, place: PicturePlace) -> Download:
        if place.kind == "page":
            return self._web.picture(place.name)
        assert self._assets is not None, "without a server, no place is an asset"
        request = as_picture(self._assets.asset(place.name))
        try:
            return self._context.http.download(request)
        except Denied as error:
            better = self._assets.explained(error, request)
            # Each asset fails in the same way: it is told once, with the scope that is missing.
            self._context.remarks.say(words.assets_refused(better))
            raise better from error

    def _take(
        self,
        bookmark: SavedBookmark,
        address: str,
        place: PicturePlace,
        download: Download,
        stored: PictureRecord | None,
    ) -> PictureFound | None:
        """Check and store a picture; None when it is valid, but cannot be a preview.

        Raises:
            Malformed, Refused: it is no picture, or not a safe one.
        """
        from datafetch.pictures.images import MAX_PREVIEW_PIXELS, inspect

        picture = inspect(download.file, max_pixels=MAX_PREVIEW_PIXELS)
        if picture.cleaned is not None:
            download = download.with_body(picture.cleaned)
        reason = why_unusable(
            place.kind, picture.format, picture.width, picture.height, download.size
        )
        if reason is not None:
            self._context.log.debug(
                "picture_unusable", extra={"bookmark": bookmark.id, "reason": reason}
            )
            return None
        stems = picture_stems(self._context.keys, address, bookmark)
        key = f"{kept_stem(stems, stored)}.{picture.extension}"
        version = download.sha256[:8]
        same = stored is not None and (stored.key, stored.version) == (key, version)
        if stored is not None and same and not self._context.options.force:
            return PictureFound(stored, changed=False)
        self._put(key, download, picture.content_type)
        self._stored.add(key)
        if stored is not None and same:
            self._context.remarks.wrote_again(1)
            return PictureFound(stored, changed=False)
        now = to_ms(self._context.clock.now())
        etag = download.validators.etag
        return PictureFound(PictureRecord(key, version, now, etag), changed=True)

    def _put(self, key: str, download: Download, content_type: str) -> None:
        download.file.seek(0)
        self._context.store.put(
            key,
            FilePart(download.file, download.size),
            content_type=content_type,
            cache_control=IMAGE_CACHE,
        )


def picture_stems(keys: Keys, address: str, bookmark: SavedBookmark) -> tuple[str, ...]:
    """The keys without extension that the picture of this page's bookmark may have; see `Keys`."""
    url = bookmark.url or address
    return keys.opengraph_image_stems(host_of(url), url, address, bookmark.id)
