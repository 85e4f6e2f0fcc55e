"""Which lists stand below a list, and how the bookmarks of several lists become one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import merge

from datafetch.bookmarks.model import CamelCase, RawBookmark, UrlText
from datafetch.bookmarks.rules.list import places


@dataclass(frozen=True, slots=True)
class ListInfo(CamelCase):
    """What the server says of a list.

    Attributes:
        parent_id: the list below which it stands; None for a list at the top.
        type: `manual`, or `smart` for a list that is a stored search; `manual` when the answer
            leaves it out, as the server's description says; None when it is not known.
    """

    id: UrlText
    parent_id: str | None = None
    type: str | None = "manual"


def with_sublists(lists: Iterable[ListInfo], root: str) -> list[str]:
    """The ids of a list and of all lists below it, each once, also where parents form a ring."""
    below: dict[str, list[str]] = {}
    for found in lists:
        if found.parent_id is not None:
            below.setdefault(found.parent_id, []).append(found.id)
    ids = {root: None}
    waiting = [root]
    while waiting:
        for child in below.get(waiting.pop(), ()):
            if child not in ids:
                ids[child] = None
                waiting.append(child)
    return list(ids)


def woven(lists: Sequence[Sequence[RawBookmark]]) -> list[RawBookmark]:
    """The bookmarks of several lists as one list, each id once, in the order of the server.

    Each list, and the result, has the newest bookmark first; of two that were made in the same
    moment, the server puts the greater id first.
    """
    ranked = (
        [
            (place, raw.id, raw)
            for place, raw in zip(places([raw.created_at for raw in items]), items, strict=True)
        ]
        for items in lists
    )
    merged: dict[str, RawBookmark] = {}
    # Of one list, `merge` keeps the order as it is.
    for _, _, raw in merge(*ranked, key=lambda entry: entry[:2], reverse=True):
        merged.setdefault(raw.id, raw)
    return list(merged.values())
