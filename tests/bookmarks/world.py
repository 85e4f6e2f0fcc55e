"""A bookmark server and a store for the bookmark job's tests, and what must hold between runs."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from datafetch.bookmarks.job import sync_bookmarks
from datafetch.job import JobContext
from datafetch.models.job_settings import BookmarksSettings
from datafetch.models.run import JobReport, RunOptions
from datafetch.net.base import Answer, Download
from datafetch.net.base import Request as Asked
from datafetch.store.base import ObjectStore
from datafetch.store.fenced import FencedStore
from datafetch.store.keys import Keys
from datafetch.upstream_errors import Denied, Malformed, Missing, TransientError, UpstreamError
from tests.fakes import karakeep
from tests.fakes.message import Request
from tests.job_settings import bookmarks_settings
from tests.stores import Fault, FaultyStore, MemoryStore
from tests.support import FakeClock, make_context

NEWEST = datetime(2026, 11, 1, tzinfo=UTC)
SETTINGS = bookmarks_settings()
KEYS = Keys("-test")
Json = dict[str, Any]


class AppHttp:
    """The `HttpClient` protocol over a fake's own answers, without sockets and retries."""

    def __init__(self, app: karakeep.KarakeepApp) -> None:
        self._app = app
        self.asked: list[str] = []

    def fetch(self, request: Asked) -> Answer:
        parts = urlsplit(request.url)
        self.asked.append(parts.path + (f"?{parts.query}" if parts.query else ""))
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = self._app.handle(
            Request("GET", parts.netloc, parts.path, parts.query, headers=headers)
        )
        match answer.status:
            case 200:
                return Answer(200, request.url, {}, answer.body)
            case 401 | 403:
                error: UpstreamError = Denied("not accepted", url=request.url, status=answer.status)
            case 404:
                error = Missing("not there", url=request.url, status=404)
            case status if status >= 500:
                error = TransientError("it fails", url=request.url, status=status)
            case status:
                error = Malformed("unexpected", url=request.url, status=status)
        error.body = answer.body if request.error_body else b""
        raise error

    def download(self, request: Asked) -> Download:
        raise NotImplementedError

    def prepare(self) -> None:
        """Nothing to load."""

    def counts(self) -> dict[str, dict[str, int]]:
        return {}

    def close(self) -> None:
        """Nothing is open."""


def link(number: int, **fields: Any) -> Json:
    """The bookmark `b{number}`, made so many hours before `NEWEST`."""
    url = fields.pop("url", f"https://site{number}.example.com/page/{number}")
    tags = fields.pop("tags", [karakeep.tag(f"Tag {number % 3}")])
    return karakeep.link(
        f"b{number:03d}", url, NEWEST - timedelta(hours=number), tags=tags, **fields
    )


def at_request(at: int, kind: str) -> Fault:
    """A fault at the n-th request to the store."""
    return lambda _, number: kind if number == at else None


@dataclass
class World:
    """One list, one store, one clock."""

    app: karakeep.KarakeepApp
    store: ObjectStore = field(default_factory=MemoryStore)
    clock: FakeClock = field(default_factory=FakeClock)
    settings: BookmarksSettings = SETTINGS
    production: bool = False
    allowed: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)
    faulty: FaultyStore | None = None
    context: JobContext[BookmarksSettings] | None = None
    runs: int = 0
    report: JobReport | None = None

    @classmethod
    def of(cls, count: int, **options: Any) -> "World":
        return cls(karakeep.KarakeepApp(link(number) for number in range(count)), **options)

    def run(self, fault: Fault | None = None, fence: Any = None, **options: Any) -> JobReport:
        """One run of the job, an hour after the last; dead letters are saved as the manager does.

        A failure that the report carries is raised, so that tests see one kind of failure.
        """
        self.clock.advance(3600)
        self.runs += 1
        http = AppHttp(self.app)
        self.asked = http.asked
        self.faulty = FaultyStore(self.store, fault)
        self.context = context = make_context(
            self.settings,
            self.store,
            options=RunOptions(**options),
            clock=self.clock,
            http=http,
            production=self.production,
            run_id=f"run-{self.runs}",
            allow_hosts=self.allowed,
            width=1,
        )
        store = FencedStore(self.faulty, fence) if fence else self.faulty
        object.__setattr__(context, "store", store)
        try:
            self.report = report = sync_bookmarks(context)
        finally:
            context.dead_letters.save()
        if report.failure is not None:
            raise report.failure
        return report

    def json(self, key: str) -> Any:
        return json.loads(self.store.get(key).body)

    def stored(self, prefix: str = "") -> list[str]:
        """What is stored under a prefix; of things kept aside only when everything is asked for."""
        found = [info.key for info in self.store.list(prefix)]
        return [key for key in found if not (prefix and ".corrupt-" in key)]

    def master(self) -> list[Json]:
        found: list[Json] = self.json(KEYS.bookmarks())
        return found

    def index(self) -> Json:
        found: Json = self.json(KEYS.bookmarks_index())
        return found

    def item(self, bookmark_id: str) -> Json:
        found: Json = self.json(KEYS.bookmark_by_id(bookmark_id))
        return found

    def slugs(self) -> dict[str, str]:
        return {item["id"]: item["slug"] for item in self.master()}

    def slugs_of_mapping(self) -> dict[str, str]:
        entries: dict[str, Json] = self.json(KEYS.slug_mapping())["slugs"]
        return {bookmark_id: entry["slug"] for bookmark_id, entry in entries.items()}

    def enrich(self, bookmark_id: str, **fields: Any) -> None:
        """Change a stored item in every object that holds it, behind the job's back."""
        items = self.master()
        next(item for item in items if item["id"] == bookmark_id).update(fields)
        self.store.put(KEYS.bookmarks(), json.dumps(items).encode())

    def assert_whole(self) -> None:
        """The index vouches only for what is there, all objects agree, nothing is left over."""
        items, index = self.master(), self.index()
        assert index["count"] == len(items)
        assert index["pageSize"] == 24
        assert index["totalPages"] == -(-len(items) // 24)
        modified = {item["id"]: item.get("modifiedAt") or item["dateBookmarked"] for item in items}
        lines = [f"{bookmark_id}:{modified[bookmark_id]}" for bookmark_id in sorted(modified)]
        assert index["checksum"] == hashlib.sha256("\n".join(lines).encode()).hexdigest()
        assert self._paged(KEYS.bookmark_pages_prefix(), KEYS.bookmark_page) == items
        singles = [self.json(key) for key in self.stored(KEYS.bookmarks_by_id_prefix())]
        assert sorted(singles, key=_id) == sorted(items, key=_id)
        mapping = self.json(KEYS.slug_mapping())
        assert {key: entry["slug"] for key, entry in mapping["slugs"].items()} == self.slugs()
        assert mapping["reverseMap"] == {slug: key for key, slug in self.slugs().items()}
        assert mapping["count"] == len(items)
        self._assert_tags(items)
        assert KEYS.publish_journal("bookmarks") not in self.stored()

    def _assert_tags(self, items: list[Json]) -> None:
        wanted: dict[str, list[Json]] = {}
        for item in items:
            for slug in dict.fromkeys(tag["slug"] for tag in item["tags"]):
                wanted.setdefault(slug, []).append(item)
        found = {key.split("/")[3] for key in self.stored(KEYS.tags_prefix())}
        assert found == set(wanted)
        for slug, tagged in wanted.items():
            assert self.json(KEYS.tag_index(slug))["count"] == len(tagged)
            paged = self._paged(
                f"{KEYS.tags_prefix()}{slug}/page-", lambda n, s=slug: KEYS.tag_page(s, n)
            )
            assert paged == tagged

    def _paged(self, prefix: str, name: Any) -> list[Json]:
        count = len(self.stored(prefix))
        pages = [self.json(name(number)) for number in range(1, count + 1)]
        assert all(len(page) == 24 for page in pages[:-1])
        return [item for page in pages for item in page]


def _id(item: Json) -> str:
    return str(item["id"])
