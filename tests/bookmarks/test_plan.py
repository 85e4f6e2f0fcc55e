"""Which objects a publish of the list writes and removes."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from datafetch.bookmarks.model import StoredBookmark
from datafetch.bookmarks.page_sets import Paging, page_sets, published_pages
from datafetch.bookmarks.plan import Change, Tidying, build_plan
from datafetch.bookmarks.rules.changes import AS_IT_IS, NOTHING_FETCHED, merge_list
from datafetch.bookmarks.rules.list import Times
from datafetch.bookmarks.rules.mapping import SlugMapping
from datafetch.bookmarks.state import Snapshot, StoredIndex, StoredList
from datafetch.models.job_settings import TagPages
from datafetch.store.publish import PublishPlan
from datafetch.store.writes import Write
from tests.bookmarks.world import KEYS
from tests.job_settings import ALL_TAGS

TIMES = Times("2026-01-01T00:00:00.000Z", 1, 2)
TIDYING = Tidying("backup", ("surplus",), ("shard",))


def items(count: int, *, tag: str = "t") -> list[StoredBookmark]:
    """The stored bookmarks `b00`, `b01`…, newest first, with one tag."""
    return [
        StoredBookmark(
            f"b{number:02d}",
            {
                "id": f"b{number:02d}",
                "slug": f"s{number:02d}",
                "dateBookmarked": f"2026-01-01T00:{59 - number:02d}",
                "tags": [{"name": tag}],
            },
        )
        for number in range(count)
    ]


def stored_list(count: int, **fields: Any) -> StoredList:
    """A stored list of so many bookmarks."""
    empty = StoredList(items(count), count, None, {}, {}, {}, {}, SlugMapping({}), listed=True)
    return replace(empty, **fields)


def plan_of(
    bookmarks: Sequence[StoredBookmark], stored: StoredList, tags: TagPages = ALL_TAGS
) -> PublishPlan:
    """The publish of these bookmarks over the stored list."""
    merged = merge_list(NOTHING_FETCHED, bookmarks, {}, {"freed": "gone"}, {"note": "h"}, AS_IT_IS)
    change = Change(merged, differs=True, fetched_at=3, full_sync_at=4, rules="4")
    snapshot = Snapshot(None, StoredIndex(), "etag", None, trusted=False)
    sets = page_sets(KEYS, merged.bookmarks, tags)
    paging = Paging(sets, published_pages(sets, stored.items))
    return build_plan(KEYS, change, tags, paging, snapshot, stored, TIMES, TIDYING)


def bytes_of(write: Write) -> bytes:
    """The bytes of an object that is to be written."""
    body = write.sendable()
    assert isinstance(body, bytes)
    return body


def page_keys(plan: PublishPlan) -> list[list[str]]:
    """The keys of the list's pages, a list for each chain."""
    chains = ([write.key for write in chain] for chain in plan.chains)
    return [keys for keys in chains if keys[0].startswith(KEYS.bookmark_pages_prefix())]


@pytest.mark.parametrize(
    ("before", "after", "numbers"),
    [
        (range(30), range(30), [[1], [2]]),
        (range(1, 30), range(30), [[2, 1]]),
        (range(30), range(3, 30), [[1, 2]]),
        (range(50), [*range(1, 30), *range(31, 50), 30], [[2, 1, 3, 2]]),
        (range(50), [49, *range(49)], [[1, 3, 2, 1]]),
        ([], range(30), [[1], [2]]),
    ],
    ids=["same", "grows", "shrinks", "deletion and move", "moves cross", "first"],
)
def test_pages_are_written_in_an_order_that_lacks_nobody(
    before: Sequence[int], after: Sequence[int], numbers: list[list[int]]
) -> None:
    """One order of pages for a change that both inserts and deletes: an item was on no page."""
    known = items(50)
    stored = stored_list(0, items=[known[number] for number in before])
    plan = plan_of([known[number] for number in after], stored)
    assert page_keys(plan) == [[KEYS.bookmark_page(n) for n in chain] for chain in numbers]
    tag = [key for chain in numbers for key in (KEYS.tag_page("t", n) for n in chain)]
    assert [write.key for write in plan.chains[-1]] == [*tag, KEYS.tag_index("t")]


def test_a_page_that_is_written_twice_has_all_that_it_has_and_will_have_first() -> None:
    """The first write of a page on a circle has its new items, and the old ones that are to move."""
    known = items(50)
    plan = plan_of([known[49], *known[:49]], stored_list(0, items=known))
    chain = plan.chains[0]
    assert [write.interim for write in chain] == [True, False, False, False]
    first, last = ([item["id"] for item in json.loads(bytes_of(chain[at]))] for at in (0, -1))
    assert first == ["b49", *(f"b{number:02d}" for number in range(24))]
    assert last == first[:24]


def test_the_index_is_the_commit_and_the_list_the_master() -> None:
    """The index was written before its pages; a crash left it pointing at missing pages."""
    plan = plan_of(items(25), stored_list(0))
    assert plan.commit.key == KEYS.bookmarks_index()
    index = json.loads(bytes_of(plan.commit))
    assert list(index) == [
        "count",
        "totalPages",
        "pageSize",
        "lastModified",
        "lastFetchedAt",
        "lastAttemptedAt",
        "checksum",
        "changeDetected",
    ]
    assert (index["count"], index["totalPages"], index["pageSize"]) == (25, 2, 24)
    assert (index["lastFetchedAt"], index["lastAttemptedAt"]) == (1, 2)
    assert plan.base_etag == "etag"
    assert plan.master is not None
    assert plan.master.key == KEYS.bookmarks()
    assert len(json.loads(bytes_of(plan.master))) == 25


def test_what_the_new_list_does_not_have_is_removed() -> None:
    """Old pages and tags were never removed; objects of other kinds are left alone."""
    kept = [KEYS.bookmark_by_id("b00"), KEYS.bookmark_page(1), KEYS.tag_page("t", 1)]
    stale = [KEYS.bookmark_by_id("b01"), KEYS.bookmark_page(2), KEYS.tag_index("old")]
    others = [KEYS.bookmarks(), KEYS.slug_mapping(), KEYS.bookmarks_heartbeat()]
    etags = dict.fromkeys([*kept, *stale, *others], "e")
    plan = plan_of(items(1), stored_list(2, etags=etags))
    assert set(plan.deletes) == {*stale, "shard"}
    off = plan_of(items(1), stored_list(2, etags=etags), TagPages(enabled=False, maximum=None))
    assert KEYS.tag_page("t", 1) in off.deletes


def test_a_replaced_master_is_kept_and_pushes_the_oldest_backup_out() -> None:
    """A backup is made only of a master that was read and differs; only then one too many goes."""
    plan = plan_of(items(2), stored_list(2, master=b"[1]"))
    backups = [write for write in plan.content if write.key == "backup"]
    assert [bytes_of(write) for write in backups] == [b"[1]"]
    assert "surplus" in plan.deletes
    assert plan.master is not None
    for master in (None, bytes_of(plan.master)):
        again = plan_of(items(2), stored_list(2, master=master))
        assert "backup" not in [write.key for write in again.content]
        assert "surplus" not in again.deletes


def test_the_slug_mapping_is_written_when_more_than_its_time_changed() -> None:
    """The mapping holds the time at which it was made: an equal one is left as it is."""
    fresh = plan_of(items(2), stored_list(2))
    written = {write.key: write for write in fresh.content}[KEYS.slug_mapping()]
    value = json.loads(bytes_of(written))
    mapping = SlugMapping(value["slugs"], value["reverseMap"], value["checksum"])
    etags = {KEYS.slug_mapping(): "e"}

    def is_written(mapping: SlugMapping) -> bool:
        plan = plan_of(items(2), stored_list(2, mapping=mapping, etags=etags))
        return KEYS.slug_mapping() in [write.key for write in plan.content]

    assert not is_written(mapping)
    assert is_written(replace(mapping, checksum="other"))
    assert is_written(replace(mapping, reverse_map={}))
    assert is_written(SlugMapping({}))


def test_the_index_of_a_tag_follows_its_pages_unless_one_went() -> None:
    """A tag that lost its last page gets a new index, though none of its other pages changed."""
    plain = plan_of(items(2), stored_list(2)).chains[-1]
    assert [write.key for write in plain] == [KEYS.tag_page("t", 1), KEYS.tag_index("t")]
    assert plain[-1].follows
    etags = {KEYS.tag_page("t", 2): "e"}
    assert not plan_of(items(2), stored_list(2, etags=etags)).chains[-1][-1].follows


def test_the_state_remembers_what_was_published() -> None:
    """The next run reads in the state which sources, slugs, ETags and hashes there were."""
    plan = plan_of(items(1), stored_list(0))
    assert plan.state is not None
    write = plan.state({KEYS.bookmarks(): "e", "elsewhere": "x"}, {KEYS.bookmarks(): "h"})
    assert write.key == "json/datafetch/datasets/bookmarks-test.json"
    state = json.loads(bytes_of(write))
    assert state["objects"] == {"bookmarks-test.json": ["e", "h"]}
    assert (state["sources"], state["retiredSlugs"]) == ({"b00": ""}, {"freed": "gone"})
    assert (state["leftOut"], state["layout"]) == ({"note": "h"}, "rules=4 tags=all")
    assert (state["lastModified"], state["fullSyncAt"]) == (TIMES.last_modified, 4)
