"""Sites, a bookmark server and a store for the OpenGraph job's tests; bookmarks come by their own job."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from datafetch.bookmarks.job import sync_bookmarks
from datafetch.bookmarks.publish import enrich_bookmarks
from datafetch.errors import ObjectNotFound
from datafetch.job import JobContext
from datafetch.models.job_settings import BookmarksSettings, OpenGraphSettings
from datafetch.models.run import JobName, JobReport, RunOptions
from datafetch.opengraph.batch import batch_worker
from datafetch.opengraph.job import refresh_opengraph
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys
from datafetch.urls import page_address, url_hash
from tests.fakes import karakeep
from tests.fakes.base import FakeServer
from tests.fakes.sites import Site, SitesApp
from tests.job_settings import ALL_TAGS, bookmarks_settings, opengraph_settings
from tests.json_engine import over_json
from tests.stores import FaultyStore, MemoryStore
from tests.support import FakeClock, make_context, make_http

KEYS = Keys("-test")
NEWEST = datetime(2026, 11, 1, tzinfo=UTC)
SETTINGS = replace(opengraph_settings(), retry_delay_s=0.0, max_retries=0, timeout_s=5)
Json = dict[str, Any]


@dataclass
class World:
    """One site under a loopback address, its bookmarks, one store, one clock."""

    sites: SitesApp
    karakeep: karakeep.KarakeepApp
    site_url: str
    karakeep_url: str
    store: ObjectStore = field(default_factory=MemoryStore)
    clock: FakeClock = field(default_factory=FakeClock)
    cdn: str | None = "https://cdn.example.com"
    settings: OpenGraphSettings = SETTINGS
    with_assets: bool = True
    width: int = 4
    context: JobContext[OpenGraphSettings] | None = None
    faulty: FaultyStore | None = None
    in_batches: ClassVar[bool] = False
    """Whether pages go through JSON, as to worker processes."""

    def url(self, path: str) -> str:
        """An address of the site."""
        return f"{self.site_url}/{path}"

    def add(self, *paths: str, **content: Any) -> None:
        """Save bookmarks `b{n}` of these paths on the list, and sync them."""
        known = len(self.karakeep.ids())
        for number, path in enumerate(paths, known):
            self.karakeep.add(self.link(f"b{number}", path, number, **content))
        self.sync()

    def link(self, name: str, path: str, hours: int = 0, **content: Any) -> Json:
        """A bookmark of the site, made so many hours before `NEWEST`."""
        return karakeep.link(name, self.url(path), NEWEST - timedelta(hours=hours), content)

    def patch(self, fields: Json) -> None:
        """Set fields of the first stored bookmark, as another job would."""
        context = make_context(self.bookmark_settings, self.store, clock=self.clock)
        enrich_bookmarks(context, ALL_TAGS, lambda item: fields if item["id"] == "b0" else None)

    @property
    def bookmark_settings(self) -> BookmarksSettings:
        return replace(bookmarks_settings(self.karakeep_url), max_shrink_ratio=1.0)

    def sync(self) -> None:
        """Run the bookmark job."""
        http = make_http(self.clock)
        context = make_context(self.bookmark_settings, self.store, clock=self.clock, http=http)
        try:
            sync_bookmarks(context)
        finally:
            http.close()

    def run(
        self,
        *,
        fence: Any = None,
        fault: Any = None,
        wait_for_lease: Any = None,
        after_s: float = 1.0,
        **options: Any,
    ) -> JobReport:
        """One run of the job, a second later; dead letters are saved as the manager does."""
        self.clock.advance(after_s)
        settings = replace(
            self.settings, karakeep=self.bookmark_settings if self.with_assets else None
        )
        self.faulty = FaultyStore(self.store, fault)
        http = make_http(self.clock)
        self.context = context = make_context(
            settings,
            self.faulty,
            job=JobName.OPENGRAPH,
            options=RunOptions(**options),
            clock=self.clock,
            http=http,
            fence=fence,
            cdn=self.cdn,
            width=self.width,
        )
        if self.in_batches:
            self.context = context = over_json(context, batch_worker)
        if wait_for_lease is not None:
            self.context = context = replace(context, wait_for_lease=wait_for_lease)
        try:
            return refresh_opengraph(context)
        finally:
            http.close()
            context.dead_letters.save()

    # ------------------------------------------------------------------- seen

    def json(self, key: str) -> Any:
        try:
            return self.store.get(key).json()
        except ObjectNotFound:
            return None

    def metadata(self, path: str) -> Json:
        """The stored metadata of a page; empty when there is none."""
        address = page_address(self.url(path))
        assert address is not None
        return self.json(KEYS.opengraph_metadata(url_hash(address))) or {}

    def bookmark(self, number: int) -> Json:
        """A stored bookmark, which every copy agrees on."""
        items: list[Json] = self.json(KEYS.bookmarks())
        item = next(item for item in items if item["id"] == f"b{number}")
        assert self.json(KEYS.bookmark_by_id(item["id"])) == item
        return item

    def letters(self) -> dict[str, str]:
        """Item and error type of each dead letter."""
        stored = self.json(KEYS.dead_letters("opengraph")) or {}
        return {letter["item"]: letter["errorType"] for letter in stored.values()}

    def manifest(self) -> list[str]:
        return self.json(KEYS.opengraph_manifest()) or []

    def pictures(self) -> list[str]:
        return [info.key for info in self.store.list(KEYS.opengraph_images_prefix())]

    def asked(self, matching: str = "") -> list[str]:
        """Paths that the site was asked for since the last call."""
        paths = [request.path for request in self.sites.log.all(matching)]
        self.sites.log.clear()
        return paths


@contextmanager
def world(paths: Iterable[str] = (), *, style: int = 0, **options: Any) -> Iterator[World]:
    """A world whose bookmarks have these paths; `style` is that of the site's heads."""
    sites = SitesApp([Site("alone.example.com", style)])
    app = karakeep.KarakeepApp()
    with FakeServer(sites) as site, FakeServer(app) as server:
        made = World(sites, app, site.url, server.url, **options)
        if paths:
            made.add(*paths)
        yield made
