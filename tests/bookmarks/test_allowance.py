"""A list that never ends is refused, however it is given."""

import pytest

from datafetch.bookmarks.allowance import Allowance
from datafetch.errors import GuardRefused


def test_a_list_may_have_just_the_most_items() -> None:
    """With 250 as the most, 250 items are read, and the 251st refuses the list."""
    allowance = Allowance(250)
    for count in (100, 100, 50):
        allowance.take_page()
        allowance.take_items(count, 1)
    with pytest.raises(GuardRefused, match="past 250 items") as caught:
        allowance.take_items(1, 1)
    assert "BOOKMARKS_MAX_ITEMS" in caught.value.hint
    assert "allow-shrink" not in caught.value.hint


@pytest.mark.parametrize(("count", "pages"), [(0, 1000), (1, 1000), (19, 1000), (20, 9000)])
def test_pages_have_a_cap(count: int, pages: int) -> None:
    """A thousand pages are read, and more only when each has 20 items, as servers give at least."""
    allowance = Allowance(200_000)
    for _ in range(pages):
        allowance.take_page()
        allowance.take_items(count, 1)
    if count == 20:
        allowance.take_page()
        return
    with pytest.raises(GuardRefused, match=f"after {pages:,} pages"):
        allowance.take_page()


def test_bytes_have_a_cap() -> None:
    """Two GiB of pages are read in all, however few items they hold."""
    allowance = Allowance(200_000)
    for _ in range(32):
        allowance.take_items(1, 64 * 1024 * 1024)
    with pytest.raises(GuardRefused, match="2,048 MiB"):
        allowance.take_items(1, 1)
