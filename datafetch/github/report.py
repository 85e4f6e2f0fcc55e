"""The report of a GitHub run: counts, why it is partial, and what the user should know."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datafetch.github.barriers import HiddenRepositories
from datafetch.github.discovery import Discovery
from datafetch.github.model import Barrier, Repository, Status, excludes
from datafetch.github.rules.roster import Entry, name_them
from datafetch.github.statistics import StatisticsRound
from datafetch.models.run import JobReport, RunOptions

_NOTES = {
    Status.UNAVAILABLE: "GitHub has no usable statistics (stored lines count): {}",
    Status.PENDING: "GitHub still computes the statistics (asked first next time): {}",
    Status.FAILED: "could not be read (stored lines count): {}",
    Status.GONE: "no longer at GitHub (stored lines count): {}",
}


_HIDDEN_NOTES: Mapping[Barrier, str] = {
    Barrier.SAML: (
        "{count} {are} behind SAML single sign-on{names}: authorise the token or exclude {them}"
        " with GITHUB_EXCLUDE"
    ),
    Barrier.RULES: (
        "{count} {are} kept from this token or address by an organization's rules{names}: ask its"
        " owners or exclude {them} with GITHUB_EXCLUDE"
    ),
    Barrier.BLOCKED: (
        "{count} {are} blocked by GitHub, by a DMCA notice or its terms{names}: exclude {them} with"
        " GITHUB_EXCLUDE"
    ),
    Barrier.RIGHTS: (
        "the token may not see {count}{names}: give it the right or exclude {them} with"
        " GITHUB_EXCLUDE"
    ),
    Barrier.FAULT: "GitHub failed to show {count}{names}: the next run tries again",
}


@dataclass(frozen=True, slots=True)
class AskingPlan:
    """Which repositories are asked for, in order, and how many `--limit` leaves for later."""

    ask: tuple[Entry, ...]
    left: int


def status_of(entry: Entry, done: StatisticsRound) -> Status:
    """What is known of a repository's statistics after the run."""
    if entry.barrier:
        return Status.HIDDEN
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
    notes += _hidden_notes(discovery, done)
    if discovery.withheld:
        left_out = (
            "1 organization" if discovery.withheld == 1 else f"{discovery.withheld} organizations"
        )
        notes.append(
            f"GitHub left out what belongs to {left_out} with SAML single sign-on: authorise the"
            " token for single sign-on"
        )
    if discovery.unlisted:
        notes.append("GitHub could not list recent repositories; those of its calendars count")
    if held:
        notes.append("sums of lines stay as they were until every repository can be read")
    return notes


def _hidden_notes(discovery: Discovery, done: StatisticsRound) -> list[str]:
    """A sentence for each reason for which GitHub did not show repositories."""
    known: dict[str, Repository] = {}
    named: dict[str, Barrier] = {}
    for name, barrier in discovery.hidden.named.items():
        known[name.lower()], named[name.lower()] = Repository("", name), barrier
    for entry in discovery.roster.entries:
        result = done.results.get(entry.csv)
        found = entry.barrier or (result.barrier if result else None)
        if found is not None:
            name = entry.repository.full_name.lower()
            known[name], named[name] = entry.repository, found
    hidden = HiddenRepositories(named, discovery.hidden.listed, discovery.hidden.in_window)
    notes = []
    for barrier, text in _HIDDEN_NOTES.items():
        shown = [
            known[name]
            for name, found in named.items()
            if found is barrier and not excludes(discovery.excluded, name)
        ]
        count = len(shown) + hidden.unnamed(barrier)
        if count:
            single = count == 1
            notes.append(
                text.format(
                    count="1 repository" if single else f"{count} repositories",
                    are="is" if single else "are",
                    them="it" if single else "them",
                    names=f" ({_names_with_owners(shown)})" if shown else "",
                )
            )
    return notes


def _names_with_owners(repositories: Sequence[Repository]) -> str:
    """The names of the public ones; of private ones their owners, who can let the token in."""
    names = sorted(found.full_name for found in repositories if not found.private)
    owners = Counter(found.owner for found in repositories if found.private)
    for owner, count in sorted(owners.items()):
        private = "a private repository" if count == 1 else f"{count} private repositories"
        names.append(f"{private} of {owner}")
    return ", ".join(names)
