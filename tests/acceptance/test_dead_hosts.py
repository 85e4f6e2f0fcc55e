"""A dead host with thirty items costs five connections at most in a run, and one in the next."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.base import App, FakeServer, Request, Response
from tests.fakes.karakeep import KarakeepApp, link
from tests.fakes.wire import Connection
from tests.net.upstreams import InThread
from tests.processes import Finished, datafetch

ITEMS = 30
NEWEST = datetime(2026, 11, 1, tzinfo=UTC)
DAY_MS = 86_400_000


class Counting(FakeServer):
    """Counts the connections that came."""

    connections = 0

    def serve(self, connection: Connection) -> None:
        """Count it, and answer."""
        self.connections += 1
        super().serve(connection)


class Page(App):
    """A page at every address."""

    def answer(self, request: Request) -> Response:
        """The page."""
        body = f"<!doctype html><title>{request.path}</title><body>".encode()
        return Response(200, {"Content-Type": "text/html"}, body)


class Place:
    """A host with thirty bookmarked pages; one command after the other."""

    def __init__(self, folder: Path, cleanup: ExitStack) -> None:
        self.folder = folder
        self.app = Page()
        self.server = cleanup.enter_context(Counting(self.app))
        self._cleanup = cleanup

    def bookmark(self, port: int) -> None:
        """Save the pages, and sync the list."""
        karakeep = KarakeepApp(
            link(f"b{n}", f"http://localhost:{port}/p{n}", NEWEST - timedelta(hours=n))
            for n in range(ITEMS)
        )
        server = self._cleanup.enter_context(FakeServer(karakeep))
        self._variables = {
            "BOOKMARKS_API_URL": server.url,
            "BOOKMARKS_LIST_ID": karakeep.list_id,
            "BOOKMARK_BEARER_TOKEN": karakeep.token,
        }
        assert self.run("bookmarks")["status"] == "succeeded"

    def command(self, *arguments: str, **variables: str) -> Finished:
        """One command, as a process."""
        settings = {
            "DATAFETCH_STORE": "file:./store",
            "DATAFETCH_ALLOW_HOSTS": "localhost",
            "DATAFETCH_MAX_FAILURE_RATIO": "1",
            "OG_FETCH_TIMEOUT_MS": "500",
            "OG_RETRY_DELAY_MS": "1",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        return datafetch(
            *arguments, "--json", cwd=self.folder, **settings | self._variables | variables
        )

    def run(self, *arguments: str, **variables: str) -> dict[str, Any]:
        """The result of one run, as a process."""
        (result,) = self.command(*arguments, **variables).results
        return dict(result)

    def stored(self, name: str) -> Any:
        """One of datafetch's own objects."""
        return json.loads((self.folder / "store/json/datafetch" / name).read_text())

    def requests(self) -> int:
        """How many requests the newest run sent to the site."""
        return int(self.stored("history/opengraph-dev.json")[0]["upstreams"]["site"]["requests"])

    def let_time_pass(self) -> None:
        """Date the letters and breakers back, as if it were a day later."""
        for name in ("dead-letters/opengraph-dev.json", "breakers-dev.json"):
            path = self.folder / "store/json/datafetch" / name
            stored = json.loads(path.read_text())
            for value in stored.values():
                for field in ("nextAttemptAt", "openedAt"):
                    if field in value:
                        value[field] -= DAY_MS
            path.write_text(json.dumps(stored))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A host that answers."""
    with ExitStack() as cleanup:
        yield Place(tmp_path, cleanup)


def _hang(place: Place) -> None:
    gate = threading.Event()
    place._cleanup.callback(gate.set)
    place.app.inject(faults.held(gate))


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda place: place.app.inject(faults.dropped()), id="resets"),
        pytest.param(lambda place: place.app.inject(faults.reply(500)), id="answers 500"),
        pytest.param(_hang, id="hangs"),
    ],
)
def test_a_dead_host_gets_five_connections_then_one(
    place: Place, break_it: Callable[[Place], object]
) -> None:
    """Thirty items, three tries each, sixteen at once, were dozens of connections to a host that is down."""
    break_it(place)
    place.bookmark(place.server.port)
    result = place.run("refresh-opengraph")
    # A host that answers is asked again on a connection that is open.
    assert 1 <= place.server.connections <= 5
    assert place.requests() <= 5
    letters = place.stored("dead-letters/opengraph-dev.json").values()
    assert len(letters) == ITEMS
    assert result["itemsFailed"] + result["itemsSkipped"] == ITEMS
    (breaker,) = place.stored("breakers-dev.json").values()
    untried = [letter for letter in letters if letter["errorType"] == "BreakerOpen"]
    assert len(untried) >= ITEMS - 5
    for letter in untried:  # they may be tried as soon as the breaker lets one through
        assert letter["attempts"] == 0
        assert 0 <= letter["nextAttemptAt"] - breaker["openedAt"] <= 61_000

    place.let_time_pass()
    place.server.connections = 0
    place.run("refresh-opengraph")
    assert place.server.connections == 1
    assert len(place.stored("dead-letters/opengraph-dev.json")) == ITEMS

    place.app.heal()
    place.let_time_pass()
    assert place.run("refresh-opengraph")["itemsChanged"] == ITEMS
    assert place.stored("dead-letters/opengraph-dev.json") == {}


def test_a_port_at_which_nobody_listens_is_asked_five_times_then_once(place: Place) -> None:
    """A refused connection is as good as any: five requests, then one."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        place.bookmark(nobody.getsockname()[1])
        place.run("refresh-opengraph")
        assert 3 <= place.requests() <= 5
        place.let_time_pass()
        place.run("refresh-opengraph")
        assert place.requests() == 1


def test_a_host_of_which_some_pages_fail_is_asked_for_all(place: Place) -> None:
    """404, 429 and single pages with a 500 are answers of a host that works: nothing waits for them."""
    place.app.inject(faults.reply(404), "/p1")
    place.app.inject(faults.reply(500), "/p29")
    place.bookmark(place.server.port)
    result = place.run("refresh-opengraph")
    letters = place.stored("dead-letters/opengraph-dev.json").values()
    assert not [one for one in letters if one["errorType"] == "BreakerOpen"]
    assert result["itemsFailed"] == len(letters) == 12


def test_letters_that_are_dropped_during_a_run_stay_dropped(place: Place) -> None:
    """A run that ended failed for it, or brought them back."""
    place.app.inject(faults.reply(404), lambda request: request.path in ("/p1", "/p2", "/p3"))
    place.bookmark(place.server.port)
    assert place.run("refresh-opengraph")["itemsFailed"] == 3
    known = {
        letter["item"].rpartition("/")[2]: letter["id"]
        for letter in place.stored("dead-letters/opengraph-dev.json").values()
    }
    gate = threading.Event()
    place.app.heal()
    place.app.inject(faults.held(gate), "/p1", times=1)
    place.app.inject(faults.reply(404), lambda request: request.path in ("/p1", "/p2", "/p3"))
    place.app.log.clear()
    results: list[dict[str, Any]] = []
    retry = InThread(
        lambda: results.append(
            place.run(
                "dead-letters", "retry", known["p1"], known["p2"], OG_FETCH_TIMEOUT_MS="30000"
            )
        )
    )
    place.app.log.wait_for(2)
    assert place.command("dead-letters", "drop", known["p2"], known["p3"]).code == 0
    gate.set()
    assert retry.ended()
    assert (results[0]["success"], results[0]["itemsChanged"]) == (True, 1)
    assert place.stored("dead-letters/opengraph-dev.json") == {}
