"""What is read before statistics are asked for, and how it is brought together."""

import pytest

from datafetch.errors import Missing, RateLimited, Rejected, UsageError
from datafetch.github.dataset import GitHubDataset
from datafetch.github.discovery import Discovery, discover
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


def discovered(world: World, *only: str) -> Discovery:
    """What is read of the world's login, with what its folder has."""
    context = world.context(RunOptions(only=only))
    return discover(context, world.lists(), GitHubDataset.load(context))


def test_repositories_of_all_lists_are_brought_together_with_the_stored_csvs(small: World) -> None:
    """What GitHub lists counts; a stored CSV counts when its repository is listed no more."""
    small.run()
    small.activity.repositories[0].commits.clear()
    discovery = discovered(small)
    entries = {entry.csv: entry for entry in discovery.roster.entries}
    assert sorted(entries) == ["octo-dev_data", "octo-dev_tools", "octo-dev_web-app"]
    assert [csv for csv, entry in entries.items() if not entry.counted] == ["octo-dev_tools"]
    assert discovery.whole
    assert discovery.years == (2026, 2025)
    assert set(discovery.totals) == {2025, 2026}
    assert len(discovery.days) == 365


def test_a_named_repository_is_known_by_its_identity(small: World) -> None:
    """Only it will be asked for; the others keep counting."""
    discovery = discovered(small, "octo-dev/Data")
    assert discovery.only == {"R_00000003"}
    assert len(discovery.roster.entries) == 3


def test_when_the_limit_is_reached_what_was_remembered_stands_in(small: World) -> None:
    """Nothing is taken for deleted because it could not be read."""
    small.run()
    small.app.graphql.limit, small.app.graphql.used = 3, 0
    discovery = discovered(small)
    assert isinstance(discovery.limited, RateLimited)
    assert not discovery.whole
    assert not any(entry.gone for entry in discovery.roster.entries)
    assert len(discovery.roster.entries) == 3
