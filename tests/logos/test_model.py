"""Logos and records of no logo, as they are stored and as they are held in memory."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from datafetch.errors import CorruptObject
from datafetch.logos.model import Logo, LogoSource, NoLogoRecord

LOGO = Logo(
    key="images/logos/x_ddg_0a0b0c0d.png",
    original_source="duckduckgo",
    content_type="image/png",
    size=2000,
    width=128,
    height=96,
    sha256="cd" * 32,
    etag='"1"',
    fetched_at=1_795,
)
URL = "https://cdn.example.com/x"
RECORD: TypeAdapter[NoLogoRecord] = TypeAdapter(NoLogoRecord)


def entry(logo: Logo = LOGO) -> dict[str, object]:
    """The logo's entry in the manifest."""
    found: dict[str, object] = json.loads(logo.to_json(URL))
    return found


@given(
    st.sampled_from(["google", "duckduckgo", "direct"]),
    st.none() | st.text(min_size=1),
    st.integers(0),
)
def test_a_logo_is_read_back_as_it_was(source: LogoSource, etag: str | None, at: int) -> None:
    """An entry of the manifest loses nothing."""
    logo = replace(LOGO, original_source=source, etag=etag, fetched_at=at)
    assert Logo.from_json(entry(logo)) == logo


@given(
    key=st.sampled_from([LOGO.key, "images/logos/adopted.png"]),
    etag=st.none() | st.text(min_size=1),
    sha256=st.sampled_from(["cd" * 32, "CD" * 32, "short"]),
    content_type=st.sampled_from(["image/png", "image/svg+xml", "text/plain"]),
)
def test_a_packed_logo_is_unpacked_as_it_was(
    key: str, etag: str | None, sha256: str, content_type: str
) -> None:
    """Whatever a manifest of somebody else's named, memory gives it back."""
    logo = replace(LOGO, key=key, etag=etag, sha256=sha256, content_type=content_type)
    start = "images/logos/x_ddg_0a0b0c0d."
    packed = logo.packed(start)
    assert Logo.unpacked(packed, {"duckduckgo": start}.__getitem__) == logo


def test_a_packed_logo_is_small() -> None:
    """Ten thousand logos may not cost a run more than a few megabytes."""
    assert len(LOGO.packed("images/logos/x_ddg_0a0b0c0d.")) < 100


def test_the_entry_has_the_shape_that_readers_know() -> None:
    """Names and order of the manifest's fields are fixed."""
    assert LOGO.to_json(URL) == (
        '{"cdnUrl":"https://cdn.example.com/x","key":"images/logos/x_ddg_0a0b0c0d.png",'
        '"originalSource":"duckduckgo","contentType":"image/png","bytes":2000,"width":128,"height":96,'
        f'"sha256":"{"cd" * 32}","etag":"\\"1\\"","fetchedAt":1795}}'
    )


def test_ddg_is_read_as_duckduckgo() -> None:
    """What datafetch wrote once is read as what readers call it."""
    assert Logo.from_json({**entry(), "originalSource": "ddg"}) == LOGO


def test_a_source_of_the_old_site_is_no_provider() -> None:
    """A logo from a service that is gone stays, but nobody can be asked whether it still has it."""
    logo = Logo.from_json({**entry(), "originalSource": "clearbit"})
    assert (logo.original_source, logo.provider) == ("clearbit", None)
    assert LOGO.provider == "duckduckgo"


def test_without_a_validator_there_is_no_etag() -> None:
    """A null would be asked with."""
    assert "etag" not in entry(replace(LOGO, etag=None))


def test_the_version_is_the_start_of_the_hash() -> None:
    """Objects are immutable to caches: the URL ends in the first 8 hex of the content's SHA-256."""
    assert LOGO.version == "cdcdcdcd"


@pytest.mark.parametrize(
    "damage",
    [
        {"key": None},
        {"key": ""},
        {"originalSource": ""},
        {"originalSource": 5},
        {"bytes": "2000"},
        {"fetchedAt": None},
        {"width": -1},
        {"sha256": ""},
    ],
)
def test_an_entry_that_lacks_something_is_corrupt(damage: dict[str, object]) -> None:
    """A broken entry is found when it is read, and the error names the field without its value."""
    (name,) = damage
    with pytest.raises(CorruptObject, match=f"^{name}: "):
        Logo.from_json({**entry(), **damage})


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_an_entry_that_is_no_object_is_corrupt(value: object) -> None:
    """Whatever stands in its place, it is said."""
    with pytest.raises(CorruptObject):
        Logo.from_json(value)
    with pytest.raises(ValidationError):
        RECORD.validate_python(value)


@pytest.mark.parametrize("etag", [7, "", None, []])
def test_an_odd_validator_costs_no_logo(etag: object) -> None:
    """An entry is good without a validator: the next request is not conditional."""
    assert Logo.from_json({**entry(), "etag": etag}) == replace(LOGO, etag=None)


def test_the_shape_of_a_record() -> None:
    """`permanentFailure` is there only when it is true, and stands before the reason."""
    record = NoLogoRecord(item="example.com", attempts=2, last_attempt=5, reason="none")
    stored = RECORD.dump_json(record, by_alias=True)
    assert stored == b'{"item":"example.com","attempts":2,"lastAttempt":5,"reason":"none"}'
    for_good = RECORD.dump_json(replace(record, permanent_failure=True), by_alias=True)
    assert for_good == stored.replace(b',"reason"', b',"permanentFailure":true,"reason"')


def test_a_record_of_an_old_system_is_read() -> None:
    """The site's own records may have no reason, or a null."""
    old = {"item": "example.com", "attempts": 6, "lastAttempt": 5, "permanentFailure": True}
    record = NoLogoRecord(item="example.com", attempts=6, last_attempt=5, permanent_failure=True)
    assert RECORD.validate_python(old) == record
    assert RECORD.validate_python({**old, "reason": None}) == record


@pytest.mark.parametrize("damage", [{"item": 5}, {"attempts": "6"}, {"lastAttempt": None}])
def test_a_record_without_its_fields_is_none(damage: dict[str, object]) -> None:
    """Attempts and time decide how long a domain waits: nothing is guessed for them."""
    whole = {"item": "example.com", "attempts": 6, "lastAttempt": 5}
    with pytest.raises(ValidationError):
        RECORD.validate_python({**whole, **damage})
