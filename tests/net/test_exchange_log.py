"""`-v` shows each request: retries and redirects are requests of their own."""

import logging
from typing import Any

import pytest

from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import Missing, TooLarge, TransientError
from tests.fakes import faults
from tests.fakes.base import FakeServer
from tests.net.upstreams import Echo, ask, client
from tests.support import FakeClock


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of each `request` event."""
    return [vars(record) for record in caplog.records if record.message == "request"]


def test_each_exchange_is_an_event(
    echo: Echo, server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Method, host, path, status, milliseconds and bytes; a redirect, a retry and an error each have theirs."""
    caplog.set_level(logging.DEBUG, "datafetch")
    echo.inject(faults.redirect("/there?token=secret"), "/here", times=1)
    echo.inject(faults.reply(503), "/there", times=1)
    echo.inject(faults.reply(404, b"12345"), "/missing")
    headers = {"Authorization": "Bearer s3cret"}
    with client() as http:
        http.fetch(ask(f"{server.url}/here?key=secret", retry=RetryPolicy(2), headers=headers))
        with pytest.raises(Missing):
            http.fetch(ask(f"{server.url}/missing", json_body={"a": "secret"}))
    events = told(caplog)
    assert [(event["method"], event["path"], event["status"]) for event in events] == [
        ("GET", "/here", 302),
        ("GET", "/there", 503),
        ("GET", "/here", 200),
        ("POST", "/missing", 404),
    ]
    assert {event["host"] for event in events} == {f"127.0.0.1:{server.port}"}
    assert events[3]["bytes"] == 5
    assert all(event["ms"] >= 0 for event in events)
    assert "secret" not in str(events)
    assert "s3cret" not in str(events)


def test_an_exchange_that_failed_has_its_error(
    echo: Echo, server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Without an answer the error's class stands in the status's place; with one both stand there."""
    caplog.set_level(logging.DEBUG, "datafetch")
    echo.inject(faults.dropped(), "/dropped")
    with client(clock=FakeClock()) as http:
        with pytest.raises(TransientError):
            http.fetch(ask(f"{server.url}/dropped"))
        with pytest.raises(TooLarge):
            http.fetch(ask(f"{server.url}/{'x' * 300}", limit=3))
    first, second = told(caplog)
    assert (first["status"], first["error"], first["bytes"]) == (None, "TransientError", None)
    assert (second["status"], second["error"]) == (200, "TooLarge")
    assert len(second["path"]) == 200


def test_nobody_looks_and_nothing_is_told(
    server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Without `-v` no event is made."""
    caplog.set_level(logging.INFO, "datafetch")
    with client() as http:
        http.fetch(ask(server.url))
    assert told(caplog) == []
