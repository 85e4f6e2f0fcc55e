"""The sentences for events: each event of the package has one, which fits the fields it is given."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import datafetch
from datafetch.cli.events import SENTENCES, names_in, sentence

PACKAGE = Path(datafetch.__file__).parent
LEVELS = {"warn_of", "debug", "info", "warning", "error", "exception", "critical"}
SPECIAL = {"logo_failed", "opengraph_failed", "run_finished"}


class Call(NamedTuple):
    """A call in the package that logs an event; `fields` is None when they are made elsewhere."""

    event: str
    where: str
    fields: frozenset[str] | None


def calls() -> Iterator[Call]:
    """Every call of a logger's method in the package, once for each event that it may log."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and ast.unparse(node.func.value).rpartition(".")[2].lower()
                in ("log", "_log", "events")
            ):
                where = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                fields = _fields(node, node.func.attr)
                for event in _events(node.args[0], tree):
                    yield Call(event, where, fields)


def _events(name: ast.expr, tree: ast.Module) -> list[str]:
    """The texts that an event's name may be: a constant, one of two, or what a name was set to."""
    match name:
        case ast.Constant():
            return [str(name.value)]
        case ast.IfExp():
            return [*_events(name.body, tree), *_events(name.orelse, tree)]
        case ast.Name():
            return [
                event
                for node in ast.walk(tree)
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name.id
                for event in _events(node.value, tree)
            ]
    raise AssertionError(f"the name of an event is computed: {ast.unparse(name)}")


def _fields(node: ast.Call, method: str) -> frozenset[str] | None:
    extra = next((keyword.value for keyword in node.keywords if keyword.arg == "extra"), None)
    own: frozenset[str] | None = frozenset()
    if isinstance(extra, ast.Dict):
        own = frozenset(str(key.value) for key in extra.keys if isinstance(key, ast.Constant))
    elif extra is not None:
        own = None
    if method == "warn_of":
        return frozenset({"note"})
    return own | {"error"} if own is not None and method == "exception" else own


CALLS = list(calls())


def test_the_calls_are_found():
    """Without them the other tests have nothing to look at."""
    assert len(CALLS) > 45
    assert {"run_started", "breaker_opened", "logo_failed"} <= {call.event for call in CALLS}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.event}-{call.where}")
def test_each_event_is_said_in_words(call):
    """An event has a name in snake_case, and a sentence for people that its fields can fill."""
    assert call.event.replace("_", "").isalpha()
    assert call.event.islower()
    if call.event in SPECIAL:
        return
    templates = SENTENCES.get(call.event, ())
    assert templates, f"{call.event} needs a sentence in cli/events.py"
    if call.fields is not None:
        fitting = [template for template in templates if names_in(template) <= call.fields]
        assert fitting, f"no sentence for {call.event} can be made of {sorted(call.fields)}"


@pytest.mark.parametrize(
    ("event", "fields", "text"),
    [
        ("breaker_opened", {"host": "a.example", "failures": 3}, "a.example failed 3 times in a"),
        (
            "request",
            {"method": "GET", "host": "api.github.com", "path": "/x", "status": 200, "ms": 132},
            "GET api.github.com/x 200 132 ms",
        ),
        ("locked", {"error": "by run-1", "hint": "Wait."}, "by run-1. Wait."),
        ("object_corrupt", {"key": "k", "error": "no JSON"}, "object k cannot be read: no JSON"),
        ("object_corrupt", {"key": "k"}, "object k cannot be read"),
        ("tea_is_ready", {"cups": 2, "job": "tea", "runId": "r"}, "tea is ready: cups 2"),
        ("Retrying the pool: x_y", {}, "Retrying the pool: x_y"),
        (
            "run_finished",
            {
                "status": "failed",
                "itemsProcessed": 1,
                "itemsChanged": 0,
                "itemsFailed": 1,
                "duration": 2.04,
                "error": "it is down",
                "hint": "Wait.",
            },
            "failed, 1 item, 0 changed, 1 failed, 2.0 s: it is down. Wait.",
        ),
    ],
)
def test_an_event_is_a_sentence(event, fields, text):
    """People read words; an event without a sentence is its own words and fields, without ids."""
    assert text in sentence(event, fields).text
    assert "runId" not in sentence(event, fields).text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("https://a.example/x: status 500", "https://a.example/x: status 500"),
        ("b.example: no answer", "https://a.example/x: b.example: no answer"),
    ],
)
def test_the_address_of_an_item_is_said_once(error, text):
    """A page that failed had its address twice in its line."""
    assert (
        sentence("opengraph_failed", {"item": "https://a.example/x", "error": error}).text == text
    )
