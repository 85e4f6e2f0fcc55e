"""What the rules of bookmarks hand out."""

from datafetch.bookmarks import rules
from tests.support import changeable_values


def test_what_was_decided_cannot_be_changed() -> None:
    """A job acts on what the rules decided: nothing on its way can set a field of it."""
    assert changeable_values(rules) == []
