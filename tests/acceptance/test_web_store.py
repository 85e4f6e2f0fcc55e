"""The real command on a store that is only shown on the web, and its mirrors."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.build.bookmarks import bookmark_folder
from tests.build.test_web import PublicBucket
from tests.build.world import github_objects, put_all
from tests.fakes.base import FakeServer
from tests.processes import datafetch

NO_SERVER = "http://127.0.0.1:9"
JOBS = {
    "BOOKMARKS_API_URL": NO_SERVER,
    "BOOKMARKS_LIST_ID": "l",
    "BOOKMARK_BEARER_TOKEN": "t-t-t-t",
    "GITHUB_TOKEN": "t-t-t-t",
    "GITHUB_REPO_OWNER": "octo-dev",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeServer]:
    """Bookmarks and GitHub activity of the environment test, as visitors are shown them."""
    world = bookmark_folder(tmp_path / "store")
    put_all(world.store, github_objects())
    with PublicBucket(world.store).served() as started:
        yield started


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_build_and_its_mirror_need_no_credentials(server: FakeServer, tmp_path: Path) -> None:
    """From the web into a mirror, and from the mirror into files: the same as from the web itself."""
    web = {"DATAFETCH_STORE": server.url, "DATAFETCH_ENV": "test", "CI": "true"}
    copy = {**web, "DATAFETCH_STORE": "file:copy"}
    done = datafetch("prefetch-build", "--json", "--mirror", "copy", cwd=tmp_path, **web)
    assert (done.code, [result["itemsChanged"] for result in done.results]) == (0, [5, 4]), done.err
    direct = datafetch("prefetch-build", "--output", "direct", cwd=tmp_path, **web)
    assert direct.code == 0, direct.err
    again = datafetch("prefetch-build", cwd=tmp_path, **copy)
    assert again.code == 0, again.err
    assert _files(tmp_path / "generated") == _files(tmp_path / "direct") != {}


@pytest.mark.parametrize(
    "arguments",
    [
        ["bookmarks"],
        ["github"],
        ["logos"],
        ["refresh-opengraph"],
        ["update"],
        ["prefetch-dev"],
        ["bookmarks", "--dry-run"],
    ],
)
def test_all_other_commands_refuse_a_store_that_is_only_shown(
    tmp_path: Path, arguments: list[str]
) -> None:
    """A job that cannot write says so before it asks anybody: exit 78, and JSON stays JSON."""
    store = {"DATAFETCH_STORE": "https://cdn.example.com", "DATAFETCH_ENV": "test"}
    done = datafetch(*arguments, "--json", cwd=tmp_path, **store, **JOBS)
    assert done.code == 78
    assert "read-only, for prefetch-build" in done.err
    assert "Traceback" not in done.err
    assert all(result["status"] == "failed" for result in done.results)


def test_what_a_web_store_misses_is_told_with_all_else(tmp_path: Path) -> None:
    """The read-only store and the settings of the job are named in one go."""
    done = datafetch("update", cwd=tmp_path, DATAFETCH_STORE="https://cdn.example.com")
    assert done.code == 78
    for said in ("read-only", "DATAFETCH_ENV is missing", "GITHUB_REPO_OWNER is missing"):
        assert said in done.err


def test_a_web_store_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    """No server at the address: exit 1 with what to check, never a traceback."""
    store = {"DATAFETCH_STORE": NO_SERVER, "DATAFETCH_ENV": "test"}
    done = datafetch(
        "prefetch-build", "--json", cwd=tmp_path, DATAFETCH_RETRY_MAX_SECONDS="0", **store
    )
    assert done.code == 1
    assert "Traceback" not in done.err
    assert [result["status"] for result in done.results] == ["failed", "failed"]


@pytest.mark.parametrize("folder", ["store", "./store/../store", "link"])
def test_the_store_is_not_mirrored_into_itself(tmp_path: Path, folder: str) -> None:
    """A mirror removes what is stale: pointed at the store itself it would remove what a run publishes."""
    bookmark_folder(tmp_path / "store")
    (tmp_path / "link").symlink_to("store")
    before = _files(tmp_path / "store")
    done = datafetch(
        "prefetch-build",
        "--mirror",
        folder,
        cwd=tmp_path,
        DATAFETCH_STORE="file:store",
        DATAFETCH_ENV="test",
    )
    assert done.code == 2
    assert "the folder of the store itself" in done.err
    assert _files(tmp_path / "store") == before


def test_a_dry_run_mirrors_nothing(server: FakeServer, tmp_path: Path) -> None:
    """`DRY_RUN` counts what a mirror would write, and makes no folder."""
    web = {"DATAFETCH_STORE": server.url, "DATAFETCH_ENV": "test", "DRY_RUN": "true"}
    done = datafetch("prefetch-build", "--json", "--mirror", "copy", cwd=tmp_path, **web)
    assert done.code == 0, done.err
    assert [result["itemsChanged"] for result in json.loads(done.out)] == [5, 4]
    assert not (tmp_path / "copy").exists()
