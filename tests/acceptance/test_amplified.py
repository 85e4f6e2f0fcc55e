"""Small answers that would become gigabytes, and lists that never end: the real command within limited memory."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.bookmarks.world import link
from tests.fakes.base import Action, Answer, Request, Response
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.processes import Finished, clean_environment, command_line

MOST_KIB = 1_500_000
"""Address space of the command: half of it is what libraries and threads reserve and never use."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs limits of address space")


def bookmarks(url: str, folder: Path, **settings: str) -> Finished:
    """One run into a folder, which ends when it takes more than `MOST_KIB` or four minutes."""
    done = subprocess.run(
        [
            "/bin/sh",
            "-c",
            f'ulimit -v {MOST_KIB} && exec "$@"',
            "sh",
            *command_line("bookmarks", "--json", "--log-format", "json"),
        ],
        cwd=folder,
        env=clean_environment(
            DATAFETCH_STORE=f"file:{folder}/store",
            BOOKMARKS_API_URL=url,
            BOOKMARKS_LIST_ID=LIST_ID,
            BOOKMARK_BEARER_TOKEN=TOKEN,
            **settings,
        ),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture(name="app")
def twelve_bookmarks() -> KarakeepApp:
    """A server with twelve bookmarks."""
    return KarakeepApp(link(number) for number in range(12))


def packed(body: bytes) -> Action:
    """This body, compressed."""
    small = gzip.compress(body, 9)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    return lambda _request, _answer: Response(200, headers, small)


def endless() -> Action:
    """A hundred new bookmarks and a new cursor with each page, for ever."""
    numbers = count()

    def act(_request: Request, _answer: Answer) -> Response:
        first = next(numbers) * 100
        items = [link(number) for number in range(first, first + 100)]
        return Response.json({"bookmarks": items, "nextCursor": f"c{first}"})

    return act


def circling() -> Action:
    """The same hundred bookmarks and a new cursor with each page, for ever."""
    numbers = count()
    items = [link(number) for number in range(100)]
    return lambda _request, _answer: Response.json(
        {"bookmarks": items, "nextCursor": f"c{next(numbers)}"}
    )


HOSTILE: dict[str, tuple[Callable[[], Action], str]] = {
    "64 MiB of empty items": (
        lambda: packed(b'{"bookmarks":[' + b"{}," * 22_000_000 + b'{}],"nextCursor":null}'),
        "it has more than 200 bookmarks",
    ),
    "64 MiB of brackets": (
        lambda: packed(b'{"bookmarks":' + b"[" * 30_000_000 + b"]" * 30_000_000 + b"}"),
        "more than 3,000,000 parts",
    ),
    "600,000 items": (
        lambda: packed(
            b'{"bookmarks":[' + b",".join(b'{"id":"b%d"}' % n for n in range(600_000)) + b"]}"
        ),
        "it has more than 200 bookmarks",
    ),
    "65 MiB": (lambda: packed(b" " * 65 * 1024 * 1024), "larger than 64 MiB"),
    "ever new items": (endless, "goes on past 2,500 items (BOOKMARKS_MAX_ITEMS)"),
    "ever new cursors": (circling, "20 pages in a row had only bookmarks of before"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_would_never_end_is_refused(kind: str, tmp_path: Path, app: KarakeepApp) -> None:
    """It ends with 1 and says which limit, stored data stays, and the next run heals."""
    make, words = HOSTILE[kind]
    master = tmp_path / "store/json/bookmarks/bookmarks-dev.json"
    with app.served() as server:
        assert bookmarks(server.url, tmp_path).code == 0
        before = master.read_bytes()
        app.inject(make())
        ended = bookmarks(server.url, tmp_path, BOOKMARKS_MAX_ITEMS="2500")
        result = ended.result("bookmarks")
        assert (ended.code, result["status"]) == (1, "failed")
        assert words in result["error"]
        assert "Traceback" not in ended.err
        assert "--allow-shrink" not in ended.err
        assert master.read_bytes() == before
        app.heal()
        healed = bookmarks(server.url, tmp_path)
        assert (healed.code, healed.result("bookmarks")["status"]) == (0, "unchanged")
        assert master.read_bytes() == before


def test_bad_items_cost_themselves(tmp_path: Path, app: KarakeepApp) -> None:
    """A number of 5,000 digits and deep nesting in one item each: both are named, their stored items stay."""

    def spoilt(request: Request, answer: Answer) -> Response:
        proper = answer(request)
        body = proper.body.replace(b'"b003"', b'"b003","n":' + b"9" * 5_000)
        proper.body = body.replace(b'"b005"', b'"b005","n":' + b"[" * 5_000 + b"]" * 5_000)
        return proper

    def ids() -> list[str]:
        master = tmp_path / "store/json/bookmarks/bookmarks-dev.json"
        return [item["id"] for item in json.loads(master.read_bytes())]

    with app.served() as server:
        assert bookmarks(server.url, tmp_path).code == 0
        before = ids()
        app.inject(spoilt)
        app.edit("b001", title="edited")
        ended = bookmarks(server.url, tmp_path)
        result = ended.result("bookmarks")
        assert (ended.code, result["status"], result["itemsFailed"]) == (0, "partial", 2)
        assert result["itemsChanged"] == 1
        assert ids() == before
        letters = (tmp_path / "store/json/datafetch/dead-letters/bookmarks-dev.json").read_text()
        assert "4,300 digits" in letters
        assert "100 levels" in letters
        app.heal()
        healed = bookmarks(server.url, tmp_path)
        assert (healed.code, healed.result("bookmarks")["itemsFailed"]) == (0, 0)
