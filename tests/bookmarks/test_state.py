"""The values that are read of the stored bookmarks."""

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from datafetch.bookmarks.state import (
    INDEX,
    RETIRED_COPY,
    STATE,
    BookmarkState,
    Snapshot,
    StoredIndex,
    layout_of,
    objects_of,
    rules_in,
    rules_of,
)
from datafetch.models.job_settings import TagPages

BODY = (
    '{"version":1,"lastModified":"2026-01-01T00:00:00.000Z","layout":"rules=2 tags=all",'
    '"mapping":"m","fullSyncAt":null,"retiredSlugs":{"é":"b2"},"sources":{"b1":"hash"},'
    '"objects":{"bookmarks.json":["e1","h1"],"index.json":["e2",""]},"leftOut":{"n1":"h"}}'
)


def state() -> BookmarkState:
    """The state of these bytes."""
    return STATE.validate_python(json.loads(BODY))


def test_the_stored_bytes_of_a_state_stay_the_same() -> None:
    """A state that is read and written again is the same bytes, so no store is read anew for it."""
    assert state().encoded() == BODY.encode()


def test_a_state_of_an_older_version_has_nothing_left_out() -> None:
    """It is read like one of today; what is left out was still published then."""
    older = {key: value for key, value in json.loads(BODY).items() if key != "leftOut"}
    assert STATE.validate_python(older).left_out == {}


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"sources": {"b1": 7}},
        {"objects": {"bookmarks.json": ["e1"]}},
        {"objects": []},
        {"retiredSlugs": {"s": None}},
        {"fullSyncAt": "never"},
        {"lastModified": None},
    ],
)
def test_a_state_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    """A state whose entries are not what they should be would end the run later, or mislead it."""
    with pytest.raises(ValidationError):
        STATE.validate_python({**json.loads(BODY), **change})


def test_objects_are_remembered_by_short_keys() -> None:
    """The state leaves out the prefix that all keys share, and objects of other prefixes."""
    etags = {"json/bookmarks/bookmarks.json": "e1", "json/bookmarks/index.json": "e2", "x": "e3"}
    hashes = {"json/bookmarks/bookmarks.json": "h1"}
    assert objects_of(etags, hashes) == state().objects
    assert state().etags() == {key: etag for key, etag in etags.items() if key != "x"}
    assert state().hashes() == hashes
    assert state().etag("json/bookmarks/index.json") == "e2"
    assert state().etag("json/bookmarks/none.json") is None


def test_a_hash_counts_only_with_the_etag_that_it_was_made_of() -> None:
    """An object that somebody else wrote since is not taken for the one that was hashed."""
    key = "json/bookmarks/bookmarks.json"
    assert state().hashes_of({key: "e1"}) == {key: "h1"}
    assert state().hashes_of({key: "other"}) == {}
    assert state().hashes_of({}) == {}


def test_an_index_of_odd_fields_is_read_as_far_as_it_can_be() -> None:
    """Numbers and texts of another type count as missing; the whole object is kept beside them."""
    fields = {
        "count": True,
        "lastModified": 5,
        "lastFetchedAt": 7,
        "lastAttemptedAt": 1.5,
        "checksum": "c",
        "theirs": [1],
        "fields": "a field of that name",
    }
    index = INDEX.validate_python(fields)
    assert index == StoredIndex(
        fields=fields, count=None, last_modified="", last_fetched_at=7, checksum="c"
    )
    assert INDEX.validate_python({}) == StoredIndex(fields={})
    others: tuple[object, ...] = ([], None, 7)
    for odd in others:
        with pytest.raises(ValidationError):
            INDEX.validate_python(odd)


def test_the_copy_of_freed_slugs_is_read_without_its_odd_entries() -> None:
    """One odd owner costs itself only; the other freed slugs are not used again all the same."""
    assert RETIRED_COPY.validate_python({"retiredSlugs": {"s": "b1", "t": None}}) == {
        "retiredSlugs": {"s": "b1"}
    }


@pytest.mark.parametrize(
    ("tags", "unlinked", "layout"),
    [
        (TagPages(enabled=True, maximum=None), False, "rules=4 tags=all"),
        (TagPages(enabled=True, maximum=5), False, "rules=4 tags=5"),
        (TagPages(enabled=False, maximum=5), True, "rules=4+unlinked tags=off"),
    ],
)
def test_the_layout_names_what_decides_the_objects(
    tags: TagPages, unlinked: bool, layout: str
) -> None:
    """Another layout means a new publish: while nothing changed it stays the same text."""
    rules = rules_of(include_unlinked=unlinked)
    assert layout_of(tags, rules) == layout
    assert rules_in(replace(state(), layout=layout)) == rules


def test_rules_of_a_state_that_says_none_are_unknown() -> None:
    """A list without a state may have been made by any rules, so that it is made over."""
    assert rules_in(None) == rules_in(replace(state(), layout="odd")) == "0"


def test_a_distrusted_state_judges_nothing() -> None:
    """Without trust no item counts as known, and the whole list is read."""
    snapshot = Snapshot(None, StoredIndex(), None, state(), trusted=True)
    assert snapshot.sources == {"b1": "hash"}
    assert snapshot.left_out == {"n1": "h"}
    assert snapshot.distrusted().left_out == {}
    assert snapshot.distrusted().sources == {}
    assert snapshot.distrusted().full_sync_at is None
