"""Orders the writes of a mirror's pages, so that readers of the mirror always find every item."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from datafetch.bookmarks.rules.page_writes import Ids, page_writes
from datafetch.models.json import JsonObject, encode_json, read_json


class MirrorPage(NamedTuple):
    """A page of the list as it is stored.

    Attributes:
        key: of the object.
        body: its bytes.
        items: the items that it has.
    """

    key: str
    body: bytes
    items: Sequence[JsonObject]

    @property
    def ids(self) -> Ids:
        """The ids of its items, in order."""
        return tuple(item["id"] for item in self.items)


class PageFile(NamedTuple):
    """One write of a page into the mirror.

    Attributes:
        key: of the page.
        body: its content.
        interim: whether the same page is written once more, later.
    """

    key: str
    body: bytes
    interim: bool = False


def in_order(
    pages: Sequence[MirrorPage], there: Callable[[str], bytes | None]
) -> Iterator[PageFile]:
    """The writes of the pages, in an order in which no item is on no page meanwhile.

    Args:
        pages: all pages of the list, the first one first.
        there: the content of the mirror's page of that key; None when it has none.
    """
    items = {item["id"]: item for page in pages for item in page.items}
    before: Mapping[int, Ids] = {
        number: page.ids if body == page.body else _ids_on(body)
        for number, page in enumerate(pages, 1)
        if (body := there(page.key)) is not None
    }
    for group in page_writes(before, [page.ids for page in pages]):
        for write in group:
            page = pages[write.page - 1]
            if write.interim:
                both = encode_json([items[item] for item in write.ids])
                yield PageFile(page.key, both, interim=True)
            else:
                yield PageFile(page.key, page.body)


def _ids_on(body: bytes) -> Ids:
    """The ids on a page of the mirror; none when it is no page, as one that somebody has edited."""
    try:
        found = read_json(body.decode())
    except ValueError:
        return ()
    entries = found if isinstance(found, list) else []
    ids = (entry.get("id") for entry in entries if isinstance(entry, dict))
    return tuple(dict.fromkeys(item for item in ids if isinstance(item, str)))
