"""Where GraphQL is, and how batches adapt."""

import json
from collections.abc import Sequence

import pytest

from datafetch.errors import DatafetchError
from datafetch.github.graphql import Adaptive, Problem, TooMuchError, endpoint
from datafetch.github.model import Barrier
from datafetch.upstream_errors import Denied, Malformed, Missing, Rejected, TransientError
from tests.fakes.base import Action
from tests.fakes.faults import cut, reply
from tests.fakes.github import partial_data
from tests.github.world import World, asks, push, too_much


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


VIEWER = "query($login: String!) { user(login: $login) { login } }"
ME = {"login": "octo-dev"}


def test_an_answer_has_its_data_and_its_problems(small: World) -> None:
    """Errors beside data name the field that they took away; what GitHub adds to them is ignored."""
    error = {"type": "INTERNAL", "path": ["user", "a", 0], "message": "x", "extensions": {"y": 1}}
    bare = {"type": None, "path": None, "message": None}
    body = json.dumps({"data": {"user": None}, "errors": [error, bare], "more": 1})
    small.app.inject(reply(200, body), "/graphql")
    answer = small.graphql().ask(VIEWER, ME)
    assert answer.data == {"user": None}
    assert answer.problems == (Problem("INTERNAL", ("user", "a", 0), "x"), Problem())


@pytest.mark.parametrize(
    ("error", "barrier"),
    [
        ({"type": "FORBIDDEN", "extensions": {"saml_failure": True}}, Barrier.SAML),
        ({"extensions": {"saml_failure": True}, "message": "x"}, Barrier.SAML),
        ({"type": "FORBIDDEN", "extensions": {"saml_failure": False}}, Barrier.RIGHTS),
        ({"type": "FORBIDDEN", "extensions": []}, Barrier.RIGHTS),
        ({"type": "FORBIDDEN", "message": "an IP allow list enabled"}, Barrier.RULES),
        ({"message": "Resource protected by organization SAML enforcement."}, Barrier.SAML),
        ({"type": "INSUFFICIENT_SCOPES"}, Barrier.RIGHTS),
        ({"type": "DMCA"}, Barrier.BLOCKED),
        ({"type": "NOT_FOUND", "message": "no Repository 'acme/saml sso'"}, None),
        ({"type": "INTERNAL", "message": "Repository access blocked"}, None),
        ({"message": "Something went wrong"}, None),
    ],
)
def test_what_the_token_may_not_see_is_told_from_other_errors(
    small: World, error: dict[str, object], barrier: Barrier | None
) -> None:
    """By `saml_failure`, else by the type; words decide only where the type leaves it open."""
    body = {"data": {"user": None}, "errors": [{"path": ["user"], **error}]}
    small.app.inject(reply(200, json.dumps(body)), "/graphql")
    (problem,) = small.graphql().ask(VIEWER, ME).problems
    assert problem.barrier is barrier


@pytest.mark.parametrize(
    ("body", "what"),
    [("[]", "dictionary|object"), ('{"data": 1}', "data"), ('{"errors": ["x"]}', "errors.0")],
)
def test_an_answer_that_is_no_graphql_is_malformed(small: World, body: str, what: str) -> None:
    """The error says which part is not as GraphQL is specified."""
    small.app.inject(reply(200, body), "/graphql")
    with pytest.raises(Malformed, match=what):
        small.graphql().ask(VIEWER, ME)


def test_what_does_not_exist_is_missing(small: World) -> None:
    """`NOT_FOUND` without data is no fault of GitHub, and is not tried again."""
    body = json.dumps({"errors": [{"type": "NOT_FOUND", "message": "no such thing"}]})
    small.app.inject(reply(200, body), "/graphql")
    with pytest.raises(Missing, match="no such thing"):
        small.graphql().ask(VIEWER, ME)
    assert len(small.app.log.all("/graphql")) == 1


@pytest.mark.parametrize("status", [500, 502])
def test_who_can_ask_for_less_does_not_try_again(small: World, status: int) -> None:
    """A query that fails is sent once when it is impatient, and three times when it is patient."""
    small.app.inject(reply(status, "too slow"), "/graphql")
    with pytest.raises(TooMuchError):
        small.graphql().ask(VIEWER, ME, patient=False)
    assert len(small.app.log.all("/graphql")) == 1
    with pytest.raises(TransientError):
        small.graphql().ask(VIEWER, ME)
    assert len(small.app.log.all("/graphql")) == 4


def test_batches_get_smaller_until_each_is_answered(small: World) -> None:
    """Every item is asked for once it fits; one that is too much alone has no answer."""

    def query(items: Sequence[str]) -> str:
        fields = " ".join(f"{item}: login" for item in items)
        return f"query($login: String!) {{ user(login: $login) {{ {fields} }} }}"

    small.app.inject(
        too_much("RESOURCE_LIMITS_EXCEEDED"),
        lambda request: request.body.count(b": login") > 2 or b"bad: login" in request.body,
    )
    size = Adaptive(8, 8)
    items = ["a", "b", "bad", "c"]
    batches = list(small.graphql().ask_in_batches(items, size, query, lambda _: ME))
    answered = [item for batch, answer in batches if answer is not None for item in batch]
    assert answered == ["a", "b", "c"]
    assert [list(batch) for batch, answer in batches if answer is None] == [["bad"]]
