"""The logo job and the pictures that services show for domains without a logo."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import faults
from tests.fakes.base import Action, Answer
from tests.fakes.message import Request, Response
from tests.fakes.pictures import globe, picture
from tests.fakes.providers import Icon
from tests.fakes.world_data import make_hosts, make_icons
from tests.logos.world import KEYS, World

A, B, C = "a.example.com", "b.example.org", "c.example.net"
PNG = {"Content-Type": "image/png"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers and an empty store."""
    with World.started(tmp_path, monkeypatch) as world:
        yield world


def larger_globe() -> bytes:
    """The globe as it comes when a cache scaled and packed it anew: other bytes, same look."""
    out = io.BytesIO()
    Image.open(io.BytesIO(globe())).convert("RGB").resize((128, 128), Image.Resampling.BOX).save(
        out, "PNG"
    )
    return out.getvalue()


@pytest.mark.parametrize("body", [globe(), larger_globe()], ids=["bytes", "look"])
def test_a_globe_with_200_is_known_from_a_404(world: World, body: bytes) -> None:
    """Generic globe icons were stored as logos: what comes with a 404 is no logo with a 200 either."""
    world.bookmark(A, B)
    world.google.icons[B] = Icon(body=body)
    world.run(width=1)
    assert world.pictures == set()
    assert sorted(world.negative) == [A, B]
    assert "when it has none" in world.negative[B]["reason"]
    assert world.letters == {}


def test_what_one_service_shows_for_none_says_nothing_of_another(world: World) -> None:
    """DuckDuckGo may have as a logo what Google shows for none."""
    world.bookmark(A, B)
    world.ddg.icons[B] = Icon(body=larger_globe())
    world.ddg.inject(faults.reply(404), lambda request: B not in request.path)
    world.run(width=1)
    assert world.manifest[B]["originalSource"] == "duckduckgo"


def test_what_a_404_teaches_costs_no_request(world: World) -> None:
    """It comes with answers that are there anyway; one that asks alone adds no question without an offer."""
    world.bookmark(A)
    world.run(width=1)
    assert [request.params["domain"] for request in world.google.log.all()] == [A, "example.com"]


@pytest.mark.parametrize(
    "fault",
    [
        faults.reply(404, picture("png")[:-40], PNG),
        faults.reply(404, "<h1>not here</h1>", PNG),
        faults.reply(404, picture("png"), {**PNG, "Content-Encoding": "gzip"}),
        faults.large(1024 * 1024, PNG),
        faults.cut(20),
    ],
    ids=["cut-picture", "page", "encoding", "large", "cut"],
)
def test_an_odd_404_teaches_nothing_and_is_still_none(world: World, fault: Action) -> None:
    """Whatever comes with a 404, or how little of it, the status is the answer."""
    world.bookmark(A, B)
    world.at_google(B)

    def missing(request: Request, answer: Answer) -> Response:
        return fault(request, answer).changed(status=404)

    world.google.inject(missing, lambda request: B not in request.query)
    world.run(width=1)
    assert list(world.negative) == [A]
    assert list(world.manifest) == [B]
    assert world.letters == {}


def test_no_real_logo_is_taken_for_generic(world: World) -> None:
    """Logos that share the globe's shape in their own colours are all stored."""
    hosts = [host for host in make_hosts(200, 1) if host.count(".") == 1]
    icons = make_icons(hosts)
    world.google.icons.update(icons.google)
    world.bookmark(A, *hosts)
    large = {host for host, icon in icons.google.items() if icon.size >= 64 and host in hosts}
    world.run(width=4)
    stored = {key for key in world.pictures if "_google_" in key}
    assert {KEYS.logo(host, "google", "png") for host in large} <= stored
    assert len(large) > 60
