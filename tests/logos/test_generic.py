"""The generic pictures of one run: what it learns, whom it asks for that, and how often."""

import io
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from datafetch.logos.generic import GenericPictures
from datafetch.logos.model import Candidate, Logo, LogoSource
from datafetch.logos.replies import NoPicture, Offer
from datafetch.logs import bound_logger
from tests.fakes import faults
from tests.fakes.pictures import globe, picture
from tests.fakes.providers import Icon
from tests.logos.world import RecordedProviders, World

DOMAIN = "a.example.com"
NOBODY = "datafetch.invalid"
PNG = {"Content-Type": "image/png"}


def plain(grey: int) -> bytes:
    """A picture without contours, which is known by its bytes alone."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (grey, grey, grey)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers behind their proxy."""
    with World.started(tmp_path, monkeypatch) as world:
        yield world


@pytest.fixture
def providers(world: World) -> Iterator[RecordedProviders]:
    """The providers, asked through the proxy."""
    with world.providers() as providers:
        yield providers


@pytest.fixture
def generic(providers: RecordedProviders) -> GenericPictures:
    """What a run that begins now knows."""
    return GenericPictures(providers, bound_logger())


def candidate(body: bytes, source: LogoSource = "google") -> Candidate:
    """A picture that a provider offers."""
    digest = sha256(body).hexdigest()
    return Candidate(source, "https://icons.example/", "png", 16, 16, len(body), digest)


def is_generic(generic: GenericPictures, body: bytes, source: LogoSource = "google") -> bool:
    """Whether a picture is known as generic by now."""
    return generic.is_generic(candidate(body, source), io.BytesIO(body))


def test_a_picture_with_a_404_is_generic_from_then_on(generic: GenericPictures) -> None:
    """Services send with 200 what they send with 404: as it is, and at other sizes."""
    assert not is_generic(generic, globe())
    reply = NoPicture("google", "status 404", globe())
    assert generic.sifted(reply) is reply
    assert is_generic(generic, globe())
    assert is_generic(generic, globe(64))
    assert not is_generic(generic, globe(), "duckduckgo")


def test_a_service_is_asked_before_its_first_offer_counts(
    world: World, providers: RecordedProviders, generic: GenericPictures
) -> None:
    """A globe that comes with 200 before any 404 was everybody's logo."""
    world.google.none_status = 200
    (offer,) = providers.ask("google", DOMAIN)
    reply = generic.sifted(offer)
    assert isinstance(reply, NoPicture)
    assert isinstance(offer, Offer)
    assert offer.file.closed
    assert world.google.log.count(NOBODY) == 1


def test_a_service_is_asked_once(
    world: World, providers: RecordedProviders, generic: GenericPictures
) -> None:
    """The question costs a run one request for each service that offers something."""
    world.at_google(DOMAIN, 128)
    for _ in range(3):
        (offer,) = providers.ask("google", DOMAIN)
        assert generic.sifted(offer) is offer
    assert (world.google.log.count(NOBODY), world.ddg.log.count(NOBODY)) == (1, 0)


def test_a_sites_own_picture_is_its_logo(
    world: World, providers: RecordedProviders, generic: GenericPictures
) -> None:
    """Sites have no generic pictures: nobody is asked."""
    world.at_site(DOMAIN, touch=Icon(180))
    first = next(providers.ask("direct", DOMAIN))
    assert generic.sifted(first) is first
    assert world.google.log.count() == world.ddg.log.count() == 0


def test_asking_ahead_spares_the_first_offer_the_wait(
    world: World, providers: RecordedProviders, generic: GenericPictures
) -> None:
    """Who asks ahead asks once, and the first offer finds the answer there."""
    world.at_google(DOMAIN, 128)
    generic.ask_ahead("google")
    generic.ask_ahead("google")
    (offer,) = providers.ask("google", DOMAIN)
    generic.sifted(offer)
    assert world.google.log.count(NOBODY) == 1


def test_what_failed_ahead_is_asked_once_more(
    world: World, providers: RecordedProviders, generic: GenericPictures
) -> None:
    """A service that stumbles as the run begins still shows its globe before an offer counts."""
    world.google.none_status = 200
    world.google.inject(faults.reply(400), NOBODY, times=1)
    generic.ask_ahead("google")
    (offer,) = providers.ask("google", DOMAIN)
    assert isinstance(generic.sifted(offer), NoPicture)
    assert world.google.log.count(NOBODY) == 2


def test_offers_that_come_together_wait_for_one_answer(
    world: World, providers: RecordedProviders, generic: GenericPictures
) -> None:
    """However many workers have an offer at once, the service is asked once, and all know."""
    world.google.none_status = 200
    offers = [next(providers.ask("google", DOMAIN)) for _ in range(4)]
    replies = []
    threads = [
        threading.Thread(target=lambda offer=offer: replies.append(generic.sifted(offer)))
        for offer in offers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(reply) for reply in replies] == [NoPicture] * 4
    assert world.google.log.count(NOBODY) == 1


@pytest.mark.parametrize("sent", [b"", b"<h1>not here</h1>", picture("png")[:-40]])
def test_what_is_no_picture_teaches_nothing(generic: GenericPictures, sent: bytes) -> None:
    """Pages and cut pictures come with 404s: no offer has such bytes."""
    generic.sifted(NoPicture("google", "status 404", sent))
    assert not is_generic(generic, picture("png"))


def test_eight_pictures_of_a_service_are_remembered(generic: GenericPictures) -> None:
    """A service that sends another picture with each 404 fills no memory."""
    bodies = [plain(20 * number) for number in range(9)]
    for body in bodies:
        generic.sifted(NoPicture("google", "status 404", body))
    # One is known from the beginning.
    assert [is_generic(generic, body) for body in bodies] == [True] * 7 + [False] * 2


def test_a_stored_logo_is_generic_by_its_bytes(generic: GenericPictures) -> None:
    """What was stored before the run knew is found again by its hash alone."""
    body = globe()
    logo = Logo(
        key="images/logos/x.png",
        original_source="google",
        content_type="image/png",
        size=len(body),
        width=16,
        height=16,
        sha256=sha256(body).hexdigest(),
        fetched_at=0,
    )
    assert not generic.is_generic_logo(logo)
    generic.sifted(NoPicture("google", "status 404", body))
    assert generic.is_generic_logo(logo)


def test_a_question_without_an_answer_is_told_once(
    world: World,
    providers: RecordedProviders,
    generic: GenericPictures,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A run that does without says so, and takes the offer as it is."""
    world.at_google(DOMAIN, 128)
    world.google.inject(faults.reply(403), NOBODY)
    for _ in range(2):
        (offer,) = providers.ask("google", DOMAIN)
        assert generic.sifted(offer) is offer
    told = [entry for entry in caplog.records if entry.message == "generic_picture_unknown"]
    assert [vars(entry)["source"] for entry in told] == ["google"]
