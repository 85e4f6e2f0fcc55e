"""Windows that GitHub cannot answer, cuts off, or refuses for the sake of one repository."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from datafetch.github import queries
from datafetch.github.answers import CalendarTotal
from datafetch.github.graphql import Adaptive
from datafetch.github.model import TimeWindow
from datafetch.github.windows import Unanswered, WindowAnswer, each_window
from datafetch.upstream_errors import Malformed, Rejected
from tests.fakes.faults import reply
from tests.fakes.github import partial_data
from tests.fakes.github_data import Activity
from tests.github.world import (
    TODAY,
    Expected,
    World,
    asks,
    github_world,
    longest_window_days,
    too_much,
    worked,
)

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
WINDOWS = [TimeWindow(NOW - timedelta(days=300 * n), NOW) for n in (1, 2, 3)]


def test_a_year_that_fails_once_is_asked_for_alone(small: World) -> None:
    """`errors` beside data: the missing year is read in a query of its own."""
    small.app.inject(partial_data(["user", "a0"]), asks("totalContributions"), times=1)
    report = small.run()
    assert report.partial is None
    data = small.json("activity_data")["cumulativeAllTimeData"]
    assert data["totalContributions"] == Expected(small.activity).contributions(trailing=False)


def test_a_year_that_always_fails_counts_as_it_was(small: World) -> None:
    """A part that is missing for good makes the run partial, and the totals stay."""
    small.run()
    before = small.json("activity_data")["cumulativeAllTimeData"]

    def without_first(request, answer):
        value = json.loads(answer(request).body)
        value["data"]["user"]["a0"] = None
        value["errors"] = [{"type": "INTERNAL", "path": ["user", "a0"], "message": "x"}]
        proper = answer(request)
        proper.body = json.dumps(value).encode()
        return proper

    small.app.inject(without_first, asks("totalContributions"))
    report = small.run()
    assert report.partial
    assert "2026" in report.partial
    assert small.json("activity_data")["cumulativeAllTimeData"] == before


@pytest.mark.parametrize("kind", ["RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED"])
def test_a_year_that_is_too_much_for_one_query_is_asked_for_in_parts(
    small: World, kind: str
) -> None:
    """GitHub may refuse a whole year of a busy login: its parts add up to the same figures."""
    small.app.inject(too_much(kind), lambda request: longest_window_days(request) > 100)
    report = small.run()
    assert (report.processed, report.partial) == (3, None)
    data = small.json("activity_data")
    expected = Expected(small.activity)
    trailing, all_time = data["trailingYearData"], data["cumulativeAllTimeData"]
    assert trailing["totalContributions"] == expected.contributions(trailing=True)
    assert len(trailing["data"]) == 365
    assert all_time["totalContributions"] == expected.contributions(trailing=False)


def test_a_calendar_that_is_always_too_much_fails_the_run(small: World) -> None:
    """Parts are not made smaller without end, and nothing is stored."""
    small.app.inject(too_much("RESOURCE_LIMITS_EXCEEDED"), asks("contributionDays"))
    with pytest.raises(Rejected, match="calendar"):
        small.run()
    assert small.files() == {}
    assert small.app.log.count(asks("contributionDays")) < 70


def test_a_year_with_more_than_a_hundred_old_repositories_is_split(tmp_path: Path) -> None:
    """Old repositories that no list names any more are found by halving a full year."""
    activity = Activity(repositories=[])
    for number in range(1, 151):
        repository = worked(number, f"old-{number}")
        repository.commits.clear()
        repository.lines.clear()
        repository.commit(TODAY - timedelta(days=500 + number), 1, 10, 1)
        activity.repositories.append(repository)
    activity.repositories.append(worked(151, "new"))
    with github_world(tmp_path, activity) as world:
        assert world.run().processed == 151
        assert len(world.app.log.all("/graphql")) <= 30


def test_a_window_that_is_cut_is_asked_for_in_halves(small: World) -> None:
    """When `take` says that an answer was cut, its halves are asked for until they are not."""
    window = TimeWindow(NOW - timedelta(days=99), NOW)
    taken: list[TimeWindow] = []
    whole: list[TimeWindow] = []

    def take(answer: WindowAnswer[CalendarTotal]) -> bool:
        part = answer.window
        taken.append(part)
        if (part.end.date() - part.start.date()).days >= 30:
            return False
        whole.append(part)
        return True

    size = Adaptive(5, 5)
    unanswered = each_window(small.graphql(), "octo-dev", [window], size, queries.TOTALS, take)
    assert unanswered == Unanswered()
    assert taken[0] == window
    days = sorted(
        part.start.date() + timedelta(days=n)
        for part in whole
        for n in range((part.end.date() - part.start.date()).days + 1)
    )
    assert days == [window.start.date() + timedelta(days=n) for n in range(100)]


def test_a_window_that_is_never_answered_is_returned(small: World) -> None:
    """It is asked for once among others and once alone, and the others are taken."""
    windows = [TimeWindow(NOW - timedelta(days=n), NOW) for n in (1, 2)]
    start = queries.moment(windows[0].start)
    small.app.inject(partial_data(["user", "a0"]), lambda request: start.encode() in request.body)
    taken: list[TimeWindow] = []

    def take(answer: WindowAnswer[CalendarTotal]) -> bool:
        taken.append(answer.window)
        return True

    size = Adaptive(5, 5)
    unanswered = each_window(small.graphql(), "octo-dev", windows, size, queries.TOTALS, take)
    assert (unanswered.lost, taken) == ([windows[0]], [windows[1]])
    assert len(small.app.log.all("/graphql")) == 2


def test_a_collection_that_is_not_as_documented_is_malformed(small: World) -> None:
    """The error names the field."""
    small.app.inject(reply(200, '{"data": {"user": {"a0": {"contributionCalendar": {}}}}}'))
    size = Adaptive(1, 1)
    with pytest.raises(Malformed, match=r"contributionCalendar\.totalContributions"):
        each_window(
            small.graphql(), "octo-dev", WINDOWS[:1], size, queries.TOTALS, lambda _answer: True
        )
