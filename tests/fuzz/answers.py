"""Answers of servers: the bookmark server, GitHub, S3, redirects, headers and packed bodies."""

import gzip
import json
import random
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from pydantic import SecretStr

from datafetch.bookmarks.karakeep import BookmarkApi
from datafetch.bookmarks.rules.normalise import normalise, surplus_tags
from datafetch.bookmarks.rules.slugs import base_slug
from datafetch.clock import ClockSkew, http_date
from datafetch.errors import DatafetchError
from datafetch.github.api import GitHubActivity
from datafetch.github.budget import Budget
from datafetch.github.graphql import GraphQL
from datafetch.github.link import Link
from datafetch.github.lists import FoundRepositories
from datafetch.github.model import Repository, TimeWindow
from datafetch.github.refusals import TokenFacts
from datafetch.github.rest import Statistics
from datafetch.models.json import encode_json
from datafetch.net.base import Request
from datafetch.net.body import declared_length, read_body
from datafetch.net.excerpts import excerpt
from datafetch.net.guard import canonical_host, check_url, parse_url, public_url
from datafetch.net.hops import first_hop, next_hop
from datafetch.net.options import NetOptions
from datafetch.net.outcomes import asked_until, error_for
from datafetch.runtime.retry import RetryPolicy
from datafetch.store.s3_answers import Answer as S3Answer
from datafetch.store.s3_answers import NotS3, SentElsewhere, tame
from datafetch.store.times import age_s, read_time, times_in
from tests.fuzz.canned import Canned, answer_of, parts_of
from tests.fuzz.target import KB, Target, shapes, text_of
from tests.job_settings import bookmarks_settings
from tests.support import START, FakeClock

_OPTIONS = NetOptions(user_agent="datafetch-test")
_URL = "https://site.example/a"
_NOW = datetime(2026, 11, 24, tzinfo=UTC)
_WINDOW = TimeWindow(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC))
_PAGE_MOST = 64 * KB * KB


def _json(value: object) -> bytes:
    return answer_of(json.dumps(value).encode(), content_type="application/json")


# ------------------------------------------------------------------- the bookmark server


def _bookmarks(data: bytes) -> None:
    for page in BookmarkApi(Canned(data), bookmarks_settings()).pages(100):
        for raw in page.readable:
            encode_json(normalise(raw))
            surplus_tags(raw)
            base_slug(raw.url, raw.title, raw.id)


def _lists(data: bytes) -> None:
    for ask in (BookmarkApi.lists, BookmarkApi.list_info):
        try:
            ask(BookmarkApi(Canned(data), bookmarks_settings()))
        except DatafetchError:
            continue
    BookmarkApi(Canned(data), bookmarks_settings()).lists_of("abc")


_ITEM = {
    "id": "abc123",
    "createdAt": "2026-01-02T03:04:05.000Z",
    "modifiedAt": "2026-01-02T03:04:05Z",
    "title": "A title",
    "archived": False,
    "favourited": True,
    "taggingStatus": "success",
    "note": None,
    "summary": "words",
    "tags": [{"id": "t1", "name": "C++ & co", "attachedBy": "ai"}],
    "assets": [{"id": "a1", "assetType": "screenshot"}],
    "content": {
        "type": "link",
        "url": "https://a.example/x?y#z",
        "imageUrl": "https://b.example/i.png",
    },
}
_LIST_PAGE = {"bookmarks": [_ITEM, {**_ITEM, "id": "b"}], "nextCursor": "c1"}
_JSON_UNITS = (
    *(b"[", b"{", b'{"a":', b"[]", b"{},", b"[],", b'"', b'"",', b"1", b"1,", b"-", b"1e", b"\\", b'\\"', b","),
    *(b'"\\ud800",', b'"a":1,', b'"a":{"a":[', b"null,", b" ", b"\xff", b":", b"]", b'"\\u0000"', b"0.1e5,"),
)  # fmt: skip
_IN_JSON = answer_of(b"", content_type="application/json")
_BOOKMARK_SHAPES = (
    *shapes(_IN_JSON, _JSON_UNITS),
    *shapes(_IN_JSON + b'{"bookmarks":[', _JSON_UNITS, b'],"nextCursor":null}'),
    *shapes(
        _IN_JSON + b'{"bookmarks":[{"id":"a","createdAt":"2026-01-02T03:04:05Z","content":{"a":',
        _JSON_UNITS,
        b"}}]}",
    ),
    *shapes(
        _IN_JSON + b'{"bookmarks":[{"id":"a","createdAt":"2026-01-02T03:04:05Z","tags":[',
        (b'{"id":"a","name":"b c"},', b'{"name":"++"},', b"{},"),
        b'{"name":"x"}],"content":{}}],"nextCursor":"x"}',
    ),
    *shapes(
        _IN_JSON + b'{"bookmarks":[{"id":"a","createdAt":"2026-01-02T03:04:05Z","title":"',
        (b"a ", b"-", b"\xc3\xa9", b"++", b"\\u0301"),
        b'","content":{"url":"http://reddit.com/"}}],"nextCursor":"x"}',
    ),
    *shapes(
        _IN_JSON
        + b'{"bookmarks":[{"id":"a","createdAt":"2026-01-02T03:04:05Z","content":{"url":"http://a.example/',
        (b"/", b"%", b"../", b"\xc3\xa9", b"?", b"@", b"a", b"\\\\"),
        b'"}}],"nextCursor":"x"}',
    ),
)

# ------------------------------------------------------------------- GitHub


def _link(data: bytes) -> Link:
    clock = FakeClock()
    return Link(
        http=Canned(data),
        clock=clock,
        budget=Budget("GitHub", clock, patience_s=60),
        token=SecretStr("ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        api_url="https://api.github.com",
        retry=RetryPolicy(),
        facts=TokenFacts("GITHUB_TOKEN"),
    )


def _graphql(data: bytes) -> None:
    for ask in (
        lambda activity: activity.years(_NOW),
        lambda activity: activity.days(_WINDOW),
        lambda activity: activity.totals({2026: _WINDOW}),
        lambda activity: activity.contributed_to(FoundRepositories()),
        lambda activity: activity.committed_to([_WINDOW], FoundRepositories()),
        lambda activity: activity.look_up(["a/b", "c/d"]),
    ):
        try:
            ask(GitHubActivity(GraphQL(_link(data)), "login"))
        except DatafetchError:
            continue


def _statistics(data: bytes) -> None:
    repository = Repository(id="R1", full_name="a/b", private=False, fork=False, pushed_at=None)
    Statistics(_link(data), "login").of(repository)


_NODE = {
    "id": "R1",
    "nameWithOwner": "a/b",
    "isPrivate": False,
    "isFork": False,
    "pushedAt": "2026-01-01T00:00:00Z",
}
_DAY = {"date": "2026-01-02", "contributionCount": 3, "contributionLevel": "FIRST_QUARTILE"}
_GRAPHQL = (
    {"data": {"user": {"contributionsCollection": {"contributionYears": [2026, 2025]}}}},
    {"data": {"user": {"repositoriesContributedTo": {"nodes": [_NODE, None], "pageInfo": {"hasNextPage": True, "endCursor": "c"}}}}},
    {"data": {"user": {"w0": {"contributionCalendar": {"weeks": [{"contributionDays": [_DAY]}], "totalContributions": 3}}}}},
    {"data": {"user": {"w0": {"commitContributionsByRepository": [{"repository": _NODE, "url": "https://github.com/a/b/commits?x"}]}}}},
    {"data": {"r0": _NODE, "r1": None}, "errors": [{"type": "NOT_FOUND", "path": ["r1"], "message": "no"}]},
    {"data": None, "errors": [{"type": "RATE_LIMITED", "message": "slow down"}]},
    {"errors": [{"type": "FORBIDDEN", "path": ["user"], "extensions": {"saml_failure": True}, "message": "SAML"}]},
)  # fmt: skip
_CONTRIBUTORS = [
    {"total": 1, "author": {"login": "login"}, "weeks": [{"w": 1704067200, "a": 1, "d": 2, "c": 3}]}
]

# ------------------------------------------------------------------- HTTP


def _headers(data: bytes) -> None:
    """All that is read of an answer's headers, and of a body that is not as expected."""
    status, headers, body = parts_of(data)
    declared_length(headers)
    asked_until(headers, START)
    error_for(status if status >= 300 else 503, headers, _URL, START)
    date = headers.get("date", "")
    http_date.__wrapped__(date)
    ClockSkew().observe_answer("a.example", headers, START)
    times_in(date)
    age_s(date, read_time(headers.get("last-modified", "")))
    str(excerpt(body, headers.get("content-type", "")))


def _redirect(data: bytes) -> None:
    location = text_of(data)
    request = Request(_URL, trust="data", upstream="site", headers={"Cookie": "a"})
    hop = first_hop(request, _OPTIONS)
    for status in (302, 308):
        hop = next_hop(hop, status, location, _OPTIONS)


def _address(data: bytes) -> None:
    """An address that the guard reads."""
    text = text_of(data)
    public_url(text)
    with suppress(DatafetchError):
        canonical_host(text)
    check_url(parse_url(text), ())


def _packed(data: bytes) -> None:
    _, headers, body = parts_of(data)
    request = Request(_URL, trust="data", upstream="site", limit=512 * KB, stop_after=b"<body")
    out = BytesIO()
    chunks = (body[at : at + 997] for at in range(0, len(body), 997))
    read_body(chunks, headers, _URL, request, out.write)


class _Operation:
    """What `tame` looks at of botocore's models."""

    def __init__(self, name: str) -> None:
        self.name = name


def _s3(data: bytes) -> None:
    status, headers, body = parts_of(data)
    for name in ("ListObjectsV2", "PutObject", "HeadObject"):
        answer = S3Answer(status_code=status, headers=dict(headers), body=body)
        operation: Any = _Operation(name)
        try:
            tame(response_dict=answer, operation_model=operation)
        except (NotS3, SentElsewhere):
            continue


_SENTENCE = "<title>Sign in &#8212; &eacute;</title>token=abcdefghi12345"
_LISTING = b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListBucketResult>'
_HEADER_UNITS = (b" ", b"1", b",", b"(", b"\\(", b"a", b"-", b":", b"Mon, ", b"\xff", b"\xb2")
_WHEN = "Tue, 24 Nov 2026 08:00:00 GMT"

TARGETS = (
    Target(
        "bookmarks",
        _bookmarks,
        (_json(_LIST_PAGE), _json({"bookmarks": [], "nextCursor": None})),
        _BOOKMARK_SHAPES,
        _PAGE_MOST,
    ),
    Target(
        "lists",
        _lists,
        (
            _json({"lists": [{"id": "l1", "name": "n", "type": "manual", "parentId": None}]}),
            answer_of(b"<html>", 403),
        ),
        shapes(_IN_JSON, _JSON_UNITS) + shapes(_IN_JSON + b'{"lists":[', (b'{"id":"a"},', b"{},")),
        KB * KB,
    ),
    Target(
        "graphql",
        _graphql,
        (
            *map(_json, _GRAPHQL),
            answer_of(b'{"message":"Bad credentials"}', 401),
            answer_of(b"<html>", 403, retry_after="3"),
        ),
        shapes(_IN_JSON, _JSON_UNITS)
        + shapes(
            _IN_JSON + b'{"data":{},"errors":[',
            (b"{},", b'{"path":["r0"],"message":"a"},', b'{"message":"'),
        )
        + shapes(
            _IN_JSON + b'{"data":{"user":{"repositoriesContributedTo":{"nodes":[',
            (b"null,", b"{},"),
            b"]}}}}",
        ),
        32 * KB * KB,
        # Six readers are given each answer.
        extra_s=0.25,
    ),
    Target(
        "statistics",
        _statistics,
        (
            _json(_CONTRIBUTORS),
            answer_of(b"", 202),
            answer_of(b'{"message":"SAML"}', 403, x_github_sso="required; url=x"),
        ),
        shapes(_IN_JSON, _JSON_UNITS)
        + shapes(
            _IN_JSON + b'[{"author":{"login":"login"},"weeks":[',
            (b'{"w":1,"a":1,"d":1,"c":1},', b"{},"),
            b"]}]",
        ),
        32 * KB * KB,
    ),
    Target(
        "headers",
        _headers,
        (
            answer_of(
                _SENTENCE.encode(), 429, retry_after="12", date=_WHEN, content_length="12", age="3"
            ),
            answer_of(
                b"{}",
                403,
                x_ratelimit_remaining="0",
                x_ratelimit_reset="1795507200",
                date="Tue, 24 Nov 26 08:00 -0000",
            ),
            answer_of(
                b"\0\1",
                503,
                retry_after=_WHEN,
                last_modified="2026-01-01T00:00:00Z",
                content_type="a/b;c=d",
            ),
            answer_of(
                b"<html><title>&#" + b"9" * 5000 + b";</title>", 200, content_type="text/html"
            ),
        ),
        tuple(
            shape
            for name in (
                b"retry-after",
                b"date",
                b"content-type",
                b"last-modified",
                b"age",
                b"content-length",
            )
            for shape in shapes(b"429\n" + name + b": ", _HEADER_UNITS)
        )
        + shapes(
            answer_of(b"<title>"),
            (b"&", b"&#", b"&#1", b"\xc4\xb0", b"<", b"token=", b"eyJ"),
            b"</title>",
        )
        + shapes(answer_of(b""), (b"\xff", b"a", b" ", b"a-", b"http://", b"//@", b"eyJ.")),
        64 * KB,
    ),
    Target(
        "redirect",
        _redirect,
        (
            b"/next?a=b",
            b"//b.example/",
            b"https://u:p@c.example:8443/x#y",
            b"http://0x7f.1/",
            b"http:\\\\a",
        ),
        shapes(
            b"",
            (b"/", b"../", b"\\", b"%", b"@", b":", b"?", b"#", b"a", b"\t", b"\xc3\xa9", b"xn--"),
        )
        + shapes(
            b"http://",
            (b"a.", b"\xc3\xa9.", b"xn--a.", b"[", b":", b"@", b"1.", b"%41", b"\xef\xbc\x8e"),
        ),
        64 * KB,
    ),
    Target(
        "address",
        _address,
        (
            b"https://a.example/",
            b"http://[::ffff:1.2.3.4]/",
            b"b\xc3\xbccher.example",
            b"0x7f.1",
            b"http://a@b/",
        ),
        shapes(
            b"http://",
            (b"a.", b"\xc3\xa9", b"xn--", b"[", b":", b"@", b"1.", b"0x", b"%", b"\xef\xbd\xa1"),
        ),
        64 * KB,
    ),
    Target(
        "packed",
        _packed,
        (
            answer_of(gzip.compress(b"<head>" * 99), content_encoding="gzip"),
            answer_of(zlib.compress(random.Random(7).randbytes(99)), content_encoding="deflate"),
            answer_of(gzip.compress(b"a") + gzip.compress(b"b"), content_encoding="gzip, gzip"),
        ),
        shapes(
            answer_of(b"", content_encoding="gzip"),
            (gzip.compress(b""), gzip.compress(b"a"), gzip.compress(b"a" * 99999)),
        )
        + shapes(
            answer_of(b"", content_encoding="deflate"), (b"\0", b"\x78\x9c", b"\x01\0\0\xff\xff")
        )
        + shapes(answer_of(b"", content_encoding="identity"), (b"<", b"<body", b"<bod"))
        + shapes(b"200\ncontent-encoding: ", (b"gzip,", b",", b" ")),
        512 * KB,
        # What is unpacked is bounded by the request, not by the length of the answer.
        extra_s=0.1,
    ),
    Target(
        "s3",
        _s3,
        (
            answer_of(_LISTING, etag='"abc"', content_length="9"),
            answer_of(b"<Error><Code>NoSuchKey</Code><Message>x</Message></Error>", 404),
            answer_of(b"<html>", 301, location="http://b.example/", etag="W/abc"),
        ),
        shapes(
            answer_of(b"<ListBucketResult>"),
            (b"<IsTruncated>", b"<a:IsTruncated>", b"<", b"<a", b" "),
        )
        + shapes(
            answer_of(b"<Error>", 404),
            (b"<a>", b"<a/>", b"&amp;", b"&a;", b"<a>b</a>"),
            b"</Error>",
        )
        + shapes(b"404\netag: ", (b'"', b" ", b"a", b"W/")),
        KB * KB,
    ),
)
