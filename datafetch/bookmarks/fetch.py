"""Reads the list from the server: all pages, or only those until nothing on a page is new.

A stored bookmark that did not come is asked for again before it counts as deleted. Items that
cannot be read become dead letters.
"""

from collections.abc import Iterable, Sequence

from datafetch.bookmarks.allowance import Allowance
from datafetch.bookmarks.karakeep import BookmarkApi, ListPage
from datafetch.bookmarks.model import RawBookmark, UnreadableItem
from datafetch.bookmarks.rules.changes import Fetched, absent, is_known, is_settled
from datafetch.bookmarks.rules.sublists import ListInfo, with_sublists, woven
from datafetch.bookmarks.state import Snapshot
from datafetch.job import JobContext
from datafetch.models.job_settings import BookmarksSettings
from datafetch.upstream_errors import BreakerOpen, Missing, TransientError, UpstreamError

SECOND_LOOK_EACH = 20
"""Most absent bookmarks to ask for one by one; when there are more, the list is read again."""

_REFUSED = (
    "the server did not say on which lists the bookmarks are that did not come ({error}), so the "
    "whole list was read once more, and what was absent twice is gone"
)


class ListReader:
    """Reads the bookmark list from the server for one run.

    Attributes:
        came: how many items have come so far, readable or not.
    """

    def __init__(self, context: JobContext[BookmarksSettings], api: BookmarkApi) -> None:
        self._context = context
        self._api = api
        self._lists: list[ListInfo] = []
        self.came = 0

    def is_full(self, snapshot: Snapshot, stored: int) -> bool:
        """Whether to read every page, and not only those with news.

        True when no more than `full_sync_max_items` bookmarks are `stored`, when the run has
        the option `full` or `force`, when items are named, when the state is not trusted, and when
        the last full reading is `full_sync_hours` old.
        """
        settings, read_at = self._context.settings, snapshot.full_sync_at
        options = self._context.options
        is_asked = options.force or options.full or bool(options.only)
        if read_at is None or is_asked or not snapshot.trusted:
            return True
        due_at = read_at / 1000 + settings.full_sync_hours * 3600
        return stored <= settings.full_sync_max_items or self._context.clock.now() >= due_at

    def read(self, snapshot: Snapshot | None, *, full: bool, limit: int | None = None) -> Fetched:
        """The items of the list, and of those below it if they count, in the server's order.

        Each id comes once. The `snapshot` has the source hash of each item at the last publish,
        also of those that were left out. A reading that is not `full` stops in each list after the
        first page whose readable items all have that hash still, and were crawled and tagged by
        the server, or have waited for that for more than a week.

        An item that moves between pages while they are read may come twice, and then the first
        counts. Or it does not come at all; then `look_again` asks for it.

        Raises:
            UpstreamError: the server did not give the lists.
            GuardRefused: they have more items than `max_items`, or never end.
        """
        lists: list[list[RawBookmark]] = []
        unreadable: dict[str, UnreadableItem] = {}
        complete = limit is None
        allowance = Allowance(self._context.settings.max_items)
        self.came = 0
        self._lists = self._find_lists()
        for found in self._lists:
            readable: list[RawBookmark] = []
            for page in self._api.pages(limit, of=found.id, allowance=allowance):
                self._context.cancel.raise_if_cancelled()
                readable += page.readable
                self.came += len(page.readable) + len(page.unreadable)
                for item in page.unreadable:
                    unreadable.setdefault(item.name, item)
                self._context.progress.advance(len(page.readable))
                if snapshot is not None and not full and self._is_old(page, snapshot):
                    complete = False
                    break
            lists.append(readable)
        items = woven(lists)[:limit]
        came = {raw.id for raw in items}
        broken = [item for item in unreadable.values() if item.id not in came]
        return Fetched(items, broken, complete)

    def look_again(self, fetched: Fetched, stored: Iterable[str]) -> Fetched:
        """Ask the server again for each stored bookmark that a complete reading did not bring.

        A bookmark is gone when the server says that it is on none of the lists that were read, or
        when a second reading of the whole list does not bring it either. The second reading takes
        place for more than `SECOND_LOOK_EACH` bookmarks, for smart lists, of which the server does
        not say what is on them, and whenever it refuses to say.

        Returns:
            The reading with the deleted bookmarks in its `gone`, and in its `undecided` those for
            which no answer could be had; the second reading, if there was one.

        Raises:
            UpstreamError: the server did not give the list again, or its breaker is open.
            GuardRefused: the list was too long when it was read again.
        """
        missing = absent(stored, fetched)
        if not missing:
            return fetched
        if len(missing) > SECOND_LOOK_EACH:
            return self._read_again(missing)
        try:
            if not self._all_manual():
                return self._read_again(missing)
            return self._look_at_each(fetched, missing)
        except BreakerOpen:
            raise
        except TransientError as error:
            return self._undecided(fetched, missing, frozenset(), error)
        except UpstreamError as error:
            self._context.log.warning("second_look_refused", extra={"error": str(error)})
            return self._read_again(missing, _REFUSED.format(error=error))

    # ------------------------------------------------------------------ steps

    def _find_lists(self) -> list[ListInfo]:
        root = self._context.settings.list_id
        if not self._context.settings.include_sublists:
            return [ListInfo(root, type=None)]
        found = self._api.lists()
        known = {info.id: info for info in found}
        return [
            known.get(list_id, ListInfo(list_id, type=None))
            for list_id in with_sublists(found, root)
        ]

    def _all_manual(self) -> bool:
        """Whether the server says of a bookmark whether it is on the lists that were read."""
        if not self._context.settings.include_sublists:
            return self._api.list_info().type == "manual"
        return all(found.type == "manual" for found in self._lists)

    def _look_at_each(self, fetched: Fetched, missing: Sequence[str]) -> Fetched:
        lists = {found.id for found in self._lists}
        gone: set[str] = set()
        unanswered: list[str] = []
        fault: TransientError | None = None
        for bookmark_id in missing:
            try:
                if not lists & self._api.lists_of(bookmark_id):
                    gone.add(bookmark_id)
            except Missing:
                gone.add(bookmark_id)
            except BreakerOpen:
                raise
            except TransientError as error:
                unanswered.append(bookmark_id)
                fault = error
        if fault is None:
            return fetched._replace(gone=frozenset(gone))
        return self._undecided(fetched, unanswered, frozenset(gone), fault)

    def _undecided(
        self, fetched: Fetched, missing: Sequence[str], gone: frozenset[str], error: TransientError
    ) -> Fetched:
        for bookmark_id in missing:
            self._context.log.warning(
                "second_look_failed", extra={"item": bookmark_id, "error": str(error)}
            )
        # What was not decided has to be read again soon, so this was no full reading.
        return fetched._replace(gone=gone, undecided=frozenset(missing), complete=False)

    def _read_again(self, missing: Sequence[str], *notes: str) -> Fetched:
        again = self.read(None, full=True)
        return again._replace(gone=frozenset(absent(missing, again)), notes=notes)

    def _is_old(self, page: ListPage, snapshot: Snapshot) -> bool:
        now = self._context.clock.now()
        sources, left_out = snapshot.sources, snapshot.left_out
        return bool(page.readable) and all(
            (is_known(raw, sources) or is_known(raw, left_out)) and is_settled(raw, now)
            for raw in page.readable
        )


def note_items(context: JobContext[BookmarksSettings], fetched: Fetched) -> int:
    """Record each unreadable item as a dead letter.

    An item that was not named, and whose dead letter still waits, is left as it is.

    Dead letters of items that can be read now are dropped; after a complete reading, so are those
    of items that are no longer on the list.

    Returns:
        How many items have a new dead letter.
    """
    letters = context.dead_letters
    newly = 0
    for item in fetched.unreadable:
        if item.name in context.options.only or not letters.waiting(item.name):
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
    return newly
