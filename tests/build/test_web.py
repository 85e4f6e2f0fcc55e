"""Builds from what visitors are shown: the same files, without a sight of state, through caches."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from datafetch.clock import CancelToken
from datafetch.environment import load_settings
from datafetch.errors import Inconsistent, NotShown, ObjectNotFound
from datafetch.factory import make_http
from datafetch.store.base import ObjectStore
from datafetch.store_factory import make_store
from tests.bookmarks.world import World
from tests.build.bookmarks import INDEX, MASTER, bookmark_folder, publish
from tests.build.world import KEYS, Build, github_objects, put_all, put_logos
from tests.fakes.base import App, FakeServer, Request, Response
from tests.support import FakeClock

JOURNAL = KEYS.publish_journal("bookmarks")


class PublicBucket(App):
    """A bucket that shows everyone what is public, and says 403 for anything else, as S3 does."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__()
        self._store = store
        self.before: Callable[[str], object] = lambda key: None

    def answer(self, request: Request) -> Response:
        """The object, or 403."""
        key = request.path.lstrip("/")
        self.before(key)
        try:
            found = self._store.get(key)
        except ObjectNotFound:
            return Response(403)
        if key.startswith("json/datafetch/"):
            return Response(403)
        etag = f'"{hashlib.md5(found.body).hexdigest()}"'
        headers = {"Content-Type": found.info.content_type or "", "ETag": etag}
        if request.headers.get("if-none-match") == etag:
            return Response(304, headers)
        return Response(200, headers, found.body)

    def bodies(self) -> list[str]:
        """The keys whose content was asked for without a condition."""
        requests = [one for one in self.log.all() if "if-none-match" not in one.headers]
        return sorted(one.path.lstrip("/") for one in requests if "datafetch" not in one.path)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Thirty bookmarks, on two pages, in a folder."""
    return bookmark_folder(tmp_path / "store")


@pytest.fixture
def bucket(world: World) -> PublicBucket:
    """What everyone is shown of it."""
    return PublicBucket(world.store)


@pytest.fixture
def server(bucket: PublicBucket) -> Iterator[FakeServer]:
    """The bucket's address."""
    with bucket.served() as started:
        yield started


@pytest.fixture
def build(
    world: World, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Build]:
    """A build that knows the address only; it does not wait for the clock."""
    monkeypatch.setenv("DATAFETCH_STORE", server.url)
    monkeypatch.setenv("DATAFETCH_ENV", "test")
    settings = load_settings(None)
    # The world's clock jumps by hours, past the deadline of any request.
    with closing(make_http(settings, FakeClock(), CancelToken())) as http:
        store = make_store(settings, world.clock, http)
        yield Build(tmp_path / "generated", store, world.clock)


def test_a_build_from_the_web_has_the_same_files(
    build: Build, world: World, tmp_path: Path
) -> None:
    """A build service without credentials writes what one with them writes, pictures included."""
    owner = Build(tmp_path / "owner", world.store, world.clock)
    put_all(world.store, github_objects())
    put_logos(owner, 5)
    for one in (build, owner):
        prefetch = one.prefetch(width=4)
        prefetch.bookmarks()
        prefetch.github()
        prefetch.logos()
    assert build.contents() == owner.contents()
    assert len(build.contents()) == 3 + 4 + 6


def test_each_object_travels_once(build: Build, bucket: PublicBucket) -> None:
    """The index is looked at before, while and after: only the first time with its content."""
    build.prefetch().bookmarks()
    keys = [INDEX, MASTER, KEYS.slug_mapping(), KEYS.bookmark_page(1), KEYS.bookmark_page(2)]
    assert bucket.bodies() == sorted(keys)
    assert bucket.log.count(INDEX) == 3
    assert {call.method for call in build.calls} == {"get", "head"}


def test_a_publish_that_is_not_seen_is_waited_for(
    build: Build, world: World, bucket: PublicBucket
) -> None:
    """The journal is hidden from visitors: objects that disagree are read again before that is believed."""
    page = KEYS.bookmark_page(2)
    whole = world.store.get(page).body
    world.store.put(page, b"[]")
    asked: list[str] = []

    def heal(key: str) -> None:
        asked.append(key)
        if asked.count(page) == 2:
            world.store.put(page, whole)

    bucket.before = heal
    assert build.prefetch().bookmarks().changed == 3
    assert world.clock.slept == [2.0]


def test_a_publish_during_the_build_is_noticed(
    build: Build, world: World, bucket: PublicBucket
) -> None:
    """An index that moved on while its pages were read is read again with all that belongs to it."""
    left = [lambda: publish(world)]
    bucket.before = lambda key: left.pop()() if key == KEYS.slug_mapping() and left else None
    build.prefetch().bookmarks()
    assert build.json("bookmarks/index.json")["count"] == 31
    assert len(build.json("bookmarks/bookmarks.json")) == 31


def test_objects_that_stay_apart_name_caches(build: Build, world: World) -> None:
    """A cache that shows an old page beside a new index is named as a cause, not only a broken store."""
    world.store.put(KEYS.bookmark_page(2), b"[]")
    with pytest.raises(Inconsistent, match="is not that part of the list") as caught:
        build.prefetch().bookmarks()
    assert "cache" in caught.value.hint
    assert "datafetch bookmarks --force" in caught.value.hint
    assert world.clock.slept == [2.0, 8.0]
    assert build.files() == {}


def test_a_list_that_was_never_stored_is_told_at_once(build: Build, world: World) -> None:
    """S3 answers 403 for what is missing: the hint says what else that can mean, without a wait."""
    world.store.delete(INDEX)
    with pytest.raises(ObjectNotFound, match="run `datafetch bookmarks` first") as caught:
        build.prefetch().bookmarks()
    assert isinstance(caught.value.__cause__, NotShown)
    assert "S3_OBJECT_ACL" in caught.value.hint
    assert world.clock.slept == []


def test_a_page_that_is_hidden_is_named(build: Build, world: World) -> None:
    """An object that lacks its public ACL ends the build with its key, and old files stay."""
    build.prefetch().bookmarks()
    before = build.files()
    world.store.delete(KEYS.bookmark_page(2))
    with pytest.raises(ObjectNotFound, match=KEYS.bookmark_page(2)) as caught:
        build.prefetch().bookmarks()
    assert "S3_OBJECT_ACL" in caught.value.hint
    assert build.files() == before
