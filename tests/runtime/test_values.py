"""What bounds and breakers are made of."""

from datafetch import runtime
from tests.support import changeable_values


def test_policies_and_breakers_cannot_be_changed() -> None:
    """Threads share them: whoever wants another one makes it, and nothing sets a field of one."""
    assert changeable_values(runtime) == []
