"""Where GraphQL is, and how batches adapt."""

import json

import pytest

from datafetch.errors import DatafetchError, Denied, Malformed, Rejected, TransientError
from datafetch.github.graphql import Adaptive, endpoint
from tests.fakes.base import Action
from tests.fakes.faults import cut, reply
from tests.fakes.github import partial_data
from tests.github.world import World, asks, push


@pytest.mark.parametrize(
    ("base", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://api.github.com/", "https://api.github.com/graphql"),
        ("https://git.example.com/api/v3", "https://git.example.com/api/graphql"),
        ("https://git.example.com/api/v3/", "https://git.example.com/api/graphql"),
        ("https://api.octo.ghe.com", "https://api.octo.ghe.com/graphql"),
    ],
)
def test_graphql_is_found_from_the_rest_base(base: str, graphql: str) -> None:
    """One setting names both, for github.com, Enterprise Server and Enterprise Cloud."""
    assert endpoint(base) == graphql


def test_sizes_halve_to_their_least_and_grow_back() -> None:
    """After it was too much the size grows again, but not at the very next query."""
    size = Adaptive(100, 100, least=10)
    for _ in range(6):
        size.shrink()
    assert size.size == 10
    grown = []
    for _ in range(10):
        size.grow()
        grown.append(size.size)
    assert grown[0] == 10
    assert grown[-1] == 100


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (reply(401, "{}"), Denied),
        (reply(403, "{}"), Denied),
        (reply(500, "oops"), TransientError),
        (reply(502, "oops"), TransientError),
        (reply(200, "not json"), Malformed),
        (reply(200, "[]"), Malformed),
        (reply(200, '{"data": null}'), Malformed),
        (reply(200, '{"data": {"user": {}}}'), Malformed),
        (reply(200, '{"errors": [{"type": "INTERNAL", "message": "x"}]}'), Rejected),
        (cut(30), TransientError),
        (partial_data(["user", "contributionsCollection"]), Rejected),
    ],
)
def test_when_graphql_fails_nothing_is_replaced(
    small: World, action: Action, error: type[DatafetchError]
) -> None:
    """An API outage, a bad token or a malformed answer is a failure, never a success with less."""
    small.run()
    before = small.files()
    push(small)
    small.app.log.clear()
    small.app.inject(action, "/graphql")
    with pytest.raises(error):
        small.run()
    assert small.files() == before
    assert small.asked() == []


def test_a_query_that_fails_without_a_reason_is_made_smaller(small: World) -> None:
    """A timeout may come as a 200 with an error that has neither type nor data."""
    body = json.dumps({"data": None, "errors": [{"message": "This may be a timeout."}]})
    small.app.inject(reply(200, body), asks("a1: contributionsCollection"))
    assert small.run().partial is None
