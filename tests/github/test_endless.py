"""GitHub's lists have caps of their own: what never ends, or is too much, is refused, and stored data stays."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from datafetch.github.lists import FoundRepositories
from datafetch.upstream_errors import Malformed
from tests.fakes.base import Action, Answer, Request, Response
from tests.fakes.faults import reply
from tests.github.test_lists import COMMITS, LIST, window_of
from tests.github.world import World, asks

Json = dict[str, Any]


def node(number: int) -> Json:
    """A repository as GitHub lists it."""
    return {
        "id": f"R_{number}",
        "nameWithOwner": f"octo-dev/r{number}",
        "isPrivate": False,
        "isFork": False,
        "pushedAt": "2026-01-01T00:00:00Z",
    }


def listing(nodes: list[Json], cursor: str | None) -> Response:
    """A page of the recent repositories; with a cursor there is one after it."""
    connection = {
        "nodes": nodes,
        "pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor},
    }
    return Response.json({"data": {"user": {LIST: connection}}})


def paging(size: int) -> Action:
    """Pages of so many new repositories, each with a new cursor, for ever."""
    numbers = count()
    return lambda _request, _answer: listing(
        [node(next(numbers)) for _ in range(size)], f"c{next(numbers)}"
    )


@pytest.mark.parametrize(
    ("size", "pages", "words"),
    [
        (100, 201, "names more than 20,000 repositories"),
        (1, 2000, "goes on after 2,000 pages"),
        (0, 11, "goes on after 11 empty pages"),
        (201, 1, "has 201 repositories on a page for 100"),
    ],
)
def test_a_list_with_new_cursors_for_ever_ends(
    small: World, size: int, pages: int, words: str
) -> None:
    """Paging stops at 20,000 repositories, at 2,000 pages, and at ten empty pages in a row."""
    small.app.inject(paging(size), asks(LIST))
    with pytest.raises(Malformed, match=words):
        small.lists().contributed_to(FoundRepositories())
    assert small.app.log.count(asks(LIST)) == pages


def test_empty_pages_between_others_are_no_end(small: World) -> None:
    """Organizations may withhold all repositories of a page: what comes after it is read."""
    cursors = count()
    pages = iter([[], [node(1)], *[[]] * 9, [node(2)]])

    def act(_request: Request, _answer: Answer) -> Response:
        nodes, cursor = next(pages), f"c{next(cursors)}"
        return listing(nodes, None if nodes == [node(2)] else cursor)

    small.app.inject(act, asks(LIST))
    found = FoundRepositories()
    small.lists().contributed_to(found)
    assert sorted(found.repositories) == ["R_1", "R_2"]


def test_a_login_that_always_has_a_hundred_more_ends(small: World) -> None:
    """Windows whose answer is cut off are halved, but no more than 5,000 are asked for in all."""
    same = [{"repository": node(number)} for number in range(100)]
    made: dict[int, Response] = {}

    def act(request: Request, answer: Answer) -> Response:
        windows = request.body.count(COMMITS.encode())
        if windows not in made:  # all answers about so many windows are alike
            body = json.loads(answer(request).body)
            assert len(body["data"]["user"]) == windows
            for window in body["data"]["user"].values():
                window[COMMITS] = same
            made[windows] = Response.json(body)
        return made[windows]

    small.app.inject(act, asks(COMMITS))
    found = FoundRepositories()
    small.lists().committed_to([window_of(small, year) for year in range(1990, 2026)], found)
    assert len(found.repositories) == 100
    assert found.missing
    assert small.app.log.count(asks(COMMITS)) < 1500


def test_a_window_has_no_more_repositories_than_were_asked_for(small: World) -> None:
    """A hundred were asked for, so an answer with 201 is none of GitHub's."""
    many = [{"repository": node(number)} for number in range(201)]

    def act(request: Request, answer: Answer) -> Response:
        body = json.loads(answer(request).body)
        for window in body["data"]["user"].values():
            window[COMMITS] = many
        return Response.json(body)

    small.app.inject(act, asks(COMMITS))
    with pytest.raises(Malformed, match="201 repositories for one window"):
        small.lists().committed_to([window_of(small, 2025)], FoundRepositories())


def test_only_a_hundred_years_are_asked_for(small: World) -> None:
    """Commits may claim any year from 1 on; each year that counts costs queries."""
    years = [2026, 2027, *range(1, 2026), 2025, 2024]
    small.app.inject(
        reply(
            200,
            json.dumps(
                {"data": {"user": {"contributionsCollection": {"contributionYears": years}}}}
            ),
        ),
        asks("contributionYears"),
    )
    found = small.lists().years(datetime.fromtimestamp(small.clock.now(), UTC))
    assert found == tuple(range(2026, 1926, -1))


def deep(levels: int) -> str:
    """An answer that is nested so deeply."""
    return '{"data":{"user":' + "[" * levels + "]" * levels + "}}"


MUCH: dict[str, Callable[[], str]] = {
    "values": lambda: '{"data":{"user":[' + "{}," * 300_000 + "{}]}}",
    "errors": lambda: '{"data":null,"errors":[' + "{}," * 6000 + "{}]}",
    "levels": lambda: deep(50_000),
    "101 levels": lambda: deep(101),
    "digits": lambda: '{"data":{"user":' + "9" * 5000 + "}}",
    "no text": lambda: "[" * 50_000,
}


@pytest.mark.parametrize("much", MUCH)
@pytest.mark.parametrize("words", ["contributionYears", LIST, COMMITS])
def test_answers_that_are_too_much_are_malformed(small: World, much: str, words: str) -> None:
    """A run ends with our own error, whatever GitHub's answer holds, and what is stored stays."""
    small.run()
    before = small.files()
    small.app.inject(reply(200, MUCH[much](), {"Content-Type": "application/json"}), asks(words))
    with pytest.raises(Malformed):
        small.run()
    assert {
        name: body for name, body in small.files().items() if "aggregate" in name or ".csv" in name
    } == {name: body for name, body in before.items() if "aggregate" in name or ".csv" in name}
    small.app.heal()
    assert small.run().failed == 0


@pytest.mark.parametrize(
    "body",
    [
        "[" + "{}," * 1_100_000 + "{}]",
        "[" * 50_000 + "]" * 50_000,
        '[{"author":{"login":"octo-dev"},"weeks":[{"w":0,"a":' + "9" * 4000 + ',"d":0,"c":1}]}]',
        '[{"author":{"login":"octo-dev"},"weeks":[{"w":0,"a":9007199254740992,"d":0,"c":1}]}]',
        '[{"author":{"login":"octo-dev"},"weeks":' + "9" * 5000 + "}]",
    ],
)
def test_statistics_that_are_too_much_cost_their_repository(small: World, body: str) -> None:
    """One repository's answer that is too much, or has a number that no sum can hold, is one failure."""
    small.app.inject(reply(200, body), "/octo-dev/tools/stats/contributors")
    report = small.run()
    assert (report.failed, report.processed) == (1, 3)
    small.app.heal()
    small.clock.advance(2 * 3600)
    assert small.run().failed == 0


def test_a_refusal_may_be_of_any_size(small: World) -> None:
    """A 403 with megabytes of JSON is a refusal without words, and is not made into objects."""
    small.app.inject(reply(403, '{"message":' + "[" * 1_000_000), asks("contributionYears"))
    with pytest.raises(Exception, match="403"):
        small.lists().years(datetime.fromtimestamp(small.clock.now(), UTC))


def test_bounds_say_which_limit(small: World) -> None:
    """The message names the number that was passed."""
    small.app.inject(
        reply(200, "[" + "0," * 200_000 + "0]", {"Content-Type": "application/json"}),
        asks("contributionYears"),
    )
    with pytest.raises(Malformed, match="it has more than 200,000 values"):
        small.lists().years(datetime.fromtimestamp(small.clock.now(), UTC))
