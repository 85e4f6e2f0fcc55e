"""Compares what the server sent with what is known, and merges both into the new list."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from datafetch.bookmarks.model import Bookmark, RawBookmark, StoredBookmark, UnreadableItem
from datafetch.bookmarks.rules.list import weave
from datafetch.bookmarks.rules.mapping import slug_owners
from datafetch.bookmarks.rules.normalise import Draft, as_stored, finish, merge
from datafetch.bookmarks.rules.slugs import Slugged, assign_slugs

PENDING_LIMIT_S = 7 * 24 * 3600.0
"""After a week a bookmark that was never crawled or tagged counts as settled all the same."""


class Fetched(NamedTuple):
    """What was read of the list, each id once, in the server's order.

    Attributes:
        complete: every page was read, and `undecided` is empty. Before `look_again` nobody has
            asked yet whether the stored bookmarks that did not come are deleted.
        gone: ids of the stored bookmarks that are certainly deleted.
        undecided: ids of the stored bookmarks that did not come, and of which the server could
            not be asked whether they are deleted; they stay.
        notes: sentences for the user about how it was found out which bookmarks are deleted.
    """

    readable: list[RawBookmark]
    unreadable: list[UnreadableItem]
    complete: bool
    gone: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many items came, readable or not."""
        return len(self.readable) + len(self.unreadable)


NOTHING_FETCHED = Fetched([], [], complete=False)


class Merged(NamedTuple):
    """The list as it will be stored.

    Attributes:
        changed: ids whose stored form is new or differs.
        gone: ids of stored bookmarks that the list does not have any more.
        sources: source hash of every item by id, in the list's order; an empty text if not known.
        retired: freed slugs, which no bookmark has any more, and the ids that had them.
    """

    bookmarks: list[Bookmark]
    changed: frozenset[str]
    gone: frozenset[str]
    sources: dict[str, str]
    retired: dict[str, str]


def is_settled(raw: RawBookmark, now: float) -> bool:
    """Whether the server has crawled and tagged the page, or did not do so for a week."""
    pending = raw.tagging_status == "pending" or raw.texts.crawl_status == "pending"
    return not pending or now - _seconds(raw.created_at) > PENDING_LIMIT_S


def is_known(raw: RawBookmark, sources: Mapping[str, str]) -> bool:
    """Whether the item is unchanged since the last publish, by its source hash."""
    return sources.get(raw.id) == raw.source_hash


def is_unchanged(fetched: Fetched, sources: Mapping[str, str]) -> bool:
    """Whether the last publish had every item that came, in the same order, and none is gone."""
    if fetched.gone or not all(is_known(raw, sources) for raw in fetched.readable):
        return False
    came = [raw.id for raw in fetched.readable]
    wanted = set(came)
    return came == [known for known in sources if known in wanted]


def absent(stored: Iterable[str], fetched: Fetched) -> list[str]:
    """Stored ids that a complete reading did not bring: these may have been deleted.

    Empty when an item came whose id cannot be read, since it may be any of them.
    """
    if not fetched.complete or any(item.id is None for item in fetched.unreadable):
        return []
    came = {raw.id for raw in fetched.readable} | {item.id for item in fetched.unreadable}
    return [bookmark_id for bookmark_id in stored if bookmark_id not in came]


def merge_list(
    fetched: Fetched,
    stored: Sequence[StoredBookmark],
    sources: Mapping[str, str],
    retired: Mapping[str, str],
) -> Merged:
    """Lay the items that came over the stored ones.

    `stored` are the items of the master in its order, `sources` their source hashes and `retired`
    the freed slugs. A stored item stays as it is when its source hash has not changed, or when
    it did not come; one in `fetched.gone` is left out.
    """
    by_id = {item.id: item for item in stored}
    drafts = [_draft(raw, by_id.get(raw.id), sources) for raw in fetched.readable]
    came = {draft.bookmark.id for draft in drafts}
    staying = by_id.keys() - came - fetched.gone
    kept = [as_stored(item) for item in stored if item.id in staying]
    gone = frozenset(fetched.gone & by_id.keys())
    freed = {**slug_owners(by_id[key] for key in sorted(gone)), **retired}
    names = _slugs_of([*drafts, *kept], freed)
    bookmarks = weave(
        [finish(draft, names[draft.bookmark.id]) for draft in drafts],
        [finish(draft, names[draft.bookmark.id]) for draft in kept],
    )
    known = {**sources, **{raw.id: raw.source_hash for raw in fetched.readable}}
    taken = {bookmark.slug for bookmark in bookmarks}
    renamed = {d.bookmark.id for d in kept if d.bookmark.slug != names[d.bookmark.id]}
    return Merged(
        bookmarks=bookmarks,
        changed=frozenset(renamed | {draft.bookmark.id for draft in drafts if draft.changed}),
        gone=gone,
        sources={bookmark.id: known.get(bookmark.id, "") for bookmark in bookmarks},
        retired={slug: key for slug, key in freed.items() if slug not in taken},
    )


def _draft(raw: RawBookmark, stored: StoredBookmark | None, sources: Mapping[str, str]) -> Draft:
    if stored is not None and is_known(raw, sources):
        return as_stored(stored)
    return merge(raw, stored)


def _slugs_of(drafts: Sequence[Draft], retired: Mapping[str, str]) -> dict[str, str]:
    """The slug of every item: the stored one, or a new one.

    Where old systems gave one slug to two items, the older item keeps it.
    """
    taken: dict[str, str] = {}
    new: list[Slugged] = []
    for draft in sorted(drafts, key=lambda d: (d.bookmark.date_bookmarked, d.bookmark.id)):
        bookmark = draft.bookmark
        if bookmark.slug and bookmark.slug not in taken:
            taken[bookmark.slug] = bookmark.id
        else:
            new.append(Slugged(bookmark.id, bookmark.date_bookmarked, draft.base))
    names = {bookmark_id: slug for slug, bookmark_id in taken.items()}
    return {**names, **assign_slugs(new, taken, retired)}


def _seconds(iso: str) -> float:
    moment = datetime.fromisoformat(iso)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
