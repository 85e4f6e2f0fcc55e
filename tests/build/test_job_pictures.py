"""Prefetch of manifests and pictures: all that a manifest names arrives, and only what is new travels."""

import json
from pathlib import Path

import pytest

from datafetch.errors import CorruptObject, Inconsistent, ObjectNotFound, UsageError
from datafetch.models.run import JobReport
from datafetch.store.local import LocalStore
from tests.build.world import (
    CDN,
    KEYS,
    Build,
    logo_entry,
    logo_key,
    once,
    picture,
    put_logos,
)
from tests.support import FakeClock

LOGOS, OPENGRAPH = KEYS.logo_manifest(), KEYS.opengraph_manifest()
LOGO_FILE = "image-data/logos/manifest.json"
OPENGRAPH_FILE = "image-data/opengraph/manifest.json"


def image_key(number: int) -> str:
    """Where the picture of a page is."""
    return f"images/opengraph/site{number}-example-com-0000000{number}.jpg"


def put_images(build: Build, count: int, *, base: str = CDN, versions: bool = True) -> None:
    """Pictures, then the manifest."""
    urls = []
    for number in range(count):
        build.store.put(image_key(number), picture(number), content_type="image/jpeg")
        version = logo_entry("", picture(number))["sha256"][:8]
        urls.append(f"{base}/{image_key(number)}" + (f"?v={version}" if versions else ""))
    build.store.put(OPENGRAPH, json.dumps(urls).encode())


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Five logos and four pictures of pages; nothing written yet."""
    clock = FakeClock()
    made = Build(tmp_path / "generated", LocalStore(tmp_path / "store", clock), clock)
    put_logos(made, 5)
    put_images(made, 4)
    return made


def read(build: Build) -> list[str]:
    """The pictures that travelled."""
    return [call.key for call in build.calls if call.method == "get" and "images/" in call.key]


def test_logos_and_their_manifest_are_written(build: Build) -> None:
    """Every logo that the manifest names stands under its key, byte for byte."""
    report = build.prefetch(width=4).logos()
    wanted = {logo_key(number): picture(number) for number in range(5)}
    assert build.contents() == {**wanted, LOGO_FILE: build.store.get(LOGOS).body}
    assert (report.processed, report.changed, report.notes) == (6, 6, ())


@pytest.mark.parametrize("mirror", [False, True])
def test_pictures_of_the_old_site_are_written_when_they_are_stored(
    build: Build, *, mirror: bool
) -> None:
    """Its manifest need not agree with the store: what is there is copied, and nothing fails."""
    there, missing = "images/logos/old_example_com_google_1.png", "images/logos/missing.png"
    build.store.put(there, picture(9), content_type="image/png")

    def with_old(entries: dict[str, object]) -> None:
        for key in (there, missing):
            entries[key] = {"cdnUrl": f"https://old.example.net/{key}", "originalSource": "google"}

    build.change(LOGOS, with_old)
    report = build.prefetch(mirror=mirror).logos()
    assert build.contents()[there] == picture(9)
    assert missing not in build.contents()
    assert (report.processed, report.changed) == (7, 7)


def test_page_pictures_and_their_manifest_are_written(build: Build) -> None:
    """Every picture whose URL the manifest has stands under its key, byte for byte."""
    report = build.prefetch(width=4).opengraph()
    wanted = {image_key(number): picture(number) for number in range(4)}
    assert build.contents() == {**wanted, OPENGRAPH_FILE: build.store.get(OPENGRAPH).body}
    assert (report.processed, report.changed) == (5, 5)


@pytest.mark.parametrize("job", ["logos", "opengraph"])
def test_pictures_that_are_there_do_not_travel_again(build: Build, job: str) -> None:
    """A second run asks for the manifest only, and touches no file."""
    getattr(build.prefetch(), job)()
    before = build.files()
    report: JobReport = getattr(build.prefetch(), job)()
    assert read(build) == []
    assert build.files() == before
    assert (report.changed, report.change_detected) == (0, False)


def test_a_picture_that_was_damaged_here_is_brought_again(build: Build) -> None:
    """A file of the right size with other bytes is no picture that is there."""
    build.prefetch().logos()
    path = build.output / logo_key(2)
    path.write_bytes(b"x" * len(picture(2)))
    assert build.prefetch().logos().changed == 1
    assert read(build) == [logo_key(2)]
    assert path.read_bytes() == picture(2)


def test_urls_without_version_are_compared_by_content(build: Build) -> None:
    """URLs that old systems stored say nothing of the content: it travels, and equal bytes stay."""
    put_images(build, 2, versions=False)
    build.prefetch().opengraph()
    before = build.files()
    report = build.prefetch().opengraph()
    assert read(build) == [image_key(0), image_key(1)]
    assert (report.changed, report.notes) == (0, ())
    assert build.files() == before


def test_a_folder_store_without_public_url_works(build: Build) -> None:
    """Without a public base URL the manifest has the folder's own paths."""
    put_images(build, 2, base="")
    assert build.prefetch(cdn=None).opengraph().changed == 3


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com.evil.net/images/opengraph/a.png",
        "https://other.example.com/images/opengraph/a.png",
        "data:image/png;base64,AAAA",
    ],
)
def test_urls_of_others_are_refused(build: Build, url: str) -> None:
    """A CDN prefix test was true for a longer host name: hosts are compared parsed."""
    build.store.put(OPENGRAPH, json.dumps([url]).encode())
    with pytest.raises(Inconsistent, match="not below the public base URL") as caught:
        build.prefetch().opengraph()
    assert "S3_CDN_URL" in caught.value.hint
    assert build.files() == {}


def test_no_logo_leads_out_of_the_folder(build: Build, tmp_path: Path) -> None:
    """Path traversal in a manifest that somebody else wrote: nothing is read, nothing written."""
    entry = logo_entry("images/../../escaped.png", picture(1))
    build.store.put(LOGOS, json.dumps({"evil.example.com": entry}).encode())
    with pytest.raises(CorruptObject, match=r"evil\.example\.com"):
        build.prefetch().logos()
    assert read(build) == []
    assert list(tmp_path.rglob("*escaped*")) == []
    assert build.files() == {}


@pytest.mark.parametrize("path", ["images/%2e%2e/x.png", "json/bookmarks/index.json", "images/"])
def test_no_page_picture_leads_elsewhere(build: Build, path: str) -> None:
    """URLs below the CDN that are no pictures are refused, or are plain names at worst."""
    build.store.put(OPENGRAPH, json.dumps([f"{CDN}/{path}"]).encode())
    with pytest.raises((CorruptObject, Inconsistent)):
        build.prefetch().opengraph()
    assert build.files() == {}


@pytest.mark.parametrize(
    ("job", "key", "name"),
    [
        ("logos", logo_key(3), r"site3\.example\.com"),
        ("opengraph", image_key(3), "images/opengraph/site3"),
    ],
)
@pytest.mark.parametrize("damage", ["missing", "empty"])
def test_a_picture_that_is_not_there_is_named(
    build: Build, job: str, key: str, name: str, damage: str
) -> None:
    """A manifest that names a missing or empty picture ends the build, and old files stay."""
    getattr(build.prefetch(), job)()
    (build.output / key).unlink()
    before = build.files()
    if damage == "missing":
        build.store.delete(key)
    else:
        build.store.put(key, b"")
    with pytest.raises(Inconsistent, match=name):
        getattr(build.prefetch(width=4), job)()
    assert build.files() == before
    assert build.clock.slept == []


@pytest.mark.parametrize(
    ("job", "key", "command"),
    [("logos", LOGOS, "datafetch logos"), ("opengraph", OPENGRAPH, "datafetch refresh-opengraph")],
)
def test_a_missing_manifest_is_named(build: Build, job: str, key: str, command: str) -> None:
    """Without a manifest the build says which job makes it."""
    build.store.delete(key)
    with pytest.raises(ObjectNotFound, match=f"run `{command}` first") as caught:
        getattr(build.prefetch(), job)()
    assert caught.value.key == key


def test_a_picture_that_changed_after_its_manifest_is_taken_and_told(build: Build) -> None:
    """A logo job at work stores pictures before its manifest: no error, but a word about it."""
    build.store.put(logo_key(1), picture(99))
    report = build.prefetch().logos()
    assert build.contents()[logo_key(1)] == picture(99)
    assert len(report.notes) == 1
    assert "1 stored picture is" in report.notes[0]
    assert "`datafetch logos`" in report.notes[0]


def test_a_manifest_that_moves_on_is_no_reason_to_read_again(build: Build) -> None:
    """One object is one moment: pictures that its successor adds are for the next build."""
    manifest = build.store.get(LOGOS).body
    build.prefetch(before=once(logo_key(4), lambda: put_logos(build, 6))).logos()
    assert build.contents()[LOGO_FILE] == manifest
    assert build.clock.slept == []


def test_a_picture_removed_with_a_new_manifest_starts_again(build: Build) -> None:
    """A picture that is gone because its manifest was replaced is looked for in the new one, afresh."""

    def remove() -> None:
        build.store.delete(logo_key(4))
        put_logos(build, 4)
        build.change(LOGOS, lambda v: v.pop("site0.example.com") and None)

    report = build.prefetch(before=once(logo_key(4), remove)).logos()
    assert build.clock.slept == [2.0]
    assert report.processed == 4
    wanted = {logo_key(number) for number in (1, 2, 3)}
    assert build.contents().keys() == {*wanted, LOGO_FILE}
    assert build.contents()[LOGO_FILE] == build.store.get(LOGOS).body


@pytest.mark.parametrize("job", ["logos", "opengraph"])
def test_pictures_are_for_full_builds_only(build: Build, job: str) -> None:
    """No logos, unless `--full`."""
    with pytest.raises(UsageError):
        getattr(build.prefetch(full=False), job)()
    assert build.files() == {}
    assert build.calls == []
