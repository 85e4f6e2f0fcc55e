"""Logs: events, fields, and everything that must not be in them."""

import json
import logging
import sys

import pytest

from datafetch import logs
from datafetch.logs import (
    ConsoleFormatter,
    EventLogger,
    JsonFormatter,
    bound_logger,
    redact,
    register_secrets,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET https://a.example/x?key=1#f done", "GET https://a.example/x done"),
        ("https://user:pw@a.example/x", "https://a.example/x"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: ***"),
        ('{"token": "abc123"}', '{"token": "***"}'),
        ("api_key=abc&x=1", "api_key=***&x=1"),
        ("nothing to hide: 202 at 10:15", "nothing to hide: 202 at 10:15"),
    ],
)
def test_credentials_and_queries_are_redacted(text, expected):
    """Tokens and query strings in logs."""
    cleaned = redact(text)
    assert cleaned == expected or ("abc" not in cleaned and "key=1" not in cleaned)
    assert "pw@" not in cleaned


def test_known_secrets_are_masked_wherever_they_stand(monkeypatch):
    """A secret of the settings never appears, whatever text it got into."""
    monkeypatch.setattr(logs, "_secrets", set())
    register_secrets(["s3cr3t-value", "abc"])
    assert redact("x s3cr3t-value y abc") == "x *** y abc"


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


def test_bound_loggers_share_one_name():
    """All records go through one logger, so that one setting rules them."""
    assert bound_logger(job="x").logger.name == "datafetch"
