"""A bucket as a store when things go wrong: typed errors, lost answers, stalls, and who may read."""

import io
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trustme
from botocore.response import StreamingBody

from datafetch.errors import (
    ConfigurationError,
    ObjectNotFound,
    ObjectTooLarge,
    PreconditionFailed,
    StoreConflict,
    StoreDenied,
    StoreError,
    StoreUnavailable,
)
from datafetch.store.base import FilePart, IfAbsent, IfMatch
from datafetch.store.keys import Keys
from datafetch.store.s3 import S3Store
from datafetch.store.s3_reads import bounded_pieces
from tests.contract.support import open_s3
from tests.fakes import faults
from tests.fakes.base import Answer, App, FakeServer, Request, Response
from tests.fakes.s3 import SECRET_ACCESS_KEY, S3Fake
from tests.fakes.wire import Connection
from tests.stores import as_file
from tests.support import FakeClock

KEY = "json/datafetch/locks/bookmarks-test.json"
PUT = "PUT http"
CACHE = "public, max-age=31536000, immutable"
GET = "GET http"

KEYPAIR: dict[str, Any] = {"access_key": "a", "secret_key": "b"}

CALLS: dict[str, Callable[[S3Store], Any]] = {
    "get": lambda store: store.get(KEY),
    "head": lambda store: store.head(KEY),
    "list": lambda store: list(store.list("json/")),
    "put": lambda store: store.put(KEY, b"1"),
    "put a file": lambda store: store.put(KEY, as_file(b"1")),
    "delete": lambda store: store.delete(KEY),
}
EVERY_CALL = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture(scope="module")
def bucket(moto_server: FakeServer) -> Iterator[S3Fake]:
    """One bucket for all tests."""
    with S3Fake("faults", server=moto_server) as fake:
        yield fake


@pytest.fixture(scope="module")
def client(bucket: S3Fake) -> Iterator[S3Store]:
    """One client for all tests, since it takes a third of a second to make; it repeats once."""
    with closing(open_s3(bucket, clock=FakeClock())) as opened:
        yield opened


@pytest.fixture(scope="module")
def impatient(bucket: S3Fake) -> Iterator[S3Store]:
    """A client that waits a fifth of a second and does not repeat."""
    with closing(open_s3(bucket, read_timeout_s=0.2, max_retries=0)) as opened:
        yield opened


@pytest.fixture
def s3_fake(bucket: S3Fake) -> Iterator[S3Fake]:
    """The bucket, empty and without faults, its counters at zero."""
    bucket.app.count_from_here()
    yield bucket
    bucket.app.fault = None
    bucket.app.watch(None)
    bucket.app.heal()
    for key in bucket.keys(""):
        bucket.delete(key)


@pytest.fixture
def store(s3_fake: S3Fake, client: S3Store) -> S3Store:
    """A store in an empty bucket; a call that fails is repeated once."""
    return client


def error_answer(status: int, code: str) -> Any:
    """An action: answer as S3 does when it refuses."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>why</Message></Error>"
    return faults.reply(status, body, {"Content-Type": "application/xml"})


BOTH_BODIES = pytest.mark.parametrize("body_as", [bytes, as_file])
"""A body in memory and one in a file."""

BodyAs = Callable[[bytes], bytes | FilePart]


# -------------------------------------------------------------- kinds of error


@EVERY_CALL
@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDenied"), (401, "Unauthorized")],
)
def test_denied_is_never_missing(
    s3_fake: S3Fake, store: S3Store, call: Callable[[S3Store], Any], status: int, code: str
) -> None:
    """A store error read as "not found" rebuilt a dataset from nothing over good data."""
    s3_fake.app.inject(error_answer(status, code))
    with pytest.raises(StoreDenied) as caught:
        call(store)
    assert caught.value.key in (KEY, "json/")


@pytest.mark.parametrize("code", ["ExpiredToken", "AuthorizationHeaderMalformed"])
def test_credentials_that_are_over_are_denied_too(
    s3_fake: S3Fake, store: S3Store, code: str
) -> None:
    """S3 says so with a plain 400; the code tells."""
    s3_fake.app.inject(error_answer(400, code))
    with pytest.raises(StoreDenied, match=code):
        store.get(KEY)
    with pytest.raises(StoreDenied, match=code):  # a HEAD has no body that could hold the code
        store.head(KEY)


@EVERY_CALL
def test_a_server_that_fails_is_asked_again_and_then_unavailable(
    s3_fake: S3Fake, store: S3Store, call: Callable[[S3Store], Any]
) -> None:
    """Failures are repeated a bounded number of times, and are not "not found" either."""
    s3_fake.app.inject(error_answer(500, "InternalError"))
    with pytest.raises(StoreUnavailable):
        call(store)
    assert s3_fake.app.log.count() == 2


def test_a_failure_that_passes_is_not_seen(s3_fake: S3Fake, store: S3Store) -> None:
    """One 503 in between costs a repetition, nothing else."""
    s3_fake.app.inject(error_answer(503, "SlowDown"), times=1)
    store.put(KEY, b"1")
    s3_fake.app.inject(faults.dropped(), times=1)
    assert store.get(KEY).body == b"1"


@EVERY_CALL
def test_a_bucket_that_does_not_exist_is_not_a_missing_object(
    s3_fake: S3Fake, call: Callable[[S3Store], Any]
) -> None:
    """A mistyped bucket is an error of the store, even where the server answers a bare 404."""
    with closing(open_s3(s3_fake, bucket="mistyped")) as store:
        with pytest.raises(StoreUnavailable, match="there is no bucket mistyped") as caught:
            call(store)
        assert "S3_BUCKET" in caught.value.hint


@EVERY_CALL
def test_a_server_that_is_no_s3_has_no_missing_objects(call: Callable[[S3Store], Any]) -> None:
    """A web server answers 404 to everything: that says nothing of our objects."""

    class WebServer(App):
        def answer(self, request: Request) -> Response:
            return Response.text("<html><body>Not here</body></html>", 404, "text/html")

    with WebServer().served() as server:
        store = S3Store("bucket", endpoint=server.url, access_key="a", secret_key="b")
        with closing(store), pytest.raises(StoreUnavailable):
            call(store)


def test_the_bucket_is_asked_for_once(s3_fake: S3Fake) -> None:
    """Telling a missing object from a missing bucket costs one request for each process."""
    with closing(open_s3(s3_fake)) as store:
        for _ in range(3):
            with pytest.raises(ObjectNotFound):
                store.head(KEY)
    assert s3_fake.requests().count(("HEAD", "")) == 1


def test_a_body_without_a_place_in_the_temporary_folder_is_not_the_servers_fault(
    s3_fake: S3Fake, store: S3Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A full or read-only disk was called an answer that broke off, and the object was asked for again."""
    s3_fake.put("json/x.json", b"x" * 70_000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(StoreUnavailable) as caught, store.open("json/x.json"):
        pass
    assert str(caught.value) == (
        f"json/x.json has no place in the temporary folder {tmp_path}/missing:"
        " No such file or directory"
    )
    assert "TMPDIR" in caught.value.hint
    assert s3_fake.requests() == [("GET", "json/x.json")]


def test_a_missing_object_may_be_deleted_on_any_server(s3_fake: S3Fake, store: S3Store) -> None:
    """Some servers answer 404 where S3 answers 204."""
    s3_fake.app.inject(error_answer(404, "NoSuchKey"), "DELETE http")
    store.delete(KEY)


@EVERY_CALL
def test_a_server_that_cannot_be_reached_is_unavailable(call: Callable[[S3Store], Any]) -> None:
    """Nobody listens: the error is ours, and names the host without URL or secret."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    store = S3Store(
        "bucket",
        endpoint=f"http://127.0.0.1:{port}",
        access_key="a",
        secret_key=SECRET_ACCESS_KEY,
        max_retries=0,
    )
    with closing(store), pytest.raises(StoreUnavailable) as caught:
        call(store)
    said = f"{caught.value} {caught.value!r} {store!r}"
    assert "127.0.0.1" in said
    assert "?" not in said
    assert SECRET_ACCESS_KEY not in said


def test_no_credentials_anywhere_is_denied(
    s3_fake: S3Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Without keys the standard chain is asked; when it has none either, that is said."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with (
        closing(open_s3(s3_fake, access_key=None, secret_key=None)) as store,
        pytest.raises(StoreDenied, match="no credentials"),
    ):
        store.get(KEY)


def test_credentials_come_from_the_standard_chain(
    s3_fake: S3Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role or profile serves where no keys are set, temporary tokens included."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-chain")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    with closing(open_s3(s3_fake, access_key=None, secret_key=None)) as store:
        store.put(KEY, b"1")
    (request,) = s3_fake.app.log.all(PUT)
    assert "from-the-chain" in request.headers["authorization"]
    assert request.headers["x-amz-security-token"] == "session"


def test_a_client_that_cannot_be_made_is_a_matter_of_configuration() -> None:
    """A wrong endpoint is reported before anything runs."""
    with pytest.raises(ConfigurationError):
        S3Store("bucket", endpoint="not a url", **KEYPAIR)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "AWS_CA_BUNDLE"])
def test_a_file_of_certificates_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Variable and file are told before anything runs; a server without TLS needs neither."""
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(name, str(tmp_path / "ca.pem"))
    for endpoint in ("https://s3.example.com", None):
        with pytest.raises(
            ConfigurationError, match=f"^{name}: there is no file {tmp_path}/ca.pem"
        ):
            S3Store("bucket", endpoint=endpoint, **KEYPAIR)
    S3Store("bucket", endpoint="http://127.0.0.1:9000", **KEYPAIR).close()


# ---------------------------------------------------------------- lost answers


@BOTH_BODIES
@pytest.mark.parametrize("ending", ["after-500", "after-drop"])
def test_an_own_write_whose_answer_was_lost_is_a_success(
    s3_fake: S3Fake, store: S3Store, body_as: BodyAs, ending: str
) -> None:
    """A conditional PUT was stored, its answer lost, the retry met a 412: it is read back."""
    first = store.put(KEY, b"base")
    for condition, key_there in ((IfMatch(first), True), (IfAbsent(), False)):
        if not key_there:
            s3_fake.delete(KEY)
        s3_fake.app.count_from_here()
        s3_fake.app.fault = lambda index, _method, _key: ending if index == 0 else None  # type: ignore[assignment,return-value]
        etag = store.put(KEY, body_as(b'{"run":"mine"}'), condition=condition)
        assert s3_fake.requests() == [("PUT", KEY), ("PUT", KEY), ("GET", KEY)]
        assert store.head(KEY).etag == etag
        assert store.get(KEY).body == b'{"run":"mine"}'


@BOTH_BODIES
def test_somebody_elses_write_is_not_taken_for_ours(
    s3_fake: S3Fake, store: S3Store, body_as: BodyAs
) -> None:
    """Equal length is not equal content: a lost race stays lost."""
    s3_fake.put(KEY, b'{"run":"them"}')
    with pytest.raises(PreconditionFailed):
        store.put(KEY, body_as(b'{"run":"mine"}'), condition=IfAbsent())
    assert store.get(KEY).body == b'{"run":"them"}'


def test_a_refused_object_that_is_gone_when_read_back_stays_refused(
    s3_fake: S3Fake, store: S3Store
) -> None:
    """Reading back finds nothing: the write did not succeed."""
    s3_fake.put(KEY, b"theirs")
    s3_fake.app.watch(
        lambda _index, request: s3_fake.delete(KEY) if request.method == "GET" else None
    )
    with pytest.raises(PreconditionFailed):
        store.put(KEY, b"mine", condition=IfAbsent())


def test_a_read_back_that_fails_is_neither_success_nor_a_lost_race(
    s3_fake: S3Fake, store: S3Store
) -> None:
    """When the store does not say who wrote, nobody claims to know."""
    s3_fake.put(KEY, b"theirs")
    s3_fake.app.inject(error_answer(403, "AccessDenied"), GET)
    with pytest.raises(StoreDenied):
        store.put(KEY, b"mine", condition=IfAbsent())


# ---------------------------------------------------------------------- bounds


def test_what_is_too_large_is_not_read(s3_fake: S3Fake, store: S3Store) -> None:
    """An object of 10 GB is refused by the length that it states, read whole or piece by piece."""
    s3_fake.put(KEY, b"1")
    s3_fake.app.inject(faults.lying_length(10_000_000_000), GET)
    with pytest.raises(ObjectTooLarge, match="larger than 512 MiB"):
        store.get(KEY)
    with pytest.raises(ObjectTooLarge), store.open(KEY):
        pass


def test_a_body_without_a_length_ends_at_the_limit(tmp_path: Path) -> None:
    """What states no length is counted while it comes: no more than 512 MiB are taken."""
    with (tmp_path / "endless").open("w+b") as raw:
        raw.truncate(2**40)
        with pytest.raises(ObjectTooLarge):
            for piece in bounded_pieces(KEY, StreamingBody(raw, 2**40)):
                assert piece
        assert raw.tell() <= 512 * 2**20 + 2**16


def test_a_listing_that_never_ends_is_refused(s3_fake: S3Fake, store: S3Store) -> None:
    """A server that gives a new token with each empty page is not asked for ever."""
    numbers = count()

    def endless(_request: Request, _answer: Answer) -> Response:
        token = f"<NextContinuationToken>t{next(numbers)}</NextContinuationToken>"
        body = f"<ListBucketResult><IsTruncated>true</IsTruncated>{token}</ListBucketResult>"
        return Response(200, {"Content-Type": "application/xml"}, body.encode())

    s3_fake.app.inject(endless)
    with pytest.raises(StoreError, match="does not end after 0 objects"):
        list(store.list("json/"))
    assert next(numbers) == 1001


# ------------------------------------------------------------------- conflicts


@BOTH_BODIES
@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_a_conflict_that_passes_is_not_seen(s3_fake: S3Fake, body_as: BodyAs, code: str) -> None:
    """409 means that another write was under way: wait a little, then send the same again."""
    clock = FakeClock()
    s3_fake.app.inject(error_answer(409, code), PUT, times=2)
    # No repetition by the client: it would rewind a body that we forgot to rewind.
    with closing(open_s3(s3_fake, clock=clock, max_retries=0)) as store:
        store.put(KEY, body_as(b"mine"), condition=IfAbsent())
    assert clock.slept == [0.1, 0.2]
    stored = s3_fake.get(KEY)
    assert stored is not None
    assert stored.body == b"mine"


def test_a_conflict_that_stays_ends(s3_fake: S3Fake) -> None:
    """It is not repeated for ever, and has an error of its own."""
    s3_fake.app.inject(error_answer(409, "OperationAborted"), PUT)
    with closing(open_s3(s3_fake, clock=FakeClock())) as store, pytest.raises(StoreConflict):
        store.put(KEY, b"mine")
    assert s3_fake.app.log.count(PUT) == 4


# ------------------------------------------------------------ stalls, cut bodies


def test_a_read_that_stalls_ends(s3_fake: S3Fake, impatient: S3Store) -> None:
    """A stalled read of a store object hung the job: it ends by the read time limit."""
    s3_fake.put(KEY, b"never comes")
    never = threading.Semaphore(0)
    s3_fake.app.inject(faults.dripping(never), GET)
    with pytest.raises(StoreUnavailable):
        impatient.get(KEY)
    for _ in range(100):
        never.release()


@EVERY_CALL
def test_an_answer_that_never_begins_ends(
    s3_fake: S3Fake, impatient: S3Store, call: Callable[[S3Store], Any]
) -> None:
    """The same for every call, before the first byte."""
    gate = threading.Event()
    s3_fake.app.inject(faults.held(gate))
    with pytest.raises(StoreUnavailable):
        call(impatient)
    gate.set()


def _got(store: S3Store) -> bytes:
    return store.get(KEY).body


def _opened(store: S3Store) -> bytes:
    with store.open(KEY) as found:
        return b"".join(found.chunks())


@pytest.mark.parametrize("read", [_got, _opened])
def test_a_body_that_was_cut_off_is_asked_for_once_more(
    read: Callable[[S3Store], bytes], s3_fake: S3Fake, store: S3Store
) -> None:
    """The client repeats requests but not bodies; half an object is never returned."""
    s3_fake.put(KEY, b"0123456789")
    s3_fake.app.inject(faults.cut(4), GET, times=1)
    assert read(store) == b"0123456789"
    s3_fake.app.inject(faults.cut(4, "reset"), GET)
    with pytest.raises(StoreUnavailable):
        read(store)
    assert s3_fake.app.log.count(GET) == 4


# ---------------------------------------------------------------- what is sent

KEYS = Keys("-test")
PUBLIC = [
    KEYS.bookmarks(),
    KEYS.bookmark_page(1),
    KEYS.tag_index("python"),
    KEYS.github_activity(),
    KEYS.github_summary(),
    KEYS.logo("example.com", "google", "png"),
    KEYS.logo_manifest(),
    KEYS.opengraph_metadata("0" * 64),
    KEYS.opengraph_image("example.com", "https://example.com/", "1", "png"),
]
PRIVATE = [
    KEYS.lock("bookmarks"),
    KEYS.history("github"),
    KEYS.bookmarks_backup("2026"),
    KEYS.logo_failed_domains(),
    KEYS.github_csv("a_b"),
    Keys.corrupt(KEYS.bookmarks(), "2026"),
]


@BOTH_BODIES
def test_the_acl_is_for_what_visitors_read_however_it_is_sent(
    s3_fake: S3Fake, body_as: BodyAs
) -> None:
    """Streamed uploads lacked the ACL of the others, and state was readable by everyone."""
    with closing(open_s3(s3_fake, acl="public-read")) as store:
        for key in PUBLIC + PRIVATE:
            store.put(key, body_as(b"1"))
    acls = {r.path.split("/", 2)[2]: r.headers.get("x-amz-acl") for r in s3_fake.app.log.all(PUT)}
    assert acls == dict.fromkeys(PUBLIC, "public-read") | dict.fromkeys(PRIVATE)
    assert all(s3_fake.acl_grants_public_read(key) for key in PUBLIC)
    assert not any(s3_fake.acl_grants_public_read(key) for key in PRIVATE)


def test_no_acl_is_sent_where_none_is_set(s3_fake: S3Fake, store: S3Store) -> None:
    """Buckets that own their objects refuse any ACL."""
    store.put(PUBLIC[0], b"1")
    (request,) = s3_fake.app.log.all(PUT)
    assert "x-amz-acl" not in request.headers


@BOTH_BODIES
def test_type_and_cache_header_are_stored_however_it_is_sent(
    s3_fake: S3Fake, store: S3Store, body_as: BodyAs
) -> None:
    """Streamed uploads lacked the content type and cache header of the others."""
    key = "images/logos/a.png"
    store.put(key, body_as(b"1"), content_type="image/png", cache_control=CACHE)
    stored = s3_fake.get(key)
    assert stored is not None
    assert (stored.content_type, stored.cache_control) == ("image/png", CACHE)


def test_other_servers_get_path_style_and_no_checksums(s3_fake: S3Fake, store: S3Store) -> None:
    """Servers that only speak the old protocol refuse the checksums of newer clients."""
    store.put(KEY, b"1")
    store.put(KEY, as_file(b"1" * 300_000))
    for request in s3_fake.app.log.all(PUT):
        assert request.path == f"/{s3_fake.bucket}/{KEY}"
        assert not [name for name in request.headers if "checksum" in name or "trailer" in name]
        assert "aws-chunked" not in request.headers.get("content-encoding", "")


def test_a_stream_is_one_request_of_known_length(s3_fake: S3Fake, store: S3Store) -> None:
    """Multipart uploads with an unknown length failed, and left their parts behind."""
    body = bytes(9_000_000)
    store.put("images/x.png", as_file(body), content_type="image/png")
    (request,) = s3_fake.app.log.all()
    assert (request.method, request.headers["content-length"]) == ("PUT", "9000000")
    assert s3_fake.open_uploads() == 0


@pytest.mark.parametrize("size", [1000, 300_000])
@pytest.mark.parametrize("fault", ["before-500", "before-drop", "after-drop"])
def test_a_stream_that_is_sent_again_is_sent_from_its_start(
    s3_fake: S3Fake, store: S3Store, size: int, fault: str
) -> None:
    """A repetition rewinds to where the body began in its file, not to the file's beginning."""
    body = bytes(index % 251 for index in range(size))
    source = io.BytesIO(b"before" + body + b"after")
    source.seek(6)
    s3_fake.app.fault = lambda index, _method, _key: fault if index == 0 else None  # type: ignore[assignment,return-value]
    store.put("images/x.png", FilePart(source, size), content_type="image/png")
    stored = s3_fake.get("images/x.png")
    assert stored is not None
    assert stored.body == body
    assert len(s3_fake.requests()) == 2


def test_a_short_source_is_noticed_before_anything_is_sent(s3_fake: S3Fake, store: S3Store) -> None:
    """A length that lies does not leave the server waiting."""
    with pytest.raises(StoreError, match="after 3 of 4"):
        store.put("images/x.png", FilePart(io.BytesIO(b"cut"), 4), content_type="image/png")
    assert s3_fake.requests() == []


def test_only_large_bodies_ask_first_whether_they_are_welcome(
    s3_fake: S3Fake, store: S3Store
) -> None:
    """`Expect: 100-continue` costs a round trip, or a second where a server does not know it."""
    store.put(KEY, bytes(1000))
    store.put(KEY, as_file(bytes(1000)))
    store.put(KEY, bytes(300_000))
    expected = [request.headers.get("expect") for request in s3_fake.app.log.all(PUT)]
    assert expected == [None, None, "100-continue"]


# ------------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"endpoint": "https://s3.example.net/"}, "https://s3.example.net/my-bucket/images/a.png"),
        (
            {"endpoint": "http://127.0.0.1:9000/base"},
            "http://127.0.0.1:9000/base/my-bucket/images/a.png",
        ),
        ({"region": "eu-west-1"}, "https://my-bucket.s3.eu-west-1.amazonaws.com/images/a.png"),
    ],
)
def test_an_object_has_a_url_of_its_own(options: dict[str, Any], url: str) -> None:
    """Without a CDN visitors load objects from the bucket: by path, or by Amazon's host name."""
    with closing(S3Store("my-bucket", **options, **KEYPAIR)) as store:
        assert store.url("images/a.png") == url


def test_stores_are_told_apart_without_secrets() -> None:
    """Locks on one machine are kept for each bucket of each server."""
    opened = [
        S3Store("a", endpoint="http://127.0.0.1:9000", **KEYPAIR),
        S3Store("b", endpoint="http://127.0.0.1:9000", **KEYPAIR),
        S3Store("a", endpoint="http://user:password@127.0.0.1:9001", **KEYPAIR),
        S3Store("a", **KEYPAIR),
    ]
    identities = {store.identity for store in opened}
    assert len(identities) == 4
    assert not [name for name in identities if "password" in name]
    assert [store.name for store in opened] == ["s3://a", "s3://b", "s3://a", "s3://a"]
    for store in opened:
        store.close()


class TlsServer(FakeServer):
    """One app over TLS, with a certificate that only its own authority vouches for."""

    def __init__(self, app: App, authority: trustme.CA) -> None:
        super().__init__(app)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._context)

    def serve(self, connection: Connection) -> None:
        try:
            connection.secure(self._context, f"localhost:{self.port}")
        except OSError:  # the client does not trust us
            return
        super().serve(connection)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "AWS_CA_BUNDLE"])
def test_the_certificates_that_everything_trusts_are_trusted_here(
    s3_fake: S3Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, variable: str
) -> None:
    """The S3 library ignores the standard variable for certificates; the store does not."""
    for name in ("SSL_CERT_FILE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with TlsServer(s3_fake.app, authority) as server:
        endpoint = f"https://localhost:{server.port}"
        with (
            closing(open_s3(s3_fake, endpoint=endpoint, max_retries=0)) as store,
            pytest.raises(StoreUnavailable, match="certificate is not accepted"),
        ):
            store.put(KEY, b"1")
        monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))
        with closing(open_s3(s3_fake, endpoint=endpoint)) as store:
            store.put(KEY, b"1")
            assert store.get(KEY).body == b"1"
