"""The favicon services and some sites behind a proxy, and a store: what the tests of the logo job share."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from datafetch.job import JobContext
from datafetch.logos.batch import batch_worker
from datafetch.logos.job import fetch_logos
from datafetch.logos.model import SOURCES, LogoSource
from datafetch.logos.providers import LogoProviders
from datafetch.logos.replies import Offer, ProviderReply
from datafetch.models.job_settings import LogoSettings
from datafetch.models.run import JobName, JobReport, RunOptions
from datafetch.net.base import HostGate, HttpClient
from datafetch.net.proxies import Proxies
from datafetch.runtime.limits import BatchPacer
from datafetch.store.base import ObjectStore, encode_json
from datafetch.store.fenced import Fence
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.fakes.base import App
from tests.fakes.pictures import Format
from tests.fakes.providers import (
    DUCKDUCKGO_HOST,
    GOOGLE_HOST,
    GOOGLE_PICTURE_HOSTS,
    DuckDuckGoIconsApp,
    GoogleFaviconsApp,
    Icon,
)
from tests.fakes.proxy import ForwardProxy
from tests.fakes.sites import Site, SitesApp
from tests.job_settings import logo_settings
from tests.json_engine import over_json
from tests.stores import Fault, FaultyStore
from tests.support import FakeClock, make_context, make_http

KEYS = Keys("-test")
DAY_S = 86_400.0
Json = dict[str, Any]


class RecordedProviders(LogoProviders):
    """Providers that remember every reply that was taken."""

    def __init__(self, http: HttpClient, clock: FakeClock) -> None:
        pacers = {source: BatchPacer(10, 0, clock) for source in SOURCES}
        super().__init__(http, pacers, 60.0)
        self.replies: list[ProviderReply] = []

    def ask(
        self, source: LogoSource, domain: str, etag: str | None = None
    ) -> Iterator[ProviderReply]:
        for reply in super().ask(source, domain, etag):
            self.replies.append(reply)
            yield reply

    @property
    def offers(self) -> list[Offer]:
        """The offers among the replies."""
        return [reply for reply in self.replies if isinstance(reply, Offer)]


@dataclass
class World:
    """The providers, a folder, a clock, and what the last run did to the store."""

    folder: Path
    google: GoogleFaviconsApp = field(default_factory=GoogleFaviconsApp)
    ddg: DuckDuckGoIconsApp = field(default_factory=DuckDuckGoIconsApp)
    sites: SitesApp = field(default_factory=SitesApp)
    clock: FakeClock = field(default_factory=FakeClock)
    settings: LogoSettings = field(default_factory=logo_settings)
    calls: FaultyStore | None = None
    gate: HostGate | None = None
    runs: int = 0
    in_batches: ClassVar[bool] = False
    """Whether domains go through JSON, as to worker processes."""

    def __post_init__(self) -> None:
        self.store: ObjectStore = LocalStore(self.folder, self.clock)
        self.proxy = ForwardProxy(self.route)

    @classmethod
    @contextmanager
    def started(cls, folder: Path, monkeypatch: Any) -> Iterator["World"]:
        """A world whose proxy listens and whose certificates are trusted."""
        world = cls(folder / "store")
        monkeypatch.setenv("SSL_CERT_FILE", str(world.proxy.write_bundle(folder)))
        with world.proxy:
            yield world

    def route(self, host: str) -> App | None:
        """The app that answers for a host."""
        if host == GOOGLE_HOST or host in GOOGLE_PICTURE_HOSTS:
            return self.google
        if host == DUCKDUCKGO_HOST:
            return self.ddg
        return self.sites if self.sites.knows(host) else None

    # ---------------------------------------------------------------- arrange

    def bookmark(self, *domains: str) -> None:
        """Store bookmarks of these domains, and a site of each that has no icon of its own."""
        items = [
            {"id": f"b{number}", "domain": domain, "url": f"https://{domain}/page"}
            for number, domain in enumerate(domains)
        ]
        self.store.put(KEYS.bookmarks(), encode_json(items))
        for domain in domains:
            self.sites.sites.setdefault(domain, Site(domain))

    def at_google(self, domain: str, size: int = 128, kind: Format = "png") -> None:
        """Google knows the domain's logo."""
        self.google.icons[domain] = Icon(size, kind)

    def at_ddg(self, domain: str, size: int = 128, kind: Format = "png") -> None:
        """DuckDuckGo knows the domain's logo."""
        self.ddg.icons[domain] = Icon(size, kind)

    def at_site(self, domain: str, **icons: Icon) -> None:
        """The site has these icons: `touch`, `favicon`, or another name for one that its page names."""
        paths = {"touch": "/apple-touch-icon.png", "favicon": "/favicon.ico"}
        named = {paths.get(name, f"/{name}.png"): icon for name, icon in icons.items()}
        self.sites.sites[domain] = Site(domain, icons=named)

    # -------------------------------------------------------------------- act

    def http(self) -> HttpClient:
        """A client that goes through the proxy."""
        return make_http(
            self.clock,
            gate=self.gate,
            proxies=Proxies({"HTTPS_PROXY": self.proxy.url, "HTTP_PROXY": self.proxy.url}),
        )

    @contextmanager
    def providers(self) -> Iterator[RecordedProviders]:
        """The providers, asked through the proxy; what is still open is closed at the end."""
        http = self.http()
        providers = RecordedProviders(http, self.clock)
        yield providers
        for offer in providers.offers:
            offer.close()
        http.close()

    def context(
        self,
        *only: str,
        fault: Fault | None = None,
        fence: Fence | None = None,
        width: int = 4,
        suffix: str = "-test",
        **options: Any,
    ) -> JobContext[LogoSettings]:
        """A context for one run."""
        self.runs += 1
        self.calls = FaultyStore(self.store, fault)
        context = make_context(
            self.settings,
            self.calls,
            job=JobName.LOGOS,
            options=RunOptions(only=only, **options),
            clock=self.clock,
            http=self.http(),
            fence=fence,
            run_id=f"run-{self.runs}",
            width=width,
            suffix=suffix,
        )
        return over_json(context, batch_worker) if self.in_batches else context

    def run(self, *only: str, **options: Any) -> JobReport:
        """One run; dead letters are saved as the manager does, upstream logs start anew."""
        for app in (self.google, self.ddg, self.sites):
            app.log.clear()
        return self.run_in(self.context(*only, **options))

    def run_and_die(self, **options: Any) -> None:
        """One run that does not come to its end: the manager stores nothing after it."""
        self.run_and_die_in(self.context(**options))

    @staticmethod
    def run_and_die_in(context: JobContext[LogoSettings]) -> None:
        """One run in a context that does not come to its end."""
        try:
            fetch_logos(context)
        finally:
            context.http.close()

    @staticmethod
    def run_in(context: JobContext[LogoSettings]) -> JobReport:
        """One run in a context."""
        try:
            return fetch_logos(context)
        finally:
            context.http.close()
            if not context.options.dry_run:
                context.dead_letters.save()

    def later(self, days: float = 31) -> None:
        """Let time pass."""
        self.clock.advance(days * DAY_S)

    # ----------------------------------------------------------------- assert

    @property
    def asked(self) -> int:
        """How many requests the providers had since the last run began."""
        return sum(app.log.count() for app in (self.google, self.ddg, self.sites))

    @property
    def manifest(self) -> dict[str, Json]:
        """The stored manifest."""
        found: dict[str, Json] = json.loads(self.store.get(KEYS.logo_manifest()).body)
        return found

    @property
    def negative(self) -> dict[str, Json]:
        """The stored negative cache; empty when there is none."""
        return self._json(KEYS.logo_failed_domains())

    @property
    def letters(self) -> dict[str, Json]:
        """The stored dead letters by item."""
        stored = self._json(KEYS.dead_letters("logos"))
        return {letter["item"]: letter for letter in stored.values()}

    @property
    def pictures(self) -> set[str]:
        """The keys of all stored pictures."""
        return {info.key for info in self.store.list("images/")}

    def logo(self, domain: str, source: LogoSource, extension: str = "png") -> bytes:
        """The bytes of a stored logo."""
        return self.store.get(KEYS.logo(domain, source, extension)).body

    def snapshot(self) -> dict[str, str]:
        """The ETag of every object."""
        return {info.key: info.etag for info in self.store.list("")}

    def _json(self, key: str) -> dict[str, Json]:
        if not any(True for _ in self.store.list(key)):
            return {}
        found: dict[str, Json] = json.loads(self.store.get(key).body)
        return found
