"""What is read before statistics are asked for, and how it is brought together."""

import pytest

from datafetch.errors import Missing, Rejected, UsageError
from datafetch.models.run import RunOptions
from tests.github.world import World, totals, worked


@pytest.mark.parametrize(
    ("name", "error"),
    [("octo-dev/nowhere", Missing), ("octo-dev/copy", Rejected), ("tools", UsageError)],
)
def test_a_repository_that_cannot_be_meant_is_named(
    small: World, name: str, error: type[Exception]
) -> None:
    """A repository that does not exist, or a fork, is an error with its name, and nothing is asked."""
    small.activity.repositories.append(worked(3, "copy", fork=True))
    with pytest.raises(error, match=name):
        small.run(RunOptions(only=(name,)))
    assert small.asked() == []
    assert small.files() == {}


def test_a_graphql_budget_that_ends_half_way_makes_the_run_partial(small: World) -> None:
    """What was known of the repositories stands in for what could not be read any more."""
    small.run()
    before = totals(small)
    small.app.graphql.limit, small.app.graphql.used = 3, 0
    report = small.run()
    assert report.partial
    assert report.processed == 3
    assert totals(small) == before
