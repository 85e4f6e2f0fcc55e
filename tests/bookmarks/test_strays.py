"""Objects that other systems and tools have left: tidied or left alone, never the end of a run."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from datafetch.store.local import LocalStore
from tests.bookmarks.world import KEYS, World
from tests.contract.support import open_s3
from tests.fakes.base import FakeServer
from tests.fakes.s3 import S3Fake

TAGS, PAGES = "json/bookmarks/tags-test/", "json/bookmarks/pages-test/"
BY_ID, SHARDS = "json/bookmarks/by-id-test/", "json/bookmarks/slug-shards-test/"

TIDIED = [
    f"{TAGS}/page-1.json",
    f"{TAGS}//index.json",
    f"{TAGS}a b/page-1.json",
    f"{TAGS}a\x01\x7f\u202eb/page-1.json",
    f"{TAGS}back\\slash/page-1.json",
    f"{TAGS}Tag-1/page-1.json",
    f"{TAGS}TAG-1/page-1.json",
    f"{TAGS}{'x' * 960}/page-1.json",
    f"{TAGS}.datafetch-0123456789abcdef",
    f"{TAGS}.DS_Store",
    f"{TAGS}~+/x~+",
    f"{PAGES}Thumbs.db",
    f"{PAGES}page-1.json.tmp",
    f"{PAGES}page-01.json",
    f"{BY_ID}._b001.json",
    f"{BY_ID}/b001.json",
    f"{SHARDS}/x.json",
    f"{SHARDS}ab/.DS_Store",
]
LEFT = [f"{TAGS}", f"{TAGS}old/", f"{TAGS}../x.json", f"{TAGS}./x.json", "json/bookmarks//odd.json"]


@pytest.fixture
def bucket(moto_server: FakeServer) -> Iterator[S3Fake]:
    """A bucket of its own."""
    with S3Fake("strays", server=moto_server) as fake:
        yield fake


def test_what_the_old_system_left_in_a_bucket_ends_no_run(bucket: S3Fake) -> None:
    """Stale pages go whatever their name; folders of consoles and names with dots stay; all is whole."""
    with closing(open_s3(bucket)) as store:
        world = World.of(30, store=store)
        world.run()
        slugs = world.slugs()
        for key in bucket.keys("json/datafetch/"):
            bucket.delete(key)
        for key in (*TIDIED, *LEFT):
            bucket.put(key, b"" if key.endswith("/") else b"[]")
        world.run()
        world.assert_whole()
        assert world.slugs() == slugs
        assert set(bucket.keys("json/bookmarks/")) >= set(LEFT)
        assert not set(bucket.keys()) & set(TIDIED)
        assert not world.run().change_detected


def test_strays_that_come_later_go_with_the_next_forced_run(bucket: S3Fake) -> None:
    """An unchanged run does not look for them, and is not disturbed by them."""
    with closing(open_s3(bucket)) as store:
        world = World.of(30, store=store)
        world.run()
        for key in (*TIDIED, *LEFT):
            bucket.put(key, b"" if key.endswith("/") else b"[]")
        assert not world.run().change_detected
        modified = world.index()["lastModified"]
        report = world.run(force=True)
        assert (report.changed, report.change_detected) == (0, False)
        assert world.index()["lastModified"] == modified
        assert not set(bucket.keys()) & set(TIDIED)
        world.assert_whole()


def test_a_broken_list_is_gathered_beside_strays(bucket: S3Fake) -> None:
    """What cannot be read of them is kept aside under a name that every store takes."""
    with closing(open_s3(bucket)) as store:
        world = World.of(30, store=store)
        world.run()
        slugs = world.slugs()
        for key in (*TIDIED, *LEFT):
            bucket.put(key, b"broken")
        bucket.put(KEYS.bookmarks(), b"[")
        bucket.put(KEYS.bookmark_by_id("b003"), b"{")
        world.run()
        assert world.slugs() == slugs
        assert bucket.keys("json/datafetch/aside/")
        world.run(force=True)
        world.assert_whole()


def test_what_other_tools_left_in_a_folder_ends_no_run(tmp_path: Path) -> None:
    """A first run finds only strays, no list: that is no sign of bookmarks that were lost."""
    for key in (*TIDIED, f"{TAGS}old/.keep"):
        if "//" not in key and not key.endswith("/") and len(key) < 255:
            (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / key).write_bytes(b"x")
    (tmp_path / "json/bookmarks/tags-test/none").symlink_to(tmp_path / "json")
    (tmp_path / "json/datafetch/backup/bookmarks-test").mkdir(parents=True)
    (tmp_path / "json/datafetch/backup/bookmarks-test/Thumbs.db").write_bytes(b"x")
    world = World.of(30, store=LocalStore(tmp_path))
    for path in list(tmp_path.rglob("*.json")):
        path.unlink()  # such a name is a sign
    world.run()
    world.assert_whole()
    assert not world.run().change_detected
    assert (tmp_path / "json/bookmarks/tags-test/none").is_symlink()


def test_strays_among_the_backups_are_none(tmp_path: Path) -> None:
    """`--restore 1` is the newest list, and only lists are counted and go when there are too many."""
    world = World.of(30, store=LocalStore(tmp_path))
    world.run()
    titles = [item["title"] for item in world.master()]
    folder = tmp_path / "json/datafetch/backup/bookmarks-test"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Thumbs.db", ".DS_Store", "._2027-01-01T00-00-00.000Z.json", "z.tmp"):
        (folder / name).write_bytes(b"x")
    for number in range(7):
        world.app.edit("b000", title=f"Title {number}")
        world.run()
    assert len(list(folder.glob("2*.json"))) == 5
    assert (folder / "Thumbs.db").exists()
    world.run(restore=1)
    assert json.loads((tmp_path / KEYS.bookmarks()).read_bytes())[0]["title"] == "Title 5"
    assert [item["title"] for item in world.master()][1:] == titles[1:]


def test_slug_shards_that_disagree_go_and_none_are_written(bucket: S3Fake) -> None:
    """The mapping wins over what the old system looked slugs up in; what agrees may stay."""
    with closing(open_s3(bucket)) as store:
        world = World.of(3, store=store)
        world.run()
        slugs = world.slugs()
        good = f"{SHARDS}si/{slugs['b001']}.json"
        bucket.put(good, json.dumps({"id": "b001", "slug": slugs["b001"]}).encode())
        for name, entry in {
            "si/other.json": {"id": "b001", "slug": "other"},
            f"si/{slugs['b002']}.json": {"id": "b000", "slug": slugs["b002"]},
            "/x.json": [],
        }.items():
            bucket.put(SHARDS + name, json.dumps(entry).encode())
        world.run(force=True)
        assert bucket.keys(SHARDS) == [good]
