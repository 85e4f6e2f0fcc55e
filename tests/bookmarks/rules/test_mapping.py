"""Reading the slug mapping and old systems' shards."""

import pytest

from datafetch.bookmarks.model import StoredBookmark
from datafetch.bookmarks.rules.mapping import (
    SlugMapping,
    left_slugs,
    shard_agrees,
    slug_owners,
    take_slugs,
)

ODD = {
    "a": {"slug": "s-a"},
    "b": {"slug": ""},
    "c": {"slug": [1]},
    "d": "s-d",
    "a b/1": {"slug": "x"},
}


def item(name: str, slug: object = None) -> StoredBookmark:
    """A stored bookmark with this slug."""
    return StoredBookmark(name, {"id": name, "slug": slug, "title": "T"})


def test_odd_entries_of_a_mapping_have_no_slug() -> None:
    """Old systems wrote entries of every shape; an id that no key can hold is not looked for."""
    mapping = SlugMapping(dict(ODD))
    assert mapping.by_id() == {"a": "s-a", "a b/1": "x"}
    assert mapping.ids() == {"a"}


def test_a_slug_has_the_owner_that_comes_last() -> None:
    """Items without a slug own none."""
    assert slug_owners([item("a", "s"), item("b"), item("c", [1]), item("d", "s")]) == {"s": "d"}


def test_items_take_the_slugs_of_the_mapping() -> None:
    """Addresses resolve by the mapping: where it names a bookmark, its slug wins."""
    taken = take_slugs([item("a", "other"), item("z", "s-z")], SlugMapping(dict(ODD)))
    assert [(found.id, found.slug) for found in taken] == [("a", "s-a"), ("z", "s-z")]
    assert list(taken[0].fields) == ["id", "slug", "title"]


def test_slugs_without_an_item_are_left_over() -> None:
    """Links to a slug that no item has may be out there: its owner is remembered, `slugs` first."""
    mapping = SlugMapping(
        {"a": {"slug": "s-a"}, "gone": {"slug": "s-gone"}},
        {"s-a": "a", "s-gone": "other", "alias": "gone", "odd": 5},
    )
    left = left_slugs([item("a", "s-a")], mapping)
    assert list(left.items()) == [("alias", "gone"), ("s-gone", "gone")]
    assert left_slugs([], SlugMapping({}, reverse_map=[1])) == {}


@pytest.mark.parametrize(
    ("body", "agrees"),
    [
        (b'{"id":"a","slug":"s"}', True),
        (b'{"id":"a"}', True),
        (b'{"id":"b","slug":"s"}', False),
        (b'{"id":"a","slug":"t"}', False),
        (b'{"s":"a"}', True),
        (b'{"s":{"id":"a"},"t":{"id":"b"}}', True),
        (b'{"s":{"id":"b"}}', False),
        (b'{"id":"a","slug":[1]}', False),
        (b'{"s":[1]}', False),
        (b"[]", False),
        (b"{", False),
        (b'{"id":"a","slug":"s","x":[' + b"{}," * 200_000 + b"{}]}", False),
    ],
)
def test_a_shard_agrees_when_every_slug_is_its_owners(body: bytes, agrees: bool) -> None:
    """A slug of another type in an old system's shard ended every run; it disagrees, like any other."""
    assert shard_agrees(body, "json/slug-shards/s/s.json", {"s": "a", "t": "b"}) is agrees
