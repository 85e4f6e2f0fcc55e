"""Stored objects, which another program may have written: each is read by the job that it belongs to."""

from collections.abc import Callable

from datafetch.bookmarks.job import sync_bookmarks
from datafetch.bookmarks.rules.mapping import shard_agrees
from datafetch.build.rules.checks import check_mapping, check_page, read_index, read_items
from datafetch.build.rules.github_checks import check_summary, check_weekly, read_activity
from datafetch.build.rules.pictures import read_logos, read_opengraph
from datafetch.build.rules.readers import check_readable
from datafetch.errors import DatafetchError
from datafetch.github.csv_files import read_csv
from datafetch.github.dataset import GitHubDataset
from datafetch.github.model import Repository
from datafetch.github.rules.published import (
    stored_all_time,
    stored_contributions,
    stored_lines,
    stored_older,
    stored_trailing,
    stored_weekly,
)
from datafetch.github.rules.roster import Entry
from datafetch.logos.domain_files import domains_in_scope
from datafetch.logos.manifest import LogoManifest
from datafetch.logos.negative_cache import NegativeCache
from datafetch.models.run import JobName, RunOptions
from datafetch.opengraph.manifest import PictureManifest
from datafetch.opengraph.metadata import MetadataStore
from datafetch.opengraph.model import SavedBookmark
from datafetch.opengraph.rules.merge import override_of, own_fields, shown
from datafetch.opengraph.rules.plan import pages_of
from datafetch.opengraph.state import OpenGraphState
from datafetch.ops.breakers import BreakerBook
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.history import history_record
from datafetch.ops.leases.lock_object import is_dead_here
from datafetch.ops.leases.store import StoreLeases
from datafetch.ops.state import state_record
from datafetch.runtime.breaker import BreakerPolicy
from datafetch.store.keys import Keys
from datafetch.urls import url_hash
from tests.bookmarks.world import AppHttp, link
from tests.fakes.karakeep import KarakeepApp
from tests.fuzz.target import KB, Shape, Target, shapes
from tests.job_settings import (
    bookmarks_settings,
    github_settings,
    logo_settings,
    opengraph_settings,
)
from tests.predecessors import first_half
from tests.stores import MemoryStore
from tests.support import FakeClock, make_context

_KEYS = Keys("-dev")
_STORED = {key: body for key, body in first_half().items() if not key.startswith("images/")}
_APP = KarakeepApp(link(number) for number in range(3))


def _with(places: dict[str, str], data: bytes) -> MemoryStore:
    """The stored objects, with the body of an input in the place that its first line names."""
    name, _, body = data.partition(b"\n")
    store = MemoryStore()
    store.objects.update(_STORED)
    key = places.get(name.decode("latin-1"), next(iter(places.values())))
    store.objects[key] = body
    return store


def _target(
    name: str,
    read: Callable[[MemoryStore], object],
    places: dict[str, str],
    more: tuple[Shape, ...] = (),
    *,
    extra_s: float = 0.05,
) -> Target:
    """The reading of objects by their names; seeds are the stored ones, or an empty object."""
    seeds = tuple(at.encode() + b"\n" + _STORED.get(key, b"{}") for at, key in places.items())
    plain = tuple(shape for at in places for shape in shapes(at.encode() + b"\n", _UNITS))
    return Target(
        name, lambda data: read(_with(places, data)), seeds, plain + more, 4 * KB * KB, extra_s
    )


_UNITS = (b"[", b'{"a":', b'{"a#N#":{}},', b"1", b'"', b"\\", b"\xff", b" ", b'"\\ud800",', b"[],")
_LETTER = (
    b'"a#N#":{"id":"a#N#","job":"x","item":"y#N#","attempts":1,"firstFailedAt":1,"lastFailedAt":1,'
    b'"nextAttemptAt":null,"errorType":"E","error":"e","permanent":true},'
)

# ------------------------------------------------------------------- bookmarks


def _sync(store: MemoryStore) -> None:
    """The whole job, whose server has three bookmarks, on the stored list."""
    context = make_context(
        bookmarks_settings(),
        store,
        http=AppHttp(_APP),
        suffix="-dev",
        width=1,
        options=RunOptions(allow_shrink=True),
    )
    sync_bookmarks(context)


_LISTED = {
    "master": _KEYS.bookmarks(),
    "index": _KEYS.bookmarks_index(),
    "mapping": _KEYS.slug_mapping(),
    "state": _KEYS.dataset("bookmarks"),
    "retired": _KEYS.dataset("bookmarks-retired"),
    "journal": _KEYS.publish_journal("bookmarks"),
    "page": _KEYS.bookmark_page(1),
    "item": _KEYS.bookmark_by_id("p01"),
    "backup": _KEYS.bookmarks_backup("2026-01-01T00-00-00.000Z"),
}
_ODD_LISTS = (
    *shapes(b"master\n[", (b'{"id":"a","f#N#":#N#},', b'{"id":"a#N#","tags":[]},'), b'{"id":"z"}]'),
    *shapes(b'master\n[{"id":"a","tags":[', (b'{"name":"t#N#"},', b"{},", b"1,"), b"1]}]"),
    *shapes(b'master\n[{"id":"a","content":{"x":', (b'{"url":', b"["), b"1"),
    *shapes(b'mapping\n{"version":"1.0.0","slugs":{', (b'"a#N#":{"id":"a#N#","slug":"s#N#"},',), b'"z":{}}}'),
    *shapes(b'mapping\n{"slugs":{},"reverseMap":{', (b'"s#N#":"a#N#",', b'"s-#N#":"p01",'), b'"z":"z"}}'),
    *shapes(b'retired\n{"retiredSlugs":{', (b'"s#N#":"a#N#",',), b'"z":"z"}}'),
)  # fmt: skip

# ------------------------------------------------------------------- logos


def _logos(store: MemoryStore) -> None:
    context = make_context(logo_settings(), store, job=JobName.LOGOS, suffix="-dev", width=1)
    manifest, cache = LogoManifest(context), NegativeCache(context)
    cache.load()
    manifest.load()
    for domain in domains_in_scope(context).domains:
        manifest.get(domain)
        cache.get(domain)
    manifest.newest()
    manifest.keys_beyond(())
    manifest.save()


_LOGO_ENTRY = b'"a#N#.example":{"cdnUrl":"https://c.example/images/logos/a#N#.png","originalSource":"google"},'

# ------------------------------------------------------------------- opengraph


def _opengraph(store: MemoryStore) -> None:
    context = make_context(
        opengraph_settings(), store, job=JobName.OPENGRAPH, suffix="-dev", width=1
    )
    state = OpenGraphState(context)
    state.load()
    state.read_overrides()
    metadata = MetadataStore(context, context.publisher())
    listed = metadata.listed()
    manifest = PictureManifest(context, context.publisher())
    manifest.load()
    saved = [SavedBookmark.of(item) for item in _SAVED]
    pages = pages_of(saved)
    manifest.recall(pages)
    for page in pages:
        record = metadata.recall(page.address, listed)
        said = metadata.description(url_hash(page.address))
        override = override_of(page.address, state.overrides)
        if record is not None:
            own_fields(saved[0], shown(page.address, record, said, override), None)
    manifest.publish(state, saved)
    state.save()


_SAVED = [
    {"id": f"p{number:02}", "url": f"https://a.example/{number}", "content": {}}
    for number in range(3)
]
_PAGE_NAME = url_hash("https://a.example/1")

# ------------------------------------------------------------------- github


def _github(store: MemoryStore) -> None:
    context = make_context(
        github_settings("https://api.github.com"), store, job=JobName.GITHUB, suffix="-dev", width=1
    )
    dataset = GitHubDataset.load(context)
    for key in _AGGREGATES.values():
        value = dataset.value(key)
        for read in (
            stored_all_time,
            stored_contributions,
            stored_lines,
            stored_older,
            stored_trailing,
        ):
            read(value)
        stored_weekly(value, complete=True)
    repository = Repository(id="R1", full_name="a/b", private=True, fork=False, pushed_at=None)
    read_csv(context, Entry(repository, "a_b", stored="a_b", etag='"x"'))
    dataset.save()


_AGGREGATES = {
    "activity": _KEYS.github_activity(),
    "summary": _KEYS.github_summary(),
    "all": _KEYS.github_summary_all_time(),
    "weekly": _KEYS.github_weekly(),
}

# ------------------------------------------------------------------- what surrounds a run


def _ops(store: MemoryStore) -> None:
    clock = FakeClock()
    letters = DeadLetters.load(store, _KEYS, "logos", clock)
    letters.failed("a.example", DatafetchError("x"))
    letters.keep_only(["a.example"])
    letters.save()
    state_record(store, _KEYS, JobName.LOGOS, clock).load()
    history_record(store, _KEYS, JobName.LOGOS, clock).load()
    BreakerBook(store, _KEYS, clock, BreakerPolicy(1, 60)).allow("a.example", object())
    leases = StoreLeases(store, _KEYS, clock, lambda _job: 60.0, is_over=is_dead_here)
    leases.holder("logos")
    leases.release(leases.acquire("logos", "run-1"))


# ------------------------------------------------------------------- builds


def _build(store: MemoryStore) -> None:
    """What `prefetch-build` checks, one object after the other; each may be refused."""
    bodies = {
        name: store.objects.get(key, b"{}") for name, key in {**_LISTED, **_AGGREGATES}.items()
    }
    logos, pictures = (store.objects.get(key, b"{}") for key in _MANIFESTS.values())

    def listed() -> None:
        index = read_index("index", bodies["index"])
        items = read_items("master", bodies["master"], index)
        check_readable("master", items)
        check_mapping("mapping", bodies["mapping"], index, items)
        check_page("page", bodies["page"], items)

    for check in (
        listed,
        lambda: read_activity("activity", bodies["activity"]),
        lambda: check_summary("summary", bodies["summary"], 1),
        lambda: check_weekly("weekly", bodies["weekly"], 1),
        lambda: read_logos("logos", logos, folder="images/logos/"),
        lambda: read_opengraph(
            "pictures",
            pictures,
            key_of=lambda url: url.partition("//")[2],
            folder="images/opengraph/",
        ),
        lambda: shard_agrees(bodies["item"], "a/b.json", {}),
    ):
        try:
            check()
        except DatafetchError:
            continue


_MANIFESTS = {"logos": _KEYS.logo_manifest(), "pictures": _KEYS.opengraph_manifest()}
_OF_THE_RUN = {
    "letters": _KEYS.dead_letters("logos"),
    "state": _KEYS.job_state("logos"),
    "history": _KEYS.history("logos"),
    "breakers": _KEYS.breakers(),
    "lock": _KEYS.lock("logos"),
}

TARGETS = (
    _target("stored-bookmarks", _sync, _LISTED, _ODD_LISTS, extra_s=0.3),
    _target(
        "stored-logos",
        _logos,
        {"manifest": _MANIFESTS["logos"], "none": _KEYS.logo_failed_domains(), "master": _KEYS.bookmarks()},
        (Shape(b"manifest\n{", _LOGO_ENTRY, b'"z":{}}'), *shapes(b"manifest\n{", (b'"a":{},', b'"a#N#":[],'))),
    ),
    _target(
        "stored-opengraph",
        _opengraph,
        {
            "state": _KEYS.dataset("opengraph"),
            "manifest": _MANIFESTS["pictures"],
            "metadata": _KEYS.opengraph_metadata(_PAGE_NAME),
            "override": _KEYS.opengraph_override(_PAGE_NAME),
        },
        (
            *shapes(b"manifest\n[", (b'"https://c.example/images/opengraph/a-#N#.png",', b'"/images/opengraph/a",'), b'"x"]'),
            *shapes(b'metadata\n{"url":"https://a.example/1","title":"', (b"a", b"\\ud83d", b"/"), b'"}'),
            *shapes(b'state\n{"version":1,"rules":1,"bookmarks":{},"overrides":{},"pages":{', (b'"a#N#":{},',), b'"z":{}}}'),
        ),
    ),
    _target(
        "stored-github",
        _github,
        {"state": _KEYS.dataset("github"), "csv": _KEYS.github_csv("a_b"), **_AGGREGATES},
        (
            *shapes(b"csv\n", (b"1,2,3,4\n", b"#N#,2,3,4\n", b"1", b",", b"\n", b"\x1c")),
            *shapes(b'state\n{"years":{', (b'"#N#":1,',), b'"1":1}}'),
        ),
    ),
    _target("stored-run", _ops, _OF_THE_RUN, (Shape(b"letters\n{", _LETTER, _LETTER[:-1] + b"}"), *shapes(b"history\n[", (b"{},", b"1,", b'{"a":['), b"1]"))),
    _target("built", _build, {**_LISTED, **_AGGREGATES, **_MANIFESTS}, _ODD_LISTS),
)  # fmt: skip
