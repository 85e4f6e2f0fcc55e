"""What the refresh endpoints tell of stored times: an hour counts as fresh, the future does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.bookmarks.state import StoredIndex
from datafetch.web.refresh.facts import bookmark_facts, is_fresh
from tests.support import START


@pytest.mark.parametrize(
    ("age_s", "fresh"),
    [(0, True), (3599, True), (3600, False), (-299, True), (-301, False), (86_400, False)],
)
def test_what_counts_as_fresh(age_s: float, fresh: bool) -> None:
    """A list of under an hour is; one that a wrong clock fetched next year would be so for a year."""
    assert is_fresh(round((START - age_s) * 1000), START) is fresh


def test_never_fetched_is_not_fresh() -> None:
    """Without a time there is nothing to go by."""
    assert not is_fresh(None, START)


@given(st.none() | st.integers(), st.none() | st.integers())
def test_any_stored_number_can_be_told(fetched: int | None, count: int | None) -> None:
    """Whatever number stands in the index, the facts are told, and both forms of a time agree."""
    index = StoredIndex(fields={}, count=count, last_fetched_at=fetched)
    facts = bookmark_facts(index)
    assert facts["bookmarksCount"] >= 0
    assert (facts["lastFetchedAt"] is None) == (facts["lastFetchedAtTs"] is None)
