"""One suite for every store: what callers may rely on, whatever holds the objects.

It runs on a folder, on each dialect of the fake S3 server, below a prefix, and on a store that
looks after conditions itself. With the options of `tests.contract.server` it runs on one real
server instead.
"""

import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from datafetch.errors import (
    CorruptObject,
    NotSupported,
    ObjectNotFound,
    PreconditionFailed,
    StoreDenied,
    StoreError,
)
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import (
    EtagForm,
    FilePart,
    IfAbsent,
    IfMatch,
    ObjectStore,
    encode_json,
)
from datafetch.store.checked import CheckedStore
from datafetch.store.local import LocalStore
from datafetch.store.readonly import ReadOnlyStore
from datafetch.store.s3 import S3Store
from tests.contract.support import open_s3, open_server
from tests.fakes.base import FakeServer
from tests.fakes.s3 import S3Fake
from tests.stores import as_file

KEY = "json/bookmarks/index-test.json"
CHUNK = 65_536
"""Bytes that are in memory of an opened object at once."""


SAFE = ["folder", "s3 quoted", "s3 unquoted", "s3 thin", "s3 checked", "s3 prefix"]
"""The stores whose conditional writes hold.

`s3 checked` is a server that ignores conditions, below a store that looks after them itself.
"""

UNSAFE = ["s3 ignoring", "s3 unsupported", "s3 unsupported-400"]
"""The stores that have everything else."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on each store that it is for, or on the one server that was named."""
    named = metafunc.config.getoption("s3_endpoint", None)
    for fixture, names in (
        ("store", SAFE + UNSAFE),
        ("safe", SAFE),
        ("roomy", ["folder", "s3 quoted"]),
    ):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, ["server"] if named else names, indirect=True)


@pytest.fixture(scope="module")
def bucket(moto_server: FakeServer) -> Iterator[S3Fake]:
    """One bucket for all tests."""
    with S3Fake("contract", server=moto_server) as fake:
        yield fake


@pytest.fixture(scope="module")
def whole(bucket: S3Fake) -> Iterator[S3Store]:
    """One client for all tests: it takes a third of a second to make."""
    with closing(open_s3(bucket)) as opened:
        yield opened


@pytest.fixture(scope="module")
def prefixed(bucket: S3Fake) -> Iterator[S3Store]:
    """Another for the objects below a prefix."""
    with closing(open_s3(bucket, prefix="sites/one")) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(pytestconfig: pytest.Config) -> Iterator[S3Store]:
    """A client for the server that was named."""
    with closing(open_server(pytestconfig)) as opened:
        yield opened


@contextmanager
def opened_store(request: pytest.FixtureRequest, folder: Path) -> Iterator[ObjectStore]:
    """The store of a test, empty before and after it."""
    if request.param == "folder":
        yield LocalStore(folder / "store")
        return
    if request.param == "server":
        named: S3Store = request.getfixturevalue("server")
        yield named
        for info in [*named.list("")]:
            named.delete(info.key)
        return
    kind = request.param.removeprefix("s3 ")
    fake: S3Fake = request.getfixturevalue("bucket")
    opened: S3Store = request.getfixturevalue("prefixed" if kind == "prefix" else "whole")
    opened.etag_form = EtagForm.UNQUOTED if kind == "unquoted" else EtagForm.QUOTED
    fake.app.dialect = {"checked": "ignoring", "prefix": "quoted"}.get(kind, kind)
    if kind == "checked":
        checked = CheckedStore(opened, RuntimeFolder(folder / "locks"))
        checked.checks = True
        yield checked
    else:
        yield opened
    fake.app.dialect = "quoted"
    for key in fake.keys(""):
        fake.delete(key)


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    """Each store in turn."""
    with opened_store(request, tmp_path) as opened:
        yield opened


@pytest.fixture
def safe(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    """Each store in turn whose conditional writes hold."""
    with opened_store(request, tmp_path) as opened:
        yield opened


@pytest.fixture
def roomy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    """A folder and a bucket, for the tests that store much."""
    with opened_store(request, tmp_path) as opened:
        yield opened


@pytest.fixture
def tells_times(request: pytest.FixtureRequest) -> bool:
    """Whether the test's store says when an object was written."""
    return bool(request.node.callspec.params.get("store") != "s3 thin")


# ------------------------------------------------------------------- reading


def test_what_is_not_there_is_said_by_one_type(store: ObjectStore) -> None:
    """A missing object is `ObjectNotFound` with its key, however it is read."""
    for read in (store.get, store.head, lambda key: store.open(key).__enter__()):
        with pytest.raises(ObjectNotFound) as caught:
            read(KEY)
        assert caught.value.key == KEY
    assert list(store.list("json/")) == []


@pytest.mark.parametrize(
    ("key", "content_type"),
    [
        (KEY, "application/json"),
        ("json/bookmarks/tags/c-plus-plus/page-1.json", "application/json"),
        ("json/bookmarks/tags/日本語/index.json", "application/json"),
        ("json/bookmarks/tags/" + "長" * 120 + "/index.json", "application/json"),
        ("json/github-activity/repo_raw_weekly_stats/a b+c%20d_e.csv", "text/csv; charset=utf-8"),
        ("images/logos/example_com_google_a379a6f6.png", "image/png"),
        ("images/logos/example_com_direct_a379a6f6.ico", "image/x-icon"),
        ("images/logos/example_com_ddg_a379a6f6.svg", "image/svg+xml"),
    ],
)
def test_an_object_comes_back_as_it_was_put(
    store: ObjectStore, tells_times: bool, key: str, content_type: str
) -> None:
    """Body, size, type and one ETag everywhere, whatever characters the key has."""
    etag = store.put(key, b"some bytes", content_type=content_type)
    found, head, (listed,) = store.get(key), store.head(key), store.list("")
    assert found.body == b"some bytes"
    assert found.etag == head.etag == listed.etag == etag
    assert found.info.key == head.key == listed.key == key
    assert found.info.size == head.size == listed.size == 10
    assert found.info.content_type == head.content_type == content_type
    assert found.info.last_modified == head.last_modified
    if tells_times:
        assert head.last_modified is not None
        assert head.last_modified.tzinfo is not None


def test_equal_bytes_have_equal_etags_and_others_not(store: ObjectStore) -> None:
    """The ETag changes with the content, so that a condition on it notices a change."""
    first = store.put(KEY, b"one")
    assert store.put(KEY, b"two") != first
    assert store.put(KEY, b"one") == first


def test_an_empty_body_is_an_object(store: ObjectStore) -> None:
    """Nothing inside is not the same as nothing there."""
    store.put(KEY, b"")
    assert store.get(KEY).body == b""
    assert store.head(KEY).size == 0


def test_a_large_body_comes_back_whole(store: ObjectStore) -> None:
    """A body of more than one piece of the network is stored byte for byte."""
    body = bytes(range(256)) * 2000
    store.put(KEY, body)
    assert store.get(KEY).body == body


@pytest.mark.parametrize("size", [0, 5, 3 * CHUNK + 1])
def test_an_opened_object_is_that_which_get_gives(store: ObjectStore, size: int) -> None:
    """Read as a file, piece by piece and again from its start, it is the same object."""
    body = bytes(number % 251 for number in range(size))
    store.put(KEY, body)
    with store.open(KEY) as found:
        pieces = list(found.chunks())
        assert b"".join(pieces) == body == b"".join(found.chunks())
        assert all(len(piece) <= CHUNK for piece in pieces)
        assert found.info == store.get(KEY).info
        assert found.etag == store.head(KEY).etag


def test_an_opened_object_stays_what_it_was(safe: ObjectStore) -> None:
    """A write while it is read changes neither its bytes nor its ETag."""
    safe.put(KEY, b"a" * (2 * CHUNK))
    with safe.open(KEY) as found:
        first = next(found.chunks())
        safe.put(KEY, b"b" * (3 * CHUNK))
        assert b"".join(found.chunks()) == first + b"a" * CHUNK
        with pytest.raises(PreconditionFailed):
            safe.put(KEY, b"c", condition=IfMatch(found.etag))


def test_age_is_told_by_the_store(store: ObjectStore, tells_times: bool) -> None:
    """What was just written is about no time old, by the store's own clock, and never less."""
    store.put(KEY, b"{}")
    age_s = store.get(KEY).age_s
    if not tells_times:
        assert age_s is None
        return
    assert age_s is not None
    assert 0 <= age_s < 60


def test_an_object_that_is_not_json_is_corrupt_and_not_missing(store: ObjectStore) -> None:
    """A corrupt object was taken as empty and rebuilt over: it has its own error."""
    store.put(KEY, b'{"cut": ')
    with pytest.raises(CorruptObject):
        store.get(KEY).json()


# ------------------------------------------------------------------- listing


def test_a_listing_has_every_page_in_order(roomy: ObjectStore) -> None:
    """More objects than one page of a listing (1,000) are all listed, sorted by key."""
    keys = [f"json/bookmarks/by-id-test/{number}.json" for number in range(1050)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: roomy.put(key, b"{}"), keys))
    assert [info.key for info in roomy.list("json/bookmarks/by-id-test/")] == sorted(keys)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["a/b-1.json", "a/b/1.json", "a/b/2/x.json", "a/c.json", "b/1.json"]),
        ("a/", ["a/b-1.json", "a/b/1.json", "a/b/2/x.json", "a/c.json"]),
        ("a/b", ["a/b-1.json", "a/b/1.json", "a/b/2/x.json"]),
        ("a/b/", ["a/b/1.json", "a/b/2/x.json"]),
        ("a/b/2/x.json", ["a/b/2/x.json"]),
        ("a/d", []),
        ("c/d/e", []),
    ],
)
def test_a_prefix_is_the_start_of_a_key(
    store: ObjectStore, prefix: str, expected: list[str]
) -> None:
    """A prefix need not end at a slash, and never lists what does not start with it."""
    for key in ("b/1.json", "a/c.json", "a/b/2/x.json", "a/b/1.json", "a/b-1.json"):
        store.put(key, b"1")
    assert [info.key for info in store.list(prefix)] == expected


# ---------------------------------------------------------------- conditions


BOTH_BODIES = pytest.mark.parametrize("body_as", [bytes, as_file])
"""A body in memory and one in a file."""

BodyAs = Callable[[bytes], bytes | FilePart]


@BOTH_BODIES
def test_if_absent_creates_and_never_replaces(safe: ObjectStore, body_as: BodyAs) -> None:
    """Every instance "had" the lock: the condition must reach the store, of bytes and of a file."""
    safe.put(KEY, body_as(b"first"), condition=IfAbsent())
    with pytest.raises(PreconditionFailed) as caught:
        safe.put(KEY, body_as(b"second"), condition=IfAbsent())
    assert caught.value.key == KEY
    assert safe.get(KEY).body == b"first"


@BOTH_BODIES
def test_if_match_replaces_only_what_was_read(safe: ObjectStore, body_as: BodyAs) -> None:
    """A write on an ETag that is no longer the object's is refused and changes nothing."""
    read = safe.put(KEY, b"read")
    mine = safe.put(KEY, body_as(b"mine"), condition=IfMatch(read))
    assert safe.head(KEY).etag == mine
    with pytest.raises(PreconditionFailed):
        safe.put(KEY, body_as(b"too late"), condition=IfMatch(read))
    assert safe.get(KEY).body == b"mine"


@BOTH_BODIES
def test_if_match_does_not_create(safe: ObjectStore, body_as: BodyAs) -> None:
    """An object that was removed meanwhile is a broken condition, not a missing object."""
    etag = safe.put(KEY, b"read")
    safe.delete(KEY)
    with pytest.raises(PreconditionFailed):
        safe.put(KEY, body_as(b"mine"), condition=IfMatch(etag))
    assert list(safe.list("")) == []


def test_an_etag_from_a_listing_serves_as_a_condition(safe: ObjectStore) -> None:
    """A run that starts over takes its ETags from one listing."""
    safe.put(KEY, b"one")
    (listed,) = safe.list("json/")
    safe.put(KEY, b"two", condition=IfMatch(listed.etag))
    assert safe.get(KEY).body == b"two"


def test_of_many_that_create_at_once_one_wins(safe: ObjectStore) -> None:
    """Two takers of one lock never both have it."""
    barrier = threading.Barrier(6)

    def take(number: int) -> bool:
        barrier.wait()
        try:
            safe.put(KEY, b"%d" % number, condition=IfAbsent())
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(take, range(6)))
    assert won.count(True) == 1
    assert safe.get(KEY).body == b"%d" % won.index(True)


def test_no_update_on_condition_is_lost(safe: ObjectStore) -> None:
    """Writers that read, change and write back on the ETag end with the sum of all changes."""
    safe.put(KEY, encode_json([0]))

    def add_one(writer: int) -> None:
        while True:
            found = safe.get(KEY)
            count, *_ = json.loads(found.body)
            mine = encode_json([count + 1, writer])
            try:
                safe.put(KEY, mine, condition=IfMatch(found.etag))
            except PreconditionFailed:
                continue
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_one, range(12)))
    assert json.loads(safe.get(KEY).body)[0] == 12


@pytest.fixture
def unsafe(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    """The store that the test names."""
    if request.config.getoption("s3_endpoint", None):
        pytest.skip("the suite runs on a real server")
    with opened_store(request, tmp_path) as opened:
        yield opened


@BOTH_BODIES
@pytest.mark.parametrize("unsafe", ["s3 unsupported", "s3 unsupported-400"], indirect=True)
def test_a_server_that_knows_no_conditions_says_so(unsafe: ObjectStore, body_as: BodyAs) -> None:
    """A 501, or a 400 that means the same, is a missing feature and no lost race."""
    etag = unsafe.put(KEY, b"first")
    for condition in (IfMatch(etag), IfAbsent()):
        with pytest.raises(NotSupported) as caught:
            unsafe.put(KEY, body_as(b"second"), condition=condition)
        assert "conditional writes" in caught.value.hint
    assert unsafe.get(KEY).body == b"first"


@pytest.mark.parametrize("unsafe", ["s3 ignoring"], indirect=True)
def test_a_server_that_ignores_conditions_cannot_be_told_by_one_write(
    unsafe: ObjectStore,
) -> None:
    """Every instance "had" the lock: such a server answers as if the condition held."""
    unsafe.put(KEY, b"theirs", condition=IfAbsent())
    unsafe.put(KEY, b"mine", condition=IfAbsent())
    unsafe.put(KEY, b"mine again", condition=IfMatch('"stale"'))
    assert unsafe.get(KEY).body == b"mine again"


@pytest.mark.parametrize("unsafe", ["s3 unquoted"], indirect=True)
def test_an_etag_in_the_wrong_form_is_a_refused_write(unsafe: ObjectStore) -> None:
    """Such a server refuses quotes; the second run was locked out for ever."""
    assert isinstance(unsafe, S3Store)
    etag = unsafe.put(KEY, b"first")
    unsafe.etag_form = EtagForm.QUOTED
    with pytest.raises(PreconditionFailed):
        unsafe.put(KEY, b"second", condition=IfMatch(etag))
    unsafe.etag_form = EtagForm.UNQUOTED
    unsafe.put(KEY, b"second", condition=IfMatch(etag))


# ------------------------------------------------------------------ deleting


def test_delete_removes_and_may_be_repeated(store: ObjectStore) -> None:
    """A tidying that is done twice ends the same."""
    store.put(KEY, b"1")
    store.delete(KEY)
    store.delete(KEY)
    with pytest.raises(ObjectNotFound):
        store.get(KEY)


# ------------------------------------------------------------------- streams


@pytest.mark.parametrize("size", [0, 1, 65_536, 300_000])
def test_a_stream_is_stored_from_its_position_for_its_length(store: ObjectStore, size: int) -> None:
    """Neither what stands before the position nor what follows the length is stored."""
    body = bytes(index % 251 for index in range(size))
    source = io.BytesIO(b"before" + body + b"after")
    source.seek(6)
    etag = store.put(
        "images/x.png",
        FilePart(source, size),
        content_type="image/png",
        cache_control="public, max-age=31536000, immutable",
    )
    found = store.get("images/x.png")
    assert found.body == body
    assert found.etag == etag
    assert found.info.content_type == "image/png"


def test_a_stream_that_is_too_short_stores_nothing(store: ObjectStore) -> None:
    """A download that was cut off never reaches the store, nor replaces what is there."""
    store.put("images/x.png", b"whole", content_type="image/png")
    for key in ("images/x.png", "images/y.png"):
        with pytest.raises(StoreError):
            store.put(key, FilePart(io.BytesIO(b"cut"), 5), content_type="image/png")
    assert [(i.key, i.size) for i in store.list("")] == [("images/x.png", 5)]
    assert store.get("images/x.png").body == b"whole"


# ---------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    "key",
    ["", "/", "a/", "../a", "a/../../b", "a/.", "a/..", "a\0b", "\ud800"],
)
def test_what_is_no_key_is_refused_and_never_called_missing(store: ObjectStore, key: str) -> None:
    """A hostile id or host name cannot lead out of the store, in any operation."""
    for call in (store.get, store.head, store.delete):
        with pytest.raises(StoreError) as caught:
            call(key)
        assert not isinstance(caught.value, ObjectNotFound)


@pytest.mark.parametrize(
    "key",
    ["", "/", "/etc/passwd", "a//b", "a/", "../a", "a/../../b", "a/.", "a/..", "a\\b", "a\0b",
     "\ud800", "x" * 1025, "a/.datafetch-lock"],
)  # fmt: skip
def test_what_not_every_store_can_hold_is_written_to_none(store: ObjectStore, key: str) -> None:
    """So one store can be copied into another."""
    with pytest.raises(StoreError):
        store.put(key, b"1")
    with pytest.raises(StoreError):
        store.put(key, as_file(b"1"))
    assert list(store.list("")) == []


@pytest.mark.parametrize("prefix", ["/", "../", "a/../", "a//", "a\0/"])
def test_a_prefix_cannot_lead_out_either(store: ObjectStore, prefix: str) -> None:
    """A listing looks into the store only."""
    with pytest.raises(StoreError):
        list(store.list(prefix))


def test_a_url_starts_where_every_url_starts(store: ObjectStore) -> None:
    """The empty key gives the base of all URLs; keys follow it as they are."""
    assert store.url("images/a.png") == store.url("") + "images/a.png"


# ----------------------------------------------------------------- read only


def test_a_store_for_reading_reads(store: ObjectStore) -> None:
    """A dry run sees what is stored, under the same name."""
    etag = store.put(KEY, b"1")
    reader = ReadOnlyStore(store)
    assert reader.get(KEY).body == b"1"
    assert reader.head(KEY).etag == etag
    assert [info.key for info in reader.list("")] == [KEY]
    assert (reader.name, reader.identity) == (store.name, store.identity)
    assert reader.url("a") == store.url("a")


def test_a_store_for_reading_refuses_every_write(store: ObjectStore) -> None:
    """A dry run or a build writes nothing, whatever it tries."""
    store.put(KEY, b"1")
    reader = ReadOnlyStore(store)
    with pytest.raises(StoreDenied):
        reader.put(KEY, b"2")
    with pytest.raises(StoreDenied):
        reader.put(KEY, as_file(b"2"))
    with pytest.raises(StoreDenied):
        reader.delete(KEY)
    assert store.get(KEY).body == b"1"
