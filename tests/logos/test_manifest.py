"""The manifest by itself: what is read of it, when it is saved, and which pictures go."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from datafetch.job import JobContext
from datafetch.logos.manifest import LogoManifest
from datafetch.logos.model import Logo, LogoSource
from datafetch.models.job_settings import LogoSettings
from datafetch.store.base import encode_json
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.job_settings import logo_settings
from tests.stores import Call, FaultyStore
from tests.support import FakeClock, make_context

KEYS = Keys("-test")
KEY = KEYS.logo_manifest()
A, B, C = "a.example.com", "b.example.org", "c.example.net"


def logo(domain: str, source: LogoSource = "google", *, at: int = 5) -> Logo:
    """A domain's logo."""
    return Logo(
        key=KEYS.logo(domain, source, "png"),
        original_source=source,
        content_type="image/png",
        size=2000,
        width=128,
        height=96,
        sha256=hashlib.sha256(domain.encode()).hexdigest(),
        etag=None,
        fetched_at=at,
    )


@dataclass
class Stored:
    """A folder, and the manifest of one run after the other on it."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.store = LocalStore(self.folder, self.clock)

    def loaded(self, **options: Any) -> LogoManifest:
        """The manifest of a run that begins now."""
        self.calls = FaultyStore(self.store)
        context: JobContext[LogoSettings] = make_context(
            logo_settings(), self.calls, clock=self.clock, **options
        )
        manifest = LogoManifest(context)
        manifest.load()
        return manifest

    def saved(self, *logos: tuple[str, Logo]) -> None:
        """Have a run store logos with their pictures."""
        manifest = self.loaded()
        for domain, stored in logos:
            self.store.put(stored.key, domain.encode())
            manifest.put(domain, stored)
        manifest.save()

    def entries(self) -> dict[str, dict[str, object]]:
        """What is stored."""
        entries: dict[str, dict[str, object]] = json.loads(self.store.get(KEY).body)
        return entries

    def put(self, entries: object) -> bytes:
        """Store an object in the manifest's place."""
        body = entries if isinstance(entries, bytes) else encode_json(entries)
        self.store.put(KEY, body)
        return body

    def pictures(self) -> set[str]:
        """The keys of all pictures."""
        return {info.key for info in self.store.list("images/")}


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    """An empty folder."""
    return Stored(tmp_path / "store")


def test_logos_are_stored_sorted_and_read_back(stored: Stored) -> None:
    """Equal logos are equal bytes, in whatever order they came."""
    stored.saved((B, logo(B)), (A, logo(A, "duckduckgo")))
    assert list(stored.entries()) == [A, B]
    manifest = stored.loaded()
    assert (manifest.get(A), manifest.get(B)) == (logo(A, "duckduckgo"), logo(B))
    assert manifest.get(C) is None
    assert manifest.newest() == 5


def test_the_url_of_an_entry_ends_in_its_version(stored: Stored) -> None:
    """`cdnUrl` is made of key and hash: it follows when the public base URL changes."""
    stored.saved((A, logo(A)))
    entry = stored.entries()[A]
    assert entry["cdnUrl"] == f"https://cdn.example.com/{logo(A).key}?v={logo(A).sha256[:8]}"


def test_an_unchanged_manifest_is_not_written(stored: Stored) -> None:
    """A run that changed nothing only asks whether the blog's manifest is there."""
    stored.saved((A, logo(A)))
    manifest = stored.loaded()
    asked = stored.calls.count()
    manifest.save()
    assert stored.calls.calls[asked:] == [Call("head", KEYS.blog_manifest())]


def test_a_broken_entry_loses_itself_only(stored: Stored) -> None:
    """The readable entries are taken, the object is kept aside, and the listing finds the picture."""
    stored.saved((A, logo(A)), (B, logo(B)))
    body = stored.put({**stored.entries(), A: {"cdnUrl": "x"}})
    manifest = stored.loaded()
    assert manifest.get(B) == logo(B)
    assert manifest.get(A) is None
    assert manifest.picture_of(A) == logo(A).key
    assert [stored.store.get(info.key).body for info in stored.store.list(KEY + ".corrupt-")] == [
        body
    ]


def test_a_manifest_that_is_cut_gives_what_is_whole(stored: Stored) -> None:
    """Of a manifest that ends in the middle of an entry all entries before it are taken."""
    stored.saved((A, logo(A)), (B, logo(B)))
    stored.put(stored.store.get(KEY).body[:-40])
    manifest = stored.loaded()
    assert manifest.get(A) == logo(A)
    assert manifest.get(B) is None


def test_pictures_are_listed_only_when_the_manifest_does_not_tell(stored: Stored) -> None:
    """An unchanged run lists nothing; a missing manifest costs one listing."""
    stored.saved((A, logo(A)))
    assert stored.loaded().picture_of(B) is None
    assert stored.calls.count("list") == 0
    stored.store.delete(KEY)
    assert stored.loaded().picture_of(A) == logo(A).key
    assert stored.calls.count("list") == 1


def test_a_replaced_picture_goes_after_the_manifest_is_stored(stored: Stored) -> None:
    """Readers of the old manifest find its picture until the new one is there."""
    stored.saved((A, logo(A)))
    stored.saved((A, logo(A, "duckduckgo")))
    assert stored.pictures() == {logo(A, "duckduckgo").key}
    calls = [(call.method, call.key) for call in stored.calls.calls]
    assert calls.index(("put", KEY)) < calls.index(("delete", logo(A).key))


@pytest.mark.parametrize("theirs", [{"x": {"key": logo(A).key}}, b"{broken", {"x": {}}])
def test_a_picture_that_another_environment_may_show_stays(stored: Stored, theirs: object) -> None:
    """Environments share pictures; a manifest that cannot be read may name any of them."""
    body = theirs if isinstance(theirs, bytes) else encode_json(theirs)
    stored.store.put(Keys("").logo_manifest(), body)
    stored.saved((A, logo(A)))
    stored.saved((A, logo(A, "duckduckgo")))
    assert stored.pictures() == {logo(A).key, logo(A, "duckduckgo").key}


def test_entries_that_somebody_else_stored_meanwhile_stay(stored: Stored) -> None:
    """This run's changes are made in theirs; their entry of another domain is kept."""
    stored.saved((A, logo(A)))
    manifest = stored.loaded()
    manifest.put(A, logo(A, at=9))
    theirs = stored.entries()
    stored.put({**theirs, C: {**theirs[A], "key": logo(C).key}})
    manifest.save()
    assert stored.entries()[A]["fetchedAt"] == 9
    assert sorted(stored.entries()) == [A, C]


@pytest.mark.parametrize(
    ("changes", "seconds", "saves"), [(199, 60, 0), (200, 60, 1), (200, 4.9, 0), (200, 5, 1)]
)
def test_the_manifest_is_saved_on_the_way(
    stored: Stored, changes: int, seconds: float, saves: int
) -> None:
    """A run that is killed loses 200 logos at most, and saves no more than each five seconds."""
    manifest = stored.loaded()
    for number in range(changes):
        domain = f"site{number}.example.com"
        manifest.put(domain, logo(domain))
    stored.clock.advance(seconds)
    manifest.save_now_and_then()
    assert stored.calls.keys("put").count(KEY) == saves


def test_a_large_manifest_is_saved_less_often(stored: Stored) -> None:
    """Of 2,000 logos a fifth, 400, have to change: each save takes as long as there are logos."""
    names = [f"site{number}.example.com" for number in range(2000)]
    stored.saved(*((name, logo(name)) for name in names[:1]))
    whole = {name: {**stored.entries()[names[0]], "key": logo(name).key} for name in names}
    stored.put(whole)
    manifest = stored.loaded()
    stored.clock.advance(60)
    for number, name in enumerate(names[:400], 1):
        manifest.put(name, replace(logo(name), fetched_at=9))
        manifest.save_now_and_then()
        assert stored.calls.keys("put").count(KEY) == (number == 400)


def test_addresses_that_visitors_should_not_ask_for_go(stored: Stored) -> None:
    """The old site's manifest named a store on somebody's machine, which visitors' browsers then asked."""
    private = "http://localhost:9000/bucket/images/logos/a.png"
    stored.store.put(
        KEY,
        encode_json(
            {
                A: {"cdnUrl": private, "originalSource": "google", "invertedCdnUrl": private},
                B: {
                    "cdnUrl": "http://10.0.0.1/else.png",
                    "invertedCdnUrl": "http://10.0.0.1/x.png",
                },
                C: {"cdnUrl": "https://old.example.net/images/logos/c.png", "originalSource": "x"},
            }
        ),
    )
    manifest = stored.loaded(allow_hosts=())
    manifest.save()
    public = "https://cdn.example.com/images/logos/a.png"
    assert stored.store.get(KEY).json() == {
        A: {"cdnUrl": public, "originalSource": "google", "invertedCdnUrl": public},
        C: {"cdnUrl": "https://old.example.net/images/logos/c.png", "originalSource": "x"},
    }


def test_logos_of_an_earlier_private_store_get_their_public_addresses(stored: Stored) -> None:
    """Entries of ours kept the address of a store on somebody's machine until another logo changed."""
    stored.saved((A, logo(A)))
    good = stored.entries()[A]
    local = str(good["cdnUrl"]).replace("https://cdn.example.com", "http://localhost:9000/bucket")
    for url in (local, f"/{logo(A).key}"):
        stored.put({A: {**good, "cdnUrl": url}})
        stored.loaded(allow_hosts=()).save()
        assert stored.entries() == {A: good}
    earlier = str(good["cdnUrl"]).replace("cdn.", "old-cdn.")
    body = stored.put({A: {**good, "cdnUrl": earlier}})
    stored.loaded(allow_hosts=()).save()
    assert stored.store.get(KEY).body == body
