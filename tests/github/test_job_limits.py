"""GitHub's limits: obeyed before they are hit, waited for when short, left to the next run when long."""

import json
from email.utils import formatdate

import pytest

from datafetch.clock import to_iso
from datafetch.errors import Denied, RateLimited
from tests.fakes.base import Action, Answer, Request, Response
from tests.fakes.faults import reply
from tests.fakes.github import secondary_limit
from tests.github.world import Expected, World, push, totals
from tests.support import START

STATS = "/stats/contributors"
HOUR = 3600


def limit(
    status: int, message: str = "no", *, remaining: int | None = None, reset_in: int | None = None
) -> Action:
    """A refusal with those headers of the rate limit; `reset_in` seconds from the start."""

    def act(_request: Request, _answer: Answer) -> Response:
        headers = {}
        if remaining is not None:
            headers["x-ratelimit-remaining"] = str(remaining)
        if reset_in is not None:
            headers["x-ratelimit-reset"] = str(int(START) + reset_in)
        return Response.json({"message": message}, status, headers)

    return act


SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes."
PRIMARY = "API rate limit exceeded for user ID 1."
SHORT = [
    pytest.param(secondary_limit("30", 403), 30, id="403 retry-after"),
    pytest.param(secondary_limit("30", 429), 30, id="429 retry-after"),
    pytest.param(secondary_limit(formatdate(START + 30, usegmt=True)), 30, id="403 date"),
    pytest.param(secondary_limit(None, 403), 60, id="403 in words only"),
    pytest.param(secondary_limit(None, 429), 60, id="429 bare"),
    pytest.param(limit(403, PRIMARY, remaining=0, reset_in=20), 20, id="403 reset"),
    pytest.param(limit(429, PRIMARY, remaining=0, reset_in=20), 20, id="429 reset"),
    pytest.param(limit(403, SECONDARY, remaining=4990, reset_in=HOUR), 60, id="403 much left"),
    pytest.param(limit(403, "You have triggered an abuse detection mechanism"), 60, id="abuse"),
]
LONG = [
    pytest.param(secondary_limit("900", 403), 900, id="403 retry-after"),
    pytest.param(secondary_limit("900", 429), 900, id="429 retry-after"),
    pytest.param(limit(403, PRIMARY, remaining=0, reset_in=HOUR), HOUR, id="403 reset"),
    pytest.param(limit(429, PRIMARY, remaining=0, reset_in=HOUR), HOUR, id="429 reset"),
]
GRAPHQL_LIMITED = json.dumps({"errors": [{"type": "RATE_LIMITED", "message": PRIMARY}]})


@pytest.mark.parametrize("where", [STATS, "/graphql"])
@pytest.mark.parametrize(("action", "wait_s"), SHORT)
def test_a_short_limit_is_waited_for(
    small: World, action: Action, wait_s: float, where: str
) -> None:
    """A limit is known by status, headers and GitHub's own words, is no dead letter, and costs one wait."""
    small.app.inject(action, where, times=1)
    report = small.run(width=1)
    assert (report.changed, report.failed, report.partial) == (3, 0, None)
    assert small.clock.slept == [wait_s]
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


@pytest.mark.parametrize(("action", "wait_s"), LONG)
def test_a_long_limit_of_statistics_makes_the_run_partial(
    small: World, action: Action, wait_s: float
) -> None:
    """One request meets it, nothing waits for it, and the result says from when it may go on."""
    small.run()
    before = totals(small)
    for index in range(3):
        push(small, index)
    small.app.log.clear()
    small.app.inject(action, STATS)
    report = small.run(width=1)
    assert report.partial
    assert to_iso(small.clock.now() + wait_s) in report.partial
    assert (report.failed, len(small.asked()), small.clock.slept) == (0, 1, [])
    assert totals(small) == before
    data = small.json("activity_data")["trailingYearData"]
    assert data["totalContributions"] == Expected(small.activity).contributions(trailing=True)
    small.app.heal()
    small.clock.advance(wait_s)
    assert small.run().partial is None
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


@pytest.mark.parametrize(
    ("action", "wait_s"),
    [*LONG, pytest.param(reply(200, GRAPHQL_LIMITED), 120, id="type of the error")],
)
def test_a_long_limit_of_the_lists_fails_the_run(
    small: World, action: Action, wait_s: float
) -> None:
    """A run that could read nothing failed, and says from when it may go on; stored data stays."""
    small.run()
    before = small.files()
    small.app.inject(action, "/graphql")
    with pytest.raises(RateLimited) as caught:
        small.run()
    assert caught.value.until == small.clock.now() + wait_s
    assert to_iso(caught.value.until) in str(caught.value)
    assert small.files() == before
    small.app.heal()
    small.clock.advance(wait_s)
    assert small.run().partial is None


def test_a_secondary_limit_that_stays_is_not_asked_for_ever(small: World) -> None:
    """Without a word on how long, GitHub wants ever longer waits: the second is left to the next run."""
    small.app.inject(secondary_limit(None, 403), STATS)
    report = small.run(width=1)
    assert report.partial
    assert (report.failed, len(small.asked())) == (0, 2)
    assert small.clock.slept[0] == 60


def test_a_403_about_rights_is_no_limit(small: World) -> None:
    """Substring tests on error messages decided what to retry ("202" anywhere): status and type do.

    A repository that the token may not read is a dead letter at once, and the others are read.
    """
    message = "Resource 202 not accessible by personal access token; this rate is no limit"
    forbidden = limit(403, message, remaining=4990)
    small.app.inject(forbidden, "/octo-dev/tools/stats")
    report = small.run()
    assert (report.changed, report.failed, report.partial) == (2, 1, None)
    assert small.clock.slept == []


def test_a_budget_that_ends_half_way_stores_what_is_complete(small: World) -> None:
    """The limit is obeyed before it is hit; the next run asks only for the rest."""
    small.app.core.limit = 2
    report = small.run(width=1)
    reset = small.app.core.reset_at
    assert report.partial
    assert to_iso(reset) in report.partial
    assert (report.changed, report.failed) == (2, 0)
    asked = small.asked()
    assert len(asked) == 2
    assert totals(small)[2] is False
    small.clock.time = reset + 1
    small.app.log.clear()
    assert small.run().partial is None
    assert set(small.asked()).isdisjoint(asked)
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


def test_a_graphql_budget_that_ends_half_way_makes_the_run_partial(small: World) -> None:
    """What was known of the repositories stands in for what could not be read any more."""
    small.run()
    before = totals(small)
    small.app.graphql.limit, small.app.graphql.used = 3, 0
    report = small.run()
    assert report.partial
    assert report.processed == 3
    assert totals(small) == before


@pytest.mark.parametrize("action", [secondary_limit("900", 403), reply(401, "{}")])
def test_what_stops_a_run_does_not_name_the_repository(small: World, action: Action) -> None:
    """A limit or a refused token is met at some repository, whose name is nobody's business."""
    for repository in small.activity.repositories:
        repository.private = True
    small.app.inject(action, STATS)
    try:
        said = str(small.run())
    except Denied as error:
        said = str(error)
    assert "tools" not in said
    assert "web-app" not in said
    assert "data/" not in said
