"""The report of a GitHub run: counts, why it is partial, and what the user should know."""

from collections.abc import Sequence
from dataclasses import dataclass

from datafetch.github.discovery import Discovery
from datafetch.github.model import Status
from datafetch.github.rules.roster import Entry, name_them
from datafetch.github.statistics import StatisticsRound
from datafetch.models.run import JobReport, RunOptions

_NOTES = {
    Status.UNAVAILABLE: "GitHub has no usable statistics (stored lines count): {}",
    Status.PENDING: "GitHub still computes the statistics (asked first next time): {}",
    Status.FAILED: "could not be read (stored lines count): {}",
    Status.GONE: "no longer at GitHub (stored lines count): {}",
}


@dataclass(frozen=True, slots=True)
class AskingPlan:
    """Which repositories are asked for, in order, and how many `--limit` leaves for later."""

    ask: tuple[Entry, ...]
    left: int


def status_of(entry: Entry, done: StatisticsRound) -> Status:
    """What is known of a repository's statistics after the run."""
    if entry.gone:
        return Status.GONE
    return done.status(entry) or (entry.remembered.status if entry.remembered else Status.NEW)


def make_report(
    discovery: Discovery,
    plan: AskingPlan,
    done: StatisticsRound,
    *,
    options: RunOptions,
    newly_failed: int,
    changed: bool,
    held: bool,
    now_ms: int,
) -> JobReport:
    """The report of a run that published."""
    entries = discovery.roster.entries
    failed = sum(done.status(entry) in (Status.FAILED, Status.PENDING) for entry in entries)
    read = sum(done.status(entry) in (Status.COMPLETE, Status.NONE) for entry in entries)
    return JobReport(
        processed=len(entries),
        changed=len(done.written),
        skipped=len(entries) - failed - read,
        failed=failed,
        newly_failed=newly_failed,
        change_detected=changed or bool(done.written),
        last_fetched_at=now_ms,
        partial=_partial(discovery, plan, done),
        notes=tuple(_notes(discovery, done, held=held)),
        full_sync=discovery.whole and not options.only and not plan.left and not done.limited,
    )


def dry_report(entries: Sequence[Entry], plan: AskingPlan) -> JobReport:
    """The report of a run that only planned."""
    note = f"would ask for the statistics of {len(plan.ask)} of {len(entries)} repositories"
    return JobReport(
        processed=len(entries),
        skipped=len(entries) - len(plan.ask),
        change_detected=bool(plan.ask),
        notes=(note,),
    )


def _partial(discovery: Discovery, plan: AskingPlan, done: StatisticsRound) -> str | None:
    reasons = [str(limited) for limited in (discovery.limited, done.limited) if limited]
    if discovery.missing:
        reasons.append("GitHub did not name the repositories of some stretches of time")
    unread = [str(year) for year in discovery.years if year not in discovery.totals]
    if unread and discovery.limited is None:
        reasons.append(f"GitHub did not count the contributions of {', '.join(unread)}")
    if plan.left:
        reasons.append(f"the limit left out {plan.left} repositories")
    return "; ".join(reasons) or None


def _notes(discovery: Discovery, done: StatisticsRound, *, held: bool) -> list[str]:
    entries = discovery.roster.entries
    notes = []
    for status, text in _NOTES.items():
        named = [entry.repository for entry in entries if status_of(entry, done) is status]
        if named:
            notes.append(text.format(name_them(named)))
    if discovery.hidden:
        notes.append(f"the token may not see {discovery.hidden} listed repositories")
    if discovery.unlisted:
        notes.append("GitHub could not list recent repositories; those of its calendars count")
    if held:
        notes.append("sums of lines stay as they were until every repository can be read")
    return notes
