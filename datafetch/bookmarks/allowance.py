"""How much one reading of the list, with the lists below it, may take from the server.

A server that gives a new cursor with each page would otherwise be read for ever, into memory.
"""

from dataclasses import dataclass, field

from datafetch.errors import GuardRefused
from datafetch.net.base import MIB

_FEWEST_ON_A_PAGE = 20
"""The server gives a hundred items when it is asked for so many, and twenty when it is not. Only a
server that never ends its list gives fewer, page after page."""

_LEAST_PAGES = 1000
"""So many pages are read whatever the most items are: each list below the list has one at least."""

_MOST_BYTES = 2048 * MIB
"""Of all pages, decoded. 200,000 bookmarks have 10 kB each then, five times what is usual."""

_SETTING = "BOOKMARKS_MAX_ITEMS"
_STAYS = "what is stored stays as it is"


@dataclass
class Allowance:
    """What is left of it.

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
        most = max(_LEAST_PAGES, self.most // _FEWEST_ON_A_PAGE)
        if self.pages >= most:
            raise _refused(
                f"goes on after {most:,} pages with {self.items:,} items",
                f"See whether the server ends its list at all. More pages are read with a higher "
                f"{_SETTING}, a page for each {_FEWEST_ON_A_PAGE} items",
            )
        self.pages += 1

    def take_items(self, count: int, size: int) -> None:
        """Note what came with a page.

        Raises:
            GuardRefused: so many items, or bytes, are too many.
        """
        self.items += count
        self.size += size
        if self.items > self.most:
            raise _refused(
                f"goes on past {self.most:,} items ({_SETTING})",
                f"If it is that long, set {_SETTING} to a higher number",
            )
        if self.size > _MOST_BYTES:
            raise _refused(
                f"has more than {_MOST_BYTES // MIB:,} MiB with its first {self.items:,} items",
                "Bring Karakeep up to date: older versions send the HTML of every bookmark, too",
            )


def _refused(what: str, advice: str) -> GuardRefused:
    return GuardRefused(f"the list {what}: it is refused", hint=f"{advice}; {_STAYS}.")
