"""What the records of a run hand out."""

from datafetch import ops
from datafetch.ops import leases
from tests.support import changeable_values


def test_what_was_read_or_granted_cannot_be_changed() -> None:
    """Letters, breakers, leases and loaded records are replaced as a whole: nothing can set a field of one."""
    assert changeable_values(ops) + changeable_values(leases) == []
