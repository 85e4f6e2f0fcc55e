"""Statuses and headers: each means one error type, and waits are read in all their forms."""

from typing import Any

import pytest

from datafetch.net.base import Request, Validators
from datafetch.net.outcomes import asked_until, error_for, is_answer
from datafetch.upstream_errors import (
    Denied,
    Malformed,
    Missing,
    RateLimited,
    Rejected,
    TransientError,
)

NOW = 1_795_507_200.0
URL = "https://example.com/x"


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (400, {}, Rejected),
        (401, {}, Denied),
        (403, {}, Denied),
        (403, {"x-ratelimit-remaining": "17"}, Denied),
        (403, {"x-ratelimit-remaining": "0"}, RateLimited),
        (403, {"retry-after": "5"}, RateLimited),
        (404, {}, Missing),
        (410, {}, Missing),
        (408, {}, TransientError),
        (422, {}, Rejected),
        (425, {}, TransientError),
        (429, {}, RateLimited),
        (500, {}, TransientError),
        (502, {"retry-after": "5"}, TransientError),
        (503, {}, TransientError),
        (503, {"retry-after": "5"}, RateLimited),
        (599, {}, TransientError),
        (302, {}, Malformed),
        (304, {}, Malformed),
    ],
)
def test_a_status_is_one_type(status: int, headers: Any, expected: Any) -> None:
    """Substring tests on messages decided what to retry; the type says it, by the status alone."""
    error = error_for(status, headers, URL, NOW)
    assert type(error) is expected
    assert (error.status, error.url) == (status, URL)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "1.5"}, 1),
        ({"retry-after": "Tue, 24 Nov 2026 08:02:00 GMT"}, 120),
        ({"retry-after": "Tue, 24 Nov 2026 07:00:00 GMT"}, 0),
        ({"retry-after": "99999999999999999999"}, 86400),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "Tue, 99 Nov 2026 08:02:00 GMT"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 60)}, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "45"}, 45),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "45"}, None),
        ({"x-ratelimit-reset": str(int(NOW) - 60)}, 0),
        ({"retry-after": "7", "x-ratelimit-reset": "45"}, 7),
        ({}, None),
    ],
)
def test_waits_are_read_and_capped(headers: Any, wait: Any) -> None:
    """`Retry-After` in seconds or as a date, and `x-ratelimit-reset`, are honoured, capped at a day."""
    until = asked_until(headers, NOW)
    assert until == (None if wait is None else NOW + wait)


def test_a_304_answers_only_who_asked() -> None:
    """An unchanged answer is an outcome of a conditional request, and an error otherwise."""
    plain = Request("https://x.example/", "data", "site")
    conditional = Request("https://x.example/", "data", "site", validators=Validators('"a"'))
    assert is_answer(304, conditional)
    assert not is_answer(304, plain)
    assert is_answer(404, Request("https://x.example/", "data", "site", accept={404}))


def test_a_plain_request_at_a_port_with_tls_is_said() -> None:
    """Servers answer it with a bare 400; the hint names the other scheme, and only there."""
    plain = error_for(400, {}, "http://a.example:443/x", 1.0e9)
    assert "https://" in plain.hint
    assert "TLS" not in error_for(400, {}, "https://a.example/x", 1.0e9).hint
    assert "TLS" not in error_for(422, {}, "http://a.example/x", 1.0e9).hint
