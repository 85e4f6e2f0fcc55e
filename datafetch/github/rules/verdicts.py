"""What GitHub's answer about the statistics of a repository means."""

from collections.abc import Sequence
from dataclasses import dataclass

from datafetch.github.model import (
    NoStatistics,
    OwnerAbsent,
    OwnerWeeks,
    SameStatistics,
    StatisticsAnswer,
    Status,
    StillComputing,
    Week,
    busy,
)
from datafetch.github.rules.roster import Entry


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """What an answer means for a repository.

    Attributes:
        status: what is known of its statistics now.
        write: the weeks of its new CSV; None when the stored one stays.
        validator: to send with the next request.
    """

    status: Status
    write: tuple[Week, ...] | None = None
    validator: str | None = None


def judge(answer: StatisticsAnswer, entry: Entry, stored: Sequence[Week] | None) -> AnswerVerdict:
    """Decide what an answer means, given the weeks of the stored CSV.

    A CSV with lines is never replaced by one without. For repositories of 10,000 commits and more
    GitHub answers zero lines (docs.github.com/rest/metrics/statistics). So these are `UNAVAILABLE`:
    weeks with commits but no lines at all; no weeks of the owner though GitHub counts commits of
    the owner; no lines though the stored CSV has some.
    """
    has_something = bool(stored and busy(stored))
    without_lines = Status.UNAVAILABLE if has_something else Status.NONE
    match answer:
        case StillComputing():
            return AnswerVerdict(Status.PENDING)
        case SameStatistics(validator):
            return AnswerVerdict(Status.COMPLETE, validator=validator)
        case NoStatistics() | OwnerAbsent():
            return AnswerVerdict(Status.UNAVAILABLE if entry.counted else without_lines)
        case OwnerWeeks(weeks, validator):
            return _judge_weeks(weeks, validator, entry, stored)


def _judge_weeks(
    weeks: tuple[Week, ...], validator: str | None, entry: Entry, stored: Sequence[Week] | None
) -> AnswerVerdict:
    commits = any(week.commits for week in weeks)
    lines = any(week.added or week.deleted for week in weeks)
    if commits and not lines:
        return AnswerVerdict(Status.UNAVAILABLE)
    if stored is not None and not lines and busy(stored):
        return AnswerVerdict(Status.UNAVAILABLE)
    same = stored is not None and entry.stored == entry.csv and busy(stored) == busy(weeks)
    return AnswerVerdict(Status.COMPLETE, None if same else weeks, validator)
