"""Writing an object again as it is."""

from contextlib import closing
from pathlib import Path

import pytest

from datafetch.errors import LeaseLost
from datafetch.store.again import write_again
from datafetch.store.fenced import FencedStore
from datafetch.store.local import LocalStore
from tests.contract.support import open_s3
from tests.fakes.base import FakeServer
from tests.fakes.s3 import S3Fake
from tests.stores import Call, FaultyStore, MemoryStore

PICTURE = "images/opengraph/a-12345678.png"
LARGE = bytes(range(256)) * 1000


def test_new_headers_and_access_reach_an_old_picture(moto_server: FakeServer) -> None:
    """The bytes stay; type, cache header and ACL are those of a picture that is written today."""
    with S3Fake("again", server=moto_server) as fake:
        fake.put(PICTURE, LARGE, content_type="text/plain")
        with closing(open_s3(fake, acl="public-read")) as store:
            assert write_again(store, PICTURE) == store.head(PICTURE).etag
        found = fake.get(PICTURE)
        assert found is not None
        assert (found.body, found.content_type) == (LARGE, "image/png")
        assert found.cache_control == "public, max-age=31536000, immutable"
        assert fake.acl_grants_public_read(PICTURE)


def test_a_csv_gets_the_type_and_access_of_one_of_today(moto_server: FakeServer) -> None:
    """Those of private repositories are for nobody to read."""
    key = "json/github-activity/repo_raw_weekly_stats/a_b.csv"
    with S3Fake("again-csv", server=moto_server) as fake:
        fake.put(key, b"1,2,3,4", content_type="text/plain")
        with closing(open_s3(fake, acl="public-read")) as store:
            write_again(store, key)
        found = fake.get(key)
        assert found is not None
        assert (found.body, found.content_type) == (b"1,2,3,4", "text/csv; charset=utf-8")
        assert not fake.acl_grants_public_read(key)


def test_in_a_folder_the_file_is_replaced_by_its_equal(tmp_path: Path) -> None:
    """It is read while it is replaced, and nothing of it is lost."""
    store = LocalStore(tmp_path)
    etag = store.put(PICTURE, LARGE)
    assert write_again(store, PICTURE) == etag
    assert store.get(PICTURE).body == LARGE


def test_what_is_gone_is_not_made_again() -> None:
    """Nothing is written in its place."""
    store = MemoryStore()
    assert write_again(store, PICTURE) is None
    assert store.objects == {}


def test_what_somebody_has_written_meanwhile_stays() -> None:
    """Theirs is newer, and has its headers already."""
    memory = MemoryStore()
    memory.put(PICTURE, b"old")

    def before(call: Call) -> None:
        if call.method == "put":
            memory.put(PICTURE, b"new")

    store = FaultyStore(memory, before=before)
    assert write_again(store, PICTURE) is None
    assert memory.objects == {PICTURE: b"new"}


def test_without_the_lease_nothing_is_written() -> None:
    """It is fenced like every other write."""

    class Fallen:
        def check(self) -> None:
            raise LeaseLost

    memory = FaultyStore(MemoryStore())
    memory.inner.put(PICTURE, b"old")
    with pytest.raises(LeaseLost):
        write_again(FencedStore(memory, Fallen()), PICTURE)
    assert memory.count("put") == 0
