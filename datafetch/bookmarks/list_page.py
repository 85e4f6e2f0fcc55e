"""Reads one page of the list within bounds; an item that JSON's readers refuse costs itself only."""

import hashlib
import json
from codecs import BOM_UTF8
from typing import NamedTuple

from datafetch.bookmarks.model import UnreadableItem
from datafetch.models.json_bounds import JsonBounds, TooMuchJson, read_bounded
from datafetch.models.json_parts import cut_object
from datafetch.upstream_errors import Malformed

PAGE_LIMIT = 100
"""Most items that the server gives in one page."""

_MARGIN = 100
"""So many more items than were asked for are taken; some servers give whole pages only."""

_ITEMS, _CURSOR = "bookmarks", "nextCursor"

_PAGE = JsonBounds(values=200_000, depth=102)
"""A page with more is cut into its items. An item with 50 tags has 300 values, and is two levels
deeper in a page than by itself."""

_ITEM = JsonBounds(values=200_000, depth=100)
_ID = JsonBounds(values=1)


class BrokenItem(NamedTuple):
    """An item that is in the list's JSON and cannot be read."""

    body: bytes
    reason: str

    def unreadable(self) -> UnreadableItem:
        """The item, with its id if that much can be read, and the reason."""
        error = Malformed(f"a bookmark cannot be read: {self.reason}")
        item_id: object = None
        try:
            members, _ = cut_object(self.body, "", 0)
            item_id = read_bounded(members["id"], _ID)
        except (ValueError, KeyError):
            item_id = None
        if isinstance(item_id, str):
            return UnreadableItem.of({"id": item_id}, error)
        digest = hashlib.sha256(self.body).hexdigest()
        return UnreadableItem(None, f"item without id {digest[:12]}", error)


def read_page(body: bytes, asked: int) -> object:
    """Read a page for which `asked` items were asked for.

    Returns:
        The JSON of the page. In the place of each item with more values or levels than a bookmark
        can have, with a number that is too long, or with bytes that are no text, there is a
        `BrokenItem`; then only items and cursor are there.

    Raises:
        TooMuchJson: the page holds more than was asked for and a margin.
        ValueError: it is not JSON.
    """
    most = asked + _MARGIN
    try:
        page = read_bounded(body, _PAGE)
    except json.JSONDecodeError:
        raise
    except ValueError:
        page = _read_by_items(body, most)
    items = page.get(_ITEMS) if isinstance(page, dict) else None
    if isinstance(items, list) and len(items) > most:
        raise TooMuchJson(f"it has more than {most:,} {_ITEMS}")
    return page


def _read_by_items(body: bytes, most: int) -> dict[str, object]:
    members, entries = cut_object(body.removeprefix(BOM_UTF8), _ITEMS, most)
    page: dict[str, object] = {
        name: read_bounded(members[name], _ITEM) for name in (_ITEMS, _CURSOR) if name in members
    }
    if entries is not None:
        page[_ITEMS] = [_read_item(entry) for entry in entries]
    return page


def _read_item(body: bytes) -> object:
    try:
        return read_bounded(body, _ITEM)
    except json.JSONDecodeError:
        raise
    except UnicodeDecodeError:
        return BrokenItem(body, "it holds bytes that are no UTF-8")
    except TooMuchJson as error:
        return BrokenItem(body, str(error))
    except ValueError:
        return BrokenItem(body, "it holds an integer of more than 4,300 digits")
