"""What an answer about one repository means: something never gives way to nothing."""

from dataclasses import replace

import pytest

from datafetch.github.model import (
    NoStatistics,
    OwnerAbsent,
    OwnerWeeks,
    RememberedRepository,
    Repository,
    SameStatistics,
    StatisticsAnswer,
    Status,
    StillComputing,
    Week,
)
from datafetch.github.rules.csv import compact
from datafetch.github.rules.roster import Entry
from datafetch.github.rules.verdicts import AnswerVerdict, judge

BUSY = (Week(0, 3, 1, 2), Week(604_800, 0, 0, 0))
WITHOUT_LINES = (Week(0, 0, 0, 7),)
A = Repository("R_a", "o/a", private=False, pushed_at="2026-01-01T00:00:00Z")
DONE = replace(
    RememberedRepository.of(A, "o_a"),
    status=Status.COMPLETE,
    pushed_at=A.pushed_at,
    etag="etag",
    weeks=compact(BUSY),
)
SETTLED = Entry(A, "o_a", DONE, "o_a", "etag")
NEW = Entry(A, "o_a")


@pytest.mark.parametrize(
    ("answer", "entry", "stored", "verdict"),
    [
        (StillComputing(), SETTLED, BUSY, AnswerVerdict(Status.PENDING)),
        (SameStatistics("v"), SETTLED, BUSY, AnswerVerdict(Status.COMPLETE, validator="v")),
        (NoStatistics(), replace(NEW, counted=False), None, AnswerVerdict(Status.NONE)),
        (NoStatistics(), NEW, None, AnswerVerdict(Status.UNAVAILABLE)),
        (NoStatistics(), SETTLED, BUSY, AnswerVerdict(Status.UNAVAILABLE)),
        (OwnerAbsent(), NEW, None, AnswerVerdict(Status.UNAVAILABLE)),
        (OwnerAbsent(), replace(NEW, counted=False), None, AnswerVerdict(Status.NONE)),
        (OwnerAbsent(), replace(SETTLED, counted=False), BUSY, AnswerVerdict(Status.UNAVAILABLE)),
        (OwnerWeeks(WITHOUT_LINES), NEW, None, AnswerVerdict(Status.UNAVAILABLE)),
        (OwnerWeeks(WITHOUT_LINES), SETTLED, BUSY, AnswerVerdict(Status.UNAVAILABLE)),
        (OwnerWeeks(()), SETTLED, BUSY, AnswerVerdict(Status.UNAVAILABLE)),
        (OwnerWeeks(BUSY, "v"), NEW, None, AnswerVerdict(Status.COMPLETE, BUSY, "v")),
        (OwnerWeeks(BUSY, "v"), SETTLED, BUSY, AnswerVerdict(Status.COMPLETE, None, "v")),
        (OwnerWeeks(BUSY[:1], "v"), SETTLED, BUSY, AnswerVerdict(Status.COMPLETE, None, "v")),
        (
            OwnerWeeks(BUSY, "v"),
            replace(SETTLED, csv="o_new"),
            BUSY,
            AnswerVerdict(Status.COMPLETE, BUSY, "v"),
        ),
    ],
)
def test_something_never_gives_way_to_nothing(
    answer: StatisticsAnswer, entry: Entry, stored: tuple[Week, ...] | None, verdict: AnswerVerdict
) -> None:
    """Zero lines for repositories of 10,000 commits and more replaced good numbers."""
    assert judge(answer, entry, stored) == verdict


def test_the_validator_of_unchanged_statistics_is_sent_again() -> None:
    """An answer of "unchanged" brings no validator: the one that was sent makes the next answer short too."""
    same = SameStatistics('W/"v"')
    assert judge(same, SETTLED, BUSY) == AnswerVerdict(Status.COMPLETE, validator='W/"v"')
