"""Reads the list from the server, whole or as far as it changed, and looks twice before a deletion.

Items that cannot be read become dead letters.
"""

from collections.abc import Iterable, Mapping

from datafetch.bookmarks.karakeep import BookmarkApi, ListPage
from datafetch.bookmarks.model import RawBookmark, UnreadableItem
from datafetch.bookmarks.rules.changes import Fetched, absent, is_known, is_settled
from datafetch.errors import BreakerOpen, Missing, UpstreamError
from datafetch.job import JobContext
from datafetch.models.job_settings import BookmarksSettings

SECOND_LOOK_EACH = 20
"""Up to so many absent bookmarks are asked for one by one; for more the list is read again."""


def is_full_reading(
    context: JobContext[BookmarksSettings], stored: int, full_sync_at: int | None, *, trusted: bool
) -> bool:
    """Whether every page is to be read, whatever is known of it.

    So it is while the list is short, on `--force`, when nothing is known, and every
    `full_sync_hours`.
    """
    settings = context.settings
    due_at = None if full_sync_at is None else full_sync_at / 1000 + settings.full_sync_hours * 3600
    return (
        context.options.force
        or not trusted
        or stored <= settings.full_sync_max_items
        or due_at is None
        or context.clock.now() >= due_at
    )


class ListReader:
    """Reads one list for one run."""

    def __init__(self, context: JobContext[BookmarksSettings], api: BookmarkApi) -> None:
        self._context = context
        self._api = api
        self._list_id = context.settings.list_id

    def read(self, sources: Mapping[str, str], *, full: bool, limit: int | None = None) -> Fetched:
        """The list's items, each id once, in the server's order.

        An incremental reading ends with the first page that is wholly known, unchanged and
        settled. Items that move between pages while they are read come twice or never; the
        first counts, and what is missing gets its second look.

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
        """The same, with the stored bookmarks that are gone for certain.

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
        """Whether the bookmark is still on the list, or may be."""
        try:
            return self._list_id in self._api.lists_of(bookmark_id)
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
    """Record what could not be read, and forget what is well again or gone.

    Returns:
        How many items could not be read, and how many of them could before.
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
            left = fetched.complete and letter.item not in broken
            if letter.item in well or left:
                letters.succeeded(letter.item)
    return len(fetched.unreadable), newly
