"""Which domains are asked, which picture becomes the logo, and how long one without is left alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.logos.model import SOURCES, Candidate, Logo, LogoSource, NoLogoRecord
from datafetch.logos.rules.choice import (
    Ask,
    DomainPlan,
    DuePolicy,
    Keep,
    Leave,
    OwnProvider,
    after_no_logo,
    best,
    decide,
    is_waiting,
    may_replace,
    newest,
    plan_domain,
    side,
    waits_until,
    why_unusable,
)
from datafetch.logos.rules.entries import Entry, OldLogo

GENERIC_SHA256 = [
    "59bfe9bc385ad69f50793ce4a53397316d7a875a7148a63c16df9b674c6cda64",
    "e5db88ea2322863ca17817b99d60006c625a31cff0dad49cf05d3c6d16a75c17",
]
"""Google's globe and DuckDuckGo's arrow."""

PICTURE = Candidate("google", "https://icons.example.com/", "png", 128, 128, 2000, "ab" * 32)
STORED = Logo(
    key="images/logos/x.png",
    original_source="google",
    content_type="image/png",
    size=2000,
    width=128,
    height=128,
    sha256="cd" * 32,
    etag='"1"',
    fetched_at=1,
)


def picture(width: int, height: int | None = None, **fields: object) -> Candidate:
    """A picture of these sides."""
    sizes = {"width": width, "height": width if height is None else height}
    return replace(PICTURE, **sizes, **fields)  # type: ignore[arg-type]


CANDIDATES = st.lists(
    st.builds(
        picture,
        st.integers(1, 300),
        st.integers(1, 300),
        size=st.integers(1, 400),
        format=st.sampled_from(["png", "svg", "ico"]),
        sha256=st.sampled_from([*GENERIC_SHA256, "ab" * 32]),
    ),
    max_size=6,
)


def test_a_good_picture_settles_the_matter() -> None:
    """From 64 pixels a side nobody else is asked."""
    assert decide([picture(64)]) == picture(64)


def test_a_small_picture_waits_for_a_better_one() -> None:
    """Below 64 pixels the next provider is asked, and the largest of all wins."""
    small, smaller = picture(63), picture(32, source="duckduckgo")
    assert decide([small]) is None
    assert best([smaller, small]) == small


def test_of_pictures_of_one_size_the_first_offered_wins() -> None:
    """The order of providers decides between pictures of one size."""
    first, second = picture(32), picture(32, source="duckduckgo")
    assert best([first, second]) == first


def test_what_cannot_be_used_is_no_logo() -> None:
    """A domain has no logo when none of the offered pictures can be one."""
    assert best([picture(8)]) is None
    assert best([]) is None


@pytest.mark.parametrize("generic", GENERIC_SHA256)
def test_generic_pictures_are_never_logos(generic: str) -> None:
    """The providers' globe came with 200 and was stored as everybody's logo."""
    globe = picture(256, sha256=generic)
    assert why_unusable(globe) is not None
    assert best([globe]) is None


@pytest.mark.parametrize(
    ("candidate", "usable"),
    [
        (picture(16), True),
        (picture(15), False),
        (picture(200, 15), False),
        (picture(16, size=100), True),
        (picture(16, size=99), False),
        (picture(200, format="avif"), False),
    ],
)
def test_a_logo_has_sixteen_pixels_and_a_hundred_bytes(candidate: Candidate, usable: bool) -> None:
    """Tracking pixels and stubs are not logos, nor what older browsers do not show."""
    assert (why_unusable(candidate) is None) == usable


def test_a_drawing_is_good_at_any_size() -> None:
    """An SVG of 24 pixels is sharp where a bitmap of 48 is not; a large bitmap still wins."""
    drawing = picture(24, format="svg")
    assert decide([picture(48), drawing]) == drawing
    assert best([drawing, picture(180)]) == picture(180)


@pytest.mark.parametrize("bitmap", ["png", "jpeg", "gif", "webp", "ico"])
def test_a_bitmap_is_as_good_as_its_shorter_side(bitmap: str) -> None:
    """Only a drawing can be shown larger than it is."""
    assert side(bitmap, 24, 300) == side(bitmap, 300, 24) == 24
    assert side("svg", 24, 300) == 64
    assert side("svg", 100, 300) == 100


@given(CANDIDATES)
def test_what_is_taken_is_usable_and_nothing_usable_is_larger(candidates: list[Candidate]) -> None:
    """Whatever is offered, the winner can be used and is the largest that can; 64 pixels settle it."""
    usable = [candidate for candidate in candidates if why_unusable(candidate) is None]
    largest = max((size(candidate) for candidate in usable), default=0)
    winner = best(candidates)
    assert (winner is not None) == bool(usable)
    if winner is not None:
        assert winner in usable
        assert size(winner) == largest
    assert decide(candidates) == (winner if largest >= 64 else None)


def size(candidate: Candidate) -> int:
    """The pixels by which a picture is compared."""
    return side(candidate.format, candidate.width, candidate.height)


@pytest.mark.parametrize(
    ("offered", "stored", "worse"),
    [
        (32, 128, True),
        (63, 64, True),
        (64, 256, False),
        (32, 32, False),
        (31, 32, True),
        (48, 32, False),
    ],
)
def test_a_small_picture_does_not_replace_a_good_one(
    offered: int, stored: int, worse: bool
) -> None:
    """A good picture may follow a larger one, as when a brand changes; a step below good may not."""
    logo = replace(STORED, width=stored, height=stored)
    assert may_replace(picture(offered), logo, OwnProvider.ANSWERED) != worse


def test_a_small_bitmap_does_not_replace_a_stored_drawing() -> None:
    """A stored SVG counts as good whatever size it names."""
    drawing = replace(STORED, content_type="image/svg+xml", width=24, height=24)
    assert not may_replace(picture(48), drawing, OwnProvider.ANSWERED)


@pytest.mark.parametrize(
    ("offered", "source", "replaces"),
    [
        (128, "duckduckgo", False),
        (127, "duckduckgo", False),
        (129, "duckduckgo", True),
        (64, "google", True),
        (63, "google", False),
    ],
)
def test_a_silent_provider_keeps_its_logo(
    offered: int, source: LogoSource, *, replaces: bool
) -> None:
    """Only its own usable answer, or a larger picture, replaces what its provider may still have."""
    offer = picture(offered, source=source)
    assert may_replace(offer, STORED, OwnProvider.SILENT) == replaces


@pytest.mark.parametrize("source", ["google", "clearbit", "unknown"])
@pytest.mark.parametrize(("offered", "replaces"), [(127, False), (128, True)])
def test_a_logo_of_the_old_site_gives_way_to_what_is_as_large(
    offered: int, source: str, *, replaces: bool
) -> None:
    """Nobody has confirmed it yet, so a lesser picture, however good, does not replace it."""
    old = replace(STORED, original_source=source, fetched_at=0)
    assert may_replace(picture(offered), old, OwnProvider.ANSWERED) == replaces


@given(
    offered=st.builds(picture, st.integers(1, 300), source=st.sampled_from(SOURCES)),
    width=st.integers(1, 300),
    source=st.sampled_from([*SOURCES, "clearbit"]),
    fetched_at=st.integers(0, 1),
    own=st.sampled_from(OwnProvider),
)
def test_nothing_good_gives_way_to_something_worse(
    offered: Candidate, width: int, source: str, fetched_at: int, own: OwnProvider
) -> None:
    """What replaces is good or no smaller, and larger while the logo's own provider is silent."""
    logo = replace(STORED, width=width, height=width, original_source=source, fetched_at=fetched_at)
    if may_replace(offered, logo, own):
        assert offered.width >= min(width, 64)
        if own is OwnProvider.SILENT and offered.source != source:
            assert offered.width > width
        if fetched_at == 0 or source == "clearbit":
            assert offered.width >= width
    else:
        assert offered.width <= width


NOW = 1_795_507_200_000
DAY = 86_400_000
RECORD = NoLogoRecord(item="example.com", attempts=3, last_attempt=NOW - 1000, reason="none")


def stored(days: float) -> Logo:
    """A logo that was fetched so many days ago."""
    return replace(STORED, fetched_at=NOW - round(days * DAY))


def plan(
    logo: Entry | None = None,
    record: NoLogoRecord | None = None,
    *,
    waits: bool = False,
    **policy: object,
) -> DomainPlan:
    """The plan for a domain of which this is known."""
    rules = DuePolicy(max_age_days=30, **policy)  # type: ignore[arg-type]
    return plan_domain(logo, record, rules, failed_and_waits=waits, now_ms=NOW)


def test_a_new_domain_is_asked() -> None:
    """Nothing is stored and nothing is known against it."""
    assert plan() == Ask(conditionally=False)


@pytest.mark.parametrize(
    ("days", "expected"), [(0, Keep()), (29.9, Keep()), (30, Ask(conditionally=True))]
)
def test_a_stored_logo_is_asked_for_when_it_is_due(days: float, expected: DomainPlan) -> None:
    """Fresh logos cost no request; due ones a conditional one."""
    assert plan(stored(days)) == expected
    assert plan(stored(days), named=True) == expected


def test_an_age_beyond_all_calendars_means_never() -> None:
    """`LOGO_MAX_AGE_DAYS` has no upper bound: a huge one keeps every logo and breaks nothing."""
    rules = DuePolicy(max_age_days=10**12)
    found = plan_domain(stored(9999), None, rules, failed_and_waits=False, now_ms=NOW)
    assert found == Keep()


def test_force_asks_unconditionally() -> None:
    """`--force` ignores freshness, change detection and the negative cache."""
    assert plan(stored(0), force=True) == Ask(conditionally=False)
    assert plan(None, RECORD, force=True, waits=True) == Ask(conditionally=False)


def test_a_domain_without_a_logo_waits_unless_it_is_named() -> None:
    """The negative cache is obeyed, and `--domain` overrules it."""
    assert isinstance(plan(None, RECORD), Leave)
    assert plan(None, RECORD, named=True) == Ask(conditionally=False)


def test_what_failed_waits_for_its_next_attempt() -> None:
    """A dead letter backs off, for a due logo too, which stays; naming the domain overrules it."""
    assert isinstance(plan(waits=True), Leave)
    assert plan(stored(40), waits=True) == Keep()
    assert plan(stored(40), waits=True, named=True) == Ask(conditionally=True)


def test_missing_asks_only_where_nothing_is_stored() -> None:
    """`--missing` leaves due logos alone, even with `--force`."""
    assert plan(stored(99), missing=True) == Keep()
    assert plan(stored(99), missing=True, force=True) == Keep()
    assert plan(missing=True) == Ask(conditionally=False)


def test_older_than_takes_the_place_of_the_usual_age() -> None:
    """`--older-than` asks by its own age and leaves domains without a logo alone."""
    week = 7 * 86400.0
    assert plan(stored(8), older_than_s=week) == Ask(conditionally=True)
    assert plan(stored(6), older_than_s=week) == Keep()
    assert isinstance(plan(older_than_s=week), Leave)
    assert plan(replace(STORED, fetched_at=NOW - 60_000), older_than_s=60) == Ask(
        conditionally=True
    )
    assert plan(replace(STORED, fetched_at=NOW - 59_999), older_than_s=60) == Keep()
    assert plan(older_than_s=week, missing=True) == Ask(conditionally=False)


OLD = OldLogo(None, "{}")


def test_a_logo_of_the_old_site_is_due() -> None:
    """Whatever the age of ours, nobody knows its own; all that keeps others from being asked holds."""
    assert plan(OLD) == Ask(conditionally=False)
    rules = DuePolicy(max_age_days=10**12)
    found = plan_domain(OLD, None, rules, failed_and_waits=False, now_ms=NOW)
    assert found == Ask(conditionally=False)
    assert plan(OLD, older_than_s=1e9) == Ask(conditionally=False)
    assert plan(OLD, missing=True) == Keep()
    assert plan(OLD, waits=True) == Keep()
    assert plan(OLD, RECORD) == Keep()
    for at_once in ({"force": True}, {"named": True}):
        assert plan(OLD, RECORD, waits=True, **at_once) == Ask(conditionally=False)


HOUR = 3_600_000


def after(times: int) -> NoLogoRecord:
    """The record after so many answers."""
    record: NoLogoRecord | None = None
    for _ in range(times):
        record = after_no_logo(record, domain="example.com", reason="none", now_ms=NOW)
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("times", "wait"),
    [(1, None), (2, None), (3, DAY), (5, DAY), (6, 180 * DAY), (9, 180 * DAY)],
)
def test_the_wait_grows_with_the_answers(times: int, wait: int | None) -> None:
    """Twice it is asked at once again, from the third a day later, from the sixth half a year later."""
    record = after(times)
    assert record.attempts == times
    assert record.permanent_failure == (times >= 6)
    assert waits_until(record) == (None if wait is None else NOW + wait)
    assert is_waiting(record, NOW) == (wait is not None)
    if wait is not None:
        assert is_waiting(record, NOW + wait - 1)
        assert not is_waiting(record, NOW + wait)


@pytest.mark.parametrize(("attempts", "permanent"), [(1, True), (6, False)])
def test_a_record_of_another_program_waits_by_what_it_says(attempts: int, permanent: bool) -> None:
    """A domain that is marked as permanent, or was asked six times, is left alone for half a year."""
    record = replace(RECORD, attempts=attempts, permanent_failure=permanent)
    assert waits_until(record) == record.last_attempt + 180 * DAY


def test_an_unknown_domain_does_not_wait() -> None:
    """Nothing is known of it, so it is asked."""
    assert not is_waiting(None, NOW)


@given(
    st.dictionaries(st.text(min_size=1, max_size=6), st.integers(0, 50), max_size=30),
    st.integers(0, 20),
)
def test_the_newest_are_kept(ages: dict[str, int], limit: int) -> None:
    """Never more than the limit, and nothing that is kept is older than what is dropped."""
    records = {
        name: NoLogoRecord(item=name, attempts=1, last_attempt=age) for name, age in ages.items()
    }
    kept = newest(records, limit)
    assert len(kept) == min(limit, len(records))
    assert list(kept) == sorted(kept)
    dropped = [records[name].last_attempt for name in records.keys() - kept.keys()]
    if kept and dropped:
        assert max(dropped) <= min(record.last_attempt for record in kept.values())
