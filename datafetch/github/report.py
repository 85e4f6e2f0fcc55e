"""The report of a GitHub run: counts, why it is partial, and what the user should know."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datafetch.clock import utc_text
from datafetch.github.barriers import HiddenRepositories, words_of
from datafetch.github.discovery import Discovery
from datafetch.github.model import Barrier, Repository, Status, excludes
from datafetch.github.refusals import TokenFacts
from datafetch.github.rules.roster import Entry, count_of, name_them
from datafetch.github.statistics import StatisticsRound, reason_of
from datafetch.models.run import JobReport, RunOptions
from datafetch.ops.failures import NAMED, FailedItem, named_failures

_NOTES = {
    Status.UNAVAILABLE: "GitHub has no usable statistics (stored lines count): {}",
    Status.GONE: "no longer at GitHub (stored lines count): {}; GITHUB_EXCLUDE leaves them out",
}


_HIDDEN_NOTES: Mapping[Barrier, str] = {
    Barrier.SAML: (
        "{count} {are} behind SAML single sign-on{names}: authorise the token (Configure SSO at"
        " https://github.com/settings/tokens) or exclude {them} with GITHUB_EXCLUDE"
    ),
    Barrier.RULES: (
        "{count} {are} kept from this token or address by an organization's rules (IP allow list,"
        " kinds of tokens){names}: ask its owners or exclude {them} with GITHUB_EXCLUDE"
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
    waits: str | None = None,
    settings: Sequence[str] = (),
) -> JobReport:
    """The report of a run that published, or that only `waits` with publishing, for this reason.

    `settings` are the notes about settings.
    """
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
        last_fetched_at=None if waits else now_ms,
        partial="; ".join(r for r in (waits, _partial(discovery, plan, done)) if r) or None,
        notes=(*_notes(discovery, plan, done, options, held=held, now_ms=now_ms), *settings),
        full_sync=discovery.whole and not (options.only or plan.left or done.limited or waits),
        unmerged=waits is not None,
    )


def report_so_far(
    entries: Sequence[Entry],
    plan: AskingPlan,
    done: StatisticsRound,
    options: RunOptions = RunOptions(),
) -> JobReport:
    """The report of a run that was stopped while it asked: what it stored is kept."""
    asked = [done.status(entry) for entry in plan.ask]
    open_ones = sum(status in (None, Status.FAILED, Status.PENDING) for status in asked)
    failed = sum(status in (Status.FAILED, Status.PENDING) for status in asked)
    read = len(asked) - open_ones
    goes_on = f"; {_command(options)} goes on with the other {open_ones}" if open_ones else ""
    note = f"{read} of {count_of(len(asked))} read and kept{goes_on}"
    return JobReport(
        processed=len(entries),
        changed=len(done.written),
        skipped=len(entries) - failed - read,
        failed=failed,
        change_detected=bool(done.written),
        notes=(note,) if asked else (),
    )


def setting_notes(discovery: Discovery, owner: str, token: TokenFacts) -> list[str]:
    """What is to be said of the settings, however the run went."""
    notes = []
    if not discovery.years and discovery.limited is None:
        notes.append(
            f"GITHUB_REPO_OWNER={words_of(owner)}: GitHub counts no contributions of this login; is"
            " it the right one?"
        )
    if discovery.idle_patterns:
        match = "matches" if len(discovery.idle_patterns) == 1 else "match"
        notes.append(
            f"GITHUB_EXCLUDE: {', '.join(discovery.idle_patterns)} {match} no repository: check the"
            " spelling, or take it out"
        )
    if token.workflow_note:
        notes.append(token.workflow_note)
    return notes


def dry_report(
    entries: Sequence[Entry], plan: AskingPlan, settings: Sequence[str] = ()
) -> JobReport:
    """The report of a run that only planned; `settings` are the notes about settings."""
    note = f"would ask for the statistics of {len(plan.ask)} of {len(entries)} repositories"
    return JobReport(
        processed=len(entries),
        skipped=len(entries) - len(plan.ask),
        change_detected=bool(plan.ask),
        notes=(note, *settings),
    )


def _partial(discovery: Discovery, plan: AskingPlan, done: StatisticsRound) -> str | None:
    reasons = [str(limited) for limited in (discovery.limited, done.limited) if limited]
    if discovery.missing:
        reasons.append(
            "GitHub did not name the repositories of some stretches of time (the next run asks"
            " again)"
        )
    unread = [str(year) for year in discovery.years if year not in discovery.totals]
    if unread and discovery.limited is None:
        reasons.append(f"GitHub did not count the contributions of {', '.join(unread)}")
    if plan.left:
        reasons.append(f"--limit left out {count_of(plan.left)}")
    return "; ".join(reasons) or None


def _command(options: RunOptions) -> str:
    """The command that goes on with the same repositories, in backquotes."""
    share = "" if options.shard is None else f" --shard {options.shard}"
    return f"`datafetch github{share}`"


def _notes(
    discovery: Discovery,
    plan: AskingPlan,
    done: StatisticsRound,
    options: RunOptions,
    *,
    held: bool,
    now_ms: int,
) -> list[str]:
    entries = discovery.roster.entries
    by_status: dict[Status, list[Entry]] = {}
    for entry in entries:
        by_status.setdefault(status_of(entry, done), []).append(entry)
    notes = []
    if failed := by_status.get(Status.FAILED):
        notes.append(_failed_note(failed, done))
    if pending := by_status.get(Status.PENDING):
        named = name_them([entry.repository for entry in pending], NAMED)
        notes.append(
            f"GitHub still computes the statistics of {count_of(len(pending))} ({named}): run"
            f" {_command(options)} again in some minutes"
        )
    limited = done.limited or discovery.limited
    if limited is not None and limited.until is not None:
        left = sum(done.status(entry) is None for entry in plan.ask)
        still = f"{count_of(left)} {'is' if left == 1 else 'are'} left: " if left else ""
        when = utc_text(limited.until, now_ms / 1000)
        notes.append(f"{still}run {_command(options)} again after {when}")
    for status, text in _NOTES.items():
        if named_ones := by_status.get(status):
            notes.append(text.format(name_them([entry.repository for entry in named_ones])))
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


def _failed_note(failed: Sequence[Entry], done: StatisticsRound) -> str:
    """The sentence that names the first that failed, and says what to type."""
    ordered = sorted(
        failed, key=lambda entry: (entry.repository.private, entry.repository.full_name)
    )
    items = []
    for entry in ordered:
        result = done.results.get(entry.csv)
        reason = reason_of(result) if result else "as before"
        items.append(FailedItem(entry.repository.label, reason))
    public = [entry.repository.full_name for entry in ordered if not entry.repository.private]
    known = public if len(public) == len(ordered) <= NAMED else ["OWNER/NAME"]
    options = " ".join(f"--repo {name}" for name in known)
    return (
        f"could not be read (stored lines count): {named_failures(items)};"
        f" `datafetch github {options}` asks again now"
    )


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
                    count=count_of(count),
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
