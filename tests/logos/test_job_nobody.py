"""The logo job and generic pictures that come with 200 before anything has taught what they are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from datafetch.logos.rules.generic import known_looks
from datafetch.store.base import encode_json
from tests.fakes import faults
from tests.fakes.base import Action, Answer
from tests.fakes.message import Request, Response
from tests.fakes.pictures import globe, picture
from tests.fakes.providers import Icon
from tests.logos.world import KEYS, World

NOBODY = "datafetch.invalid"
A, B, C = "a.example.com", "b.example.org", "c.example.net"
PNG = {"Content-Type": "image/png"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers and an empty store."""
    with World.started(tmp_path, monkeypatch) as world:
        yield world


def asked_for_nobody(world: World) -> tuple[int, int]:
    """How often Google and DuckDuckGo were asked for the domain that cannot exist."""
    return world.google.log.count(NOBODY), world.ddg.log.count(NOBODY)


# ---------------------------------------------------------------- the first of all


@pytest.mark.parametrize("service", ["google", "duckduckgo"])
@pytest.mark.parametrize("width", [1, 8])
def test_a_globe_with_200_is_refused_though_it_comes_first(
    world: World, service: str, width: int
) -> None:
    """Globes came with 200 before any 404 had shown them, and were everybody's logo; many at once, too."""
    app = world.google if service == "google" else world.ddg
    app.none_status = 200
    domains = [f"site{number}.example{number}.com" for number in range(12)]
    world.bookmark(*domains)
    report = world.run(width=width)
    assert world.pictures == set()
    assert sorted(world.negative) == sorted(domains)
    assert "when it has none" in world.negative[domains[0]]["reason"]
    assert world.letters == {}
    assert report.failed == 0
    of_google = 1 if service == "google" or width > 1 else 0
    assert asked_for_nobody(world) == (of_google, 1 if service == "duckduckgo" else 0)


def test_a_globe_of_another_size_is_refused_first_of_all(world: World) -> None:
    """The globe came scaled to what was asked for: it looks like the one for nobody."""
    world.bookmark(A)
    world.google.none_status = 200
    world.google.icons[A] = Icon(body=globe(256))
    world.run()
    assert world.pictures == set()


def test_the_next_provider_is_asked_instead(world: World) -> None:
    """A large globe at Google does not keep a logo elsewhere away."""
    world.bookmark(A)
    world.google.none_status = 200
    world.google.icons[A] = Icon(body=globe(256))
    world.at_ddg(A, 48)
    world.run()
    assert world.manifest[A]["originalSource"] == "duckduckgo"
    assert world.pictures == {KEYS.logo(A, "duckduckgo", "png")}


# ---------------------------------------------------------------- what it costs


def test_each_service_is_asked_for_nobody_once_in_a_run(world: World) -> None:
    """One request more for the first service, and for another only when it offers something."""
    domains = [f"site{number}.example.com" for number in range(20)]
    world.bookmark(*domains)
    for domain in domains:
        world.at_google(domain)
    world.run(width=8)
    assert sorted(world.manifest) == sorted(domains)
    assert asked_for_nobody(world) == (1, 0)
    assert world.asked == len(domains) + 1
    world.run()
    assert world.asked == 0


def test_the_question_is_asked_beside_the_first_domains(world: World) -> None:
    """It costs a run of many no time: the domains' answers do not come before it, nor it before them."""
    domains = [f"site{number}.example.com" for number in range(8)]
    world.bookmark(*domains)
    for domain in domains:
        world.at_google(domain)

    def after_the_question(request: Request, answer: Answer) -> Response:
        world.google.log.wait_for(1, NOBODY)
        return answer(request)

    def after_the_domains(request: Request, answer: Answer) -> Response:
        world.google.log.wait_for(len(domains), lambda request: request.method == "GET")
        return answer(request)

    world.google.inject(after_the_domains, NOBODY)
    world.google.inject(after_the_question)
    report = world.run(width=8)
    assert (report.changed, report.failed) == (8, 0)


def test_a_question_that_a_due_logo_raised_is_not_asked_again(world: World) -> None:
    """Logos without a validator are offered anew; a new domain that comes after them asks nothing more."""
    world.bookmark(A, B)
    for domain in (A, B, C):
        world.at_google(domain)
    world.run()
    world.later(40)
    world.bookmark(A, B, C)
    world.run(width=2)
    assert sorted(world.manifest) == [A, B, C]
    assert asked_for_nobody(world) == (1, 0)


def test_a_logo_that_is_confirmed_costs_no_question_more(world: World) -> None:
    """A 304 offers nothing, so there is nothing to hold against it."""
    world.bookmark(A)
    world.at_site(A, touch=Icon(180))
    world.run()
    world.later()
    world.run()
    assert world.asked == 1


# ---------------------------------------------------------------- when it fails


@pytest.mark.parametrize(
    "fault",
    [
        faults.reply(404),
        faults.reply(404, "<h1>not here</h1>", {"Content-Type": "text/html"}),
        faults.reply(200, "<h1>not here</h1>", {"Content-Type": "text/html"}),
        faults.reply(200, picture("png")[:-40], PNG),
        faults.reply(400, "no such domain"),
        faults.reply(403),
        faults.reply(500),
        faults.dropped(),
        faults.cut(20),
        faults.large(11 * 1024 * 1024, PNG),
    ],
    ids=["404", "404-page", "page", "cut-picture", "400", "403", "500", "reset", "cut", "large"],
)
def test_no_answer_for_nobody_changes_nothing(world: World, fault: Action) -> None:
    """Without a picture for nobody, logos are taken as ever; the failure is nobody's dead letter."""
    world.bookmark(A, B)
    world.at_google(A)
    world.at_google(B)
    world.google.inject(fault, NOBODY)
    report = world.run(width=1)
    assert sorted(world.manifest) == [A, B]
    assert (report.changed, report.failed, report.newly_failed) == (2, 0, 0)
    assert world.letters == {}
    assert world.negative == {}


def test_a_question_that_failed_at_first_is_asked_again(world: World) -> None:
    """A service that stumbles as the run begins is asked once more before an offer of it counts."""
    world.bookmark(A)
    world.google.none_status = 200
    world.google.icons[A] = Icon(body=globe(256))
    world.google.inject(faults.reply(400), NOBODY, times=1)
    world.run()
    assert world.pictures == set()
    assert asked_for_nobody(world) == (2, 0)


def test_a_404_still_teaches_when_the_question_failed(world: World) -> None:
    """What comes with the 404s of a run is looked out for with or without an answer for nobody."""
    world.bookmark(A, B)
    world.google.inject(faults.reply(500), NOBODY)
    world.google.icons[B] = Icon(body=globe())
    world.run(width=1)
    assert world.pictures == set()


# ---------------------------------------------------------------- what is stored


def test_a_stored_logo_is_not_replaced_by_a_globe(world: World) -> None:
    """A service that forgets a domain, with 200 and a larger picture, degrades nothing."""
    world.bookmark(A)
    world.at_google(A, 64)
    world.run()
    before, body = world.manifest[A], world.logo(A, "google")
    world.google.none_status = 200
    world.google.icons[A] = Icon(body=globe(256))
    world.later()
    report = world.run()
    assert world.logo(A, "google") == body
    assert {**world.manifest[A], "fetchedAt": 0} == {**before, "fetchedAt": 0}
    assert world.negative == {}
    assert report.changed == 0


def with_a_globe_stored(world: World) -> None:
    """A large globe is stored as A's logo, as by a run that could not know."""
    world.bookmark(A)
    world.google.icons[A] = Icon(body=globe(256))
    world.google.inject(faults.reply(404), NOBODY)
    world.run()
    assert world.manifest[A]["width"] == 256
    world.google.heal()
    world.google.icons[NOBODY] = Icon(body=globe(256))
    world.later()


def test_a_stored_globe_gives_way_to_a_smaller_logo(world: World) -> None:
    """What stands for none is not good, however large: any logo replaces it."""
    with_a_globe_stored(world)
    world.at_ddg(A, 32)
    world.run()
    assert world.manifest[A]["originalSource"] == "duckduckgo"
    assert world.pictures == {KEYS.logo(A, "duckduckgo", "png")}


def test_a_stored_globe_stays_while_there_is_no_logo(world: World) -> None:
    """Nothing stored is removed because nobody has anything."""
    with_a_globe_stored(world)
    before = world.manifest[A]
    world.run()
    assert {**world.manifest[A], "fetchedAt": before["fetchedAt"]} == before


def test_a_known_globe_is_not_confirmed_for_ever(world: World) -> None:
    """An entry with a known hash is not asked for by validator: its service would say 304 each time."""
    world.bookmark(A)
    world.at_google(A)
    world.run()
    (known,) = known_looks("google")
    entry = {**world.manifest[A], "sha256": known.sha256, "etag": '"globe"'}
    world.store.put(KEYS.logo_manifest(), encode_json({A: entry}))

    def unchanged(request: Request, answer: Answer) -> Response:
        return Response(304) if "if-none-match" in request.headers else answer(request)

    world.google.inject(unchanged)
    world.later()
    world.run()
    assert world.manifest[A]["sha256"] != known.sha256


def test_a_stored_picture_that_is_generic_is_not_adopted(world: World) -> None:
    """When the manifest is rebuilt from the pictures, what the run knows of globes counts, too."""
    world.bookmark(A, B)
    world.at_google(A)
    world.store.put(KEYS.logo(B, "google", "png"), globe(256), content_type="image/png")
    world.run(width=1)
    assert list(world.manifest) == [A]
    assert list(world.negative) == [B]
