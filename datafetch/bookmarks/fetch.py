"""Reads the list from the server: all pages, or only those until nothing on a page is new.

A stored bookmark that did not come is asked for again before it counts as deleted. Items that
cannot be read become dead letters.
"""

from collections.abc import Iterable, Mapping

from datafetch.bookmarks.karakeep import BookmarkApi, ListPage
from datafetch.bookmarks.model import RawBookmark, UnreadableItem
from datafetch.bookmarks.rules.changes import Fetched, absent, is_known, is_settled
from datafetch.bookmarks.state import Snapshot
from datafetch.errors import BreakerOpen, Missing, UpstreamError
from datafetch.job import JobContext
from datafetch.models.job_settings import BookmarksSettings

SECOND_LOOK_EACH = 20
"""Most absent bookmarks to ask for one by one; when there are more, the list is read again."""


class ListReader:
    """Reads the bookmark list from the server for one run."""

    def __init__(self, context: JobContext[BookmarksSettings], api: BookmarkApi) -> None:
        self._context = context
        self._api = api

    def is_full(self, snapshot: Snapshot, stored: int) -> bool:
        """Whether to read every page, and not only those with news.

        True when no more than `full_sync_max_items` bookmarks are `stored`, on `--force`, when the
        state is not trusted, and when the last full reading is `full_sync_hours` old.
        """
        settings, read_at = self._context.settings, snapshot.full_sync_at
        if read_at is None or self._context.options.force or not snapshot.trusted:
            return True
        due_at = read_at / 1000 + settings.full_sync_hours * 3600
        return stored <= settings.full_sync_max_items or self._context.clock.now() >= due_at

    def read(self, sources: Mapping[str, str], *, full: bool, limit: int | None = None) -> Fetched:
        """The list's items, each id once, in the server's order.

        `sources` has the source hash of each item at the last publish, by id. A reading that is
        not `full` stops after the first page whose readable items all have that hash still, and
        were crawled and tagged by the server, or have waited for that for more than a week.

        An item that moves between pages while they are read may come twice, and then the first
        counts. Or it does not come at all; then `look_again` asks for it.

        Raises:
            UpstreamError: the server did not give the list.
        """
        readable: dict[str, RawBookmark] = {}
        unreadable: dict[str, UnreadableItem] = {}
        complete = limit is None
        for page in self._api.pages(limit):
            self._context.cancel.raise_if_cancelled()
            for raw in page.readable:
                readable.setdefault(raw.id, raw)
            for item in page.unreadable:
                unreadable.setdefault(item.name, item)
            self._context.progress.advance(len(page.readable))
            if not full and self._is_old(page, sources):
                complete = False
                break
        broken = [item for item in unreadable.values() if item.id not in readable]
        return Fetched(list(readable.values()), broken, complete)

    def look_again(self, fetched: Fetched, stored: Iterable[str]) -> Fetched:
        """Ask the server again for each stored bookmark that a complete reading did not bring.

        Returns:
            The reading with the deleted bookmarks in its `gone`; a second reading of the whole
            list when more than `SECOND_LOOK_EACH` were absent.

        Raises:
            UpstreamError: the server did not give the list again, or its breaker is open.
        """
        missing = absent(stored, fetched)
        if not missing:
            return fetched
        if len(missing) <= SECOND_LOOK_EACH:
            gone = frozenset(item for item in missing if not self._is_listed(item))
            return fetched._replace(gone=gone)
        again = self.read({}, full=True)
        return again._replace(gone=frozenset(absent(missing, again)))

    def _is_old(self, page: ListPage, sources: Mapping[str, str]) -> bool:
        now = self._context.clock.now()
        return bool(page.readable) and all(
            is_known(raw, sources) and is_settled(raw, now) for raw in page.readable
        )

    def _is_listed(self, bookmark_id: str) -> bool:
        """Whether the bookmark is on the list; also True when the server gives no usable answer."""
        try:
            return self._context.settings.list_id in self._api.lists_of(bookmark_id)
        except Missing:
            return False
        except BreakerOpen:
            raise
        except UpstreamError as error:
            self._context.log.warning(
                "second_look_failed", extra={"item": bookmark_id, "error": str(error)}
            )
            return True


def note_items(context: JobContext[BookmarksSettings], fetched: Fetched) -> tuple[int, int]:
    """Record each unreadable item as a dead letter, unless it has one that still waits.

    Dead letters of items that can be read now are dropped; after a complete reading, so are those
    of items that are no longer on the list.

    Returns:
        How many items could not be read, and how many of these have a new dead letter.
    """
    letters = context.dead_letters
    newly = 0
    for item in fetched.unreadable:
        if not letters.waiting(item.name):
            newly += letters.failed(item.name, item.error)
            context.log.warning(
                "bookmark_unreadable", extra={"item": item.name, "error": str(item.error)}
            )
    if letters.letters:
        broken = {item.name for item in fetched.unreadable}
        well = {raw.id for raw in fetched.readable}
        for letter in list(letters.letters.values()):
            has_left = fetched.complete and letter.item not in broken
            if letter.item in well or has_left:
                letters.succeeded(letter.item)
    return len(fetched.unreadable), newly
