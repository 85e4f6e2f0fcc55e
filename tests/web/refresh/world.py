"""A server of this process for the refresh endpoints: real runs, a folder store, fake upstreams."""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from datafetch.clock import CancelToken, SystemClock
from datafetch.environment import load_settings
from datafetch.errors import Cancelled
from datafetch.models.run import JobName
from datafetch.store.local import LocalStore
from datafetch.web.counters import Counters
from datafetch.web.guards import Guards
from datafetch.web.refresh import endpoints as refresh
from datafetch.web.runs.background import BackgroundRuns
from datafetch.web.server import make_site
from datafetch.web.site import Site
from tests.bookmarks.world import link
from tests.fakes.faults import held
from tests.fakes.github import GitHubApp
from tests.fakes.github_data import make_activity
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.stores import FaultyStore
from tests.web.support import Answer, Server, bearer, served_here

SECRET, OTHER_SECRET, GITHUB_SECRET = "cron-secret-1", "cron-secret-2", "github-secret"
BOOKMARKS, GITHUB = "/api/bookmarks/refresh", "/api/github-activity/refresh"
PAGE = f"/lists/{LIST_ID}/bookmarks"
INDEX = "json/bookmarks/index-test.json"
SOON_S = 30.0


class ShiftedClock(SystemClock):
    """The machine's clock, so many seconds ahead; runs go by the machine's own."""

    ahead_s = 0.0

    def now(self) -> float:
        return super().now() + self.ahead_s

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


@dataclass
class Endpoints:
    """The endpoints, what they stand on, and ways to wait for what they do."""

    server: Server
    site: Site
    clock: ShiftedClock
    store: FaultyStore
    folder: Path
    karakeep: KarakeepApp
    github: GitHubApp
    gates: list[threading.Event] = field(default_factory=list)

    def post(self, path: str = BOOKMARKS, secret: str | None = None, **headers: str) -> Answer:
        """Ask for a refresh, with a bearer or without."""
        own = bearer(secret) if secret is not None else {}
        return self.server.post(path, b"", **own, **headers)

    def hold(self, app: KarakeepApp | GitHubApp, matching: str = "") -> threading.Event:
        """Have the next request to an upstream wait for this event."""
        gate = threading.Event()
        self.gates.append(gate)
        app.inject(held(gate), matching or None, times=1)
        return gate

    def settle(self, job: JobName = JobName.BOOKMARKS) -> None:
        """Wait until no run of the job is under way, and none waits."""
        quiet = threading.Event()

        def look() -> None:
            if not self.site.runs.is_running(job):
                quiet.set()

        forget = self.site.runs.on_change(look)
        look()
        assert quiet.wait(SOON_S)
        forget()

    def stored(self, key: str) -> Any:
        """A stored object; None when it is not there."""
        path = self.folder / key
        return json.loads(path.read_text()) if path.exists() else None

    def runs_of(self, job: str = "bookmarks") -> list[str]:
        """How the runs that the history tells of have ended, the newest first."""
        found = self.stored(f"json/datafetch/history/{job}-test.json") or []
        return [entry["status"] for entry in found]


@contextmanager
def logged(event: str, **fields: object) -> Iterator[threading.Event]:
    """Is set when the log has a line of this event with these fields."""
    seen = threading.Event()
    logger = logging.getLogger("datafetch")
    level = logger.level

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told = vars(record)
            if record.getMessage() == event and fields.items() <= told.items():
                seen.set()

    watch = Watch()
    logger.addHandler(watch)
    logger.setLevel(logging.INFO)
    try:
        yield seen
    finally:
        logger.setLevel(level)
        logger.removeHandler(watch)


def environment(folder: Path, bookmarks: str, github: str) -> dict[str, str]:
    """The settings of a server whose upstreams are at these addresses."""
    return {
        "DATAFETCH_STORE": f"file:{folder}",
        "DATAFETCH_ENV": "test",
        "BOOKMARKS_API_URL": bookmarks,
        "BOOKMARKS_LIST_ID": LIST_ID,
        "BOOKMARK_BEARER_TOKEN": TOKEN,
        "GITHUB_API_URL": github,
        "GITHUB_TOKEN": "",
        "BOOKMARK_CRON_REFRESH_SECRET": f"{SECRET}, {OTHER_SECRET}",
        "GITHUB_REFRESH_SECRET": GITHUB_SECRET,
        "DATAFETCH_RETRY_MAX_SECONDS": "1",
        "GITHUB_STATS_PENDING_DELAY_MS": "1",
    }


@contextmanager
def endpoints(
    patch: pytest.MonkeyPatch,
    folder: Path,
    *,
    before: Callable[[Any], None] | None = None,
    github_wait_s: float = 55.0,
    change: Mapping[str, str] | None = None,
) -> Iterator[Endpoints]:
    """The refresh endpoints behind a real socket.

    `before` is called before each request that they make to the store (runs have one of their own),
    `change` has settings to set, or to leave out where they are empty.
    """
    karakeep = KarakeepApp(link(number) for number in range(12))
    github = GitHubApp(make_activity(3, years=2))
    with karakeep.served() as bookmarks, github.served() as activity:
        values = environment(folder, bookmarks.url, activity.url)
        own = {"GITHUB_TOKEN": github.token, "GITHUB_REPO_OWNER": github.activity.login}
        for name, value in {**values, **own, **(change or {})}.items():
            if value:
                patch.setenv(name, value)
            else:
                patch.delenv(name, raising=False)
        cancel = CancelToken()
        clock = ShiftedClock(cancel)
        store = FaultyStore(LocalStore(folder), before=before)
        made_site = make_site(load_settings(None), store, clock, cancel)
        runs = BackgroundRuns(made_site.settings, clock, pause_s=0)
        runs.on_change(made_site.board.expire)
        site = replace(made_site, runs=runs)
        routed = Starlette(routes=refresh.routes(site, github_wait_s=github_wait_s))
        with served_here(Guards(routed, Counters())) as server:
            made = Endpoints(server, site, clock, store, folder, karakeep, github)
            try:
                yield made
            finally:
                for gate in made.gates:
                    gate.set()
                site.runs.stop(Cancelled("the test has ended"))
