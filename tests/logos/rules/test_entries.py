"""Entries of the manifest: ours, and those that the old site wrote."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.errors import CorruptObject
from datafetch.logos.model import Logo
from datafetch.logos.rules.entries import (
    OldLogo,
    entry_text,
    packed,
    picture_key,
    read_entry,
    unpacked,
)

KEY = "images/logos/example_com_google_a379a6f6.png"
URL = f"https://cdn.example.com/{KEY}"
OURS = {
    "cdnUrl": f"{URL}?v=cdcdcdcd",
    "key": KEY,
    "originalSource": "google",
    "contentType": "image/png",
    "bytes": 2000,
    "width": 128,
    "height": 96,
    "sha256": "cd" * 32,
    "etag": '"1"',
    "fetchedAt": 1_795,
}
INVERTED = "https://cdn.example.com/images/logos/inverted/example_com_google_a379a6f6.png"


def start(source: str) -> str:
    """The start of the domain's keys."""
    return f"images/logos/example_com_{source}_a379a6f6."


@pytest.mark.parametrize(
    "base",
    [
        "https://cdn.example.com/",
        "https://bucket.sfo3.digitaloceanspaces.com/",
        "https://s3.example.com/bucket/some/prefix/",
        "//cdn.example.com/",
        "HTTPS://CDN.example.com/",
        "/",
    ],
)
def test_the_key_is_found_below_any_base(base: str) -> None:
    """The old site's CDN may be another one than ours, with a path or none."""
    assert picture_key(f"{base}{KEY}") == KEY
    assert picture_key(f"{base}{KEY}?v=1#x") == KEY


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "https://cdn.example.com/",
        "https://cdn.example.com/logo.png",
        "https://cdn.example.com/images/logos/",
        "https://cdn.example.com/images/logos/../../json/datafetch/x.json",
        "https://cdn.example.com/images/logos/a%2F..%2F..%2Fx",
        "https://cdn.example.com/images/logos/.hidden",
        "https://cdn.example.com/images/logos/a%00b.png",
        "https://cdn.example.com/images/logos/" + "a" * 300,
        "javascript:/images/logos/a.png",
    ],
)
def test_an_address_of_anything_else_names_no_picture(url: str) -> None:
    """Keys are read from foreign data: nothing but a plain picture of a logo is meant."""
    assert picture_key(url) is None


@pytest.mark.parametrize("source", ["google", "duckduckgo", "clearbit", "direct", "unknown", "com"])
def test_an_entry_of_the_old_site_stays_as_it_is(source: str) -> None:
    """It is neither ours nor broken; what it says is kept until a run has looked at its picture."""
    value = {"cdnUrl": URL, "originalSource": source, "invertedCdnUrl": INVERTED, "x": [1]}
    entry = read_entry(value)
    assert isinstance(entry, OldLogo)
    assert (entry.key, entry.original_source) == (KEY, source)
    assert json.loads(entry.others) == {"invertedCdnUrl": INVERTED, "x": [1]}
    assert unpacked(packed(entry, start), start) == entry
    assert json.loads(entry_text(entry, lambda _: "unused")) == value


def test_an_entry_with_an_inverted_picture_only_has_that_one() -> None:
    """The old site wrote `""` when it met the dark variant first, and readers refuse all for it."""
    value = {"cdnUrl": "", "originalSource": "unknown", "invertedCdnUrl": INVERTED}
    entry = read_entry(value)
    assert isinstance(entry, OldLogo)
    assert entry.key is None
    assert json.loads(entry.text) == {**value, "cdnUrl": INVERTED}
    assert unpacked(packed(entry, str), str) == entry
    assert read_entry(json.loads(entry.text)) == entry


@pytest.mark.parametrize("source", [None, 5, ""])
def test_an_old_entry_without_a_source_is_of_an_unknown_one(source: object) -> None:
    """The picture is what counts."""
    entry = read_entry({"cdnUrl": URL, "originalSource": source})
    assert isinstance(entry, OldLogo)
    assert entry.original_source == "unknown"


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "text",
        {},
        {"cdnUrl": ""},
        {"cdnUrl": 5},
        {"cdnUrl": "x"},
        {**OURS, "bytes": "2000"},
        {"cdnUrl": URL, "fetchedAt": None},
    ],
)
def test_what_is_neither_is_corrupt(value: object) -> None:
    """An entry of ours that lacks something is not taken for one of the old site."""
    with pytest.raises(CorruptObject):
        read_entry(value)


@given(
    st.dictionaries(
        st.text(max_size=8).filter(lambda name: name not in OURS),
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5) | st.just([{"a": 1}]),
        max_size=4,
    )
)
def test_fields_that_we_do_not_make_stay(others: dict[str, object]) -> None:
    """Whatever another program has added to an entry of ours is written back."""
    entry = read_entry({**OURS, **others})
    assert isinstance(entry, Logo)
    again = unpacked(packed(entry, start), start)
    assert again == entry
    assert json.loads(entry_text(again, lambda _: f"{URL}?v=cdcdcdcd")) == {**OURS, **others}
