"""Which result stays: for each order in which runs bring theirs, the same."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.own_result import Order, OwnResult, own_results, stays

values = st.tuples(st.integers(0, 3), st.text("ab", max_size=2))


def order(value: tuple[int, str]) -> Order:
    """By time, then by text."""
    return value


@given(before=st.none() | values, results=st.lists(values, min_size=1, max_size=5), data=st.data())
def test_the_order_of_runs_does_not_matter(
    before: tuple[int, str] | None, results: list[tuple[int, str]], data: st.DataObject
) -> None:
    """All runs began with the same: whoever comes first, the latest of their results is left."""
    changed = [result for result in results if result != before]

    def left(after: list[tuple[int, str]]) -> tuple[int, str] | None:
        return reduce(lambda there, own: stays(OwnResult(before, own), there, order), after, before)

    shuffled = data.draw(st.permutations(changed))
    assert left(changed) == left(shuffled) == (max(changed) if changed else before)


@given(before=values, after=values)
def test_a_lone_run_has_its_way(before: tuple[int, str], after: tuple[int, str]) -> None:
    """While the stored value is the one that it began with, also when its own seems older."""
    assert stays(OwnResult(before, after), before, order) == after
    assert stays(OwnResult(before, after), None, order) == after


@given(st.dictionaries(st.text("abc", max_size=1), values), st.data())
def test_only_changes_are_own_results(
    before: dict[str, tuple[int, str]], data: st.DataObject
) -> None:
    """What a run left as it was is not its own, and it brings nothing that it does not have."""
    after = data.draw(st.dictionaries(st.text("abc", max_size=1), values))
    own = own_results(before, after)
    assert {
        **{k: v for k, v in before.items() if k in after},
        **{k: v.after for k, v in own.items()},
    } == after
    assert all(before.get(name) == result.before != result.after for name, result in own.items())
