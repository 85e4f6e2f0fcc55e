"""Bookmark runs as processes: what their failures look like from outside."""

import json
from pathlib import Path
from typing import Any

from tests.bookmarks.world import link
from tests.fakes.base import FakeServer
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.processes import Finished, datafetch


def bookmarks(server: FakeServer, folder: Path) -> Finished:
    """One run into a folder."""
    return datafetch(
        "bookmarks",
        "--json",
        cwd=folder,
        DATAFETCH_STORE=f"file:{folder}/store",
        BOOKMARKS_API_URL=server.url,
        BOOKMARKS_LIST_ID=LIST_ID,
        BOOKMARK_BEARER_TOKEN=TOKEN,
        DATAFETCH_ALLOW_HOSTS="127.0.0.1",
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
