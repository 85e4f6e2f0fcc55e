"""Whether a share's logo takes the place of the stored entry."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.logos.model import Logo
from datafetch.logos.rules.entries import Entry, OldLogo
from datafetch.logos.rules.settle import settled
from datafetch.models.own_result import OwnResult

OLD = OldLogo("images/logos/old.png", json.dumps({"cdnUrl": "/images/logos/old.png"}))


def logo(at: int, source: str = "google", others: str = "") -> Logo:
    """A logo that was fetched at a time."""
    return Logo(
        key=f"images/logos/a_{source}_0.png",
        original_source=source,
        content_type="image/png",
        size=2000,
        width=128,
        height=96,
        sha256="0" * 64,
        fetched_at=at,
        others=others,
    )


@pytest.mark.parametrize(
    ("before", "after", "stored", "taken"),
    [
        (None, logo(5), None, True),
        (logo(1), logo(5), logo(1), True),
        (logo(1), logo(5), logo(1, others='{"dark":1}'), True),
        (OLD, logo(0), OLD, True),
        (logo(1), logo(5), logo(4), True),
        (logo(1), logo(5), logo(6), False),
        (logo(1), logo(5), OLD, True),
        (logo(1, others='{"onDemand":true}'), logo(1), logo(1), False),
        (logo(1, others='{"onDemand":true}'), logo(1), None, False),
    ],
    ids=[
        "new",
        "unchanged-since",
        "other-fields",
        "old-site",
        "older",
        "newer",
        "put-back",
        "only-claimed",
        "only-claimed-and-gone",
    ],
)
def test_a_share_brings_what_it_found(
    before: Entry | None, after: Logo, stored: Entry | None, *, taken: bool
) -> None:
    """Its own logo, unless it changed nothing or somebody has confirmed another one later."""
    assert settled(OwnResult(before, after), stored) == (after if taken else None)


_logos = st.builds(logo, st.integers(2, 4), st.sampled_from(["google", "duckduckgo", "direct"]))


@given(st.lists(_logos, min_size=1, max_size=4), st.data())
def test_the_order_of_shares_does_not_matter(found: list[Logo], data: st.DataObject) -> None:
    """Also of a domain that a whole run, or shares of another number, had at the same time."""

    def left(results: list[Logo]) -> Entry:
        stored: Entry = logo(1)
        for result in results:
            stored = settled(OwnResult(logo(1), result), stored) or stored
        return stored

    assert left(found) == left(data.draw(st.permutations(found)))
