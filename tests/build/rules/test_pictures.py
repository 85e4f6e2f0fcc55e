"""Which pictures the manifests name, and which keys and bytes are taken for one."""

import json
from typing import Any

import pytest

from datafetch.build.rules.pictures import (
    ManifestPicture,
    is_picture_key,
    read_logos,
    read_opengraph,
)
from datafetch.errors import CorruptObject, Inconsistent

BASE = "https://cdn.example.com/"
SHA256 = "0123456789abcdef" * 4
LOGO = {
    "cdnUrl": f"{BASE}images/logos/a.png?v=01234567",
    "key": "images/logos/a.png",
    "originalSource": "google",
    "contentType": "image/png",
    "bytes": 10,
    "width": 64,
    "height": 64,
    "sha256": SHA256,
    "fetchedAt": 1_795_507_200_000,
}


def key_of(url: str) -> str | None:
    """The key of a URL below the public base URL."""
    key = url.removeprefix(BASE).partition("?")[0]
    return key if url.startswith(BASE) else None


def logos(value: Any) -> list[ManifestPicture]:
    """The pictures of this logo manifest."""
    return read_logos("logos.json", json.dumps(value).encode(), folder="images/")


def opengraph(value: Any) -> list[ManifestPicture]:
    """The pictures of this OpenGraph manifest."""
    return read_opengraph("pages.json", json.dumps(value).encode(), key_of=key_of, folder="images/")


def test_logos_have_key_size_and_hash() -> None:
    """A logo's entry says exactly which bytes are meant; two domains may share a picture."""
    pictures = logos({"a.example.com": LOGO, "b.example.com": LOGO})
    assert pictures == [ManifestPicture("images/logos/a.png", "b.example.com", SHA256, 10)]


def test_a_picture_of_the_old_site_need_not_be_there() -> None:
    """Its manifest says where a picture is, under whatever CDN, but neither what it is nor whether."""
    old = {"cdnUrl": "https://old.example.net/x/images/logos/o.png", "originalSource": "google"}
    dark = {
        "cdnUrl": "",
        "originalSource": "unknown",
        "invertedCdnUrl": "https://old.example.net/d",
    }
    assert logos({"o.example.com": old, "dark": dark}) == [
        ManifestPicture("images/logos/o.png", "o.example.com", "", may_be_missing=True)
    ]
    same = {**old, "cdnUrl": LOGO["cdnUrl"]}
    for both in ({"a": LOGO, "b": same}, {"b": same, "a": LOGO}):
        assert logos(both) == [ManifestPicture("images/logos/a.png", "a", SHA256, 10)]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ([], "valid dictionary"),
        ({"a.example.com": None}, r"a\.example\.com: "),
        ({"a.example.com": {**LOGO, "bytes": "10"}}, r"a\.example\.com\.bytes: "),
        ({"a.example.com": {**LOGO, "sha256": "short"}}, r"'a\.example\.com' names no picture"),
        ({"a.example.com": {**LOGO, "key": "json/a.png"}}, r"'a\.example\.com' names no picture"),
        ({"\x1b[2J": {}}, r"\\x1b\[2J\.key: Field required"),
    ],
)
def test_a_logo_manifest_of_another_shape_is_corrupt(value: Any, named: str) -> None:
    """The message names the object, the domain and the field; a domain cannot steer the terminal."""
    with pytest.raises(CorruptObject, match=rf"logos\.json cannot be used: .*{named}"):
        logos(value)


@pytest.mark.parametrize(
    ("query", "digest"),
    [
        ("?v=01234567", "01234567"),
        ("?a=b&v=01234567#v=89abcdef", "01234567"),
        ("", ""),
        ("?v=0123456", ""),
        ("?v=0123456g", ""),
        ("?v=89abcdef&v=01234567", "01234567"),
    ],
)
def test_the_version_of_a_url_is_the_start_of_the_hash(query: str, digest: str) -> None:
    """Eight hex digits in `v` tell whether the file is there already; anything else tells nothing."""
    key = "images/opengraph/a.png"
    found = opengraph([f"{BASE}{key}{query}"])
    assert found == [ManifestPicture(key, f"{BASE}{key}", digest, None)]


@pytest.mark.parametrize(
    ("value", "named"),
    [({}, "valid list"), ([BASE, 5], "1: "), ([f"{BASE}json/a.json?v=1"], r"json/a\.json' names")],
)
def test_an_opengraph_manifest_of_another_shape_is_corrupt(value: Any, named: str) -> None:
    """The manifest is a list of URLs, all of pictures."""
    with pytest.raises(CorruptObject, match=rf"pages\.json cannot be used: .*{named}"):
        opengraph(value)


def test_a_url_of_somebody_else_is_told_from_a_broken_one() -> None:
    """A changed public base URL is a matter of settings: the hint names the setting."""
    with pytest.raises(Inconsistent, match=r"names https://old\.example\.com/a\.png, ") as caught:
        opengraph(["https://old.example.com/a.png?token=secret"])
    assert "S3_CDN_URL" in caught.value.hint


@pytest.mark.parametrize(
    "key",
    [
        "images/../../escaped.png",
        "images/logos/../../../escaped.png",
        "/etc/escaped.png",
        "images//escaped.png",
        "images/./escaped.png",
        "images\\..\\escaped.png",
        "images/a\\b.png",
        "images/c:escaped.png",
        "images/nul\0.png",
        "images/bell\x7f.png",
        "images/mark\u202e.png",
        "bookmarks/index.json",
        "images/.hidden/escaped.png",
        "images/",
        "images",
    ],
)
def test_a_key_that_could_lead_elsewhere_names_no_picture(key: str) -> None:
    """Path traversal, hidden files, drives and control characters: none is a place to write to."""
    assert not is_picture_key(key, "images/")


def test_a_key_may_have_letters_of_any_language() -> None:
    """Domains with letters beyond ASCII have pictures, too."""
    assert is_picture_key("images/logos/straße-日本.png", "images/")


@pytest.mark.parametrize(
    ("digest", "size", "known"),
    [
        (SHA256, 10, True),
        (SHA256[:8], None, True),
        ("", 10, False),
        ("", None, False),
        (SHA256, 11, False),
        ("f" * 8, 10, False),
    ],
)
def test_bytes_are_known_by_size_and_hash(digest: str, size: int | None, known: bool) -> None:
    """A file counts as the picture only when a hash says so and the size, if told, is the same."""
    assert ManifestPicture("images/a.png", "a", digest, size).is_known(10, SHA256) is known
