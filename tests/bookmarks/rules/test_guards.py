"""The guards before a publish."""

from dataclasses import replace

import pytest

from datafetch.bookmarks.rules.guards import GuardPolicy, check_bookmarks, check_shrink
from datafetch.errors import GuardRefused

POLICY = GuardPolicy(minimum=10, max_shrink_ratio=0.2, production=False, allow_shrink=False)


@pytest.mark.parametrize(
    ("stored", "planned", "with_url", "production", "numbers", "way_out"),
    [
        (884, 0, 0, False, ("884",), "BOOKMARKS_LIST_ID"),
        (0, 0, 0, False, ("0",), "BOOKMARKS_LIST_ID"),
        (9, 9, 9, True, ("9", "10"), "MIN_BOOKMARKS_THRESHOLD"),
        (100, 79, 79, False, ("100", "79", "21%", "20%"), "--allow-shrink"),
        (100, 100, 0, False, ("100",), "--allow-shrink"),
    ],
    ids=["empty", "empty-first", "below-minimum", "shrunken", "no-urls"],
)
def test_worse_lists_are_refused(
    stored: int,
    planned: int,
    with_url: int,
    production: bool,
    numbers: tuple[str, ...],
    way_out: str,
) -> None:
    """An empty or partial API answer replaced the list; now the refusal says numbers and way out."""
    with pytest.raises(GuardRefused) as refused:
        check_bookmarks(stored, planned, with_url, replace(POLICY, production=production))
    assert all(number in str(refused.value) for number in numbers)
    assert way_out in refused.value.hint


@pytest.mark.parametrize(
    ("stored", "planned", "with_url"), [(100, 80, 80), (0, 1, 1), (5, 5, 1), (10, 300, 300)]
)
def test_other_lists_pass(stored: int, planned: int, with_url: int) -> None:
    """What is as large, larger, or smaller by no more than the ratio passes."""
    check_bookmarks(stored, planned, with_url, POLICY)


def test_shrinking_can_be_allowed_but_nothing_cannot() -> None:
    """`--allow-shrink` accepts a smaller list, never an empty one."""
    allowed = replace(POLICY, allow_shrink=True)
    check_bookmarks(100, 1, 0, allowed)
    check_shrink("logos", 100, 0, 0.2, allow=True)
    with pytest.raises(GuardRefused):
        check_bookmarks(100, 0, 0, allowed)
