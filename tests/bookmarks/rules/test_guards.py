"""The guards before a publish."""

from functools import partial

import pytest

from datafetch.bookmarks.rules.guards import check_bookmarks, check_failures, check_not_empty
from datafetch.errors import GuardRefused
from datafetch.models.run import JobReport
from tests.bookmarks.world import SETTINGS
from tests.fakes.karakeep import LIST_ID

check = partial(check_bookmarks, settings=SETTINGS, production=False, allow_shrink=False)


@pytest.mark.parametrize(
    ("stored", "planned", "with_url", "production", "numbers", "way_out"),
    [
        (884, 0, 0, False, ("884",), "BOOKMARKS_LIST_ID"),
        (0, 0, 0, False, ("0",), "BOOKMARKS_LIST_ID"),
        (9, 9, 9, True, ("9", "10"), "MIN_BOOKMARKS_THRESHOLD=9"),
        (
            100,
            79,
            79,
            False,
            ("100", "79", "21%", "20%"),
            "on purpose, run `datafetch bookmarks --allow-shrink`",
        ),
        (100, 100, 0, False, ("100",), "`datafetch bookmarks --allow-shrink`"),
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
        check(stored, planned, with_url, production=production)
    assert all(number in str(refused.value) for number in numbers)
    assert way_out in refused.value.hint
    assert LIST_ID in refused.value.hint
    assert LIST_ID not in str(refused.value)  # the message is published in the heartbeat


def test_a_refused_restore_is_allowed_by_the_same_command() -> None:
    """Typing what the hint says restores the backup, and does not sync the list instead."""
    with pytest.raises(GuardRefused) as refused:
        check(100, 50, 50, command="datafetch bookmarks --restore 2")
    assert "`datafetch bookmarks --restore 2 --allow-shrink`" in refused.value.hint


@pytest.mark.parametrize(
    ("stored", "planned", "with_url"), [(100, 80, 80), (0, 1, 1), (5, 5, 1), (10, 300, 300)]
)
def test_other_lists_pass(stored: int, planned: int, with_url: int) -> None:
    """What is as large, larger, or smaller by no more than the ratio passes."""
    check(stored, planned, with_url)


def test_shrinking_can_be_allowed_but_nothing_cannot() -> None:
    """`--allow-shrink` accepts a smaller list, never an empty one."""
    check(100, 1, 0, allow_shrink=True)
    with pytest.raises(GuardRefused):
        check(100, 0, 0, allow_shrink=True)


def test_a_list_of_unreadable_items_is_not_called_empty() -> None:
    """A list of which nothing can be read and one that is empty are told apart in the message."""
    with pytest.raises(GuardRefused, match="none of the list's 7 items could be read"):
        check_not_empty(0, 30, LIST_ID, 7)
    with pytest.raises(GuardRefused, match="came back empty; 30 bookmarks"):
        check_not_empty(0, 30, LIST_ID)
    check_not_empty(1, 30, LIST_ID, 7)


def test_what_has_no_address_counts_for_the_minimum_and_is_no_shrinking() -> None:
    """A short list of links beside many notes is as large as the list in Karakeep."""
    check(6, 6, 6, left_out=4, production=True)
    with pytest.raises(GuardRefused, match="9 bookmarks, and production takes no fewer than 10"):
        check(6, 6, 6, left_out=3, production=True)
    with pytest.raises(GuardRefused, match="from 10 to 6"):
        check(10, 6, 6, left_out=4)


def test_a_list_of_notes_alone_names_the_setting() -> None:
    """Nothing of it can be published without an address; the hint says how it can be."""
    with pytest.raises(GuardRefused, match="none of the list's 7 items has a web address") as told:
        check(0, 0, 0, left_out=7)
    assert "BOOKMARKS_INCLUDE_UNLINKED=true" in told.value.hint


def test_too_many_new_failures_are_refused() -> None:
    """More new failures than the ratio allows say that the server changed; known ones do not count."""
    with pytest.raises(GuardRefused, match="6 of 10 items"):
        check_failures(JobReport(processed=10, failed=6, newly_failed=6), 0.5)
    check_failures(JobReport(processed=10, failed=5, newly_failed=5), 0.5)
    check_failures(JobReport(processed=10, failed=9, newly_failed=0), 0.5)
