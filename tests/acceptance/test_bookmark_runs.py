"""Bookmark runs as processes: what their failures look like from outside."""

import json
from pathlib import Path
from typing import Any

from tests.bookmarks.world import link
from tests.fakes.base import FakeServer
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.processes import Finished, datafetch


def bookmarks(server: FakeServer, folder: Path, *options: str, **variables: str) -> Finished:
    """One run into a folder."""
    return datafetch(
        "bookmarks",
        *options,
        "--json",
        cwd=folder,
        DATAFETCH_STORE=f"file:{folder}/store",
        BOOKMARKS_API_URL=server.url,
        BOOKMARKS_LIST_ID=LIST_ID,
        BOOKMARK_BEARER_TOKEN=TOKEN,
        DATAFETCH_ALLOW_HOSTS="127.0.0.1",
        **variables,
    )


def stored(folder: Path, name: str) -> Any:
    """An object of the bookmarks."""
    return json.loads((folder / f"store/json/bookmarks/{name}-dev.json").read_text())


def test_failed_items_reach_the_result(tmp_path: Path) -> None:
    """A run of which most items failed says so in exit code, result, index and heartbeat alike."""
    app = KarakeepApp(link(number) for number in range(12))
    with app.served() as server:
        assert bookmarks(server, tmp_path).code == 0
        before = stored(tmp_path, "index")
        for number in range(8):
            app.malform(f"b{number:03d}", tags="broken")
        ended = bookmarks(server, tmp_path)
        assert ended.code == 1
        result = ended.result("bookmarks")
        assert (result["status"], result["itemsProcessed"], result["itemsFailed"]) == (
            "failed",
            12,
            8,
        )
        assert result["lastFetchedAt"] == before["lastFetchedAt"]
        after = stored(tmp_path, "index")
        assert after["lastFetchedAt"] == before["lastFetchedAt"]
        assert after["lastAttemptedAt"] > before["lastAttemptedAt"]
        assert stored(tmp_path, "heartbeat")["success"] is False
        again = bookmarks(server, tmp_path)
        assert (again.code, again.result("bookmarks")["status"]) == (0, "partial")


def test_an_item_that_would_fill_the_disk_is_refused(tmp_path: Path) -> None:
    """A long text with 100 tags makes a page for each: the stored list stays, the next run heals."""
    app = KarakeepApp(link(number) for number in range(12))
    tags = [{"id": f"t{n}", "name": f"flood {n}", "attachedBy": "ai"} for n in range(2_000)]
    with app.served() as server:
        assert bookmarks(server, tmp_path).code == 0
        before = stored(tmp_path, "bookmarks")
        app.malform("b003", tags=tags, note="n" * 60_000)
        ended = bookmarks(server, tmp_path, DATAFETCH_MAX_OUTPUT_MB="5")
        result = ended.result("bookmarks")
        assert (ended.code, result["status"]) == (1, "failed")
        assert "DATAFETCH_MAX_OUTPUT_MB allows 5" in result["error"]
        assert "raise DATAFETCH_MAX_OUTPUT_MB" in " ".join(result["notes"])
        assert stored(tmp_path, "bookmarks") == before
        assert not list((tmp_path / "store/json/bookmarks/tags-dev").glob("flood-*"))
        assert not (tmp_path / "store/json/datafetch/publish/bookmarks-dev.json").exists()
        assert "DATAFETCH_MAX_OUTPUT_MB" in stored(tmp_path, "heartbeat")["error"]
        again = bookmarks(server, tmp_path, DATAFETCH_MAX_OUTPUT_MB="50")
        assert again.code == 0
        assert len(list((tmp_path / "store/json/bookmarks/tags-dev").glob("flood-*"))) == 100
        assert "1900 are left out" in " ".join(again.result("bookmarks")["notes"])


def test_what_is_written_again_counts_too(tmp_path: Path) -> None:
    """With --force every equal object is written; past the limit the run ends, and nothing is lost."""
    app = KarakeepApp(link(number) for number in range(12))
    for number in range(12):
        app.malform(f"b{number:03d}", note="n" * 60_000)
    with app.served() as server:
        assert bookmarks(server, tmp_path).code == 0
        before = stored(tmp_path, "bookmarks")
        ended = bookmarks(server, tmp_path, "--force", DATAFETCH_MAX_OUTPUT_MB="1")
        assert (ended.code, ended.result("bookmarks")["status"]) == (1, "failed")
        assert "DATAFETCH_MAX_OUTPUT_MB allows 1" in ended.result("bookmarks")["error"]
        assert stored(tmp_path, "bookmarks") == before
        assert bookmarks(server, tmp_path, "--force").code == 0
