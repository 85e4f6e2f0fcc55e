"""The logo job over real HTTP: who is asked, what is taken, what is stored, and what is left alone."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from datafetch.errors import ConfigurationError, UsageError
from datafetch.store.base import encode_json
from tests.fakes import faults
from tests.fakes.pictures import colour_of, picture
from tests.fakes.providers import Icon
from tests.fakes.sites import Site
from tests.logos.world import KEYS, World

NOBODY = "datafetch.invalid"
A, B, C = "a.example.com", "b.example.org", "c.example.net"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers and an empty store."""
    with World.started(tmp_path, monkeypatch) as world:
        yield world


def test_a_logo_is_stored_with_its_entry(world: World) -> None:
    """Picture, key, type and manifest entry are what the site's readers know; the URL has its version."""
    world.bookmark(A)
    world.at_google(A, 256)
    report = world.run()
    body = picture("png", 256, 256, colour_of(A))
    digest = hashlib.sha256(body).hexdigest()
    key = KEYS.logo(A, "google", "png")
    assert world.logo(A, "google") == body
    assert world.store.head(key).content_type == "image/png"
    assert world.manifest == {
        A: {
            "cdnUrl": f"https://cdn.example.com/{key}?v={digest[:8]}",
            "key": key,
            "originalSource": "google",
            "contentType": "image/png",
            "bytes": len(body),
            "width": 256,
            "height": 256,
            "sha256": digest,
            "fetchedAt": round(world.clock.now() * 1000),
        }
    }
    assert (report.processed, report.changed, report.failed) == (1, 1, 0)
    assert report.change_detected


def test_providers_are_asked_in_order_until_one_is_good(world: World) -> None:
    """A good picture at Google asks nobody else; a small one is compared with the next ones."""
    world.bookmark(A, B, C)
    world.at_google(A, 64)
    world.at_ddg(A, 256)
    world.at_google(B, 32)
    world.at_ddg(B, 96)
    world.at_google(C, 32)
    world.at_ddg(C, 16)
    world.at_site(C, favicon=Icon(48, "ico"))
    world.run()
    assert {domain: entry["originalSource"] for domain, entry in world.manifest.items()} == {
        A: "google",
        B: "duckduckgo",
        C: "direct",
    }
    assert not world.ddg.log.count(A)
    assert not world.sites.log.count(B)
    assert world.pictures == {entry["key"] for entry in world.manifest.values()}


def test_a_small_logo_is_better_than_none(world: World) -> None:
    """When all were asked and none is good, the largest usable wins."""
    world.bookmark(A)
    world.at_google(A, 32)
    world.at_ddg(A, 48)
    world.run()
    assert world.manifest[A]["width"] == 48


def test_sites_are_asked_at_the_usual_places_and_at_those_they_name(world: World) -> None:
    """Touch icon, icons of the page's head, favicon: what the site has is found."""
    world.bookmark(A, B, C)
    world.at_site(A, touch=Icon(180))
    world.at_site(B, static=Icon(192, "webp"), favicon=Icon(48, "ico"))
    world.at_site(C, favicon=Icon(32, "ico"))
    world.run()
    sizes = {domain: entry["width"] for domain, entry in world.manifest.items()}
    assert sizes == {A: 180, B: 192, C: 32}
    assert world.manifest[B]["key"].endswith(".webp")
    assert world.manifest[C]["key"].endswith(".ico")


def test_a_drawing_is_stored_as_such(world: World) -> None:
    """A safe SVG keeps its type and end."""
    world.bookmark(A)
    world.at_site(A, icon=Icon(24, "svg"))
    world.run()
    assert world.manifest[A]["contentType"] == "image/svg+xml"
    assert b"<svg" in world.logo(A, "direct", "svg")


def test_a_site_that_answers_at_www_only_is_found(world: World) -> None:
    """Domains are kept without `www.`, their sites may not answer there."""
    world.bookmark(A)
    world.at_site(A, touch=Icon(180))
    world.proxy.trouble[A] = "reset"
    world.run()
    assert world.manifest[A]["originalSource"] == "direct"


def test_an_unknown_domain_has_the_logo_of_its_registrable_domain(world: World) -> None:
    """`shop.example.co.uk` shows the logo of `example.co.uk`, under its own name."""
    shop = "shop.example.co.uk"
    world.bookmark(shop)
    world.at_google("example.co.uk", 128)
    world.run()
    assert world.logo(shop, "google") == picture("png", 128, 128, colour_of("example.co.uk"))
    assert list(world.manifest) == [shop]
    assert not world.google.log.count("domain=co.uk")


def test_icons_are_found_again(world: World) -> None:
    """`.ico` files were stored and never found again, so fetched each week: now nobody is asked."""
    world.bookmark(A, B)
    world.at_ddg(A, 64, "ico")
    world.at_site(B, favicon=Icon(48, "ico"))
    world.run()
    world.run()
    assert world.asked == 0


def test_an_unchanged_run_asks_nobody_and_writes_nothing(world: World) -> None:
    """What is fresh costs no request, and the store is asked a handful of times, not for each logo."""
    domains = [f"site{number}.example.com" for number in range(40)]
    world.bookmark(*domains)
    for domain in domains:
        world.at_google(domain)
    world.run()
    before = world.snapshot()
    report = world.run()
    assert world.asked == 0
    assert world.calls is not None
    assert world.calls.count() <= 8
    assert world.snapshot() == before
    assert (report.processed, report.changed, report.skipped) == (40, 0, 0)
    assert not report.change_detected


def test_a_due_logo_is_asked_for_conditionally(world: World) -> None:
    """After 30 days its own provider is asked by validator; 304 moves `fetchedAt` and nothing else."""
    world.bookmark(A)
    world.at_site(A, touch=Icon(180))
    world.run()
    before = world.manifest[A]
    assert before["etag"]
    world.later()
    report = world.run()
    assert world.manifest[A] == {**before, "fetchedAt": round(world.clock.now() * 1000)}
    asked = world.sites.log.all()
    assert [(request.path, request.headers["if-none-match"]) for request in asked] == [
        ("/apple-touch-icon.png", before["etag"])
    ]
    assert world.asked == 1
    assert (report.changed, report.change_detected) == (0, False)
    world.run()
    assert world.asked == 0


def test_a_due_logo_without_validator_is_compared_by_its_bytes(world: World) -> None:
    """Equal bytes are not written again."""
    world.bookmark(A)
    world.at_google(A)
    world.run()
    world.later()
    report = world.run()
    assert [request.params["domain"] for request in world.google.log.all()] == [A, NOBODY]
    assert world.asked == 2
    assert world.calls is not None
    assert world.calls.keys("put") == [KEYS.logo_manifest()]
    assert report.changed == 0


def test_a_logo_that_changed_gets_a_new_version(world: World) -> None:
    """Objects are immutable to caches and keys do not change: the URL's version does."""
    world.bookmark(A)
    world.at_google(A, 128)
    world.run()
    before = world.manifest[A]
    world.at_google(A, 256)
    world.later()
    report = world.run()
    after = world.manifest[A]
    assert after["key"] == before["key"]
    assert after["cdnUrl"] != before["cdnUrl"]
    assert after["cdnUrl"].endswith(f"?v={after['sha256'][:8]}")
    assert (report.changed, report.change_detected) == (1, True)


def test_a_logo_that_moved_leaves_no_picture_behind(world: World) -> None:
    """When source or type changes, the old object goes after the manifest is stored."""
    world.bookmark(A)
    world.at_google(A)
    world.run()
    del world.google.icons[A]
    world.at_ddg(A, 96, "ico")
    world.later()
    world.run()
    assert world.pictures == {KEYS.logo(A, "duckduckgo", "ico")}
    assert world.manifest[A]["originalSource"] == "duckduckgo"
    assert world.calls is not None
    order = [(call.method, call.key) for call in world.calls.calls]
    written = order.index(("put", KEYS.logo_manifest()))
    assert written < order.index(("delete", KEYS.logo(A, "google", "png")))


def test_a_picture_that_another_environment_shows_stays(world: World) -> None:
    """Environments share the pictures: one must not remove what another's manifest names."""
    world.bookmark(A)
    world.at_google(A)
    world.run()
    production = world.store.get(KEYS.logo_manifest()).body
    world.store.put("json/image-data/logos/manifest.json", production)
    del world.google.icons[A]
    world.at_ddg(A)
    world.later()
    world.run()
    assert world.pictures == {KEYS.logo(A, "google", "png"), KEYS.logo(A, "duckduckgo", "png")}


def test_a_run_for_one_domain_does_not_shrink_the_manifest(world: World) -> None:
    """`--domain` asks for those only and keeps all others; domains that left stay, too."""
    world.bookmark(A, B)
    world.at_google(A)
    world.at_google(B)
    world.run()
    world.at_google(C)
    report = world.run(f"https://www.{C}/")
    assert sorted(world.manifest) == [A, B, C]
    assert report.processed == 1
    world.bookmark(A)
    world.run()
    assert sorted(world.manifest) == [A, B, C]


def test_a_name_that_is_no_domain_is_a_usage_error(world: World) -> None:
    """`--domain localhost` says what is wrong and asks nobody."""
    with pytest.raises(UsageError):
        world.run("localhost")
    assert world.asked == 0


def test_domains_come_from_bookmarks_and_files(world: World, tmp_path: Path) -> None:
    """Files of records add to the bookmarks; each domain is asked for once."""
    path = tmp_path / "investments.json"
    path.write_text(f'[{{"name":"x","website":"https://{B}/about"}},{{"domain":"{A}"}}]')
    world.settings = replace(world.settings, domain_files=(str(path),))
    world.bookmark(A)
    for domain in (A, B):
        world.at_google(domain)
    report = world.run()
    assert sorted(world.manifest) == [A, B]
    assert world.google.log.count(f"domain={A}") == 1
    assert report.processed == 2


def test_a_missing_file_of_domains_stops_the_run(world: World) -> None:
    """It is a configuration error that names the file, not a smaller set of domains."""
    world.settings = replace(world.settings, domain_files=("nowhere.json",))
    world.bookmark(A)
    before = world.snapshot()
    with pytest.raises(ConfigurationError, match=r"nowhere\.json"):
        world.run()
    assert world.snapshot() == before


def test_the_list_says_which_domains_there_are(world: World) -> None:
    """A slug mapping of another list may have the same count and checksum: it is not asked."""
    world.bookmark(A)
    world.at_google(A)
    world.at_google(B)
    world.store.put(KEYS.bookmarks_index(), encode_json({"checksum": "1", "count": 1}))
    mapping = {"checksum": "1", "count": 1, "slugs": {"x": {"id": "x", "url": f"https://{B}/"}}}
    world.store.put(KEYS.slug_mapping(), encode_json(mapping))
    world.run()
    assert list(world.manifest) == [A]


def test_without_bookmarks_the_run_says_so(world: World) -> None:
    """Nothing to do is no failure, and writes nothing."""
    report = world.run()
    assert report.processed == 0
    assert report.notes
    assert world.snapshot() == {}


def test_force_asks_for_everything(world: World) -> None:
    """`--force` ignores freshness and validators, and writes what is equal again: no change."""
    world.bookmark(A)
    world.at_site(A, touch=Icon(180))
    world.run()
    report = world.run(force=True)
    assert [request.params["domain"] for request in world.google.log.all()] == [NOBODY, A]
    assert "if-none-match" not in world.sites.log.all()[0].headers
    assert world.calls is not None
    pictures = [key for key in world.calls.keys("put") if key.startswith("images/")]
    assert pictures == [KEYS.logo(A, "direct", "png")]
    assert (report.changed, report.change_detected) == (0, False)


def test_missing_and_older_than_narrow_the_run(world: World) -> None:
    """`--missing` leaves due logos alone, `--older-than` those that are younger, and new ones."""
    world.bookmark(A, B)
    world.at_google(A)
    world.at_google(B)
    world.run(A)
    world.later(40)
    world.run(missing=True)
    assert [request.params["domain"] for request in world.google.log.all()] == [NOBODY, B]
    world.bookmark(A, B, C)
    world.run(older_than_s=86_400.0 * 7)
    assert [request.params["domain"] for request in world.google.log.all()] == [A, NOBODY]


def test_a_limit_bounds_what_is_asked_for(world: World) -> None:
    """`--limit` fetches at most so many; the run is partial, and what is stored stays."""
    world.bookmark(A, B, C)
    for domain in (A, B, C):
        world.at_google(domain)
    world.run(A)
    report = world.run(limit=1)
    assert len(world.manifest) == 2
    assert report.partial
    assert not report.full_sync


def test_a_dry_run_asks_nobody_and_writes_nothing(world: World) -> None:
    """`--dry-run` says what it would ask for."""
    world.bookmark(A, B)
    world.at_google(A)
    world.at_google(B)
    world.run(A)
    world.later()
    before = world.snapshot()
    report = world.run(dry_run=True)
    assert world.asked == 0
    assert world.snapshot() == before
    assert report.notes == ("would ask for 1 new logos and look again at 1",)


def test_batches_are_paced_for_each_provider(world: World) -> None:
    """Between batches of `LOGO_BATCH_SIZE` requests to a provider there is a pause.

    The question for the domain that nobody has is one of them: five and one are three batches.
    """
    domains = [f"site{number}.example.com" for number in range(5)]
    world.bookmark(*domains)
    for domain in domains:
        world.at_google(domain)
    world.settings = replace(world.settings, batch_size=2, batch_delay_s=0.5)
    world.run(width=1)
    assert world.clock.slept == [0.5, 0.5]


def test_redirects_of_the_services_are_followed(world: World) -> None:
    """Google answers by way of another host; its 404 there is "none", too."""
    world.google.redirecting = True
    world.bookmark(A, B)
    world.at_google(A)
    report = world.run()
    assert list(world.manifest) == [A]
    assert list(world.negative) == [B]
    assert report.failed == 0


def test_a_page_that_moved_names_its_icons(world: World) -> None:
    """Icons are resolved against where the page is in the end."""
    world.bookmark(A)
    world.at_site(A, static=Icon(128))
    world.sites.sites[A] = Site(A, icons=world.sites.sites[A].icons, moves_to_www=True)
    world.run()
    assert world.manifest[A]["width"] == 128


def test_a_slow_page_is_read_to_its_body_only(world: World) -> None:
    """The head is enough: a page without end does not hold the run."""
    world.bookmark(A)
    world.at_site(A, static=Icon(128))
    head = b'<html><head><link rel="icon" href="/static.png"></head><body>'
    world.sites.inject(faults.endless(head=head), lambda request: request.path == "/")
    world.run()
    assert world.manifest[A]["width"] == 128
