"""The whole offline world from one seed: bookmarks, their sites and logos, and a developer, behind one proxy."""

import tempfile
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Self

from tests.fakes import github, karakeep
from tests.fakes.base import App
from tests.fakes.github_data import make_activity
from tests.fakes.providers import (
    DUCKDUCKGO_HOST,
    GOOGLE_HOST,
    GOOGLE_PICTURE_HOSTS,
    DuckDuckGoIconsApp,
    GoogleFaviconsApp,
)
from tests.fakes.proxy import ForwardProxy
from tests.fakes.sites import SitesApp
from tests.fakes.world_data import make_assets, make_bookmarks, make_hosts, make_icons, make_sites


class World:
    """Every upstream under its real name. Use as a context manager; each app may be bent at any time.

    `domains` counts the distinct hosts of the bookmarks; with fewer bookmarks than domains some stay unused.
    """

    def __init__(
        self,
        bookmarks: int = 1000,
        domains: int = 300,
        repositories: int = 150,
        seed: int = 1,
        *,
        today: date | None = None,
    ) -> None:
        """Make the data; nothing listens before `start`."""
        self.hosts = make_hosts(domains, seed)
        icons = make_icons(self.hosts)
        self.google = GoogleFaviconsApp(icons.google)
        self.duckduckgo = DuckDuckGoIconsApp(icons.duckduckgo)
        self.sites = SitesApp(make_sites(self.hosts, icons.direct))
        self.karakeep = karakeep.KarakeepApp(make_bookmarks(bookmarks, self.hosts, seed))
        for asset_id, body in make_assets(bookmarks, seed):
            self.karakeep.put_asset(asset_id, body)
        self.github = github.GitHubApp(make_activity(repositories, seed=seed, today=today))
        self.proxy = ForwardProxy(self.route)
        self._cleanup = ExitStack()
        self._bundle: Path | None = None

    def route(self, host: str) -> App | None:
        """The app that answers for a host."""
        named: dict[str, App] = {
            karakeep.HOST: self.karakeep,
            github.HOST: self.github,
            GOOGLE_HOST: self.google,
            DUCKDUCKGO_HOST: self.duckduckgo,
            **dict.fromkeys(GOOGLE_PICTURE_HOSTS, self.google),
        }
        return named.get(host) or (self.sites if self.sites.knows(host) else None)

    @property
    def apps(self) -> dict[str, App]:
        """All apps by name."""
        return {
            "karakeep": self.karakeep,
            "github": self.github,
            "google": self.google,
            "duckduckgo": self.duckduckgo,
            "sites": self.sites,
        }

    def requests(self) -> dict[str, int]:
        """How many requests each app has had."""
        return {name: app.log.count() for name, app in self.apps.items()}

    def clear_logs(self) -> None:
        """Forget all requests."""
        for app in self.apps.values():
            app.log.clear()

    def environment(self) -> dict[str, str]:
        """The variables that put a program into this world; S3 comes on top (`S3Fake.environment`)."""
        assert self._bundle is not None, "the world is not started"
        proxies = dict.fromkeys(
            ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), self.proxy.url
        )
        return {
            **proxies,
            **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
            "SSL_CERT_FILE": str(self._bundle),
            "BOOKMARKS_API_URL": f"https://{karakeep.HOST}",
            "BOOKMARKS_LIST_ID": self.karakeep.list_id,
            "BOOKMARK_BEARER_TOKEN": self.karakeep.token,
            "GITHUB_ACCESS_TOKEN_COMMIT_GRAPH": self.github.token,
            "GITHUB_REPO_OWNER": self.github.activity.login,
        }

    def start(self) -> Self:
        """Listen."""
        folder = self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="datafetch-world-"))
        self._bundle = self.proxy.write_bundle(Path(folder))
        self._cleanup.enter_context(self.proxy)
        return self

    def stop(self) -> None:
        """End every connection."""
        self._cleanup.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
