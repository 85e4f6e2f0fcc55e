"""The logo job into a bucket: what visitors load is served as they need it, and the store is asked little."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from datafetch.store.s3 import S3Store
from tests.fakes.pictures import photo
from tests.fakes.providers import Icon
from tests.fakes.s3 import ACCESS_KEY_ID, SECRET_ACCESS_KEY, S3Fake
from tests.logos.world import KEYS, World

FOR_GOOD = "public, max-age=31536000, immutable"
A, B, NONE = "a.example.com", "b.example.org", "none.example.net"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_fake: S3Fake) -> Iterator[World]:
    """The providers and an empty bucket, whose public part everyone may read."""
    with World.started(tmp_path, monkeypatch) as world:
        world.store = S3Store(
            s3_fake.bucket,
            endpoint=s3_fake.url,
            access_key=ACCESS_KEY_ID,
            secret_key=SECRET_ACCESS_KEY,
            acl="public-read",
        )
        world.bookmark(A, B, NONE)
        world.at_google(A)
        world.google.icons[B] = Icon(body=photo(300, 300, kind="png"))
        yield world
        world.store.close()


def test_streamed_pictures_are_served_like_all_others(world: World, s3_fake: S3Fake) -> None:
    """Streamed uploads lacked the ACL, content type or cache header of the others: 403 on the site."""
    world.run()
    for domain in (A, B):
        stored = s3_fake.get(KEYS.logo(domain, "google", "png"))
        assert stored is not None
        assert (stored.content_type, stored.cache_control) == ("image/png", FOR_GOOD)
        assert s3_fake.acl_grants_public_read(stored.key)
    assert s3_fake.acl_grants_public_read(KEYS.logo_manifest())
    manifest = s3_fake.get(KEYS.logo_manifest())
    assert manifest is not None
    assert manifest.content_type == "application/json"
    assert not s3_fake.acl_grants_public_read(KEYS.logo_failed_domains())


def test_a_large_picture_is_one_request_of_known_length(world: World, s3_fake: S3Fake) -> None:
    """Multipart uploads with an unknown length failed; a failed one left its parts behind."""
    world.run()
    body = world.google.icons[B].bytes_for(B)
    assert len(body) > 64 * 1024
    assert world.logo(B, "google") == body
    puts = [
        request
        for request in s3_fake.app.log.all("PUT")
        if f"/{KEYS.logo(B, 'google', 'png')}" in request.path
    ]
    assert [(request.headers["content-length"], request.query) for request in puts] == [
        (str(len(body)), "")
    ]
    assert s3_fake.open_uploads() == 0


def test_an_unchanged_run_looks_at_no_picture(world: World, s3_fake: S3Fake) -> None:
    """Existence checks downloaded the whole object, or could never match: the manifest says what is there."""
    world.run()
    s3_fake.app.count_from_here()
    world.run(A, B)
    assert world.asked == 0
    requests = s3_fake.requests()
    assert len(requests) <= 8
    assert {method for method, _ in requests} == {"GET", "HEAD"}
    assert not [key for _, key in requests if not key or key.startswith("images/")]


def test_a_manifest_that_was_written_is_taken_for_written(world: World, s3_fake: S3Fake) -> None:
    """A conditional PUT was stored, its answer lost, and the retry met a 412: it is read back and known again."""
    lost: list[str] = []

    def fault(_index: int, method: str, key: str) -> str | None:
        if method == "PUT" and key == KEYS.logo_manifest() and not lost:
            lost.append(key)
            return "after-drop"
        return None

    s3_fake.app.fault = fault  # type: ignore[assignment]
    report = world.run()
    assert lost
    assert (report.changed, report.failed) == (2, 0)
    assert sorted(world.manifest) == [A, B]
