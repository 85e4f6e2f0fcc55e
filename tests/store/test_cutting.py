"""Several parts whose calls are cut off together."""

from dataclasses import dataclass, field

from datafetch.store.cutting import cuttable_of


@dataclass
class Part:
    """Notes how it was cut off."""

    is_over: bool = False
    cuts: list[bool] = field(default_factory=list)

    def cut(self, *, for_good: bool = False) -> None:
        self.cuts.append(for_good)
        self.is_over = self.is_over or for_good


def test_all_parts_are_cut_off_together() -> None:
    """A run that has to end waits neither for the store nor for the service that keeps its lease."""
    store, leases = Part(), Part()
    both = cuttable_of(store, leases)
    assert both is not None
    both.cut()
    assert not both.is_over
    both.cut(for_good=True)
    assert store.cuts == leases.cuts == [False, True]
    assert both.is_over


def test_parts_that_cannot_be_cut_off_are_left_out() -> None:
    """A folder's calls end by themselves: there is nothing to call, or the other part alone."""
    part = Part()
    assert cuttable_of(object(), part) is part
    assert cuttable_of(object()) is None


def test_one_part_that_is_over_needs_new_ones() -> None:
    """The next job of the command cannot use a table whose calls were cut off for good."""
    both = cuttable_of(Part(), Part(is_over=True))
    assert both is not None
    assert both.is_over
