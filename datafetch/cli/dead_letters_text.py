"""What `datafetch dead-letters` shows to people: hosts and errors first, then the items, then what to type."""

from collections.abc import Iterator, Sequence

from datafetch.cli.paper import Paper
from datafetch.models.run import JobName
from datafetch.ops import spoken
from datafetch.ops.dead_letters import DeadLetter
from datafetch.ops.letter_choice import Group, groups
from datafetch.ops.letter_words import counted, is_due, letter_history, next_try

_BOLD, _DIM = "1", "2"
SHOWN = 5
"""Items that are shown of a host and error, unless more are asked for."""

NOTHING = "no dead letters: nothing that failed waits to be tried again"


def list_lines(
    letters: Sequence[DeadLetter], now: float, paper: Paper, shown: int = SHOWN
) -> list[str]:
    """All letters by job, host and error.

    Args:
        letters: those that are to be listed.
        now: epoch seconds.
        paper: width, colours and signs of the output.
        shown: how many items of each host and error are named.
    """
    by_job = {job: [one for one in letters if one.job == job] for job in JobName}
    found = {job: groups(them) for job, them in by_job.items() if them}
    hosts = {group.host for them in found.values() for group in them}
    due = sum(is_due(one, now) for one in letters)
    for_good = sum(one.next_attempt_at is None for one in letters)
    said = f"{counted(len(letters), 'dead letter')} of {counted(len(hosts), 'host')}"
    said += f", {due:,} due now" if due else ""
    said += f", {for_good:,} not tried again by a run" if for_good else ""
    lines = [paper.paint(line, _BOLD) for line in paper.wrapped(said)]
    for job, them in found.items():
        lines += ["", paper.paint(f"{job.value}: {len(by_job[job]):,}", _BOLD)]
        for group in them:
            lines += _group_lines(group, now, paper, shown)
        lines += paper.wrapped(f"retry: datafetch dead-letters retry {job.value}", "  ")
    return lines


def _group_lines(group: Group, now: float, paper: Paper, shown: int) -> Iterator[str]:
    count = len(group.letters)
    times = (
        ""
        if count == 1
        else f", {count:,} times"
        if not paper.signs
        else f" \N{MULTIPLICATION SIGN}{count:,}"
    )
    about = f"{group.host}{times}: {group.reason}; {next_try(group.next_attempt_at, now)}"
    yield from paper.wrapped(about, "  ")
    for letter in group.letters[:shown]:
        yield from paper.wrapped(f"{letter.id}  {letter.item}", "    ", " " * 6)
        told = letter_history(letter, group.next_attempt_at, now)
        for line in paper.wrapped(told, " " * 6):
            yield paper.paint(line, _DIM)
    if count > shown:
        yield from paper.wrapped(
            f"\N{HORIZONTAL ELLIPSIS} and {count - shown:,} more: --limit {count}"
            if paper.signs
            else f"and {count - shown:,} more: --limit {count}",
            "    ",
        )


def show_lines(letter: DeadLetter, now: float, paper: Paper) -> list[str]:
    """One letter with all that is known of it."""
    rows = (
        ("job", letter.job),
        ("item", letter.item),
        ("error", f"{letter.error_type}: {letter.error}"),
        ("tries", str(letter.attempts) if letter.attempts else "0: its host was left alone"),
        ("first", spoken.when(letter.first_failed_at, now)),
        ("last", spoken.when(letter.last_failed_at, now)),
        ("next", next_try(letter.next_attempt_at, now)),
        ("type", f"datafetch dead-letters retry {letter.id}"),
    )
    lines = [paper.paint(letter.id, _BOLD)]
    for label, text in rows:
        lines += paper.wrapped(text, f"  {label:<6} ")
    return lines


def dropped_lines(letters: Sequence[DeadLetter], paper: Paper, *, dry_run: bool) -> list[str]:
    """The letters that were dropped or, in a dry run, would be."""
    if not letters:
        return ["no dead letter fits: nothing was dropped"]
    verb = "would be dropped" if dry_run else "dropped"
    lines = paper.wrapped(f"{counted(len(letters), 'dead letter')} {verb}:")
    for letter in letters:
        lines += paper.wrapped(f"{letter.id}  {letter.job}  {letter.item}", "  ", " " * 16)
    if not dry_run:
        lines += paper.wrapped("an item that fails again gets a new one")
    return lines
