"""What the stores, and who writes to them, hand to each other."""

from datafetch import store
from tests.support import changeable_values


def test_what_was_handed_over_cannot_be_changed() -> None:
    """Threads share keys, plans and what was read: none can set a field under the others."""
    assert changeable_values(store) == []
