"""Objects read from a web address: what visitors see of a store, told right or not at all."""

import errno
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest

from datafetch.clock import CancelToken
from datafetch.environment import load_settings
from datafetch.errors import (
    NotShown,
    ObjectNotFound,
    ObjectTooLarge,
    StoreDenied,
    StoreError,
    StoreUnavailable,
)
from datafetch.factory import make_http
from datafetch.store.base import IfAbsent, ObjectStore
from datafetch.store.web import WebAnswer, WebStore
from datafetch.store_factory import make_store
from tests.fakes import faults
from tests.fakes.base import Action, App, FakeServer, Request, Response
from tests.support import FakeClock

KEY = "json/bookmarks/index-test.json"
PICTURE = "images/logos/example_com_google_a379a6f6.png"
WRITTEN = "Tue, 24 Nov 2026 08:00:00 GMT"
ANSWERED = "Tue, 24 Nov 2026 08:05:00 GMT"


class Cdn(App):
    """Shows objects below `/data/`, as a content delivery network does."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {KEY: b'{"count":1}'}
        self.headers: dict[str, str] = {"Last-Modified": WRITTEN, "Date": ANSWERED}
        self.has_etags = True

    def answer(self, request: Request) -> Response:
        """The object, or 304, or 404."""
        body = self.objects.get(request.path.removeprefix("/data/"))
        if body is None:
            return Response.text("no such object", 404)
        kind = "image/png" if request.path.endswith(".png") else "application/json"
        headers = {"Content-Type": kind, **self.headers}
        if self.has_etags:
            headers["ETag"] = f'"{hashlib.md5(body).hexdigest()}"'
            if request.headers.get("if-none-match") == headers["ETag"]:
                return Response(304, headers)
        return Response(200, headers, body)


@pytest.fixture
def cdn() -> Cdn:
    """One object."""
    return Cdn()


@pytest.fixture
def server(cdn: Cdn) -> Iterator[FakeServer]:
    """The address that shows it."""
    with cdn.served() as started:
        yield started


@pytest.fixture
def clock() -> FakeClock:
    """A clock that waits for nobody."""
    return FakeClock()


@pytest.fixture
def store(
    server: FakeServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ObjectStore]:
    """The store that the settings make of the address."""
    monkeypatch.setenv("DATAFETCH_STORE", f"{server.url}/data/")
    monkeypatch.setenv("DATAFETCH_ENV", "test")
    settings = load_settings(None)
    with closing(make_http(settings, clock, CancelToken())) as http:
        yield make_store(settings, clock, http)


def test_an_object_is_read_without_credentials(store: ObjectStore, cdn: Cdn) -> None:
    """Body, ETag, type, time and age come from the answer, and no header says who asks."""
    found = store.get(KEY)
    assert found.body == b'{"count":1}'
    assert found.etag == f'"{hashlib.md5(found.body).hexdigest()}"'
    assert (found.info.key, found.info.size) == (KEY, 11)
    assert found.info.content_type == "application/json"
    assert found.info.last_modified == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert found.age_s == 300
    (request,) = cdn.log.all()
    assert (request.method, request.path) == ("GET", f"/data/{KEY}")
    assert "authorization" not in request.headers
    assert request.headers["cache-control"] == "no-cache"


def test_an_opened_object_is_that_which_get_gives(store: ObjectStore, cdn: Cdn) -> None:
    """Read as a file, piece by piece, it is the same object."""
    cdn.objects[PICTURE] = bytes(range(256)) * 1000
    with store.open(PICTURE) as opened:
        assert b"".join(opened.chunks()) == cdn.objects[PICTURE]
        assert opened.info == store.get(PICTURE).info


@pytest.mark.parametrize(
    ("key", "target"),
    [
        ("images/a b+c%20d.png", "/data/images/a%20b%2Bc%2520d.png"),
        ("images/日本.png", "/data/images/%E6%97%A5%E6%9C%AC.png"),
        ("images/a?b#c.png", "/data/images/a%3Fb%23c.png"),
    ],
)
def test_a_key_is_percent_encoded(store: ObjectStore, key: str, target: str) -> None:
    """A key is a path, whatever characters it has: none of them begins a query, or is decoded twice."""
    with pytest.raises(ObjectNotFound) as caught:
        store.get(key)
    assert caught.value.key == key
    assert target in str(caught.value.__cause__)


@pytest.mark.parametrize("key", ["", "/a", "../a", "a//b", "a/./b"])
def test_what_is_no_key_is_not_asked_for(store: ObjectStore, cdn: Cdn, key: str) -> None:
    """Path traversal in a stored name would ask for another part of the site."""
    with pytest.raises(StoreError):
        store.get(key)
    assert cdn.log.count() == 0


def test_names_and_urls_are_the_addresses(store: ObjectStore, server: FakeServer) -> None:
    """Messages name the address, and an object's own URL is the one that visitors load."""
    assert store.name == store.identity == f"{server.url}/data"
    assert store.url(PICTURE) == f"{server.url}/data/{PICTURE}"


# --------------------------------------------------------------- conditional


def test_a_mark_that_did_not_change_costs_no_body(store: ObjectStore, cdn: Cdn) -> None:
    """A build looks at the commit object before and after it reads: the content travels once."""
    before = store.head(KEY)
    found = store.get(KEY)
    assert (found.info, store.head(KEY)) == (before, before)
    first, *others = cdn.log.all()
    assert "if-none-match" not in first.headers
    assert [request.headers["if-none-match"] for request in others] == [before.etag] * 2
    assert found.body == b'{"count":1}'


def test_a_mark_that_changed_is_read_anew(store: ObjectStore, cdn: Cdn) -> None:
    """Remembered content is never taken for what is stored now."""
    before = store.head(KEY)
    cdn.objects[KEY] = b'{"count":2}'
    assert store.get(KEY).body == b'{"count":2}'
    assert store.head(KEY).etag != before.etag
    del cdn.objects[KEY]
    with pytest.raises(ObjectNotFound):
        store.head(KEY)
    cdn.objects[KEY] = b'{"count":2}'
    assert store.get(KEY).body == b'{"count":2}'


def test_only_marks_are_remembered(store: ObjectStore, cdn: Cdn) -> None:
    """Memory does not grow with the pictures that were read."""
    for _ in range(2):
        store.get(KEY)
    assert not any("if-none-match" in request.headers for request in cdn.log.all())


def test_a_missing_etag_is_the_hash_of_the_content(store: ObjectStore, cdn: Cdn) -> None:
    """An answer without ETag was a traceback; the content itself says whether it changed."""
    cdn.has_etags = False
    etag = store.head(KEY).etag
    assert etag == hashlib.sha256(b'{"count":1}').hexdigest()
    assert store.get(KEY).etag == etag
    cdn.objects[KEY] = b'{"count":2}'
    assert store.head(KEY).etag != etag
    assert not any("if-none-match" in request.headers for request in cdn.log.all())


@pytest.mark.parametrize(
    ("headers", "age_s"),
    [
        ({"Last-Modified": WRITTEN, "Date": ANSWERED, "Age": "60"}, 360),
        ({"Last-Modified": ANSWERED, "Date": WRITTEN}, 0),
        ({"Last-Modified": WRITTEN, "Date": ANSWERED, "Age": "soon"}, None),
        ({"Date": ANSWERED}, None),
        ({"Last-Modified": "", "Date": ANSWERED}, None),
        ({"Last-Modified": "yesterday", "Date": ANSWERED}, None),
        ({"Last-Modified": f"{WRITTEN}, {ANSWERED}", "Date": ANSWERED}, 300),
        ({"Last-Modified": f"{ANSWERED}, {WRITTEN}", "Date": ANSWERED}, 300),
        ({"Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT", "Date": ANSWERED}, None),
        ({"Last-Modified": "Tue, 24 Nov 99999999999 08:00:00 GMT", "Date": ANSWERED}, None),
        ({"Last-Modified": "Tue, 24 Nov 2026 08:00:00 -0000", "Date": ANSWERED}, 300),
    ],
)
def test_times_that_are_missing_or_nonsense_are_unknown(
    store: ObjectStore, cdn: Cdn, headers: dict[str, str], age_s: float | None
) -> None:
    """Nothing that others may leave out is taken for granted; time in a cache counts as age."""
    cdn.headers = headers
    assert store.get(KEY).age_s == age_s


# -------------------------------------------------------------------- errors


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_missing(store: ObjectStore, cdn: Cdn, status: int) -> None:
    """Only "not found" is said by that type, and it is no "not shown"."""
    cdn.inject(faults.reply(status))
    for read in (store.get, store.head, lambda key: store.open(key).__enter__()):
        with pytest.raises(ObjectNotFound, match="is not in http") as caught:
            read(KEY)
        assert not isinstance(caught.value, NotShown)
        assert caught.value.key == KEY


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (faults.reply(403, "<Error><Code>AccessDenied</Code></Error>"), "status 403"),
        (faults.reply(200, "<!doctype html>", {"Content-Type": "text/html"}), "a web page"),
        (faults.reply(200, "<html>", {"Content-Type": "Application/XHTML+xml; a=b"}), "a web page"),
    ],
)
def test_what_is_not_shown_says_why_it_may_be_hidden(
    store: ObjectStore, cdn: Cdn, action: Action, said: str
) -> None:
    """S3 says 403 for what is missing, and sites show a page of theirs: the hint names each cause."""
    cdn.inject(action)
    with pytest.raises(NotShown, match=said) as caught:
        store.get(KEY)
    for cause in ("DATAFETCH_ENV", "S3_OBJECT_ACL", "DATAFETCH_STORE"):
        assert cause in caught.value.hint


def test_a_closed_address_is_denied(store: ObjectStore, cdn: Cdn) -> None:
    """An address that wants a log-in is told as that, with what to set instead."""
    cdn.inject(faults.reply(401))
    with pytest.raises(StoreDenied, match="401") as caught:
        store.get(KEY)
    assert "without credentials" in caught.value.hint


@pytest.mark.parametrize(
    "action",
    [
        faults.reply(500),
        faults.reply(418),
        faults.reply(304),
        faults.reply(429, headers={"Retry-After": "90000"}),
        faults.dropped(),
        faults.cut(4),
        faults.reply(200, "x", {"Content-Encoding": "br"}),
        faults.redirect("http://169.254.169.254/latest/meta-data/"),
        faults.redirect("http://127.0.0.2:9/"),
        faults.redirect("file:///etc/passwd"),
    ],
)
def test_any_other_trouble_is_unavailable(store: ObjectStore, cdn: Cdn, action: Action) -> None:
    """A store error is never read as "not found", and redirects to private addresses are refused."""
    cdn.inject(action)
    with pytest.raises(StoreUnavailable) as caught:
        store.get(KEY)
    assert str(caught.value).count(KEY) == 1  # in the address, or before another one
    assert "DATAFETCH_STORE" in caught.value.hint


def test_what_is_too_large_is_not_read(store: ObjectStore, cdn: Cdn) -> None:
    """An object of 10 GB is refused by the length that it states."""
    cdn.inject(faults.lying_length(10_000_000_000))
    with pytest.raises(ObjectTooLarge, match="larger than 512 MiB"):
        store.get(KEY)


def test_a_hiccup_is_tried_again(store: ObjectStore, cdn: Cdn, clock: FakeClock) -> None:
    """Two answers of 503 cost a wait, not the build."""
    cdn.inject(faults.reply(503), times=2)
    assert store.get(KEY).body == b'{"count":1}'
    assert len(clock.slept) == 2


def test_a_redirect_within_the_address_is_followed(store: ObjectStore, cdn: Cdn) -> None:
    """The user named the origin: it may have a private address, and lead to itself."""
    cdn.objects["moved.json"] = b"[]"
    cdn.inject(faults.redirect("/data/moved.json"), times=1)
    assert store.get(KEY).body == b"[]"


# ----------------------------------------------------------- what it is not

REFUSED: dict[str, Callable[[ObjectStore], object]] = {
    "put": lambda store: store.put(KEY, b"1", condition=IfAbsent()),
    "delete": lambda store: store.delete(KEY),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_nothing_is_written(
    store: ObjectStore, cdn: Cdn, call: Callable[[ObjectStore], object]
) -> None:
    """A store that visitors read is never written to."""
    with pytest.raises(StoreDenied, match="reading only"):
        call(store)
    assert cdn.log.count() == 0


@pytest.mark.parametrize("prefix", ["", "json/"])
def test_nothing_is_listed(store: ObjectStore, cdn: Cdn, prefix: str) -> None:
    """A web address lists nothing, and that is no empty list."""
    with pytest.raises(StoreError, match="cannot be listed") as caught:
        list(store.list(prefix))
    assert not isinstance(caught.value, ObjectNotFound)
    assert "s3://BUCKET" in caught.value.hint
    assert cdn.log.count() == 0


def test_several_threads_read_at_once(store: ObjectStore, cdn: Cdn) -> None:
    """Pictures are read in parallel."""
    keys = [f"images/{number}.png" for number in range(40)]
    cdn.objects |= {key: key.encode() for key in keys}
    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda key: store.get(key).body, keys))
    assert bodies == [key.encode() for key in keys]


def test_a_full_temporary_folder_is_told() -> None:
    """A large body goes to disk first: no room there is a line with what to do, not a traceback."""

    def full(url: str, *, etag: str | None, limit: int) -> WebAnswer:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreUnavailable, match="No space left on device") as caught:
        WebStore("https://cdn.example.com", full).get(KEY)
    assert "TMPDIR" in caught.value.hint
