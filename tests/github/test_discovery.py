"""What is read before statistics are asked for, and how it is brought together."""

import pytest

from datafetch.errors import UsageError
from datafetch.github.barriers import HiddenError
from datafetch.github.dataset import GitHubDataset
from datafetch.github.discovery import Discovery, discover
from datafetch.models.run import RunOptions
from datafetch.upstream_errors import Missing, RateLimited, Rejected
from tests.fakes.github import partial_data
from tests.fakes.github_data import Activity
from tests.github.world import Expected, World, asks, push, totals, worked


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


def test_a_named_repository_that_github_fails_to_look_up_fails_the_run(small: World) -> None:
    """In GitHub's words: it is not said to be hidden from the token."""
    small.app.inject(partial_data(["a0"]), asks("repository(owner"))
    with pytest.raises(Rejected, match=r"refused the query.*Something went wrong"):
        small.run(RunOptions(only=("octo-dev/tools",)))
    assert small.files() == {}


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


def test_excluded_repositories_count_nowhere(small: World) -> None:
    """Not asked, not in sums or categories; the stored CSV waits until it is let in again."""
    small.run()
    csv = small.csv("octo-dev_web-app").read_bytes()
    push(small, 1)
    small.app.log.clear()
    report = small.run(exclude="Octo-Dev/Web-App")
    assert small.asked() == []
    assert report.processed == 2
    kept = [one for one in small.activity.repositories if one.name != "web-app"]
    expected = Expected(Activity(repositories=kept))
    assert totals(small) == (*expected.lines(trailing=False), True)
    assert small.json("aggregated_weekly_activity") == expected.weekly()
    summary = small.json("github_stats_summary_all_time")
    assert summary["totalRepositoriesContributedTo"] == 2
    assert summary["linesOfCodeByCategory"]["frontend"]["repoCount"] == 0
    assert small.csv("octo-dev_web-app").read_bytes() == csv
    small.run(exclude="Octo-Dev/Web-App")
    assert small.asked() == []
    small.run()
    assert small.asked() == ["octo-dev/web-app"]
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


def test_letting_an_excluded_repository_in_again_costs_no_request(small: World) -> None:
    """What is remembered of it waits beside its CSV."""
    small.run()
    before = totals(small)
    small.run(exclude="octo-dev/data")
    assert totals(small) != before
    small.app.log.clear()
    small.run()
    assert small.asked() == []
    assert totals(small) == before


def test_all_repositories_of_an_owner_can_be_excluded(small: World) -> None:
    """No statistics of theirs are asked for, and the result does not name a hidden one."""
    small.activity.repositories += [worked(8, "one", owner="acme"), worked(9, "two", owner="acme")]
    small.activity.repositories[-1].hidden = "saml"
    report = small.run(exclude="acme/*")
    assert (report.processed, report.notes) == (3, ())
    assert not any("acme" in name for name in small.asked())


def test_what_is_excluded_cannot_be_asked_for_by_name(small: World) -> None:
    """The user hears which of his two wishes stands in the way."""
    with pytest.raises(Rejected, match="--repo octo-dev/tools: excluded by GITHUB_EXCLUDE"):
        small.run(RunOptions(only=("octo-dev/tools",)), exclude="octo-dev/*")
    assert small.app.log.count(asks("repository(owner")) == 0


def test_what_is_excluded_cannot_be_asked_for_by_its_former_name(small: World) -> None:
    """A run that asked for nothing said that it had succeeded."""
    repository = small.activity.repositories[0]
    repository.former_names, repository.name = ("octo-dev/tools",), "instruments"
    with pytest.raises(Rejected, match="--repo octo-dev/instruments: excluded by GITHUB_EXCLUDE"):
        small.run(RunOptions(only=("octo-dev/tools",)), exclude="octo-dev/instruments")
    assert small.asked() == []


def test_a_named_repository_that_is_hidden_is_an_error_with_its_reason(small: World) -> None:
    """Nothing is published, and the hint says what to do."""
    small.activity.repositories[0].hidden = "saml"
    with pytest.raises(HiddenError, match=r"octo-dev/tools.*SAML enforcement") as caught:
        small.run(RunOptions(only=("octo-dev/tools",)))
    assert "single sign-on" in caught.value.hint
    assert small.files() == {}
