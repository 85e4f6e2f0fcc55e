"""`stats/contributors` on a loopback GitHub: what each answer means."""

from collections import Counter
from datetime import timedelta

import pytest

from datafetch.github.model import (
    NoStatistics,
    OwnerAbsent,
    OwnerWeeks,
    Repository,
    SameStatistics,
    StillComputing,
    Week,
)
from datafetch.upstream_errors import Malformed, Missing
from tests.fakes.faults import reply
from tests.fakes.github_data import Stats
from tests.github.world import TODAY, World

STATS = "/stats/contributors"
TOOLS = Repository("R_00000001", "octo-dev/tools", private=False)


def test_the_owner_s_weeks_come_by_date_with_their_validator(small: World) -> None:
    """Every week is there, and asking by the validator costs nothing while there is no news."""
    answer = small.statistics().of(TOOLS)
    assert isinstance(answer, OwnerWeeks)
    expected = small.activity.repositories[0].weeks()
    assert answer.weeks == tuple(Week(w["w"], w["a"], w["d"], w["c"]) for w in expected)
    assert answer.validator
    spent = small.app.core.used
    assert answer.validator is not None
    assert small.statistics().of(TOOLS, answer.validator) == SameStatistics(answer.validator)
    assert small.app.core.used == spent


def test_a_202_means_ask_later(small: World) -> None:
    """GitHub computes statistics in the background; an empty answer is no answer."""
    small.activity.repositories[0].pending = 1
    assert small.statistics().of(TOOLS) == StillComputing()


@pytest.mark.parametrize(
    ("stats", "answer"), [("empty", NoStatistics()), ("absent", OwnerAbsent())]
)
def test_statistics_without_the_owner_are_told_apart(
    small: World, stats: Stats, answer: NoStatistics | OwnerAbsent
) -> None:
    """No statistics, and statistics of others, are two answers."""
    small.activity.repositories[0].stats = stats
    assert small.statistics().of(TOOLS) == answer


def test_the_owner_is_found_whatever_the_case(small: World) -> None:
    """Logins have no case; commits whose address belongs to nobody have no author."""
    body = '[{"author": null, "weeks": 1}, {"author": {}}, {"author": {"login": "OCTO-dev"}, "weeks": []}]'
    small.app.inject(reply(200, body), STATS)
    assert small.statistics().of(TOOLS) == OwnerWeeks(())


def test_weeks_are_sorted(small: World) -> None:
    """The order of an answer does not matter."""
    weeks = '[{"w": 604800, "a": 1, "d": 2, "c": 3}, {"w": 0, "a": 4, "d": 5, "c": 6, "x": 7}]'
    small.app.inject(
        reply(200, f'[{{"author": {{"login": "octo-dev"}}, "weeks": {weeks}}}]'), STATS
    )
    assert small.statistics().of(TOOLS) == OwnerWeeks((Week(0, 4, 5, 6), Week(604800, 1, 2, 3)))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("<html>", "not JSON"),
        ('{"message": "octo-dev/tools"}', "list of contributors"),
        ('[{"author": "octo-dev/tools"}]', "0.author"),
        ('[{"author": {"login": "octo-dev"}}]', "list of weeks"),
        ('[{"author": {"login": "octo-dev"}, "weeks": [{"w": 1, "a": 1, "d": 1}]}]', "0.c"),
        (
            '[{"author": {"login": "octo-dev"}, "weeks": [{"w": 1.5, "a": 1, "d": 1, "c": 1}]}]',
            "0.w",
        ),
    ],
)
def test_a_malformed_answer_is_named_by_its_field(small: World, body: str, what: str) -> None:
    """A 200 that is no statistics is an error of its own, and says nothing of the repository."""
    small.app.inject(reply(200, body), STATS)
    with pytest.raises(Malformed, match=what) as caught:
        small.statistics().of(TOOLS)
    assert "tools" not in str(caught.value)


def test_a_repository_that_is_not_there_is_missing(small: World) -> None:
    """404 is an answer about this repository, and about no other."""
    small.activity.repositories[0].stats = "missing"
    with pytest.raises(Missing):
        small.statistics().of(TOOLS)


def test_a_redirect_to_the_new_name_is_followed(small: World) -> None:
    """A repository that was renamed a moment ago is still answered."""
    repository = small.activity.repositories[0]
    repository.former_names, repository.name = ("octo-dev/tools",), "instruments"
    repository.commits = Counter({TODAY - timedelta(days=3): 2})
    answer = small.statistics().of(TOOLS)
    assert isinstance(answer, OwnerWeeks)
    assert [week.commits for week in answer.weeks] == [2]
