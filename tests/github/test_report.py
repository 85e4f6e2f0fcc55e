"""What the GitHub job says of a run."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from datafetch.github.barriers import HiddenRepositories
from datafetch.github.discovery import Discovery
from datafetch.github.model import Barrier, RememberedRepository, Repository, Status, TimeWindow
from datafetch.github.question import StatisticsResult
from datafetch.github.report import AskingPlan, dry_report, make_report, status_of
from datafetch.github.rules.roster import Entry, Roster
from datafetch.github.rules.verdicts import AnswerVerdict
from datafetch.github.statistics import StatisticsRound
from datafetch.models.run import JobReport, RunOptions
from datafetch.upstream_errors import Malformed, RateLimited, TransientError, UpstreamError

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
A, B, C, D = (
    Entry(Repository(f"R_{name}", f"o/{name}", private=False), f"o_{name}") for name in "abcd"
)
SECRET = Entry(Repository("R_s", "o/secret", private=True), "o_secret")
DISCOVERY = Discovery(
    window=TimeWindow(NOW, NOW),
    days=(),
    years=(2026, 2025),
    totals={2026: 3, 2025: 2},
    roster=Roster((A, B, C, D)),
    only=frozenset(),
    limited=None,
    missing=0,
    hidden=HiddenRepositories(),
    unlisted=False,
)


def came(entry: Entry, status: Status, etag: str | None = None) -> StatisticsResult:
    """A repository with this outcome; with an ETag its CSV was written anew."""
    return StatisticsResult(entry, AnswerVerdict(status, () if etag else None), etag=etag)


def round_of(*results: StatisticsResult) -> StatisticsRound:
    """All outcomes of a run."""
    return StatisticsRound({result.entry.csv: result for result in results})


def report(
    discovery: Discovery = DISCOVERY,
    done: StatisticsRound | None = None,
    *,
    left: int = 0,
    options: RunOptions | None = None,
    held: bool = False,
) -> JobReport:
    """The report of a run that published what was stored already."""
    return make_report(
        discovery,
        AskingPlan((), left),
        done or StatisticsRound(),
        options=options or RunOptions(),
        newly_failed=0,
        changed=False,
        held=held,
        now_ms=7,
    )


def test_each_repository_is_counted_once() -> None:
    """Failed and pending ones failed, what had an answer was read, everything else was skipped."""
    failed = StatisticsResult(B, error=TransientError("x"))
    done = round_of(came(A, Status.COMPLETE, "e"), failed, came(C, Status.PENDING))
    made = report(done=done)
    assert (made.processed, made.changed, made.failed, made.skipped) == (4, 1, 2, 1)
    assert (made.change_detected, made.last_fetched_at, made.full_sync) == (True, 7, True)


def test_a_run_that_wrote_nothing_detects_no_change() -> None:
    """Everything read before is skipped."""
    made = report()
    assert (made.changed, made.skipped, made.change_detected) == (0, 4, False)
    assert (made.partial, made.notes) == (None, ())


LIMITED = RateLimited("used up until noon")


@pytest.mark.parametrize(
    ("discovery", "done", "left", "partial"),
    [
        (replace(DISCOVERY, limited=LIMITED), StatisticsRound(), 0, "used up until noon"),
        (DISCOVERY, StatisticsRound(limited=LIMITED), 0, "used up until noon"),
        (replace(DISCOVERY, missing=2), StatisticsRound(), 0, "did not name the repositories"),
        (DISCOVERY, StatisticsRound(), 5, "--limit left out 5 repositories"),
    ],
)
def test_a_partial_run_says_why_and_is_no_full_sync(
    discovery: Discovery, done: StatisticsRound, left: int, partial: str
) -> None:
    """Whoever reads the result knows what is missing."""
    made = report(discovery, done, left=left)
    assert made.partial
    assert partial in made.partial
    assert not made.full_sync


def test_years_that_were_not_counted_are_named() -> None:
    """Their totals are those of the last run."""
    made = report(replace(DISCOVERY, totals={2026: 3}))
    assert made.partial == "GitHub did not count the contributions of 2025"


def test_a_run_for_named_repositories_is_no_full_sync() -> None:
    """The others were not looked at."""
    assert not report(options=RunOptions(only=("o/a",))).full_sync


def test_notes_name_public_repositories_and_count_private_ones() -> None:
    """Each kind of trouble has its sentence; a private name is in none."""
    entries = (A, replace(B, gone=True), SECRET)
    two = HiddenRepositories(listed=Counter({Barrier.RIGHTS: 2}))
    discovery = replace(DISCOVERY, roster=Roster(entries), hidden=two, unlisted=True)
    done = round_of(came(A, Status.UNAVAILABLE), came(SECRET, Status.PENDING))
    assert report(discovery, done, held=True).notes == (
        (
            "GitHub still computes the statistics of 1 repository (a private repository):"
            " run `datafetch github` again in some minutes"
        ),
        "GitHub has no usable statistics (stored lines count): o/a",
        "no longer at GitHub (stored lines count): o/b; GITHUB_EXCLUDE leaves them out",
        "the token may not see 2 repositories: give it the right or exclude them with GITHUB_EXCLUDE",
        "GitHub could not list recent repositories; those of its calendars count",
        "sums of lines stay as they were until every repository can be read",
    )


def test_repositories_behind_single_sign_on_are_counted_with_what_to_do() -> None:
    """GitHub says how many it keeps, though not which."""
    two = HiddenRepositories(listed=Counter({Barrier.SAML: 2}))
    (note,) = report(replace(DISCOVERY, hidden=two)).notes
    assert note == (
        "2 repositories are behind SAML single sign-on: authorise the token (Configure SSO at"
        " https://github.com/settings/tokens) or exclude them with GITHUB_EXCLUDE"
    )


def test_a_repository_that_was_not_asked_is_as_it_was_remembered() -> None:
    """What GitHub could not say last week is still named this week."""
    known = replace(RememberedRepository.of(A.repository, "o_a"), status=Status.UNAVAILABLE)
    entry = replace(A, remembered=known)
    assert status_of(entry, StatisticsRound()) is Status.UNAVAILABLE
    assert status_of(entry, round_of(came(entry, Status.COMPLETE))) is Status.COMPLETE
    assert status_of(A, StatisticsRound()) is Status.NEW
    assert status_of(replace(entry, barrier=Barrier.SAML), StatisticsRound()) is Status.HIDDEN


def test_a_dry_run_says_whom_it_would_ask() -> None:
    """It is no change when nobody would be asked."""
    made = dry_report([A, B], AskingPlan((A,), 0))
    assert made.notes == ("would ask for the statistics of 1 of 2 repositories",)
    assert (made.processed, made.skipped, made.change_detected) == (2, 1, True)
    assert not dry_report([A, B], AskingPlan((), 0)).change_detected


def failed(entry: Entry, error: UpstreamError) -> StatisticsResult:
    """A repository that could not be read."""
    return StatisticsResult(entry, error=error)


def test_the_first_three_that_failed_are_named_with_what_to_type() -> None:
    """Whoever reads the result knows which, why, and the command that asks again."""
    error = TransientError("https://x: no answer in time", url="https://x")
    some = round_of(failed(A, error), failed(B, TransientError("x", status=502)))
    assert report(done=some).notes == (
        (
            "could not be read (stored lines count): o/a (no answer in time),"
            " o/b (502); `datafetch github --repo o/a --repo o/b` asks again now"
        ),
    )
    (note,) = report(done=round_of(*(failed(entry, error) for entry in (A, B, C, D)))).notes
    assert "o/c (no answer in time) and 1 more; `datafetch github --repo OWNER/NAME`" in note


def test_a_private_repository_that_failed_is_not_named() -> None:
    """Neither by its name, nor by the words of its error."""
    discovery = replace(DISCOVERY, roster=Roster((A, SECRET)))
    error = Malformed("https://api.github.com/repos/o/secret: broken")
    (note,) = report(discovery, round_of(failed(SECRET, error))).notes
    assert "a private repository (no usable answer); `datafetch github --repo OWNER/NAME`" in note
    assert "secret" not in note


def test_more_than_three_that_are_pending_are_counted() -> None:
    """Forty names help nobody; the command is the same."""
    waiting = round_of(*(came(entry, Status.PENDING) for entry in (A, B, C, D)))
    assert report(done=waiting).notes == (
        (
            "GitHub still computes the statistics of 4 repositories (o/a, o/b, o/c and 1 more):"
            " run `datafetch github` again in some minutes"
        ),
    )


def test_a_limit_says_what_is_left_and_from_when_it_may_go_on() -> None:
    """Two are not asked for; a limit that ends tomorrow is told with its day."""
    limited = RateLimited("x", until=86_400 + 3600.0)
    done = replace(round_of(came(A, Status.COMPLETE)), limited=limited)
    made = make_report(
        DISCOVERY,
        AskingPlan((A, B, C), 0),
        done,
        options=RunOptions(),
        newly_failed=0,
        changed=False,
        held=False,
        now_ms=7,
    )
    assert made.notes == (
        "2 repositories are left: run `datafetch github` again after 1970-01-02 01:00 UTC",
    )
