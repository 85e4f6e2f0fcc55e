"""The pairs of id and slug that tie the slug mapping to the list."""

import pytest

from datafetch.models.slug_pairs import pairs_checksum, slug_pairs

ITEM = {"id": "b2", "slug": "example-com", "title": "T"}


def test_pairs_are_the_same_from_the_list_and_from_the_mapping() -> None:
    """What ties both together is who has which slug, in whatever order and with whatever else."""
    entry = {"id": "b2", "slug": "example-com", "url": "https://example.com/"}
    other = {"id": "b1", "slug": "a"}
    assert slug_pairs([ITEM, other]) == slug_pairs([other, entry])
    assert slug_pairs([ITEM]) != slug_pairs([{**ITEM, "slug": "b"}])
    assert slug_pairs([]) == {}


@pytest.mark.parametrize(
    "entries",
    [
        [{"id": "b1"}],
        [{"slug": "a"}],
        [{"id": "b1", "slug": ""}],
        [{"id": "b1", "slug": 5}],
        ["b1"],
        [None],
        [ITEM, ITEM],
        [ITEM, {"id": "b1", "slug": "example-com"}],
    ],
)
def test_a_list_that_is_not_one_slug_each_has_no_pairs(entries: list[object]) -> None:
    """A broken list belongs to no mapping, not even to one that is broken in the same way."""
    assert slug_pairs(entries) is None


@pytest.mark.parametrize(
    ("slugs", "md5"),
    [
        ({}, "d751713988987e9331980363e24189ce"),
        ({"b2": "b", "b10": "ü", "B3": "c"}, "f789f7bc0878503bf50a72e224567a53"),
    ],
)
def test_checksum_is_the_one_that_readers_compute(slugs: dict[str, str], md5: str) -> None:
    """A checksum in our own form where readers demand theirs: 32 hex digits, of the pairs by id."""
    assert pairs_checksum(slugs) == md5
