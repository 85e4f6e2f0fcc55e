"""The client and real servers: what goes out, what comes back, what is counted."""

import hashlib
from typing import Any

import pytest

from datafetch.clock import ClockSkew
from datafetch.net.base import Validators
from datafetch.runtime.breaker import Outcome, Patience
from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import (
    BreakerOpen,
    Denied,
    Malformed,
    Missing,
    RateLimited,
    Refused,
    Rejected,
    TransientError,
    UpstreamError,
)
from tests.fakes import faults
from tests.fakes.base import FakeServer, Response
from tests.net.upstreams import Echo, ask, client, told
from tests.support import START, FakeClock

QUICK = RetryPolicy(attempts=3, total_s=60, initial_s=0.5, max_wait_s=30)


def test_a_request_arrives_as_it_was_meant(server: FakeServer) -> None:
    """Method, query, headers and JSON reach the server; the body comes back whole."""
    with client() as http:
        answer = http.fetch(
            ask(
                f"{server.url}/a%20b?q=1&q=ü",
                headers={"Authorization": "Bearer t"},
                json_body={"größe": 1},
            )
        )
    asked = told(answer)
    assert (asked["method"], asked["target"], asked["body"]) == (
        "POST",
        "/a b?q=1&q=%C3%BC",
        '{"größe":1}',
    )
    sent = asked["headers"]
    assert sent["authorization"] == "Bearer t"
    assert sent["user-agent"] == "datafetch-test"
    assert sent["accept-encoding"] == "gzip, deflate"
    assert sent["content-type"] == "application/json"
    assert (answer.status, answer.validators.etag) == (200, '"e"')


def test_connections_are_kept(echo: Echo, server: FakeServer) -> None:
    """Answers, errors and redirects with small bodies all use one connection."""
    with client() as http:
        http.fetch(ask(server.url))
        echo.inject(faults.reply(404, "no such thing"), "/missing")
        with pytest.raises(Missing):
            http.fetch(ask(f"{server.url}/missing"))
        echo.inject(faults.redirect("/there"), "/here")
        assert http.fetch(ask(f"{server.url}/here")).url == f"{server.url}/there"
        http.fetch(ask(server.url))
        assert server.open_connections == 1


def test_sites_cannot_mark_the_client(echo: Echo, server: FakeServer) -> None:
    """A cookie that a site sets is not sent again: many jobs share one client."""
    echo.inject(lambda _request, _answer: Response(cookies=("id=1; Path=/",)), times=1)
    with client() as http:
        http.fetch(ask(server.url))
        assert "cookie" not in told(http.fetch(ask(server.url)))["headers"]


def test_an_unchanged_answer_is_an_outcome(echo: Echo, server: FakeServer) -> None:
    """Validators go out as opaque data, and a 304 comes back as an answer without body."""
    echo.inject(faults.reply(304, headers={"ETag": '"new"', "Content-Length": "5000000000"}))
    with client() as http:
        request = ask(server.url, validators=Validators('"old"', "Tue, 24 Nov 2026 08:00:00 GMT"))
        answer = http.fetch(request)
        assert (answer.not_modified, answer.body) == (True, b"")
        with http.download(request).file as file:
            assert file.read() == b""
        sent = echo.log.all()[0].headers
        assert sent["if-none-match"] == '"old"'
        assert sent["if-modified-since"].startswith("Tue")
        with pytest.raises(Malformed):
            http.fetch(ask(server.url))


def test_a_download_is_a_file_with_its_hash(echo: Echo, server: FakeServer) -> None:
    """A body larger than the memory for it lands in the file, at its start, hashed and measured."""
    body = bytes(range(256)) * 1000
    echo.inject(faults.reply(200, body))
    with client() as http:
        found = http.download(ask(server.url))
    assert found.file.read() == body
    assert (found.size, found.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    found.close()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Rejected),
        (401, Denied),
        (403, Denied),
        (404, Missing),
        (410, Missing),
        (500, TransientError),
    ],
)
def test_statuses_raise(echo: Echo, server: FakeServer, status: int, expected: Any) -> None:
    """Exhausted or refused, nothing returns null: a status is its error, and says which."""
    echo.inject(faults.reply(status))
    with client() as http:
        with pytest.raises(expected) as caught:
            http.fetch(ask(f"{server.url}/x?token=secret"))
        assert http.fetch(ask(server.url, accept={status})).status == status
    assert (caught.value.status, caught.value.url) == (status, f"{server.url}/x")
    assert "secret" not in str(caught.value)


def test_what_may_pass_is_tried_again(echo: Echo, server: FakeServer) -> None:
    """A fault that passes is not seen by the caller; the tries are counted."""
    clock = FakeClock()
    echo.inject(faults.dropped(), times=1)
    echo.inject(faults.reply(502), times=1)
    with client(clock=clock) as http:
        assert http.fetch(ask(server.url, retry=QUICK)).status == 200
        counts = http.counts()["site"]
    assert (counts["requests"], counts["retries"]) == (3, 2)
    assert (counts["status_502"], counts["status_200"]) == (1, 1)
    assert len(clock.slept) == 2


def test_the_servers_wait_is_kept(echo: Echo, server: FakeServer) -> None:
    """`Retry-After` is waited for when it fits, by the clock that is passed in."""
    clock = FakeClock()
    echo.inject(faults.reply(429, headers={"Retry-After": "20"}), times=1)
    with client(clock=clock) as http:
        http.fetch(ask(server.url, retry=QUICK))
    assert 20 <= sum(clock.slept) <= 21


def test_a_wait_that_is_too_long_is_handed_on(echo: Echo, server: FakeServer) -> None:
    """A server that asks for an hour ends the tries; the caller learns until when."""
    echo.inject(
        faults.reply(403, headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "3600"})
    )
    with client() as http, pytest.raises(RateLimited) as caught:
        http.fetch(ask(server.url, retry=QUICK))
    assert caught.value.until == START + 3600
    assert echo.log.count() == 1


def test_what_will_not_pass_is_not_tried_again(echo: Echo, server: FakeServer) -> None:
    """Only what may pass is tried again."""
    echo.inject(faults.reply(404))
    with client() as http, pytest.raises(Missing):
        http.fetch(ask(server.url, retry=QUICK))
    assert echo.log.count() == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 503])
def test_an_error_brings_the_body_that_was_asked_for(
    echo: Echo, server: FakeServer, status: int
) -> None:
    """The server's own words are in the body of its error, of known length or not; a long one is left out."""
    answers = [
        (faults.reply(status, b"words"), b"words"),
        (lambda _request, _answer: Response(status, {}, chunks=[b"wo", b"rds"]), b"words"),
        (faults.reply(status, b"x" * 65_537), b""),
        (lambda _request, _answer: Response(status, {}, chunks=[b"x" * 65_537]), b""),
        (lambda _request, _answer: Response(status, body=b"words", send=2, ending="close"), b""),
    ]
    with client() as http:
        for answer, body in answers:
            echo.heal()
            echo.inject(answer)
            for asked in (True, False):
                with pytest.raises(UpstreamError) as caught:
                    http.fetch(ask(server.url, error_body=asked))
                assert caught.value.body == (body if asked else b"")


def test_an_error_names_the_url_that_was_asked_last(echo: Echo, server: FakeServer) -> None:
    """After a redirect to a server that is not there, or not public, the error says where it led."""
    with client() as http:
        for target, shown in [
            ("http://127.0.0.1:1/x?y=1", "http://127.0.0.1:1/x"),
            ("http://10.0.0.1/x", "http://10.0.0.1/x"),
        ]:
            echo.heal()
            echo.inject(faults.redirect(target))
            with pytest.raises(UpstreamError) as caught:
                http.fetch(ask(server.url))
            assert caught.value.url == shown
    with client(gate=Closed()) as http, pytest.raises(BreakerOpen) as closed:
        http.fetch(ask(f"{server.url}/a?b=c"))
    assert closed.value.url == f"{server.url}/a"


class Closed:
    """A gate that lets nobody through."""

    def allow(
        self, host: str, visit: object, patience: Patience | None = None, *, again: bool = False
    ) -> float:
        raise BreakerOpen(host)

    def settle(self, host: str, outcome: Outcome, patience: Patience | None = None) -> None:
        """Nothing is noted."""

    def record(self, host: str, outcome: Outcome, visit: object, why: str = "") -> None:
        """Nothing is noted."""


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "ü\ud800", "a\0"])
def test_a_header_that_cannot_be_sent_is_refused(server: FakeServer, value: Any) -> None:
    """A header that would smuggle another, or cannot be encoded, never reaches the wire."""
    with client() as http, pytest.raises(Refused):
        http.fetch(ask(server.url, headers={"X-Told": value}))


def test_bytes_are_those_of_the_wire(echo: Echo, server: FakeServer) -> None:
    """Bytes are counted per upstream as they came, errors and redirects included."""
    echo.inject(faults.reply(404, b"12345"), times=1)
    echo.inject(faults.reply(200, b"123"), times=1)
    with client() as http:
        with pytest.raises(Missing):
            http.fetch(ask(server.url))
        http.fetch(ask(server.url))
        assert http.counts()["site"] == {
            "requests": 2,
            "bytes": 8,
            "status_404": 1,
            "status_200": 1,
        }


def test_an_error_says_how_often_it_was_tried(echo: Echo, server: FakeServer) -> None:
    """After three tries the last error says so; one that is not tried again does not."""
    echo.inject(faults.reply(502), "/down")
    echo.inject(faults.reply(404), "/gone")
    with client() as http:
        with pytest.raises(TransientError, match=r"/down: status 502, tried 3 times$"):
            http.fetch(ask(f"{server.url}/down", retry=QUICK))
        with pytest.raises(Missing, match=r"status 404$"):
            http.fetch(ask(f"{server.url}/gone", retry=QUICK))


def test_a_limit_that_is_not_waited_for_says_until_when(echo: Echo, server: FakeServer) -> None:
    """The time from which the server may be asked again, and that the next run does."""
    echo.inject(faults.reply(429, headers={"Retry-After": "3600"}))
    with client() as http, pytest.raises(RateLimited) as caught:
        http.fetch(ask(f"{server.url}/x?token=secret", retry=QUICK))
    assert str(caught.value) == f"{server.url}/x: status 429, asks to wait until 09:00 UTC"
    assert f"127.0.0.1:{server.port}" in caught.value.hint


@pytest.mark.parametrize(
    ("headers", "ahead_s"),
    [
        ({"Date": "Sun, 22 Nov 2026 08:00:00 GMT"}, 172_800),
        ({"Date": "Sun, 22 Nov 2026 08:00:00 GMT", "Age": "0"}, 172_800),
        ({"Date": "Sun, 22 Nov 2026 08:00:00 GMT", "Age": "172800"}, None),
        ({"Date": "yesterday"}, None),
        ({"Date": "Tue, 24 Nov 2026 07:56:00 GMT"}, None),
    ],
    ids=["two-days", "fresh", "cached", "nonsense", "within"],
)
def test_times_in_fresh_answers_are_compared_with_ours(
    echo: Echo, server: FakeServer, headers: dict[str, str], ahead_s: int | None
) -> None:
    """A cache's answer is as old as its `Age`, which says nothing of this machine's clock."""
    skew = ClockSkew()
    echo.inject(faults.reply(404, headers=headers))
    origin = frozenset({("http", "127.0.0.1", server.port)})
    with client(skew=skew, trusted_origins=origin) as http, pytest.raises(Missing):
        http.fetch(ask(server.url, trust="settings"))
    found = skew.found()
    assert (None if found is None else found.ahead_s) == ahead_s
