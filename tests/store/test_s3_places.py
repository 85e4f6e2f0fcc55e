"""A bucket behind a host name of its own, and a store below a prefix of a bucket."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from datafetch.errors import ObjectNotFound, PreconditionFailed, StoreError
from datafetch.store.base import IfAbsent, IfMatch
from datafetch.store.public_urls import PublicUrls
from datafetch.store.s3 import S3Store
from tests.contract.support import open_s3
from tests.fakes.base import App, FakeServer, Request, Response
from tests.fakes.proxy import ForwardProxy
from tests.fakes.s3 import S3Fake

KEY = "json/bookmarks/index-test.json"
HOST = "oss.example.net"
LONG = "x" * 1020

_FORBIDDEN = b"<Error><Code>SecondLevelDomainForbidden</Code><Message>no</Message></Error>"


class VirtualHosted(App):
    """Another S3 server's app under a host for each bucket; path style is refused, as Alibaba does."""

    def __init__(self, inner: App) -> None:
        super().__init__(keep_bodies=False)
        self._inner = inner

    def answer(self, request: Request) -> Response:
        """Put the bucket into the path, where `inner` looks for it."""
        bucket = request.hostname.removesuffix(HOST).rstrip(".")
        if not bucket:
            return Response(403, {"Content-Type": "application/xml"}, _FORBIDDEN)
        path = f"/{bucket}{request.path}".rstrip("/")
        headers = {**request.headers, "host": "127.0.0.1"}
        return self._inner.handle(replace(request, host="127.0.0.1", path=path, headers=headers))


@pytest.fixture
def virtual(
    s3_fake: S3Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[VirtualHosted]:
    """The bucket of `s3_fake` at `https://{bucket}.oss.example.net`, through a proxy."""
    app = VirtualHosted(s3_fake.app)
    for name in ("AWS_CA_BUNDLE", "NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ForwardProxy(lambda host: app if host.endswith(HOST) else None) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(proxy.write_bundle(tmp_path)))
        yield app


@pytest.fixture(scope="module")
def bucket(moto_server: FakeServer) -> Iterator[S3Fake]:
    """One bucket for all tests of prefixes."""
    with S3Fake("prefixes", server=moto_server) as fake:
        yield fake


@pytest.fixture(scope="module")
def site(bucket: S3Fake) -> Iterator[S3Store]:
    """One client for all tests of prefixes."""
    with closing(open_s3(bucket, prefix="sites/one")) as opened:
        yield opened


@pytest.fixture
def store(site: S3Store, bucket: S3Fake) -> Iterator[S3Store]:
    """The store below the prefix, empty."""
    bucket.app.count_from_here()
    yield site
    for key in bucket.keys(""):
        bucket.delete(key)


# ------------------------------------------------------------------- virtual


def test_a_server_that_takes_virtual_hosts_only_is_a_store(
    virtual: VirtualHosted, s3_fake: S3Fake
) -> None:
    """Alibaba and Tencent refuse path style: read, write, condition, list and delete ask the bucket's host."""
    host = f"{s3_fake.bucket}.{HOST}"
    with closing(open_s3(s3_fake, endpoint=f"https://{HOST}", addressing="virtual")) as store:
        etag = store.put(KEY, b"1", condition=IfAbsent())
        with pytest.raises(PreconditionFailed):
            store.put(KEY, b"2", condition=IfAbsent())
        assert store.put(KEY, b"3", condition=IfMatch(etag)) == store.head(KEY).etag
        assert store.get(KEY).body == b"3"
        assert [info.key for info in store.list("json/")] == [KEY]
        assert store.url(KEY) == f"https://{host}/{KEY}"
        store.delete(KEY)
    assert {request.host for request in virtual.log.all()} == {host}
    assert s3_fake.keys() == []


@pytest.mark.usefixtures("virtual")
def test_path_style_is_what_an_endpoint_gets_unless_told(s3_fake: S3Fake) -> None:
    """Most servers have no host for each bucket; the one that wants it says so by its own words."""
    with (
        closing(open_s3(s3_fake, endpoint=f"https://{HOST}")) as store,
        pytest.raises(StoreError, match="SecondLevelDomainForbidden"),
    ):
        store.get(KEY)


@pytest.mark.usefixtures("virtual")
def test_addressing_and_prefix_meet_in_one_url(s3_fake: S3Fake) -> None:
    """`https://bucket.host/prefix/key` is where the object is stored, and where visitors find it."""
    options = {"endpoint": f"https://{HOST}", "addressing": "virtual", "prefix": "web"}
    with closing(open_s3(s3_fake, **options)) as store:
        store.put(KEY, b"1")
        assert store.url(KEY) == f"https://{s3_fake.bucket}.{HOST}/web/{KEY}"
    assert s3_fake.keys() == [f"web/{KEY}"]


# ------------------------------------------------------------------- prefix


def test_every_key_is_below_the_prefix(store: S3Store, bucket: S3Fake) -> None:
    """Two sites share a bucket: each reads, lists and deletes its own objects, under plain keys."""
    bucket.put(KEY, b"another's")
    bucket.put(f"sites/one-more/{KEY}", b"another's")
    etag = store.put(KEY, b"mine", condition=IfAbsent())
    assert bucket.keys() == [KEY, f"sites/one-more/{KEY}", f"sites/one/{KEY}"]
    assert store.get(KEY).body == b"mine"
    assert (store.get(KEY).info.key, store.head(KEY).key) == (KEY, KEY)
    with store.open(KEY) as opened:
        assert opened.info.key == KEY
    assert [(info.key, info.etag) for info in store.list("")] == [(KEY, etag)]
    assert [info.key for info in store.list("json/b")] == [KEY]
    store.delete(KEY)
    assert bucket.keys() == [KEY, f"sites/one-more/{KEY}"]


def test_the_folder_that_a_console_made_is_no_object(store: S3Store, bucket: S3Fake) -> None:
    """Consoles store an empty object named like the prefix, whose key in the store would be empty."""
    bucket.put("sites/one/", b"")
    store.put(KEY, b"mine")
    assert [info.key for info in store.list("")] == [KEY]


def test_who_may_read_is_judged_by_the_key_without_prefix(bucket: S3Fake) -> None:
    """Pictures below a prefix are as public as others, and state below it stays private."""
    with closing(open_s3(bucket, prefix="images", acl="public-read")) as store:
        store.put("images/logos/a.png", b"1", content_type="image/png")
        store.put("json/datafetch/history/logos.json", b"{}")
    assert bucket.acl_grants_public_read("images/images/logos/a.png")
    assert not bucket.acl_grants_public_read("images/json/datafetch/history/logos.json")


CALLS: dict[str, Callable[[S3Store], object]] = {
    "get": lambda store: store.get(KEY),
    "head": lambda store: store.head(KEY),
    "open": lambda store: store.open(KEY).__enter__(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_missing_object_is_told_by_its_key_and_where_it_was_looked_for(
    store: S3Store, call: Callable[[S3Store], object]
) -> None:
    """The error's key is the one that was asked for, and its message names the prefix."""
    with pytest.raises(ObjectNotFound) as caught:
        call(store)
    assert caught.value.key == KEY
    assert str(caught.value) == f"{KEY} is not in s3://prefixes/sites/one"


def test_a_refused_write_is_read_back_below_the_prefix(store: S3Store) -> None:
    """A write whose answer was lost is found again, and another's is told by its plain key."""
    store.put(KEY, b"mine")
    assert store.put(KEY, b"mine", condition=IfAbsent()) == store.head(KEY).etag
    with pytest.raises(PreconditionFailed) as caught:
        store.put(KEY, b"other", condition=IfAbsent())
    assert caught.value.key == KEY


@pytest.mark.parametrize("key", ["", "/json/a", "../json/a", "json//a", LONG])
def test_what_is_no_key_stays_none_below_a_prefix(store: S3Store, key: str) -> None:
    """An empty key is not the prefix itself, and prefix and key together keep S3's 1,024 bytes."""
    with pytest.raises(StoreError):
        store.get(key)
    with pytest.raises(StoreError):
        store.put(key, b"1")


def test_stores_of_two_prefixes_are_two(bucket: S3Fake) -> None:
    """Locks on one machine are named after the store: two sites in a bucket do not wait for each other."""
    opened = [open_s3(bucket, prefix=prefix) for prefix in ("", "one", "two", "one/two")]
    for store in opened:
        store.close()
    assert len({store.identity for store in opened}) == 4
    assert [store.name for store in opened] == [
        "s3://prefixes",
        "s3://prefixes/one",
        "s3://prefixes/two",
        "s3://prefixes/one/two",
    ]


def test_public_urls_of_a_prefix_lead_to_its_objects(site: S3Store, bucket: S3Fake) -> None:
    """A CDN shows what is below the prefix: its URLs have the key alone, the store's own the prefix too."""
    own, cdn = PublicUrls(None, site.url), PublicUrls("https://cdn.example.com/a", site.url)
    picture = "images/logos/a.png"
    assert own.for_key(picture) == f"{bucket.url}/prefixes/sites/one/{picture}"
    assert cdn.for_key(picture) == f"https://cdn.example.com/a/{picture}"
    assert (own.key_of(own.for_key(picture)), cdn.key_of(cdn.for_key(picture))) == (picture,) * 2
    assert own.key_of(f"{bucket.url}/prefixes/sites/one-more/{picture}") is None
    assert own.key_of(f"{bucket.url}/prefixes/{picture}") is None
