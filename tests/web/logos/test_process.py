"""Logos by `datafetch serve` as a real process before a bucket: stored, kept over a stop, and not broken by a kill."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from datafetch.factory import make_leases
from datafetch.models.run import JobName
from datafetch.ops.lease import Grant, LeaseBackend
from datafetch.store.s3 import S3Store
from tests.fakes import faults
from tests.fakes.s3 import ACCESS_KEY_ID, SECRET_ACCESS_KEY, S3Fake
from tests.job_settings import settings
from tests.logos.world import KEYS, World
from tests.web.support import Server, served

A, B = "a.example.com", "b.example.org"
CDN = "https://cdn.example.com"


@dataclass
class Place:
    """The web, a bucket, and how to start a server before them."""

    world: World
    s3: S3Fake
    folder: Path

    @contextmanager
    def serving(self, **variables: str) -> Iterator[Server]:
        """A server; it goes to the web through the proxy, and to the bucket without."""
        environment = {
            **self.s3.environment,
            "DATAFETCH_ENV": "test",
            "S3_CDN_URL": CDN,
            "HTTPS_PROXY": self.world.proxy.url,
            "NO_PROXY": "127.0.0.1",
            "SSL_CERT_FILE": str(self.folder / "ca.pem"),
        }
        with served(self.folder, **{**environment, **variables}) as server:
            yield server

    def manifest(self) -> dict[str, Any]:
        """The stored manifest; empty when there is none."""
        found = self.s3.get(KEYS.logo_manifest())
        return {} if found is None else json.loads(found.body)

    def leases(self) -> LeaseBackend:
        """The locks, as another machine sees them."""
        return make_leases(settings(DATAFETCH_ENV="test"), self.world.store, KEYS, self.world.clock)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_fake: S3Fake) -> Iterator[Place]:
    """The providers and an empty bucket."""
    with World.started(tmp_path, monkeypatch) as world:
        world.store = S3Store(
            s3_fake.bucket,
            endpoint=s3_fake.url,
            access_key=ACCESS_KEY_ID,
            secret_key=SECRET_ACCESS_KEY,
        )
        for domain in (A, B):
            world.at_google(domain)
        yield Place(world, s3_fake, tmp_path)
        world.store.close()


def _held(place: Place) -> tuple[LeaseBackend, Grant]:
    leases = place.leases()
    return leases, leases.acquire(JobName.LOGOS, "20261124T080000Z-0a0b0c0d")


def test_a_logo_goes_from_the_web_into_the_bucket(place: Place) -> None:
    """One request of a visitor stores picture and manifest; the next process knows it."""
    with place.serving() as server:
        answer = server.get(f"/api/logo?website=https://www.{A}/about")
        assert answer.status == 301
        assert answer.headers["location"] == place.manifest()[A]["cdnUrl"]
        stored = place.s3.get(KEYS.logo(A, "google", "png"))
        assert stored is not None
        assert stored.content_type == "image/png"
        metrics = server.get("/metrics").text
        assert 'datafetch_logo_answers_total{tier="provider"} 1.0' in metrics
        assert server.end() == 143
    asked = place.world.google.log.count()
    with place.serving() as server:
        assert server.get(f"/api/logo?domain={A}").status == 301
        assert server.end() == 143
    assert place.world.google.log.count() == asked


def test_what_waits_is_stored_at_the_end(place: Place) -> None:
    """A run of the logo job had the lock; it ends, and then the server is stopped."""
    leases, grant = _held(place)
    with place.serving() as server:
        answer = server.get(f"/api/logo?domain={A}")
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
        assert place.manifest() == {}
        leases.release(grant)
        assert server.end() == 143
    assert set(place.manifest()) == {A}


def test_a_kill_before_the_merge_breaks_nothing(place: Place) -> None:
    """Only what waited is lost: the next visitor causes the same fetch."""
    leases, grant = _held(place)
    with place.serving() as server:
        assert server.get(f"/api/logo?domain={A}").status == 200
        assert server.process is not None
        server.process.kill()
    leases.release(grant)
    assert place.manifest() == {}
    with place.serving() as server:
        assert server.get(f"/api/logo?domain={A}").status == 301
    assert set(place.manifest()) == {A}


def test_a_stop_does_not_wait_for_a_hanging_provider(place: Place) -> None:
    """A fetch under way is cut off; who waits for it is not answered."""
    gate = threading.Event()
    place.world.google.inject(faults.held(gate), f"domain={A}&")
    with place.serving() as server:
        waiting = threading.Thread(target=_ask_in_vain, args=[server], daemon=True)
        waiting.start()
        place.world.google.log.wait_for(1, f"domain={A}&")
        assert server.end() == 143
    gate.set()
    waiting.join()
    assert place.manifest() == {}


def _ask_in_vain(server: Server) -> None:
    try:
        server.get(f"/api/logo?domain={A}")
    except OSError:
        return


def test_without_its_store_nobody_knows(place: Place) -> None:
    """503 with Retry-After, never 404, and no provider is asked: the logo may well be stored."""
    place.s3.app.fault = lambda _number, _method, _key: "before-503"
    with place.serving() as server:
        answer = server.get(f"/api/logo?domain={A}")
        assert answer.status == 503
        assert answer.headers["retry-after"]
        assert place.world.google.log.count() == 0
        place.s3.app.fault = None
