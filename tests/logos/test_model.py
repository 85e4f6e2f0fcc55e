"""Logos survive being stored and being held in memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.errors import CorruptObject
from datafetch.logos.model import SOURCES, Logo, LogoSource, NoLogoRecord

LOGO = Logo("images/logos/x.png", "ddg", "image/png", 2000, 128, 96, "cd" * 32, '"1"', 1_795)


@given(st.sampled_from(SOURCES), st.none() | st.text(min_size=1), st.integers(0))
def test_a_logo_comes_back_as_it_was(source: LogoSource, etag: str | None, at: int) -> None:
    """Neither the manifest nor the packed form loses anything."""
    logo = LOGO._replace(original_source=source, etag=etag, fetched_at=at)
    assert Logo.from_json(logo.to_json("https://cdn.example.com/x")) == logo
    assert Logo.unpacked(logo.packed()) == logo


def test_the_entry_has_the_shape_that_readers_know() -> None:
    """Names and order of the manifest's fields are fixed; no validator, no `etag`."""
    assert list(LOGO._replace(etag=None).to_json("https://cdn.example.com/x")) == [
        "cdnUrl",
        "key",
        "originalSource",
        "contentType",
        "bytes",
        "width",
        "height",
        "sha256",
        "fetchedAt",
    ]


@pytest.mark.parametrize(
    "damage",
    [
        {"key": None},
        {"originalSource": "clearbit"},
        {"bytes": "2000"},
        {"fetchedAt": None},
        {"width": -1},
        {"sha256": ""},
    ],
)
def test_an_entry_that_lacks_something_is_corrupt(damage: dict[str, object]) -> None:
    """A broken entry is found when it is read, not when it is needed."""
    with pytest.raises(CorruptObject):
        Logo.from_json({**LOGO.to_json("https://cdn.example.com/x"), **damage})


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_an_entry_that_is_no_object_is_corrupt(value: object) -> None:
    """Whatever stands in its place, it is said."""
    with pytest.raises(CorruptObject):
        Logo.from_json(value)
    with pytest.raises(CorruptObject):
        NoLogoRecord.from_json(value)


def test_a_record_of_no_logo_comes_back_as_it_was() -> None:
    """Attempts, time and permanence survive; `permanentFailure` is there only when it is true."""
    for record in (
        NoLogoRecord("example.com", 2, 5, "none"),
        NoLogoRecord("example.com", 6, 5, "none", permanent=True),
    ):
        entry = record.to_json()
        assert ("permanentFailure" in entry) == record.permanent
        assert NoLogoRecord.from_json(entry) == record
    with pytest.raises(CorruptObject):
        NoLogoRecord.from_json({"item": "example.com"})
