"""Requests and answers as values: what holds when nothing else is said, and what they tell."""

import io
from typing import Any

import pytest

from datafetch.net.base import NO_RETRY, Answer, Download, Request, Validators
from datafetch.upstream_errors import Malformed


def answer(body: bytes = b"", status: int = 200, **headers: str) -> Answer:
    """An answer with that body."""
    return Answer(status, "https://example.com/x", headers, body)


def test_a_request_has_limits_though_nobody_sets_any() -> None:
    """Three tries in a minute, 15 s a read, 60 s a try, five redirects and 64 MiB, unless said."""
    request = Request("https://example.com/", "data", "site")
    assert (request.timeout_s, request.total_s, request.max_redirects) == (15, 60, 5)
    assert request.limit == 64 * 1024 * 1024
    policy = request.retry
    assert (policy.attempts, policy.total_s) == (3, 60)
    assert (policy.initial_s, policy.max_wait_s) == (0.5, 30)
    assert NO_RETRY.attempts == 1


def test_validators_make_a_request_conditional() -> None:
    """What a server sent to recognise its answer by goes back under the names of RFC 9110, 13.1."""
    both = Validators('W/"a b"', "Tue, 24 Nov 2026 08:00:00 GMT")
    assert both.headers() == {
        "If-None-Match": 'W/"a b"',
        "If-Modified-Since": "Tue, 24 Nov 2026 08:00:00 GMT",
    }
    assert Validators().headers() == {}


@pytest.mark.parametrize(
    "etag", ["", "a\r\nX-Evil: 1", "ü\ud800", '"ü"', "a\0", "a\x7f", "x" * 1025]
)
def test_a_validator_that_cannot_be_sent_is_left_out(etag: str) -> None:
    """An odd ETag that a server once gave does not keep its page from being asked for again."""
    assert Validators(etag, "x" * 1024).headers() == {"If-Modified-Since": "x" * 1024}


def test_an_answer_tells_its_validators() -> None:
    """What is needed to ask again is read from the headers of answers and downloads alike."""
    headers = {"etag": '"a"', "last-modified": "yesterday"}
    download = Download(200, "https://example.com/", headers, io.BytesIO(), 0, "")
    assert download.validators == Validators('"a"', "yesterday")
    assert answer(etag='"a"').validators == Validators('"a"', None)


@pytest.mark.parametrize(
    ("status", "unchanged"), [(304, True), (200, False), (303, False), (305, False)]
)
def test_only_a_304_says_that_nothing_is_new(status: int, *, unchanged: bool) -> None:
    """The caller keeps what it has on a 304, and on nothing else."""
    assert answer(status=status).not_modified is unchanged


@pytest.mark.parametrize(
    ("body", "read"),
    [(b'{"a": [1, null]}', {"a": [1, None]}), (b'"\xc3\xbc"', "ü"), (b"\xef\xbb\xbf[]", [])],
)
def test_json_is_read(body: bytes, read: Any) -> None:
    """A body of JSON is read whatever its root is, with or without a byte order mark."""
    assert answer(body).json() == read


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    """An error page in place of JSON is told with its URL and status, however deep its brackets."""
    with pytest.raises(Malformed) as caught:
        answer(body, status=203).json()
    assert (caught.value.url, caught.value.status) == ("https://example.com/x", 203)


def test_a_download_may_be_given_another_body() -> None:
    """Size and hash are those of the new body, which stands in the same file, from its start."""
    file = io.BytesIO(b"a longer body")
    first = Download(200, "https://example.com/x", {"etag": '"e"'}, file, 13, "0" * 64)
    second = first.with_body(b"short")
    assert (second.size, second.file.read(), second.file is file) == (5, b"short", True)
    assert second.sha256 == "f9b0078b5df596d2ea19010c001bbd009e651de2c57e8fb7e355f31eb9d3f739"
    assert (second.validators.etag, second.status) == ('"e"', 200)
