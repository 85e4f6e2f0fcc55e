"""Compares what the server sent with what is known, and merges both into the new list."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from datafetch.addresses import NO_HOSTS, OwnHosts
from datafetch.bookmarks.model import Bookmark, RawBookmark, StoredBookmark, UnreadableItem
from datafetch.bookmarks.rules.fit import fit
from datafetch.bookmarks.rules.list import weave
from datafetch.bookmarks.rules.mapping import slug_owners
from datafetch.bookmarks.rules.merge import Draft, as_stored, finish, merge
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
        left_out: items without a web address that are not to be published, see `leave_out`.
        notes: sentences for the user about how it was found out which bookmarks are deleted.
    """

    readable: list[RawBookmark]
    unreadable: list[UnreadableItem]
    complete: bool
    gone: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    left_out: tuple[RawBookmark, ...] = ()

    @property
    def size(self) -> int:
        """How many items came, readable or not, left out or not."""
        return len(self.readable) + len(self.unreadable) + len(self.left_out)


NOTHING_FETCHED = Fetched([], [], complete=False)


class Merged(NamedTuple):
    """The list as it will be stored.

    Attributes:
        changed: ids whose stored form is new or differs.
        gone: ids of stored bookmarks that the list does not have any more.
        left_out: items of the list that are not published, since they have no web address: their
            source hashes by id, an empty text if not known. They keep their slugs, see `retired`.
        withdrawn: ids of those among them that are stored.
        sources: source hash of every item by id, in the list's order; an empty text if not known.
        retired: freed slugs, which no bookmark has any more, and the ids that had them.
    """

    bookmarks: list[Bookmark]
    changed: frozenset[str]
    gone: frozenset[str]
    sources: dict[str, str]
    retired: dict[str, str]
    left_out: dict[str, str]
    withdrawn: frozenset[str]


class Policy(NamedTuple):
    """What is done with the items of a list before they are published.

    Attributes:
        unlinked: whether items without a web address are published.
        refit: whether the stored items that did not come are made over by the present rules.
        own: the user's own hosts, whose pictures are published though they are not public.
    """

    unlinked: bool
    refit: bool
    own: OwnHosts = NO_HOSTS


AS_IT_IS = Policy(unlinked=True, refit=False)
"""For a list that is published again as it is stored."""


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
    if any(raw.id in sources for raw in fetched.left_out):
        return False
    came = [raw.id for raw in fetched.readable]
    wanted = set(came)
    return came == [known for known in sources if known in wanted]


def leave_out(fetched: Fetched, sources: Mapping[str, str]) -> Fetched:
    """The reading with the items that have no web address (notes, files) in `left_out`.

    Those of `sources` that are unchanged have one, since they were published.
    """
    linked = [raw for raw in fetched.readable if is_known(raw, sources) or raw.url]
    if len(linked) == len(fetched.readable):
        return fetched
    ids = {raw.id for raw in linked}
    left = tuple(raw for raw in fetched.readable if raw.id not in ids)
    return fetched._replace(readable=linked, left_out=left)


def left_out_of(fetched: Fetched, known: Mapping[str, str]) -> dict[str, str]:
    """The source hashes of all items of the list that are left out, by id.

    `known` are those of the last publish. An incremental reading brings only some of them.
    """
    seen = {raw.id: raw.source_hash for raw in fetched.left_out}
    if fetched.complete:
        return seen
    back = {raw.id for raw in fetched.readable} | fetched.gone
    return {**{key: known[key] for key in known if key not in back}, **seen}


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
    left_out: Mapping[str, str],
    policy: Policy,
) -> Merged:
    """Lay the items that came over the stored ones.

    `stored` are the items of the master in its order, `sources` their source hashes, `retired` the
    freed slugs, and `left_out` what `left_out_of` found. A stored item stays as it is when its
    source hash has not changed, or when it did not come; one in `fetched.gone` goes.
    """
    by_id = {item.id: item for item in stored}
    drafts = [_draft(raw, by_id.get(raw.id), sources, policy.own) for raw in fetched.readable]
    came = {draft.bookmark.id for draft in drafts}
    gone = frozenset(fetched.gone & by_id.keys())
    staying = by_id.keys() - came - gone - {raw.id for raw in fetched.left_out}
    kept = _kept([item for item in stored if item.id in staying], policy)
    withdrawn = frozenset(by_id.keys() - came - gone - {draft.bookmark.id for draft in kept})
    freed = {**slug_owners(by_id[key] for key in sorted(gone | withdrawn)), **retired}
    names = _slugs_of([*drafts, *kept], freed)
    bookmarks = weave(
        [finish(draft, names[draft.bookmark.id]) for draft in drafts],
        [finish(draft, names[draft.bookmark.id]) for draft in kept],
    )
    known = {**sources, **{raw.id: raw.source_hash for raw in fetched.readable}}
    taken = {bookmark.slug for bookmark in bookmarks}
    renamed = {
        draft.bookmark.id
        for draft in kept
        if draft.changed or draft.bookmark.slug != names[draft.bookmark.id]
    }
    return Merged(
        bookmarks=bookmarks,
        changed=frozenset(renamed | {draft.bookmark.id for draft in drafts if draft.changed}),
        gone=gone,
        sources={bookmark.id: known.get(bookmark.id, "") for bookmark in bookmarks},
        retired={slug: key for slug, key in freed.items() if slug not in taken},
        left_out={**dict.fromkeys(sorted(withdrawn), ""), **left_out},
        withdrawn=withdrawn,
    )


def _kept(stored: Iterable[StoredBookmark], policy: Policy) -> list[Draft]:
    """The stored items that did not come, as far as they are to be published."""
    drafts = (_refit(item, policy.own) if policy.refit else as_stored(item) for item in stored)
    return [draft for draft in drafts if draft.bookmark.url or policy.unlinked]


def _refit(item: StoredBookmark, own: OwnHosts) -> Draft:
    made = fit(item, own)
    return as_stored(made)._replace(changed=made.fields != item.fields)


def _draft(
    raw: RawBookmark, stored: StoredBookmark | None, sources: Mapping[str, str], own: OwnHosts
) -> Draft:
    if stored is not None and is_known(raw, sources):
        return as_stored(stored)
    return merge(raw, stored, own)


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
