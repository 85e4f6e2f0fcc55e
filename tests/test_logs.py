"""Logs: events, fields, and everything that must not be in them."""

import ast
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from datafetch import errors, logs
from datafetch.cli.console import ConsoleFormatter
from datafetch.logs import (
    EventLogger,
    JsonFormatter,
    bound_logger,
    redact,
    register_secrets,
)
from tests.processes import ROOT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET https://a.example/x?key=1#f done", "GET https://a.example/x done"),
        ("https://user:pw@a.example/x", "https://a.example/x"),
        ("redis://:p@ss:w@h:6379/0 is down", "redis://h:6379/0 is down"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: ***"),
        ("proxy-authorization: Basic YTpi\nnext", "proxy-authorization: ***\nnext"),
        ("X-Refresh-Secret: abc; x-api-key: d", "X-Refresh-Secret: *** x-api-key: ***"),
        ("Cookie: session=1", "Cookie: ***"),
        ('{"token": "abc123"}', '{"token": "***"}'),
        ("{'password': 'a, \\'b', 'x': 1}", "{'password': '***', 'x': 1}"),
        ("api_key=abc&x=1", "api_key=***&x=1"),
        ("S3_ACCESS_KEY_ID=abc DEBUG=1", "S3_ACCESS_KEY_ID=*** DEBUG=1"),
        ("connect(token='a b', timeout=1)", "connect(token='***', timeout=1)"),
        ("password: hunter22", "password: ***"),
        ("with bearer abcdefghijklmnopqrstuvwxyz", "with bearer ***"),
        ("token aBcDeFgHiJ", "token ***"),
        ("ghp_abcdefghij0123456789 is not accepted", "*** is not accepted"),
        ("sent eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk", "sent ***"),
        ("nothing to hide: 202 at 10:15", "nothing to hide: 202 at 10:15"),
    ],
)
def test_credentials_and_queries_are_redacted(text, expected):
    """Tokens and query strings in logs."""
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Check BOOKMARK_BEARER_TOKEN and what it may read.",
        "GITHUB_TOKEN is missing: a token that may read the owner's repositories",
        "the token doesnotmatch, see token configuration, Basic authentication and so on",
        "BOOKMARK_BEARER_TOKEN: a token has no spaces, line ends or letters beyond ASCII",
        "the fencing token 1795507202 is older; secret: /run/secrets/db-1.txt cannot be read",
        "--password should be left out",
    ],
)
def test_words_of_sentences_stay(text):
    """A redaction that ate the sentence: hints said "Check the token *** what it may read"."""
    assert redact(text) == text


PACKAGE = Path(logs.__file__).parent


def sentences(tree: ast.AST) -> Iterator[str]:
    """The texts of a module that people may read: all of several words, docstrings left out."""
    owners = ast.Module | ast.ClassDef | ast.FunctionDef
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "value"
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in docstrings | parts:
            yield str(node.value)


def test_every_sentence_of_the_package_passes_unchanged():
    """Redaction replaces the values of secrets, never words of our own messages, hints and help."""
    found = [
        text
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "logs.py"  # it has the patterns
        for text in sentences(ast.parse(path.read_text(encoding="utf-8")))
        if text.count(" ") > 1
    ]
    found += [kind.__doc__ or "" for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(found) > 400
    assert any("BOOKMARK_BEARER_TOKEN" in text for text in found)
    assert [text for text in found if redact(text) != text] == []


@pytest.mark.parametrize(
    "text",
    [
        *("a-" * 50_000, "http://" * 20_000, "token" * 20_000, "token':'" * 20_000),
        *(
            "token " * 20_000,
            "eyJ" + "a." * 50_000,
            "authorization:" * 10_000,
            'token="\\' * 20_000,
        ),
    ],
    ids=lambda text: text[:8],
)
@pytest.mark.timeout(20)
def test_a_hostile_text_costs_its_length(text):
    """Patterns that backtrack on a log line froze the process for minutes."""
    assert len(redact(text)) <= len(text)


def test_known_secrets_are_masked_wherever_they_stand(monkeypatch):
    """A secret of the settings never appears, whatever text it got into."""
    monkeypatch.setattr(logs, "_secrets", set())
    register_secrets(["s3cr3t-value", "abc"])
    assert redact("x s3cr3t-value y abc") == "x *** y abc"
    register_secrets(["p/ss w+rd"])
    assert redact("/p%2Fss%20w%2Brd/p/ss w+rd/") == "/***/***/"


def _record(**extra: object) -> logging.LogRecord:
    logger = EventLogger(logging.getLogger("datafetch.t"), {"job": "bookmarks", "runId": "r1"})
    _, kwargs = logger.process("page_read", {"extra": extra})
    record = logging.LogRecord("datafetch", logging.INFO, "f", 1, "page_read", (), None)
    fields = kwargs["extra"]
    assert isinstance(fields, dict)
    vars(record).update(fields)
    return record


def test_a_json_line_has_the_event_and_its_fields():
    """One JSON line per event with run id and job; fields of the call are added to the bound ones."""
    line = json.loads(JsonFormatter().format(_record(url="https://a.example/?token=x", count=3)))
    assert line["event"] == "page_read"
    assert (line["job"], line["runId"], line["count"]) == ("bookmarks", "r1", 3)
    assert line["url"] == "https://a.example/"
    assert line["level"] == "info"
    assert line["time"].endswith("Z")


def test_a_json_line_has_no_raw_control_character():
    """What steers terminals beyond ASCII is escaped; letters stay, and readers get what there was."""
    evil = "Zoë \x9b2J \u202e \u2028 \x7f"
    line = JsonFormatter().format(_record(title=evil))
    assert line.isprintable()
    assert "Zoë" in line
    assert json.loads(line)["title"] == evil


def test_nested_fields_are_redacted_too():
    """A secret inside a list or mapping is found as well."""
    line = json.loads(JsonFormatter().format(_record(urls=[{"u": "https://a.example/p?x=1"}])))
    assert line["urls"] == [{"u": "https://a.example/p"}]


def test_a_traceback_is_redacted():
    """An unexpected error's traceback shows no query string."""
    record = _record()
    try:
        int("https://a.example/p?token=abcdef")
    except ValueError:
        record.exc_info = sys.exc_info()
    for text in (JsonFormatter().format(record), ConsoleFormatter().format(record)):
        assert "ValueError" in text
        assert "abcdef" not in text


UNSHOWABLE = """
import logging
from datafetch.cli.console import configure_logging
from datafetch.logs import bound_logger

class Unshowable:
    def __str__(self):
        raise RuntimeError("a bug")

configure_logging("json", 0)
bound_logger().info("lost", extra={"value": Unshowable()})
try:
    raise ValueError("seen")
except ValueError:
    bound_logger().exception("unexpected_error")
"""


def test_a_line_that_cannot_be_written_is_no_traceback():
    """A line of the log that could not be made was "--- Logging error ---" and a traceback."""
    done = subprocess.run(
        [sys.executable, "-c", UNSHOWABLE], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["unexpected_error"]


def test_bound_loggers_share_one_name():
    """All records go through one logger, so that one setting rules them."""
    assert bound_logger(job="x").logger.name == "datafetch"
