"""Looking up repositories by their names."""

import json

import pytest

from datafetch.github.model import Barrier
from datafetch.upstream_errors import Denied, Malformed, Rejected
from tests.fakes.base import Answer, Request, Response
from tests.fakes.faults import reply
from tests.github.world import World, asks

NAMES = ["octo-dev/tools", "octo-dev/web-app", "octo-dev/data", "octo-dev/nowhere"]


def test_each_repository_is_found_hidden_or_not_there(small: World) -> None:
    """One that the token may not see costs itself only, and is not taken for deleted."""
    small.activity.repositories[1].hidden = "saml"
    result = small.lists().look_up(NAMES)
    assert sorted(result.found) == ["octo-dev/data", "octo-dev/tools"]
    assert {name: problem.barrier for name, problem in result.hidden.items()} == {
        "octo-dev/web-app": Barrier.SAML
    }


def test_an_answer_without_data_says_nothing_of_the_others(small: World) -> None:
    """An error without `data` names one repository: the others are asked for without it."""

    def bare(request: Request, answer: Answer) -> Response:
        variables = request.json()["variables"]
        place = next((n for n in range(4) if variables.get(f"n{n}") == "web-app"), None)
        if place is None:
            return answer(request)
        error = {"type": "FORBIDDEN", "path": [f"a{place}"], "message": "no"}
        return Response.json({"data": None, "errors": [error]})

    small.app.inject(bare, asks("repository(owner"))
    result = small.lists().look_up(NAMES)
    assert sorted(result.found) == ["octo-dev/data", "octo-dev/tools"]
    assert list(result.hidden) == ["octo-dev/web-app"]
    assert len(small.app.log.all("/graphql")) == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"data": {}}, Malformed),
        ({"data": {}, "errors": [{"type": "FORBIDDEN", "path": ["b"], "message": "x"}]}, Denied),
        ({"data": {"a0": None}, "errors": [{"message": "x"}]}, Rejected),
    ],
)
def test_an_answer_that_names_no_repository_fails(
    small: World, body: dict[str, object], error: type[Exception]
) -> None:
    """Nothing is taken for deleted because GitHub did not say anything of it."""
    small.app.inject(reply(200, json.dumps(body)), "/graphql")
    with pytest.raises(error):
        small.lists().look_up(["octo-dev/tools"])
