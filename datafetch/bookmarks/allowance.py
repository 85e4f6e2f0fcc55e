"""How much one reading of the list, with the lists below it, may take from the server.

A server that gives a new cursor with each page would otherwise be read for ever, into memory.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from datafetch.errors import GuardRefused
from datafetch.net.base import MIB
from datafetch.upstream_errors import Malformed

_FEWEST_ON_A_PAGE = 20
"""The server gives a hundred items when it is asked for so many, and twenty when it is not. Only a
server that never ends its list gives fewer, page after page."""

_LEAST_PAGES = 1000
"""So many pages are read however few items they have: each list below the list has one at least."""

_MOST_BYTES = 2048 * MIB
"""Of all pages, decoded. 200,000 bookmarks have 10 kB each then, five times what is usual."""

_MOST_REPEATS = 20
"""While a list is read, bookmarks that are added push those behind them onto later pages, where they
come again: 2,000 new ones within one reading would be needed for so many pages."""

_SETTING = "BOOKMARKS_MAX_ITEMS"
_STAYS = "what is stored stays as it is"


@dataclass
class Allowance:
    """Counts what one reading of the list takes from the server, and refuses what is too much.

    Attributes:
        most: how many items there may be in all, counting those that come twice.
        items: how many have come.
        pages: how many pages were asked for.
        size: how many bytes they had, decoded.
    """

    most: int
    items: int = field(default=0, init=False)
    pages: int = field(default=0, init=False)
    size: int = field(default=0, init=False)

    def take_page(self) -> None:
        """Note that a page is about to be asked for.

        Raises:
            GuardRefused: so many pages would be too many.
        """
        if self.pages >= max(_LEAST_PAGES, self.items // _FEWEST_ON_A_PAGE + 1):
            raise _refused(
                f"goes on after {self.pages:,} pages with {self.items:,} items",
                f"The server gives fewer than {_FEWEST_ON_A_PAGE} items with a page, and does not "
                "seem to end: bring it up to date",
            )
        self.pages += 1

    def take_items(self, count: int, size: int) -> None:
        """Note what came with a page.

        Raises:
            GuardRefused: so many items, or bytes, are too many.
        """
        self.items += count
        self.size += size
        check_length(self.items, self.most)
        if self.size > _MOST_BYTES:
            raise _refused(
                f"has more than {_MOST_BYTES // MIB:,} MiB with its first {self.items:,} items",
                "Bring Karakeep up to date: older versions send the HTML of every bookmark, too",
            )


class Paging:
    """Notices when the pages of one list would never end, by what is on them.

    Args:
        shown: the server's address, for messages.
        hint: what to do about it.
    """

    def __init__(self, shown: str, hint: str) -> None:
        self._shown = shown
        self._hint = hint
        self._cursors: set[str] = set()
        self._ids: set[str] = set()
        self._repeats = 0

    def go_on(self, ids: Collection[str], cursor: str, *, empty: bool) -> None:
        """Note a page that is not the last one of its list.

        Args:
            ids: those of the page's bookmarks that could be read.
            cursor: what the server gave with the page, to ask for the next one.
            empty: whether the page has no items at all.

        Raises:
            Malformed: the page is empty, or an earlier page of the list had the same cursor, or
                the last `_MOST_REPEATS` pages brought no bookmark that was new.
        """
        self._repeats = self._repeats + 1 if ids and self._ids.issuperset(ids) else 0
        if empty:
            raise self._endless("an empty page has a cursor")
        if cursor in self._cursors:
            raise self._endless("the list's cursor came twice")
        if self._repeats >= _MOST_REPEATS:
            raise self._endless(f"{self._repeats} pages in a row had only bookmarks of before")
        self._cursors.add(cursor)
        self._ids.update(ids)

    def _endless(self, what: str) -> Malformed:
        return Malformed(f"{self._shown}: {what}, paging would never end", hint=self._hint)


def check_length(items: int, most: int) -> None:
    """Check that a list has no more items than the settings allow.

    The merged list is checked as well as each reading: a run that reads only the newest pages adds
    to what is stored, so that the merged list can become too long when no reading is.

    Raises:
        GuardRefused: it has more than `most`.
    """
    if items > most:
        raise _refused(
            f"goes on past {most:,} items ({_SETTING})",
            f"If it is that long, set {_SETTING} to a higher number",
        )


def _refused(what: str, advice: str) -> GuardRefused:
    return GuardRefused(f"the list {what}: it is refused", hint=f"{advice}; {_STAYS}.")
