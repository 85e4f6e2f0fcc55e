"""How runs that were asked for are united: nobody's request is lost in another's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.run import JobName, RunOptions
from datafetch.web.runs.requests import asked_of, covers, kind_of, united

JOBS = st.sampled_from(JobName)
NAMES = st.lists(st.sampled_from(["a.test", "b.test", "c.test"]), max_size=3).map(tuple)
OPTIONS = st.builds(RunOptions, force=st.booleans(), full=st.booleans(), only=NAMES)


@given(JOBS, OPTIONS, OPTIONS)
def test_united_run_does_what_both_would(
    job: JobName, first: RunOptions, second: RunOptions
) -> None:
    """A united run covers each of the two, names every item once, and asks for no more than they."""
    first, second = asked_of(job, first), asked_of(job, second)
    if kind_of(job, first) != kind_of(job, second):
        assert not covers(job, first, second)
        return
    both = united(first, second)
    assert covers(job, both, first)
    assert covers(job, both, second)
    assert sorted(both.only) == sorted({*first.only, *second.only})
    assert both.full == (first.full or second.full)
    assert both.force == (first.force or second.force)


@pytest.mark.parametrize(
    ("job", "first", "second", "covered"),
    [
        (JobName.BOOKMARKS, RunOptions(full=True), RunOptions(), True),
        (JobName.BOOKMARKS, RunOptions(), RunOptions(full=True), False),
        (JobName.BOOKMARKS, RunOptions(only=("b1",)), RunOptions(full=True), True),
        (JobName.LOGOS, RunOptions(), RunOptions(only=("a.test",)), False),
        (JobName.LOGOS, RunOptions(only=("a.test",)), RunOptions(), False),
        (JobName.LOGOS, RunOptions(only=("a.test", "b.test")), RunOptions(only=("b.test",)), True),
    ],
)
def test_which_run_covers_which(
    job: JobName, first: RunOptions, second: RunOptions, covered: bool
) -> None:
    """A run of named items is no run of all of them, save for bookmarks, whose list is read whole."""
    assert covers(job, asked_of(job, first), asked_of(job, second)) is covered


@pytest.mark.parametrize(
    "options",
    [
        RunOptions(dry_run=True),
        RunOptions(limit=3),
        RunOptions(restore=1),
        RunOptions(scheduled=True),
        RunOptions(allow_shrink=True),
        RunOptions(wait_s=1),
    ],
)
def test_runs_that_others_cannot_join_are_refused(options: RunOptions) -> None:
    """Whoever joined a dry run, or one of three items, would wait for what is never done."""
    with pytest.raises(ValueError, match="force, full and only"):
        asked_of(JobName.BOOKMARKS, options)
