"""Two thousand pages of which a third fails in ten ways: all that failed waits, heals, and is gone."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.base import App, FakeServer, Request, Response
from tests.fakes.karakeep import KarakeepApp, link
from tests.fakes.message import Response as Answer
from tests.fakes.proxy import ForwardProxy
from tests.processes import Finished, datafetch

LETTERS = "dead-letters/opengraph-dev.json"
NEWEST = datetime(2026, 11, 1, tzinfo=UTC)
FINE, EACH, PER_HOST = 1400, 60, 2
TRANSIENT = ("refused", "reset", "hang", "500", "busy", "cut")
PERMANENT = ("404", "410", "loop", "private")
DAY_MS = 86_400_000


class Web(App):
    """All sites of the test; a site is ill in the way that its host begins with, until `heals`."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.well = False
        self._ways = {
            "reset": faults.dropped(),
            "hang": faults.held(self.released),
            "500": faults.reply(500, "oops"),
            "busy": faults.reply(503, "later", {"Retry-After": "7200"}),
            "cut": faults.cut(20),
            "404": faults.reply(404, "none"),
            "410": faults.reply(410, "gone"),
            "loop": lambda request, _: Response(302, {"Location": request.url}),
        }

    def answer(self, request: Request) -> Response:
        """A page."""
        way = self._ways.get(request.hostname.partition("-")[0])
        return self._page(request) if way is None or self.well else way(request, self._page)

    def _page(self, request: Request) -> Response:
        head = f'<title>x</title><meta property="og:title" content="{request.path}">'
        body = f"<!doctype html><html><head>{head}</head><body>page</body></html>"
        return Answer(200, {"Content-Type": "text/html"}, body.encode())


class Site:
    """The web behind a proxy, a bookmark server, and a port at which nobody listens yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.web = Web()
        self.proxy = ForwardProxy(lambda _host: self.web)
        self._held = socket.socket()
        self._held.bind(("127.0.0.1", 0))
        self.port = self._held.getsockname()[1]
        urls = [f"http://fine-{n % 200}.example/p{n}" for n in range(FINE)]
        self.ill = {way: self._urls(way) for way in (*TRANSIENT, *PERMANENT)}
        for way_urls in self.ill.values():
            urls += way_urls
        self.karakeep = KarakeepApp(
            link(f"b{n}", url, NEWEST - timedelta(minutes=n)) for n, url in enumerate(urls)
        )
        self._servers: list[Any] = []

    def _urls(self, way: str) -> list[str]:
        hosts = {
            "refused": lambda _n: f"localhost:{self.port}",
            "private": lambda n: f"10.0.0.{n}",
        }
        host = hosts.get(way, lambda n: f"{way}-{n // PER_HOST}.example")
        return [f"http://{host(n)}/p{n}" for n in range(EACH)]

    def start(self) -> None:
        """Listen."""
        self._servers = [self.proxy.start(), FakeServer(self.karakeep).start()]

    def heal(self) -> None:
        """From now on everybody answers as they should."""
        self.web.well = True
        self.web.released.set()
        self._held.close()
        self._servers.append(FakeServer(self.web, self.port).start())

    def stop(self) -> None:
        """End every connection."""
        self.web.released.set()
        self._held.close()
        for server in self._servers:
            server.stop()

    def run(self, *arguments: str) -> Finished:
        """One command, as a process."""
        return datafetch(
            *arguments,
            "--json",
            cwd=self.folder,
            DATAFETCH_STORE="file:./store",
            BOOKMARKS_API_URL=self._servers[1].url,
            BOOKMARKS_LIST_ID=self.karakeep.list_id,
            BOOKMARK_BEARER_TOKEN=self.karakeep.token,
            HTTP_PROXY=self.proxy.url,
            NO_PROXY="127.0.0.1,localhost",
            DATAFETCH_ALLOW_HOSTS="127.0.0.1,localhost",
            DATAFETCH_CONCURRENCY="64",
            OG_FETCH_TIMEOUT_MS="1000",
            OG_MAX_RETRIES="1",
            OG_RETRY_DELAY_MS="10",
            S3_BOOKMARKS_CRON="off",
            S3_LOGOS_CRON="off",
            S3_OPENGRAPH_CRON="0 4 * * *",
        )

    def letters(self) -> dict[str, dict[str, Any]]:
        """The stored dead letters, by their items."""
        stored = json.loads((self.folder / "store/json/datafetch" / LETTERS).read_text())
        return {letter["item"]: letter for letter in stored.values()}

    def let_time_pass(self) -> None:
        """Date back the job's records and the breakers, as if it were eight days later."""
        for name in (LETTERS, "breakers-dev.json", "jobs/opengraph-dev.json"):
            path = self.folder / "store/json/datafetch" / name
            path.write_text(json.dumps(_dated_back(json.loads(path.read_text()))))


def _dated_back(value: Any) -> Any:
    """The value with all times, in epoch milliseconds, eight days earlier."""
    if isinstance(value, dict):
        return {name: _dated_back(inner) for name, inner in value.items()}
    return value - 8 * DAY_MS if isinstance(value, int) and value > 10**12 else value


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two thousand bookmarks, and their sites."""
    made = Site(tmp_path)
    try:
        made.start()
        assert made.run("bookmarks").code == 0
        yield made
    finally:
        made.stop()


def test_what_failed_waits_heals_and_is_gone(site: Site) -> None:
    """Nothing that failed is forgotten, and one `run-due` takes all that heals by itself."""
    done = site.run("refresh-opengraph")
    (result,) = done.results
    assert (done.code, result["status"]) == (0, "partial"), done.err[-3000:]
    letters = site.letters()
    assert set(letters) == {url for urls in site.ill.values() for url in urls}
    for way, urls in site.ill.items():
        for url in urls:
            letter = letters[url]
            assert letter["permanent"] == (way in PERMANENT), letter
            assert (letter["nextAttemptAt"] is None) == (way in PERMANENT), letter
            assert letter["errorType"], letter
            assert letter["attempts"] == (letter["errorType"] != "BreakerOpen"), letter
            assert letter["firstFailedAt"] == letter["lastFailedAt"] > 0
    kinds = Counter(letters[url]["errorType"] for url in site.ill["refused"])
    assert kinds == {"TransientError": 3, "BreakerOpen": EACH - 3}
    assert result["itemsFailed"] == len(letters) - kinds["BreakerOpen"]

    site.heal()
    site.let_time_pass()
    site.web.log.clear()
    due = site.run("run-due")
    assert due.code == 0, due.err[-3000:]
    waiting = site.letters()
    assert set(waiting) == {url for way in PERMANENT for url in site.ill[way]}
    assert site.web.log.count() == len(TRANSIENT) * EACH

    retried = site.run("dead-letters", "retry", "opengraph")
    assert retried.code == 0, retried.err[-3000:]
    assert set(site.letters()) == set(site.ill["private"])
    assert len(json.loads(site.run("dead-letters", "drop", "--all").out)) == EACH
    assert site.letters() == {}
