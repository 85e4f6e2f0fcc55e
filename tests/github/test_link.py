"""GitHub's limits: obeyed before they are met, waited for when short, left to the next run when long."""

import json
import logging
from datetime import UTC, datetime
from email.utils import formatdate

import pytest

from datafetch.github.barriers import HiddenError
from datafetch.github.budget import Budget
from datafetch.github.model import Repository
from datafetch.upstream_errors import Denied, RateLimited
from tests.fakes.base import Action, Answer, Request, Response
from tests.fakes.faults import reply
from tests.fakes.github import secondary_limit
from tests.github.world import Expected, World, push, totals
from tests.support import START, FakeClock


def made(clock: FakeClock) -> Budget:
    """A budget that waits for at most a minute."""
    return Budget("REST", clock, patience_s=60)


def utc(seconds: float) -> str:
    """A time of today as sentences tell it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M} UTC"


def says(remaining: int, reset: float) -> dict[str, str]:
    """Headers of an answer."""
    return {"x-ratelimit-remaining": str(remaining), "x-ratelimit-reset": str(int(reset))}


def sent(budget: Budget, *errors: RateLimited | None) -> int:
    """Make one request, whose tries end like this; says how many there were."""
    tries = iter(errors)
    count = 0

    def once() -> None:
        nonlocal count
        count += 1
        if (error := next(tries, None)) is not None:
            raise error

    budget.send(once)
    return count


@pytest.mark.parametrize(
    ("remaining", "reset"), [("soon", "later"), ("9" * 5000, "1"), ("1", "9" * 5000), ("-1", "1")]
)
def test_an_unknown_budget_lets_everything_through(remaining: str, reset: str) -> None:
    """Before the first answer nothing is known, and answers without usable headers change nothing."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn({})
    budget.learn({"x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset})
    assert sent(budget) == 1
    assert clock.slept == []


def test_nothing_left_is_an_error_with_its_end() -> None:
    """The limit is obeyed before it is hit, and the error says from when it may go on."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(0, clock.now() + 3600))
    with pytest.raises(RateLimited, match=utc(clock.now() + 3600)) as caught:
        sent(budget)
    assert caught.value.until == clock.now() + 3600
    assert clock.slept == []


def test_a_reset_in_another_century_is_not_believed() -> None:
    """`x-ratelimit-reset` is honoured, capped."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(0, 2**32))
    with pytest.raises(RateLimited) as caught:
        sent(budget)
    assert caught.value.until == clock.now() + 24 * 3600


def test_a_short_wait_is_waited_for() -> None:
    """A reset within the patience costs a wait, not the run."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(0, clock.now() + 45))
    assert sent(budget) == 1
    assert clock.slept == [45]


def test_requests_under_way_count() -> None:
    """With two left, a third request does not begin while two are under way."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(2, clock.now() + 3600))

    def third() -> None:
        with pytest.raises(RateLimited):
            sent(budget)

    budget.send(lambda: budget.send(third))
    assert sent(budget) == 1


def test_a_reset_opens_the_budget() -> None:
    """After the reset the old figures count no more."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(0, clock.now() + 3600))
    clock.advance(3600)
    assert sent(budget) == 1
    assert clock.slept == []


@pytest.mark.parametrize(
    ("asked_s", "waits"), [(30.0, 30.0), (None, 60.0), (0.0, 1.0), (-500.0, 1.0)]
)
def test_a_limit_that_was_met_is_waited_for_as_long_as_it_was_told(
    asked_s: float | None, waits: float
) -> None:
    """Honour `Retry-After` and `x-ratelimit-reset`; without them at least a minute; never at once."""
    clock = FakeClock()
    until = None if asked_s is None else clock.now() + asked_s
    assert sent(made(clock), RateLimited(until=until)) == 2
    assert clock.slept == [waits]


def test_a_wait_for_a_limit_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Which limit, and how long: a minute of silence looks like a hang, eight lines like eight waits."""
    caplog.set_level(logging.INFO, "datafetch")
    clock = FakeClock()
    budget = made(clock)
    assert sent(budget, RateLimited(until=clock.now() + 30)) == 2

    class Still(FakeClock):
        def sleep(self, seconds: float) -> None:
            self.slept.append(seconds)

    still = Still(clock.time)
    both = Budget("GraphQL", still, patience_s=60)
    both.learn({**says(0, still.now() + 40), "x-ratelimit-limit": "5000"})
    assert [sent(both), sent(both), len(still.slept)] == [1, 1, 2]
    said = [vars(r) for r in caplog.records if r.getMessage() == "rate_limit_wait"]
    assert [(record["host"], record["wait_s"]) for record in said] == [
        ("GitHub", 30),
        ("GitHub", 40),
    ]
    assert "secondary limit for REST" in said[0]["reason"]
    assert "GitHub's GraphQL limit of 5000 requests an hour is used up" in said[1]["reason"]


def test_a_limit_that_is_met_again_is_waited_for_twice_as_long() -> None:
    """Who goes on asking is shut out: the second time is left to the next run."""
    clock = FakeClock()
    budget = made(clock)
    with pytest.raises(RateLimited) as caught:
        sent(budget, RateLimited(), RateLimited())
    assert caught.value.until == clock.now() + 2 * 60
    with pytest.raises(RateLimited):
        sent(budget)
    assert clock.slept == [60]


def test_a_server_that_never_lets_go_is_left_alone() -> None:
    """A limit that always ends in a second does not hold a run for ever."""
    clock = FakeClock()
    budget = made(clock)
    now = clock.now()
    with pytest.raises(RateLimited):
        sent(budget, *[RateLimited(until=now)] * 100)
    assert len(clock.slept) == 2


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
    assert utc(small.clock.now() + wait_s) in report.partial
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
    assert utc(caught.value.until) in str(caught.value)
    assert small.files() == before
    small.app.heal()
    small.clock.advance(wait_s)
    assert small.run().partial is None


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (limit(403, PRIMARY, remaining=0, reset_in=HOUR), "GraphQL limit is used up until 09:00"),
        (limit(429, PRIMARY, remaining=0, reset_in=HOUR), "GraphQL limit is used up until 09:00"),
        (reply(200, GRAPHQL_LIMITED), "GraphQL limit is used up until"),
        (secondary_limit("3600", 403), "secondary limit for GraphQL lasts until 09:00 UTC"),
        (secondary_limit(None, 429), "secondary limit for GraphQL lasts until"),
    ],
)
def test_the_limit_of_the_hour_is_told_from_the_one_on_haste(
    small: World, action: Action, said: str
) -> None:
    """One wants patience until the hour is over, the other fewer requests at once."""
    small.app.inject(action, "/graphql")
    with pytest.raises(RateLimited) as caught:
        small.run()
    assert said in str(caught.value)
    assert caught.value.hint == "Run `datafetch github` again after that."


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
    assert utc(reset) in report.partial
    assert (report.changed, report.failed) == (2, 0)
    asked = small.asked()
    assert len(asked) == 2
    assert totals(small)[2] is False
    small.clock.time = reset + 1
    small.app.log.clear()
    assert small.run().partial is None
    assert set(small.asked()).isdisjoint(asked)
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


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


@pytest.mark.parametrize(
    ("status", "headers", "message", "barrier"),
    [
        (403, {"X-GitHub-SSO": "required; url=https://x/sso?authorization_request=A"}, "", "saml"),
        (403, {}, "Resource protected by organization SAML enforcement.", "saml"),
        (403, {}, "the `acme` organization has an IP allow list enabled", "rules"),
        (403, {}, "Repository access blocked", "blocked"),
        (451, {}, "Repository access blocked", "blocked"),
        (451, {}, "", "blocked"),
    ],
)
def test_a_repository_that_is_kept_from_the_token_is_told_from_a_bad_token(
    small: World, status: int, headers: dict[str, str], message: str, barrier: str
) -> None:
    """403 and 451 about one repository have a reason, which is the error's."""
    body = json.dumps({"message": message}) if message else "<html>"
    small.app.inject(reply(status, body, headers), "/stats/contributors")
    with pytest.raises(HiddenError, match=f"status {status}.*{message}") as caught:
        small.statistics().of(Repository("R_00000001", "octo-dev/tools"))
    assert caught.value.barrier == barrier
    assert "authorization_request" not in str(caught.value) + caught.value.hint


def test_a_refused_token_is_told_in_github_s_own_words(small: World) -> None:
    """401 and 403 say what GitHub said, in one line, and what a token has to be allowed.

    An answer of more than 64 KiB is none of GitHub's, and is not read.
    """
    small.app.inject(reply(401, '{"message": "Bad\\n credentials"}'), "/graphql")
    with pytest.raises(Denied, match=r"in GITHUB_TOKEN: Bad credentials$") as caught:
        small.run()
    assert "read:user" in caught.value.hint
    assert "Metadata" in caught.value.hint
    small.app.heal()
    words = "Resource not accessible by personal access token"
    small.app.inject(reply(403, json.dumps({"message": words})), "/graphql")
    with pytest.raises(Denied, match=words) as caught:
        small.run()
    assert not isinstance(caught.value, HiddenError)
    assert "read:user" in caught.value.hint
    small.app.heal()
    padded = json.dumps({"message": words, "x": "y" * 70_000})
    small.app.inject(reply(403, padded), "/graphql")
    with pytest.raises(Denied) as caught:
        small.run()
    assert words not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "note"),
    [
        ("partial-results; organizations=21955855,20582480", "2 organizations"),
        ("partial-results; organizations=21955855", "1 organization "),
        ("partial-results", None),
        ("required; url=https://x", None),
    ],
)
def test_what_github_leaves_out_without_an_error_is_said(
    small: World, header: str, note: str | None
) -> None:
    """`X-GitHub-SSO: partial-results` comes with a 200 that looks whole."""

    def left_out(request: Request, answer: Answer) -> Response:
        proper = answer(request)
        return proper.changed(headers={**proper.headers, "X-GitHub-SSO": header})

    small.app.inject(left_out, "/graphql")
    notes = [text for text in small.run().notes if "left out what belongs to" in text]
    assert len(notes) == (note is not None)
    assert note is None or note in notes[0]
