"""Answers that leave out or garble what S3 promises: each becomes a value or one of our errors."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datafetch.errors import (
    CorruptObject,
    DatafetchError,
    ObjectNotFound,
    PreconditionFailed,
    StoreDenied,
    StoreError,
    StoreUnavailable,
)
from datafetch.store.base import IfAbsent, IfMatch
from datafetch.store.s3 import S3Store
from datafetch.store.s3_answers import canonical_etag
from tests.fakes.base import App, FakeServer, Request, Response
from tests.support import FakeClock

KEY = "json/bookmarks/index.json"
BODY = b'{"count":1}'
ETAG = f'"{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"'
WRITTEN = datetime(2026, 11, 24, 8, tzinfo=UTC)
HEADERS = {
    "Content-Type": "application/json",
    "ETag": ETAG,
    "Last-Modified": "Tue, 24 Nov 2026 08:00:00 GMT",
    "Date": "Tue, 24 Nov 2026 08:05:00 GMT",
}
PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body></body></html>"
OLD_PAGE = b"<html><body>Log in<br><input name=user></body>"
XHTML = b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body/></html>'


def found(**headers: str | None) -> Response:
    """An object's answer, with these headers in the place of the usual ones; None drops one."""
    given = {name.replace("_", "-").title(): value for name, value in headers.items()}
    usual = {name.title(): value for name, value in HEADERS.items()}
    kept = {name: value for name, value in {**usual, **given}.items() if value is not None}
    return Response(200, kept, BODY)


def refused(status: int, body: bytes, content_type: str = "application/xml") -> Response:
    """An error's answer."""
    return Response(status, {"Content-Type": content_type}, body)


def entry(key: str = KEY, **fields: str | None) -> str:
    """One object of a listing; None drops a field."""
    usual = {"LastModified": "2026-11-24T08:00:00.000Z", "ETag": ETAG, "Size": "11"}
    lines = {"Key": key, **usual, **fields}
    inner = "".join(
        f"<{name}>{value}</{name}>" for name, value in lines.items() if value is not None
    )
    return f"<Contents>{inner}</Contents>"


def listing(*entries: str, more: str = "<IsTruncated>false</IsTruncated>") -> Response:
    """A listing's answer."""
    inner = f"<Name>bucket</Name>{more}{''.join(entries)}"
    body = f'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</ListBucketResult>'
    return Response(200, {"Content-Type": "application/xml"}, body.encode())


@dataclass
class OddApp(App):
    """Answers as it is told to, by method; a listing is LIST, a question for the bucket BUCKET."""

    answers: dict[str, Response | list[Response]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    def answer(self, request: Request) -> Response:
        method, key = request.method, request.path.lstrip("/").partition("/")[2]
        name = {"GET": "LIST", "HEAD": "BUCKET"}.get(method, method) if not key else method
        given = self.answers.get(name, Response(200, {"Content-Type": "application/xml"}))
        if isinstance(given, list):
            given = given.pop(0) if len(given) > 1 else given[0]
        return given

    def asked(self) -> list[str]:
        """The methods of all requests."""
        return [request.method for request in self.log.all()]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    """One server for all tests."""
    with OddApp().served() as opened:
        yield opened


@pytest.fixture(scope="module")
def client(server: FakeServer) -> Iterator[S3Store]:
    """One client for all tests, which repeats nothing."""
    store = S3Store(
        "bucket",
        endpoint=server.url,
        access_key="a",
        secret_key="b",
        max_retries=0,
        read_timeout_s=5.0,
        clock=FakeClock(),
    )
    with closing(store):
        yield store


@pytest.fixture
def odd(server: FakeServer, client: S3Store) -> OddApp:
    """The server, which answers nothing of note yet."""
    assert isinstance(server.app, OddApp)
    server.app.answers = {}
    server.app.log.clear()
    client._bucket._seen = False
    return server.app


READS: dict[str, Callable[[S3Store], Any]] = {
    "get": lambda store: store.get(KEY),
    "open": lambda store: store.open(KEY).__enter__(),
    "head": lambda store: store.head(KEY),
}
CALLS: dict[str, Callable[[S3Store], Any]] = {
    **READS,
    "list": lambda store: list(store.list("json/")),
    "put": lambda store: store.put(KEY, BODY),
    "put if absent": lambda store: store.put(KEY, BODY, condition=IfAbsent()),
    "delete": lambda store: store.delete(KEY),
}
EVERY_READ = pytest.mark.parametrize("read", READS.values(), ids=READS)
EVERY_CALL = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def not_s3(why: str) -> Any:
    """Expects the error for an answer that is not S3's, with its reason and a hint."""
    return pytest.raises(
        StoreUnavailable,
        match=rf"http://127\.0\.0\.1:\d+ does not answer as S3 \({why}(\)|; HTTP \d+|, )",
    )


# -------------------------------------------------------------- error documents

NO_SUCH_KEY = [
    b"<Error><Code>NoSuchKey</Code><Message></Message></Error>",
    b"<Error><Code>NoSuchKey</Code></Error>",
    b'<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code><Message/><Message>two</Message></Error>',
    b'<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code> NoSuchKey\n</Code></Error>',
    b"\n <Error><Code>NoSuchKey</Code><Message><b>bold</b></Message><RequestId/></Error>",
    b"<ErrorResponse><Error><Code>NoSuchKey</Code></Error></ErrorResponse>",
    b"",
]


@pytest.mark.parametrize("body", NO_SUCH_KEY)
def test_a_missing_object_is_missing_however_it_is_said(
    odd: OddApp, client: S3Store, body: bytes
) -> None:
    """An error document with an empty `<Message>` was a TypeError in every command."""
    odd.answers = {"GET": refused(404, body)}
    with pytest.raises(ObjectNotFound) as caught:
        client.get(KEY)
    assert caught.value.key == KEY


UNREADABLE = {
    "no code": b"<Error><Message>why</Message></Error>",
    "an empty code": b"<Error><Code/><Message/></Error>",
    "an empty error": b"<Error/>",
    "a code in a code": b"<Error><Code><b>NoSuchKey</b></Code></Error>",
    "text": b"Not Found",
    "JSON": b'{"code":"NoSuchKey"}',
    "cut off": b"<Error><Code>NoSuchKey</Code>",
    "another document": b"<Problem><Code>NoSuchKey</Code></Problem>",
    "an error that is text": b"<Result><Error>NoSuchKey</Error></Result>",
    "a page": PAGE,
    "a page in XML": XHTML,
    "a document type": b"<!DOCTYPE a [<!ENTITY b 'NoSuchKey'>]><Error><Code>&b;</Code></Error>",
    "no UTF-8": b"<Error><Code>\xff\xfe</Code></Error>",
    "nothing but depth": b"<a>" * 5000,
}


@EVERY_CALL
@pytest.mark.parametrize("status", [400, 403, 404, 500])
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_an_error_that_is_not_s3s_is_never_a_missing_object(
    odd: OddApp, client: S3Store, call: Callable[[S3Store], Any], status: int, body: bytes
) -> None:
    """A proxy's page with 404 was "not there", or a traceback."""
    answer = refused(status, body)
    # HEAD has no body that could tell; the bucket is then asked for, and answers the same.
    odd.answers = dict.fromkeys(("GET", "HEAD", "BUCKET", "LIST", "PUT", "DELETE"), answer)
    with pytest.raises(StoreError) as caught:
        call(client)
    assert type(caught.value) is (StoreDenied if status == 403 else StoreUnavailable)
    assert caught.value.hint


def test_a_page_with_an_error_is_called_a_page(
    odd: OddApp, client: S3Store, server: FakeServer
) -> None:
    """The sentence says what came, in few words and without its source."""
    odd.answers = {"GET": refused(404, PAGE, "text/html")}
    with pytest.raises(StoreUnavailable) as caught:
        client.get(KEY)
    assert str(caught.value) == (
        f"{KEY}: {server.url} does not answer as S3 (a web page; HTTP 404, text/html)"
    )
    assert "proxy" in caught.value.hint


@EVERY_CALL
@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_redirection_to_a_log_in_is_an_error_with_its_address(
    odd: OddApp, client: S3Store, call: Callable[[S3Store], Any], status: int
) -> None:
    """A proxy that asks for a log-in sends every request there; none of them is repeated for ever."""
    answer = Response(status, {"Location": "https://login.example.com/start?rd=secret"})
    odd.answers = dict.fromkeys(("GET", "HEAD", "BUCKET", "LIST", "PUT", "DELETE"), answer)
    with pytest.raises(StoreUnavailable) as caught:
        call(client)
    assert "https://login.example.com" in str(caught.value)
    assert "S3_SERVER_URL" in caught.value.hint
    assert "secret" not in f"{caught.value} {caught.value.hint}"
    assert len(odd.asked()) == 1


# ------------------------------------------------------------------- headers


@EVERY_READ
@pytest.mark.parametrize("etag", [None, "", '""', " ", '"a" "b"'])
def test_an_object_without_an_etag_is_no_object_of_s3(
    odd: OddApp, client: S3Store, read: Callable[[S3Store], Any], etag: str | None
) -> None:
    """An answer without ETag was a traceback; without one no write would be safe."""
    odd.answers = dict.fromkeys(("GET", "HEAD"), found(etag=etag))
    with not_s3("no ETag") as caught:
        read(client)
    assert "S3_SERVER_URL" in caught.value.hint


@pytest.mark.parametrize(
    ("sent", "etag"),
    [
        ('"abc"', '"abc"'),
        ("abc", '"abc"'),
        ('W/"abc"', '"abc"'),
        (' "abc-2" ', '"abc-2"'),
        ('""', None),
        ("W/", '"W/"'),
        ('"a"b"', None),
        ("a b", None),
        ("", None),
        (None, None),
    ],
)
def test_an_etag_has_one_form_inside(sent: str | None, etag: str | None) -> None:
    """Listings without quotes and the weak ones of proxies name the same bytes."""
    assert canonical_etag(sent) == etag


@pytest.mark.parametrize("sent", [ETAG, ETAG.strip('"'), f"W/{ETAG}"])
def test_listing_and_reading_agree_on_an_etag(odd: OddApp, client: S3Store, sent: str) -> None:
    """Two forms of one ETag made every object look changed, and every condition fail."""
    odd.answers = {
        "GET": found(),
        "HEAD": found(etag=f"W/{ETAG}"),
        "LIST": listing(entry(ETag=sent)),
    }
    odd.answers["PUT"] = Response(200, {"ETag": sent})
    (listed,) = client.list("")
    assert client.get(KEY).etag == client.head(KEY).etag == listed.etag == ETAG
    assert client.put(KEY, BODY, condition=IfMatch(listed.etag)) == ETAG
    (put,) = odd.log.all("PUT http")
    assert put.headers["if-match"] == ETAG


@EVERY_READ
@pytest.mark.parametrize(
    ("last_modified", "expected"),
    [
        ("Tue, 24 Nov 2026 08:00:00 GMT", WRITTEN),
        ("Tue, 24 Nov 2026 07:00:00 GMT, Tue, 24 Nov 2026 08:00:00 GMT", WRITTEN),
        (None, None),
        ("", None),
        ("yesterday", None),
        ("Tue, 99 Nov 2026 08:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
    ],
)
def test_a_time_that_an_answer_lacks_is_unknown(
    odd: OddApp,
    client: S3Store,
    read: Callable[[S3Store], Any],
    last_modified: str | None,
    expected: datetime | None,
) -> None:
    """An answer without Last-Modified, with two or with nonsense was a traceback."""
    odd.answers = dict.fromkeys(("GET", "HEAD"), found(last_modified=last_modified))
    object_or_info = read(client)
    assert getattr(object_or_info, "info", object_or_info).last_modified == expected
    assert client.get(KEY).age_s == (300 if expected else None)


def test_a_header_that_came_twice_counts_once(odd: OddApp, client: S3Store) -> None:
    """A proxy that adds its own Last-Modified does not make an object older, nor stop the run."""
    answer = found()
    answer.headers["last-modified"] = "Tue, 24 Nov 2026 08:04:00 GMT"
    odd.answers = {"GET": answer}
    assert client.get(KEY).age_s == 60


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 2026 08:00:00 GMT"])
def test_an_age_without_the_servers_clock_is_unknown(
    odd: OddApp, client: S3Store, date: str
) -> None:
    """A Date that is nonsense says no age, and never one by this machine's clock."""
    odd.answers = {"GET": found(date=date)}
    assert client.get(KEY).age_s is None


STRANGE_HEADERS = {
    "x-amz-missing-meta": "many",
    "x-amz-mp-parts-count": "two",
    "x-amz-tagging-count": "",
    "x-amz-object-lock-retain-until-date": "never",
    "x-amz-server-side-encryption-bucket-key-enabled": "perhaps",
    "x-amz-object-size": "large",
    "Expires": "soon",
    "x-amz-retry-after": "later",
}


@EVERY_CALL
def test_headers_that_nobody_asked_for_may_hold_anything(
    odd: OddApp, client: S3Store, call: Callable[[S3Store], Any]
) -> None:
    """The client library reads numbers and times from headers that we never use."""
    answer = found()
    answer.headers.update(STRANGE_HEADERS)
    odd.answers = {
        "GET": answer,
        "HEAD": answer,
        "PUT": answer.changed(body=b""),
        "LIST": listing(),
    }
    call(client)


# ------------------------------------------------------------------- lengths


@pytest.mark.parametrize("length", ["eleven", "-1", "1e1", "11, 11"])
def test_a_length_that_is_no_number_is_refused_on_an_object(
    odd: OddApp, client: S3Store, length: str
) -> None:
    """A cut-off connection could not be told from the object's end."""
    odd.answers = {"GET": found().changed(declared_length=length, ending="close")}
    with not_s3("a Content-Length that is no number"):
        client.get(KEY)


def test_an_object_without_a_length_is_refused(odd: OddApp, client: S3Store) -> None:
    """The same when the end of the connection is the only sign of the end."""
    odd.answers = {"GET": found().changed(declared_length="", ending="close")}
    with not_s3("no Content-Length"):
        client.get(KEY)


def test_an_object_in_chunks_has_the_length_of_its_bytes(odd: OddApp, client: S3Store) -> None:
    """Proxies that pack bodies send them in chunks, whose end is marked."""
    odd.answers = {"GET": found().changed(chunks=[BODY[:4], BODY[4:]])}
    got = client.get(KEY)
    assert (got.body, got.info.size) == (BODY, 11)
    with client.open(KEY) as opened:
        assert opened.info.size == 11


@pytest.mark.parametrize("length", [None, "eleven"])
def test_a_head_without_a_length_is_answered_by_reading(
    odd: OddApp, client: S3Store, length: str | None
) -> None:
    """A size of None or 0 would be a lie."""
    head = found().changed(body=b"", declared_length=length)
    odd.answers = {"HEAD": head, "GET": found()}
    assert client.head(KEY).size == 11
    assert odd.asked() == ["HEAD", "GET"]


@pytest.mark.parametrize("status", [400, 403])
def test_where_head_is_refused_the_object_is_asked_for_and_not_read(
    odd: OddApp, client: S3Store, status: int
) -> None:
    """A proxy that lets only GET through must not bring a picture of 10 GB into memory."""
    large = found().changed(declared_length=10_000_000_000, ending="close")
    odd.answers = {"HEAD": Response(status), "GET": large}
    assert client.head(KEY).size == 10_000_000_000
    assert odd.asked().count("GET") == 1


def test_where_head_is_refused_an_object_without_a_length_is_counted(
    odd: OddApp, client: S3Store
) -> None:
    """In chunks its end tells the size, as for every reader."""
    odd.answers = {"HEAD": Response(403), "GET": found().changed(chunks=[BODY[:4], BODY[4:]])}
    assert client.head(KEY).size == 11


def test_too_long_a_length_is_a_body_that_was_cut_off(odd: OddApp, client: S3Store) -> None:
    """Half an object is never returned: it is asked for once more, then the store is unavailable."""
    odd.answers = {"GET": found().changed(declared_length=99, ending="close")}
    with pytest.raises(StoreUnavailable, match="no whole answer"):
        client.get(KEY)
    assert odd.asked() == ["GET", "GET"]


def test_too_short_a_length_harms_no_other_answer(odd: OddApp, client: S3Store) -> None:
    """What a server calls the whole is taken as the whole; its JSON then is corrupt, not missing."""
    odd.answers = {"GET": found().changed(declared_length=5)}
    with pytest.raises(CorruptObject):
        client.get(KEY).json()
    odd.answers = {"GET": found()}
    assert client.get(KEY).body == BODY


@pytest.mark.parametrize("length", [9999, "eleven", ""])
def test_the_length_of_an_answer_without_an_object_says_nothing(
    odd: OddApp, client: S3Store, length: int | str
) -> None:
    """A listing is whole by its own end, a write by its status: a wrong length harms neither."""
    wrong = {"declared_length": length, "ending": "close"}
    stored = Response(200, {"ETag": ETAG}).changed(**wrong)
    odd.answers = {"LIST": listing(entry()).changed(**wrong), "PUT": stored, "DELETE": stored}
    assert [info.key for info in client.list("json/")] == [KEY]
    assert client.put(KEY, BODY) == ETAG
    client.delete(KEY)


def test_an_error_that_was_cut_off_is_not_a_missing_object(odd: OddApp, client: S3Store) -> None:
    """Too short a length cuts the code off; the rest of the sentence decides nothing."""
    answer = refused(404, b"<Error><Code>NoSuchKey</Code></Error>")
    odd.answers = {"GET": answer.changed(declared_length=20, ending="close")}
    with pytest.raises(StoreUnavailable):
        client.get(KEY)


# ------------------------------------------------------------- pages with 200


@EVERY_CALL
@pytest.mark.parametrize("body", [PAGE, OLD_PAGE, XHTML])
@pytest.mark.parametrize("etag", [None, '"page"'])
def test_a_log_in_page_is_no_answer_of_s3(
    odd: OddApp, client: S3Store, call: Callable[[S3Store], Any], body: bytes, etag: str | None
) -> None:
    """A log-in page with 200 was an object, an empty listing or a write that succeeded."""
    headers = {"Content-Type": "text/html; charset=utf-8"} | ({"ETag": etag} if etag else {})
    page = Response(200, headers, body)
    odd.answers = dict.fromkeys(("GET", "HEAD", "LIST", "PUT", "DELETE"), page)
    with not_s3("a web page"):
        call(client)


def test_a_stored_web_page_is_an_object(odd: OddApp, client: S3Store) -> None:
    """A server that names its request has an object of that type; what is found is not judged."""
    odd.answers = {"GET": found(content_type="text/html", x_amz_request_id="1")}
    assert client.get(KEY).info.content_type == "text/html"


@EVERY_READ
@pytest.mark.parametrize("status", [201, 203, 204, 206])
def test_only_200_brings_an_object(
    odd: OddApp, client: S3Store, read: Callable[[S3Store], Any], status: int
) -> None:
    """A part of an object, or a copy that a proxy changed, is not the object."""
    odd.answers = dict.fromkeys(("GET", "HEAD"), found().changed(status=status))
    with not_s3(f"HTTP {status}"):
        read(client)


# -------------------------------------------------------------------- writes


@pytest.mark.parametrize("etag", [None, "", '""'])
def test_an_etag_that_a_write_does_not_tell_is_asked_for(
    odd: OddApp, client: S3Store, etag: str | None
) -> None:
    """A PUT without ETag was a traceback after the object was stored."""
    odd.answers = {"PUT": Response(200, {} if etag is None else {"ETag": etag}), "HEAD": found()}
    assert client.put(KEY, BODY) == ETAG
    assert odd.asked() == ["PUT", "HEAD"]


def test_a_write_whose_etag_nobody_tells_is_an_error(odd: OddApp, client: S3Store) -> None:
    """Without ETag no later write would be safe."""
    odd.answers = {"PUT": Response(200), "HEAD": found(etag=None)}
    with not_s3("no ETag"):
        client.put(KEY, BODY)


def test_a_write_that_is_not_there_afterwards_is_an_error(odd: OddApp, client: S3Store) -> None:
    """It is no missing object: a write never raises that."""
    odd.answers = {"PUT": Response(200), "HEAD": Response(404)}
    with pytest.raises(StoreUnavailable, match="is not there"):
        client.put(KEY, BODY)


def test_a_write_is_never_a_missing_object(odd: OddApp, client: S3Store) -> None:
    """Only a write on an ETag may meet that there is no object."""
    odd.answers = {"PUT": refused(404, NO_SUCH_KEY[0]), "GET": refused(404, NO_SUCH_KEY[0])}
    with pytest.raises(StoreUnavailable, match="was not stored"):
        client.put(KEY, BODY)
    with pytest.raises(PreconditionFailed):
        client.put(KEY, BODY, condition=IfMatch(ETAG))


def test_an_error_in_an_answer_with_200_is_an_error(odd: OddApp, client: S3Store) -> None:
    """S3 itself sends such answers to long requests; the object is not stored."""
    odd.answers = {"PUT": refused(200, b"<Error><Code>InternalError</Code><Message/></Error>")}
    with pytest.raises(StoreUnavailable, match="InternalError"):
        client.put(KEY, BODY)


# ------------------------------------------------------------------- listings


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"OK",
        b"{}",
        b"<ListAllMyBucketsResult/>",
        b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>",
        b"<ListBucketResult>",
        listing(entry()).body[:-30],
        listing(entry()).body[:150],
        listing(entry(Size="large")).body,
        listing(entry(Key=None)).body,
        listing(more="").body,
        listing(more="<IsTruncated>True</IsTruncated>").body,
        listing(more="<IsTruncated>true</IsTruncated>").body,
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents>1</Contents></ListBucketResult>",
    ],
)
def test_a_listing_that_cannot_be_read_is_never_an_empty_one(
    odd: OddApp, client: S3Store, broken: bytes
) -> None:
    """A listing that was cut off, or is none, was a traceback or nothing: all objects were gone."""
    odd.answers = {"LIST": refused(200, broken)}
    with not_s3(".+"):
        list(client.list("json/"))


def test_a_listing_that_repeats_itself_ends(odd: OddApp, client: S3Store) -> None:
    """The next page's mark repeated; paging never ended."""
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>"
    odd.answers = {"LIST": listing(entry(), more=more)}
    with pytest.raises(StoreUnavailable):
        list(client.list("json/"))
    assert len(odd.asked()) <= 3


@pytest.mark.parametrize("fields", [{"ETag": None}, {"ETag": ""}, {"Size": None}])
def test_what_a_listing_leaves_out_is_asked_for(
    odd: OddApp, client: S3Store, fields: dict[str, str | None]
) -> None:
    """An entry without ETag was a traceback; it names an object all the same."""
    odd.answers = {"LIST": listing(entry("json/a", **fields), entry("json/b")), "HEAD": found()}
    first, second = client.list("json/")
    assert (first.key, first.etag, first.size) == ("json/a", ETAG, 11)
    assert (second.key, second.etag, second.size) == ("json/b", ETAG, 11)
    assert odd.asked() == ["GET", "HEAD"]


def test_a_stray_object_is_asked_for_by_the_name_that_it_has(odd: OddApp, client: S3Store) -> None:
    """A name that we would not write (`tags//`) ended every run: what is found is not judged."""
    odd.answers = {
        "LIST": listing(entry("json/tags//1.json", ETag=None)),
        "HEAD": found().changed(body=b"", declared_length=None),
        "GET": found(),
    }
    assert [(info.key, info.etag) for info in client.list("json/")] == [("json/tags//1.json", ETAG)]


def test_a_listing_has_nothing_that_was_not_asked_for(odd: OddApp, client: S3Store) -> None:
    """A server that ignores the prefix showed others' objects, which a publish would have removed."""
    odd.answers = {"LIST": listing(entry("json/a"), entry("json2/a"), entry("other/a"))}
    assert [info.key for info in client.list("json/")] == ["json/a"]


def test_an_object_that_is_gone_when_asked_for_is_not_listed(odd: OddApp, client: S3Store) -> None:
    """It was deleted between the listing and the question."""
    odd.answers = {"LIST": listing(entry(ETag=None)), "HEAD": Response(404)}
    assert list(client.list("json/")) == []


@pytest.mark.parametrize("time", [None, "", "yesterday", "2026-99-99T00:00:00Z"])
def test_a_listed_time_that_is_none_is_unknown(
    odd: OddApp, client: S3Store, time: str | None
) -> None:
    """One date that could not be read made the whole listing a traceback."""
    odd.answers = {"LIST": listing(entry(LastModified=time))}
    (listed,) = client.list("json/")
    assert listed.last_modified is None


# ---------------------------------------------------------------- all at once

_TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)
_NAMES = [
    "ETag",
    "Last-Modified",
    "Date",
    "Content-Type",
    "x-amz-missing-meta",
    "Location",
    "Expires",
]
_BODIES = st.sampled_from(
    [b"", PAGE, XHTML, BODY, listing(entry()).body, *NO_SUCH_KEY, *UNREADABLE.values()]
)


@st.composite
def mutated(draw: st.DrawFn) -> Response:
    """Any status over any body, whole or cut, under headers that say anything."""
    body = draw(_BODIES)
    body = body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body
    headers = draw(st.dictionaries(st.sampled_from(_NAMES), _TEXTS, max_size=5))
    status = draw(
        st.sampled_from(
            [
                200,
                200,
                200,
                204,
                206,
                300,
                301,
                304,
                307,
                400,
                403,
                404,
                409,
                412,
                416,
                418,
                500,
                501,
                503,
                599,
            ]
        )
    )
    return Response(status, HEADERS | headers if draw(st.booleans()) else headers, body)


# urllib3 leaves a connection to the garbage collector when it cannot read an answer's headers.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@EVERY_CALL
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(answer=mutated(), other=mutated())
def test_no_answer_ends_in_anything_but_a_value_or_an_error_of_ours(
    odd: OddApp, client: S3Store, call: Callable[[S3Store], Any], answer: Response, other: Response
) -> None:
    """Whatever a server answers, no other exception comes out of the store."""
    odd.answers = {
        "GET": answer, "HEAD": other, "BUCKET": other, "LIST": answer, "PUT": answer, "DELETE": answer,
    }  # fmt: skip
    with suppress(DatafetchError):
        call(client)
