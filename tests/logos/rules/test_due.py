"""Which domains are asked in a run."""

import pytest

from datafetch.logos.model import Logo, NoLogoRecord
from datafetch.logos.rules.due import Ask, DuePolicy, Keep, Leave, Plan, plan_domain

NOW = 1_795_507_200_000
DAY = 86_400_000
RECORD = NoLogoRecord("example.com", 3, NOW - 1000, "none")


def stored(days: float) -> Logo:
    """A logo that was fetched so many days ago."""
    at = NOW - round(days * DAY)
    return Logo("images/logos/x.png", "google", "image/png", 2000, 128, 128, "cd" * 32, '"1"', at)


def plan(
    logo: Logo | None = None,
    record: NoLogoRecord | None = None,
    *,
    waits: bool = False,
    **policy: object,
) -> Plan:
    """The plan for a domain of which this is known."""
    rules = DuePolicy(max_age_days=30, **policy)  # type: ignore[arg-type]
    return plan_domain(logo, record, rules, failed_and_waits=waits, now_ms=NOW)


def test_a_new_domain_is_asked() -> None:
    """Nothing is stored and nothing is known against it."""
    assert plan() == Ask(conditionally=False)


@pytest.mark.parametrize(
    ("days", "expected"), [(0, Keep()), (29.9, Keep()), (30, Ask(conditionally=True))]
)
def test_a_stored_logo_is_asked_for_when_it_is_due(days: float, expected: Plan) -> None:
    """Fresh logos cost no request; due ones a conditional one."""
    assert plan(stored(days)) == expected
    assert plan(stored(days), named=True) == expected


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
    assert plan(older_than_s=week, missing=True) == Ask(conditionally=False)
