"""The server of logos before the providers of the logo job's tests: what tests of `/api/logo` share."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from datafetch.clock import CancelToken
from datafetch.environment import load_settings
from datafetch.errors import Cancelled
from datafetch.factory import make_leases
from datafetch.models.run import JobName
from datafetch.models.setting_values import listed
from datafetch.store.base import ObjectStore
from datafetch.web.app import make_app
from datafetch.web.logos.shelf import AGAIN_S
from datafetch.web.server import make_site
from datafetch.web.site import Site
from tests.logos.world import KEYS, World
from tests.support import FakeClock
from tests.web.support import Answer, Server, served_here

CDN = "https://cdn.example.com"
SECRET = "cron-secret-for-tests"
SOON_S = 20.0


@dataclass
class ShelfClock(FakeClock):
    """A fake clock whose wait between two tries to store ends when the test says so."""

    waits: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    lets: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    is_over: bool = False

    def sleep(self, seconds: float) -> None:
        """Wait for `try_again` when somebody waits as long as between two tries."""
        if seconds != AGAIN_S:
            super().sleep(seconds)
            return
        self.waits.release()
        assert self.lets.acquire(timeout=SOON_S)
        if self.is_over:
            raise Cancelled
        self.advance(seconds)

    def await_wait(self) -> None:
        """Wait until a try was in vain, and the next one is waited for."""
        assert self.waits.acquire(timeout=SOON_S)

    def try_again(self) -> None:
        """Let the next try begin."""
        self.lets.release()

    def end(self) -> None:
        """End every wait, as a stop of the server does."""
        self.is_over = True
        self.lets.release(10)


@dataclass
class LogoSite:
    """A server of logos, the web that it asks, and its store."""

    world: World
    server: Server
    site: Site
    clock: ShelfClock
    cancel: CancelToken
    is_closed: bool = False

    def get(self, query: str, **headers: str) -> Answer:
        """Ask for a logo."""
        return self.server.get(f"/api/logo?{query}", **headers)

    def close(self) -> None:
        """End the fetches, and store what waits."""
        self.is_closed = True
        self.clock.end()
        self.cancel.cancel(Cancelled())
        self.site.logos.close(SOON_S)

    def counted(self) -> dict[str, float]:
        """How many answers came from each tier."""
        rows = self.site.counters.rows("datafetch_logo_answers")
        return {labels[0]: count for labels, count in rows.items()}

    @contextmanager
    def logo_job_running(self) -> Iterator[None]:
        """Hold the lock of the logo job, as a run on another machine does."""
        leases = make_leases(self.site.settings, self.site.store, KEYS, self.clock)
        grant = leases.acquire(JobName.LOGOS, "20261124T080000Z-0a0b0c0d")
        yield
        leases.release(grant)


@contextmanager
def logo_site(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    store: ObjectStore | None = None,
    **variables: Any,
) -> Iterator[LogoSite]:
    """A server of logos; the store is a folder with a CDN before it, unless the variables differ."""
    environment = {
        "DATAFETCH_STORE": f"file:{folder}/store",
        "DATAFETCH_ENV": "test",
        "S3_CDN_URL": CDN,
        "BOOKMARK_CRON_REFRESH_SECRET": SECRET,
        "NO_PROXY": "127.0.0.1,localhost",
        **variables,
    }
    clock = ShelfClock()
    with World.started(folder, monkeypatch) as world:
        world.clock = clock
        environment |= {"HTTPS_PROXY": world.proxy.url, "HTTP_PROXY": world.proxy.url}
        for name, value in environment.items():
            if value is not None:
                monkeypatch.setenv(name, str(value))
        settings, cancel = load_settings(None), CancelToken()
        world.store = store or world.store
        site = make_site(settings, world.store, clock, cancel)
        # As uvicorn itself does by its settings; the types of the two differ.
        app: Any = ProxyHeadersMiddleware(
            cast("Any", make_app(site)), listed(settings.trusted_proxies)
        )
        with served_here(app) as server:
            made = LogoSite(world, server, site, clock, cancel)
            yield made
            if not made.is_closed:
                made.close()
