"""The logo job among failures: what is stored stays, and "no logo" is never mixed up with "no answer"."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from datafetch.errors import Cancelled, LeaseLost, OutputRefused, StoreUnavailable
from datafetch.models.run import JobReport
from datafetch.store.base import encode_json
from datafetch.store.output_limit import LimitedStore, OutputLimit
from tests.fakes import faults
from tests.fakes.base import Action
from tests.fakes.message import Request
from tests.fakes.pictures import colour_of, globe, picture
from tests.fakes.providers import Icon
from tests.logos.world import KEYS, World
from tests.stores import Call, Killed

A, B, C = "a.example.com", "b.example.org", "c.example.net"
PAGE = "<!doctype html><title>Not here</title>" + "<p>words</p>" * 40
HOUR_S = 3600.0


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers and an empty store."""
    with World.started(tmp_path, monkeypatch) as world:
        yield world


class LostFence:
    """A lease that is lost after so many writes; each write looks at it twice."""

    token = 1

    def __init__(self, writes: int) -> None:
        self._left = 2 * writes

    def check(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise LeaseLost


# ------------------------------------------------------------------- no logo


def test_a_generic_globe_is_no_logo(world: World) -> None:
    """A 404 with a picture was stored as a logo: it means "none", and is remembered as that."""
    world.bookmark(A)
    report = world.run()
    assert world.pictures == set()
    assert world.manifest == {}
    entry = world.negative[A]
    assert (entry["item"], entry["attempts"]) == (A, 1)
    assert entry["lastAttempt"] == round(world.clock.now() * 1000)
    assert world.letters == {}
    assert (report.skipped, report.failed) == (1, 0)


def test_a_domain_without_a_logo_is_left_alone_for_longer_and_longer(world: World) -> None:
    """Asked in each run at first, then a day later, then half a year later, unless it is named."""
    world.bookmark(A)

    def is_asked() -> bool:
        world.run()
        return world.asked > 0

    assert [is_asked(), is_asked(), is_asked(), is_asked()] == [True, True, True, False]
    for _ in range(3):
        world.later(1)
        assert is_asked()
    assert world.negative[A]["permanentFailure"] is True
    world.later(179)
    assert not is_asked()
    world.run(A)
    assert world.asked
    world.at_google(A)
    world.run(A)
    assert world.negative == {}
    assert A in world.manifest


@pytest.mark.parametrize(
    "icon",
    [
        Icon(8),
        Icon(body=picture("png", 1, 1)),
        Icon(body=b"\x89PNG\r\n\x1a\n" + b"\0" * 300),
        Icon(body=picture("png", 128)[:-120]),
        Icon(body=PAGE.encode()),
        Icon(body=b""),
    ],
    ids=["tiny", "pixel", "empty-png", "cut", "page", "nothing"],
)
def test_what_is_no_picture_is_not_stored(world: World, icon: Icon) -> None:
    """Tracking pixels, cut pictures and HTML pages were stored as `.png`: a site has none then."""
    world.bookmark(A)
    world.at_site(A, touch=icon)
    world.run()
    assert world.pictures == set()
    assert A in world.negative


def test_a_site_that_forbids_has_no_logo_for_us(world: World) -> None:
    """401 and 403 of a site are its answer; it is not asked for ever."""
    world.bookmark(A)
    world.sites.inject(faults.reply(403, PAGE))
    report = world.run()
    assert A in world.negative
    assert report.failed == 0


# --------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    "fault",
    [
        faults.reply(500),
        faults.reply(503, headers={"Retry-After": "120"}),
        faults.reply(429, headers={"Retry-After": "7200"}),
        faults.reply(403, "blocked"),
        faults.reply(400, "no"),
        faults.reply(200, PAGE, {"Content-Type": "text/html"}),
        faults.dropped(),
        faults.cut(50),
    ],
    ids=["500", "503", "429", "403", "400", "page", "reset", "cut"],
)
def test_a_service_that_fails_is_no_evidence(world: World, fault: Action) -> None:
    """A failure is not "no logo": a dead letter waits, nothing is remembered against the domain."""
    world.bookmark(A)
    world.at_google(A)
    world.google.inject(fault)
    report = world.run()
    assert world.negative == {}
    assert world.letters[A]["permanent"] is False
    assert (report.failed, report.newly_failed, report.changed) == (1, 1, 0)
    assert report.last_fetched_at is None
    world.google.heal()
    again = world.run()
    assert world.asked == 0
    assert again.skipped == 1
    world.clock.advance(HOUR_S)
    world.run()
    assert world.letters == {}
    assert A in world.manifest


def test_another_provider_may_answer_for_one_that_fails(world: World) -> None:
    """A good picture is taken whoever else is down; a small one waits for the service."""
    world.bookmark(A, B)
    world.google.inject(faults.reply(500))
    world.at_ddg(A, 96)
    world.at_ddg(B, 32)
    world.run()
    assert list(world.manifest) == [A]
    assert list(world.letters) == [B]


def test_a_dead_site_does_not_withhold_a_small_logo(world: World) -> None:
    """Sites die and stay dead: what a service has is taken, however small."""
    world.bookmark(A)
    world.at_google(A, 32)
    world.proxy.trouble.update({A: "refused", f"www.{A}": "refused"})
    world.run()
    assert world.manifest[A]["width"] == 32
    assert world.letters == {}


def test_a_dead_site_without_a_logo_anywhere_waits(world: World) -> None:
    """Not every provider answered, so it is a dead letter, not "no logo"."""
    world.bookmark(A)
    world.proxy.trouble.update({A: "reset", f"www.{A}": "reset"})
    world.run()
    assert list(world.letters) == [A]
    assert world.negative == {}


@pytest.mark.parametrize("trouble", ["untrusted", "wrong-name"])
def test_a_site_with_a_bad_certificate_is_not_believed(world: World, trouble: str) -> None:
    """Nothing is taken from who cannot prove to be the site."""
    world.bookmark(A)
    world.at_site(A, touch=Icon(180))
    world.proxy.trouble.update({A: trouble, f"www.{A}": trouble})  # type: ignore[dict-item]
    world.run()
    assert world.pictures == set()


@pytest.mark.parametrize(
    "fault",
    [
        faults.endless(b"\x89PNG\r\n\x1a\n" + b"x" * 65536, headers={"Content-Type": "image/png"}),
        faults.large(11 * 1024 * 1024, {"Content-Type": "image/png"}),
        faults.redirect("http://169.254.169.254/latest/meta-data"),
        faults.redirect("http://127.0.0.1:1/x.png"),
        faults.redirect("/apple-touch-icon.png"),
    ],
    ids=["endless", "11MB", "metadata", "loopback", "loop"],
)
def test_a_hostile_site_gets_nothing_stored(world: World, fault: Action) -> None:
    """Bodies over 10 MB, redirects to private addresses and loops end in time, and what is stored stays."""
    world.bookmark(A, B)
    world.at_google(B)
    world.run()
    before = world.logo(B, "google")
    world.sites.inject(fault)
    world.run(A, B)
    assert world.pictures == {KEYS.logo(B, "google", "png")}
    assert world.logo(B, "google") == before


@pytest.mark.parametrize(
    "fault",
    [faults.reply(500), faults.dropped(), faults.cut(50), faults.reply(404, "gone")],
    ids=["500", "reset", "cut", "404"],
)
def test_a_failure_never_removes_a_stored_logo(world: World, fault: Action) -> None:
    """Whatever happens to its provider, picture and entry stay."""
    world.bookmark(A)
    world.at_google(A)
    world.run()
    before, body = world.manifest[A], world.logo(A, "google")
    world.google.inject(fault)
    world.later()
    report = world.run()
    assert world.logo(A, "google") == body
    assert {**world.manifest[A], "fetchedAt": 0} == {**before, "fetchedAt": 0}
    assert world.negative == {}
    assert report.changed == 0


def test_nobody_takes_the_place_of_a_provider_that_is_down(world: World) -> None:
    """A due logo whose provider fails is not exchanged for another provider's: it waits."""
    world.bookmark(A)
    world.at_google(A, 128)
    world.run()
    world.at_ddg(A, 256)
    world.google.inject(faults.reply(500))
    world.later()
    world.run()
    assert world.manifest[A]["originalSource"] == "google"
    assert list(world.letters) == [A]
    world.run()
    assert world.asked == 0


def test_a_stored_logo_is_not_replaced_by_something_worse(world: World) -> None:
    """A provider that suddenly has a smaller icon only does not degrade what is stored."""
    world.bookmark(A)
    world.at_google(A, 128)
    world.run()
    body = world.logo(A, "google")
    world.at_google(A, 32)
    world.later()
    world.run()
    assert world.logo(A, "google") == body
    assert world.manifest[A]["width"] == 128
    world.run()
    assert world.asked == 0


def test_one_bad_domain_does_not_stop_the_others(world: World) -> None:
    """Each item fails for itself."""
    world.bookmark(A, B, C)
    world.at_google(A)
    world.at_google(C)
    world.google.inject(faults.reply(500), f"domain={B}")
    report = world.run()
    assert sorted(world.manifest) == [A, C]
    assert (report.processed, report.changed, report.failed) == (3, 2, 1)
    (note,) = report.notes
    assert note.startswith(f"failed: {B} (www.google.com: 500); ")
    assert "`datafetch logos --domain DOMAIN` tries it now" in note
    assert "from 09:00 UTC" in note


# -------------------------------------------------------------- interruption


def test_a_cancelled_run_keeps_what_it_has(world: World) -> None:
    """After a stop the manifest names what was fetched, and the next run does not ask for it again."""
    domains = [f"site{number}.example.com" for number in range(6)]
    world.bookmark(*domains)
    for domain in domains:
        world.at_google(domain)
    context = world.context(width=1)

    def stop(request: Request) -> bool:
        if request.params.get("domain") == domains[3]:
            context.cancel.cancel(Cancelled())
        return False

    world.google.inject(faults.reply(500), stop)
    with pytest.raises(Cancelled):
        world.run_in(context)
    kept = sorted(world.manifest)
    assert kept[:3] == domains[:3]
    so_far = context.so_far.report()
    assert (so_far.processed, so_far.changed) == (len(kept), len(kept))
    assert so_far.notes == ()
    world.google.heal()
    world.run()
    assert sorted(world.manifest) == domains
    assert world.google.log.count("site") == len(domains) - len(kept)


def test_what_could_not_be_saved_is_not_counted(world: World) -> None:
    """A stopped run whose manifest cannot be written has changed nothing, and says so."""
    world.bookmark(A, B)
    world.at_google(A)
    world.at_google(B)
    fault = {Call("put", KEYS.logo_manifest()): "fail"}
    context = world.context(width=1, fault=lambda call, _: fault.get(call))
    with pytest.raises(StoreUnavailable):
        world.run_in(context)
    so_far = context.so_far.report()
    assert (so_far.processed, so_far.changed, so_far.change_detected) == (2, 0, False)


def test_a_named_domain_without_a_logo_is_told(world: World) -> None:
    """Who asks for one domain by name is told that there is none, and why; a whole run is not."""
    world.bookmark(A)
    (note,) = world.run(A).notes
    assert note.startswith(f"no usable logo was found for {A} (")
    world.later(1)
    assert world.run(force=True).notes == ()


def test_a_killed_run_resumes_from_its_last_save(world: World) -> None:
    """The manifest is stored as work goes on: of 250 logos a kill at the end costs the last 50 at most."""
    domains = [f"site{number:03d}.example.com" for number in range(250)]
    world.bookmark(*domains)
    for domain in domains:
        world.at_google(domain)
    saves = 0

    def die(call: Call, _: int) -> str | None:
        nonlocal saves
        saves += call == Call("put", KEYS.logo_manifest())
        return "kill" if saves == 2 else None

    with pytest.raises(Killed):
        world.run_and_die(fault=die, width=1)
    assert len(world.manifest) == 200
    world.run()
    assert world.google.log.count("site") == 50
    assert world.asked == 50 + 1, "one for the domain that nobody has"
    assert len(world.manifest) == 250


def test_a_manifest_that_cannot_be_read_to_its_end_stays(world: World) -> None:
    """A disk that fails in the middle of it is no shorter manifest, and no error of ours."""
    world.bookmark(A, B, C)
    for domain in (A, B):
        world.at_google(domain)
    world.run()
    before = world.manifest
    world.at_google(C)
    world.later()
    with pytest.raises(StoreUnavailable):
        world.run(
            fault=lambda call, _: "torn" if call == Call("get", KEYS.logo_manifest()) else None
        )
    assert world.manifest == before
    world.run()
    assert sorted(world.manifest) == [A, B, C]


def test_a_lost_lease_ends_the_writing(world: World) -> None:
    """A run that lost its lease writes nothing more, not even its manifest."""
    world.bookmark(A, B, C)
    for domain in (A, B, C):
        world.at_google(domain)
    with pytest.raises(LeaseLost):
        world.run_and_die(fence=LostFence(2), width=1)
    assert len(world.pictures) == 2
    assert not [key for key in world.snapshot() if "manifest" in key]


def test_a_store_that_fails_ends_the_run(world: World) -> None:
    """The run fails, what was stored before is named by the manifest where that can be written."""
    world.bookmark(A, B)
    world.at_google(A)
    world.at_google(B)
    refused = KEYS.logo(B, "google", "png")
    with pytest.raises(StoreUnavailable):
        world.run(fault=lambda call, _: "fail" if call.key == refused else None, width=1)
    assert list(world.manifest) == [A]


def test_a_store_that_does_not_answer_at_first_is_not_empty(world: World) -> None:
    """An error is not "not found": nobody is asked, nothing is rebuilt from nothing."""
    world.bookmark(A)
    world.at_google(A)
    world.run()
    before = world.snapshot()
    for key in (KEYS.logo_manifest(), KEYS.logo_failed_domains(), KEYS.bookmarks()):
        with pytest.raises(StoreUnavailable):
            world.run(fault=lambda call, _, key=key: "fail" if call.key == key else None)
        assert world.asked == 0
    assert world.snapshot() == before


# --------------------------------------------------------------- other copies


def test_a_missing_manifest_is_rebuilt_from_the_pictures(world: World) -> None:
    """One listing says what is there; nobody outside is asked for what is stored."""
    world.bookmark(A, B)
    world.at_google(A)
    world.at_ddg(B, 64, "ico")
    world.run()
    before = world.manifest
    world.store.delete(KEYS.logo_manifest())
    world.run()
    assert world.asked == 0
    assert world.calls is not None
    assert world.calls.count("list") == 1
    assert world.manifest == before


@pytest.mark.parametrize(
    "damage",
    [b"", b"\xff\xfe", b"[]", b"<html>", None],
    ids=["empty", "binary", "list", "page", "cut"],
)
def test_a_corrupt_manifest_is_kept_aside_and_rebuilt(world: World, damage: bytes | None) -> None:
    """A broken object crashed the run or was taken as empty: it is kept, and made anew from the other copies."""
    world.bookmark(A, B)
    world.at_google(A)
    world.at_google(B)
    world.run()
    before = world.manifest
    body = world.store.get(KEYS.logo_manifest()).body
    broken = body[: len(body) // 2 + 40] if damage is None else damage
    world.store.put(KEYS.logo_manifest(), broken)
    world.run()
    assert world.asked == 0
    assert world.manifest == before
    aside = [key for key in world.snapshot() if ".corrupt-" in key]
    assert [world.store.get(key).body for key in aside] == [broken]


def test_a_broken_entry_costs_its_own_domain_only(world: World) -> None:
    """Old or broken entries do not take the readable ones with them."""
    world.bookmark(A, B)
    world.at_google(A)
    world.at_google(B)
    world.run()
    before = world.manifest
    world.store.put(KEYS.logo_manifest(), encode_json({**before, A: {"cdnUrl": "x"}}))
    world.run()
    assert world.manifest == before


def test_a_stored_picture_that_is_none_is_not_adopted(world: World) -> None:
    """What lies under a logo's key is checked before it is named; if it is no picture, it is fetched."""
    world.bookmark(A)
    world.at_google(A)
    world.store.put(KEYS.logo(A, "google", "png"), globe(8), content_type="image/png")
    world.run()
    assert world.manifest[A]["width"] == 128


def test_changes_of_others_are_kept(world: World) -> None:
    """A manifest and a negative cache that somebody else wrote meanwhile are merged, not overwritten."""
    world.bookmark(A, B)
    world.at_google(A)
    world.run()
    theirs = {C: {**world.manifest[A], "key": KEYS.logo(C, "google", "png")}}
    record = {C: {"item": C, "attempts": 1, "lastAttempt": 1, "reason": "none"}}
    context = world.context(force=True)
    assert world.calls is not None
    done = threading.Event()

    def interfere(call: Call) -> None:
        if call.method == "put" and call.key == KEYS.logo_manifest() and not done.is_set():
            done.set()
            body = {**world.manifest, **theirs}
            world.store.put(KEYS.logo_manifest(), encode_json(body))
            world.store.put(KEYS.logo_failed_domains(), encode_json({**world.negative, **record}))

    world.calls.before = interfere
    world.clock.advance(1)
    world.run_in(context)
    assert sorted(world.manifest) == [A, C]
    assert world.manifest[A]["fetchedAt"] > theirs[C]["fetchedAt"]
    assert sorted(world.negative) == [B, C]
    assert world.negative[B]["attempts"] == 2


@pytest.mark.parametrize("lost", [KEYS.logo_manifest(), KEYS.logo_failed_domains()])
def test_a_lost_answer_of_a_write_is_no_conflict(world: World, lost: str) -> None:
    """The write was stored and its answer lost: the retry's 412 is our own success."""
    world.bookmark(A, B)
    world.at_google(A)
    world.run(
        fault=lambda call, _: "lost" if call.method == "put" and call.key == lost else None,
    )
    assert list(world.manifest) == [A]
    assert world.negative[B]["attempts"] == 1


def test_an_open_publish_is_finished(world: World) -> None:
    """A run died between its manifest and the removal of a replaced picture: the next one removes it."""
    world.bookmark(A)
    world.at_google(A)
    world.run()
    del world.google.icons[A]
    world.at_ddg(A)
    world.later()

    def die(call: Call, _: int) -> str | None:
        return "kill" if call.method == "delete" else None

    with pytest.raises(Killed):
        world.run_and_die(fault=die, width=1)
    assert len(world.pictures) == 2
    report = world.run()
    assert world.asked == 0
    assert world.pictures == {KEYS.logo(A, "duckduckgo", "png")}
    assert KEYS.publish_journal("logos") not in world.snapshot()
    assert report == JobReport(
        processed=1, last_fetched_at=round(world.clock.now() * 1000), full_sync=True
    )


# ------------------------------------------------------------ what left the list


def test_the_letter_of_a_domain_that_left_the_list_is_dropped(world: World) -> None:
    """Each run said for ever that a site waits which no bookmark has any more."""
    world.bookmark(A, B)
    world.at_google(A)
    world.google.inject(faults.reply(500), f"domain={B}")
    world.run()
    assert list(world.letters) == [B]
    world.bookmark(A)
    world.run(A)
    world.run(dry_run=True)
    assert list(world.letters) == [B]
    world.run()
    assert world.letters == {}


def test_without_any_domain_the_letters_stay(world: World) -> None:
    """A store whose bookmarks are missing is no reason to forget how often each site failed."""
    world.bookmark(B)
    world.google.inject(faults.reply(500))
    world.run()
    world.bookmark()
    world.run()
    assert list(world.letters) == [B]


def test_a_run_without_domains_says_where_they_come_from(world: World) -> None:
    """After a dry run of the bookmarks "run `datafetch bookmarks` first" told what had just been done."""
    assert "run `datafetch bookmarks` first, or set LOGO_DOMAIN_FILES" in world.run().notes[0]
    (note,) = world.run(dry_run=True).notes
    assert "first" not in note
    assert "`datafetch bookmarks` stores bookmarks when it is run without --dry-run" in note


def test_a_run_past_its_output_remembers_what_it_stored(world: World) -> None:
    """The picture that would pass the limit ends the run; those before it are not fetched again."""
    world.bookmark(A, B)
    world.at_google(A, 128)
    world.at_google(B, 2000)
    large = len(picture("png", 2000, 2000, colour_of(B)))
    limit = OutputLimit(1)
    limit.spend(1_000_000 - large)
    context = world.context(width=1)
    context = replace(context, store=LimitedStore(context.store, limit), output=limit)
    with pytest.raises(OutputRefused, match="DATAFETCH_MAX_OUTPUT_MB allows 1"):
        world.run_in(context)
    assert set(world.manifest) == {A}
    assert world.letters == {}
    report = world.run()
    assert (report.changed, set(world.manifest)) == (1, {A, B})
    assert not world.google.log.count(A)
