"""Proper answers, spoilt at random from a seed: status, headers, body and delivery, as no honest server sends them."""

import json
import random
import threading
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.base import Action, Answer
from tests.fakes.message import Request, Response

_STATUSES = (
    *(200, 201, 202, 203, 204, 205, 206, 226, 299, 300, 301, 302, 303, 304, 305, 307, 308, 399),
    *(400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 416, 417, 418),
    *(421, 422, 423, 425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 507, 508),
    *(511, 520, 521, 522, 524, 530, 599, 700, 999),
)
_DATES = (
    *("", "yesterday", "0", "-1", "Thu, 99 Foo 2026 25:61:61 GMT", "2026-11-26T10:00:00Z"),
    *(
        "Thu, 01 Jan 0000 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:60 GMT",
        "Thu, 26 Nov 2026 10:00:00 +9999",
    ),
    *(
        "Thu, 26 Nov 2026 10:00:00 GMT, Thu, 26 Nov 2026 11:00:00 GMT",
        "Thu, 26 Nov 26 10:00:00",
        "9" * 400,
    ),
)
_NUMBERS = (
    "",
    "-1",
    "0",
    "1",
    "1e9",
    "0x10",
    "\xb2",
    "9" * 30,
    "9" * 5000,
    "1.5",
    " 7 ",
    "NaN",
    "7, 8",
)
_ETAGS = (
    "",
    '"',
    '""',
    "*",
    'W/"',
    'W/"abc"',
    "abc",
    '"a", "b"',
    '"' + "e" * 9000 + '"',
    '"\xe9"',
    "W/",
    "'x'",
)
_TYPES = (
    *(
        "",
        "text/html",
        "text/html; charset=utf-16",
        "application/json; charset=klingon",
        "image/png",
    ),
    *(
        "application/xml",
        "multipart/form-data",
        'text/html; charset="',
        "text/plain; charset=utf-7",
        "\xff",
    ),
)
_PLACES = (
    *(
        "",
        "/",
        "//",
        "///",
        "http://",
        "https://[",
        "https://[::1]:99999/",
        "javascript:alert(1)",
        "\\\\host\\x",
    ),
    *(
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest",
        "https://user:pass@example.com/",
        "?",
        "#",
        "%zz",
    ),
    *(
        "https://\xe9.example/",
        "ftp://example.com/",
        "https://xn--/",
        "https://" + "a" * 70 + ".com/",
        "/" + "a" * 9000,
    ),
)
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Date": _DATES,
    "Last-Modified": _DATES,
    "Retry-After": (*_NUMBERS, *_DATES),
    "ETag": _ETAGS,
    "Content-Type": _TYPES,
    "Content-Encoding": (
        "gzip",
        "br",
        "deflate",
        "zstd",
        "identity",
        "gzip, gzip, gzip",
        "klingon",
        "",
    ),
    "Content-Range": ("bytes 0-1/9", "bytes */*", "x"),
    "Transfer-Encoding": ("gzip", "x"),
    "Location": _PLACES,
    "Refresh": ("0; url=", "x", "0;url=http://127.0.0.1/", "9" * 500),
    "Link": ('<>; rel="next"', "<https://[>; rel=next", "<" + "a" * 9000),
    "Set-Cookie": ("a", "=", "a=b; Expires=never", "\xff=\xff"),
    "X-RateLimit-Remaining": _NUMBERS,
    "X-RateLimit-Reset": _NUMBERS,
    "X-RateLimit-Resource": ("", "core", "graphql", "x" * 900),
    "X-GitHub-SSO": ("required", "required; url=", "partial-results; organizations=1,x", ""),
    "x-amz-request-id": ("", "\xff"),
    "x-amz-bucket-region": ("", "mars-north-1", "eu west"),
    "x-amz-meta-": ("x",),
}
_PAGES = (
    b"",
    b" ",
    b"\x00",
    b"null",
    b"0",
    b'"text"',
    b"[]",
    b"{}",
    b"<",
    b"{",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"[" * 20_000,
    b'{"a":' * 20_000,
    b"9" * 5000,
    b"-",
    b"NaN",
    b"<!doctype html><title>Sign in</title><form action=/login><input type=password></form>",
    b"<html><head><meta http-equiv=refresh content='0; url=https://login.example.com/'></head></html>",
    b'<?xml version="1.0"?><Error><Code></Code><Message></Message></Error>',
    b'<?xml version="1.0"?><Error><Message/></Error>',
    b"<Error><Code>NoSuchKey</Code><Message></Message><RequestId></RequestId></Error>",
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><ListBucketResult>&a;</ListBucketResult>',
    b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken/></ListBucketResult>",
    b"<ListBucketResult><Contents><Key/><Size>x</Size><LastModified>x</LastModified></Contents></ListBucketResult>",
    b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>",
    b'{"message":"Bad credentials"}',
    b'{"errors":[{"message":null,"type":null,"path":null}],"data":null}',
    b'{"errors":{}}',
    b'{"errors":[null],"data":{"user":null}}',
    b'{"data":{"user":null}}',
    b'{"bookmarks":null,"nextCursor":null}',
    b'{"bookmarks":[null,{},[],"x"],"nextCursor":""}',
    b'{"error":"x","message":["y"]}',
)
_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        1e308,
        2**63,
        10**400,
        "",
        " ",
        "\x00",
        "null",
        "\ud800",
        "é\u202e",
        [],
    ),
    *(
        {},
        [None],
        [[]],
        {"": None},
        {"id": None},
        "javascript:alert(1)",
        "https://[",
        "//",
        "..",
        "../../etc/passwd",
    ),
    *(
        "+056789-01-01T00:00:00.000Z",
        "-000001-01-01T00:00:00.000Z",
        "0000-00-00T00:00:00Z",
        "2026-02-30T00:00:00Z",
    ),
    *(
        "x" * 70_000,
        "1" * 5000,
        "https://example.com/" + "a" * 9000,
        "\r\nX-Injected: 1",
        [0] * 3000,
        "٣",
        "ß",
    ),
)
_RAW = (
    b"NaN",
    b"Infinity",
    b"9" * 5000,
    b"1e999",
    b'"\\ud800"',
    b"[" * 5000,
    b"\xff",
    b"-0",
    b"01",
    b'"\\u0000"',
)


class Mutator:
    """An action for `App.inject` that spoils a share of the proper answers, in the same way for the same seed.

    `spoilt` counts them. Which answer meets which fault also depends on the order in which requests come.
    """

    def __init__(self, seed: int, share: float = 1.0) -> None:
        self._random = random.Random(seed)
        self._share = share
        self._lock = threading.Lock()
        self.spoilt = 0

    def __call__(self, request: Request, answer: Answer) -> Response:
        """The proper answer, or what became of it."""
        proper = answer(request)
        with self._lock:
            if self._random.random() >= self._share:
                return proper
            self.spoilt += 1
            for _ in range(self._random.choice((1, 1, 1, 2, 3))):
                proper = self._random.choice(_MUTATIONS)(self._random, proper)
        # The connection ends with the answer, so that nobody waits for what will not come.
        return proper if proper.ending == "reset" else proper.changed(ending="close")

    @property
    def action(self) -> Action:
        """Itself, as the type that `inject` takes."""
        return self


def spoilt_body(rng: random.Random, body: bytes) -> bytes:
    """Some bytes, or one thing of the JSON that they are, changed."""
    return _json_changed(rng, Response(body=body)).body


def _status(rng: random.Random, response: Response) -> Response:
    return response.changed(status=rng.choice(_STATUSES))


def _header_lost(rng: random.Random, response: Response) -> Response:
    lost = rng.choice([*response.headers, "none"])
    return response.changed(
        headers={name: value for name, value in response.headers.items() if name != lost}
    )


def _header_set(rng: random.Random, response: Response) -> Response:
    name = rng.choice(list(_HEADERS))
    others = {key: value for key, value in response.headers.items() if key.lower() != name.lower()}
    return response.changed(headers={**others, name: rng.choice(_HEADERS[name])})


def _header_twice(rng: random.Random, response: Response) -> Response:
    name = rng.choice(list(_HEADERS))
    doubled = {name.upper(): rng.choice(_HEADERS[name]), name.lower(): rng.choice(_HEADERS[name])}
    return response.changed(headers={**response.headers, **doubled})


def _other_body(rng: random.Random, response: Response) -> Response:
    return response.changed(body=rng.choice(_PAGES))


def _cut_body(rng: random.Random, response: Response) -> Response:
    return response.changed(body=response.body[: rng.randint(0, max(0, len(response.body) - 1))])


def _bytes_changed(rng: random.Random, response: Response) -> Response:
    body = bytearray(response.body)
    for _ in range(rng.randint(1, 8)):
        if body:
            body[rng.randrange(len(body))] = rng.randrange(256)
    return response.changed(body=bytes(body))


def _json_changed(rng: random.Random, response: Response) -> Response:
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        return _bytes_changed(rng, response)
    for _ in range(rng.randint(1, 4)):
        value = _with_change(rng, value)
    body = json.dumps(value).encode()
    if rng.random() < 0.2:
        body = body.replace(b"null", rng.choice(_RAW), 1)
    return response.changed(body=body)


def _with_change(rng: random.Random, value: Any) -> Any:
    """The value with one thing in it, anywhere, replaced, removed or doubled."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: inner for name, inner in value.items() if name != key}
        return {**value, key: _with_change(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        if rng.random() < 0.1:
            return [*value, value[at]]
        return [*value[:at], _with_change(rng, value[at]), *value[at + 1 :]]
    return rng.choice(_VALUES)


def _text_changed(rng: random.Random, response: Response) -> Response:
    """A tag of XML or HTML emptied, lost or doubled."""
    text = response.body.decode("latin-1")
    starts = [at for at, letter in enumerate(text) if letter == ">"]
    if not starts:
        return _other_body(rng, response)
    at = rng.choice(starts) + 1
    end = text.find("<", at)
    middle = rng.choice(("", "x", "<", "&bogus;", "]]>", "9" * 400, "\x00"))
    return response.changed(body=(text[:at] + middle + text[max(at, end) :]).encode("latin-1"))


def _delivery(rng: random.Random, response: Response) -> Response:
    size = len(response.body)
    return rng.choice(
        (
            response.changed(silent=True, ending="reset"),
            response.changed(silent=True, ending="close"),
            response.changed(send=size // 2, ending="reset"),
            response.changed(send=size // 2, ending="close"),
            response.changed(declared_length=size + 9, ending="close"),
            response.changed(declared_length=size // 2, ending="close"),
            response.changed(chunks=[response.body], headers={**response.headers}),
        )
    )


_MUTATIONS: tuple[Callable[[random.Random, Response], Response], ...] = (
    _status,
    _header_lost,
    _header_set,
    _header_set,
    _header_twice,
    _other_body,
    _cut_body,
    _bytes_changed,
    _json_changed,
    _json_changed,
    _json_changed,
    _text_changed,
    _delivery,
)
