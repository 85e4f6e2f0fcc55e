"""The command that shows what failed and waits, tries it again, or drops it."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from datafetch.cli import completion
from datafetch.cli.names import job_or_letter, letter_action
from datafetch.cli.options import JobOptions, with_options
from datafetch.cli.values import item_count, parse_age
from datafetch.errors import UsageError
from datafetch.models.run import JobName

if TYPE_CHECKING:
    from datafetch.cli.at_store import AtStore
    from datafetch.cli.paper import Paper
    from datafetch.ops.dead_letters import DeadLetter
    from datafetch.ops.letter_choice import Choice


class Action(StrEnum):
    """What is to be done with dead letters."""

    LIST = "list"
    SHOW = "show"
    RETRY = "retry"
    DROP = "drop"


@with_options(job=False, also=("wait", "timeout"))
def dead_letters(
    options: JobOptions,
    *,
    action: Annotated[
        str,
        typer.Argument(
            parser=letter_action,
            autocompletion=completion.letter_actions,
            metavar="ACTION",
            help="list, show, retry or drop (default: list).",
        ),
    ] = Action.LIST.value,
    which: Annotated[
        list[str] | None,
        typer.Argument(
            parser=job_or_letter,
            autocompletion=completion.jobs,
            metavar="JOB|ID",
            help="Jobs (bookmarks, opengraph, github, logos) whose letters are meant, or ids of "
            "letters, or the beginnings of ids.",
        ),
    ] = None,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than",
            parser=parse_age,
            autocompletion=completion.ages,
            metavar="AGE",
            help="Only items that have failed for so long, such as 12h or 30d.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All letters of all jobs: for retry and drop.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            parser=item_count,
            autocompletion=completion.counts,
            metavar="N",
            help="List so many items under each host and error (default: 5; with --json all).",
        ),
    ] = None,
) -> None:
    """Show what failed and waits to be tried again; retry it now, or drop it.

    list groups the letters by job, host and error. show tells one of them whole. retry runs the
    jobs for the chosen items only, and does not wait for their time. drop forgets letters: an item
    that fails again gets a new one.
    """
    from datafetch.ops.letter_choice import Choice

    words = which or []
    choice = Choice(
        jobs=tuple(word for word in words if isinstance(word, JobName)),
        ids=tuple(word for word in words if not isinstance(word, JobName)),
        older_than_s=older_than,
        everything=everything,
    )
    does = Action(action)
    _check(does, choice, limit)
    from datafetch.cli.at_store import at_store

    place = at_store(options, hasty=does in (Action.LIST, Action.SHOW))
    found = _find(place, choice)
    if does is Action.LIST:
        _list(options, place, found, limit)
    elif does is Action.SHOW:
        _show(options, place, found)
    elif does is Action.DROP:
        _drop(options, place, found)
    else:
        _retry(options, found)


def _check(does: Action, choice: "Choice", limit: int | None) -> None:
    """Refuse what makes no sense.

    Raises:
        UsageError: the action needs letters and none are named, or an option does not fit it.
    """
    hint = "Try 'datafetch dead-letters --help'."
    if does is Action.SHOW and not choice.ids:
        raise UsageError("show needs the id of a dead letter", hint=hint)
    if does in (Action.RETRY, Action.DROP) and choice.is_empty:
        raise UsageError(
            f"{does.value} needs to know which dead letters: a job, an id, --older-than AGE or --all",
            hint=hint,
        )
    if choice.everything and (choice.jobs or choice.ids or choice.older_than_s is not None):
        raise UsageError("--all stands alone: it means all letters of all jobs", hint=hint)
    if limit is not None and does is not Action.LIST:
        raise UsageError("--limit is for list", hint=hint)


def _find(place: "AtStore", choice: "Choice") -> "list[DeadLetter]":
    from datafetch.cli.streams import say
    from datafetch.clock import to_ms
    from datafetch.ops.letter_box import read_letters
    from datafetch.ops.letter_choice import chosen
    from datafetch.redaction import redact

    found = place.ask(lambda: read_letters(place.store, place.keys, choice.jobs or list(JobName)))
    for problem in found.problems:
        say(f"datafetch: {redact(problem)}: the next run keeps it aside and begins anew")
    return chosen(found.letters, choice, to_ms(place.clock.now()))


def _list(
    options: JobOptions, place: "AtStore", found: "Sequence[DeadLetter]", limit: int | None
) -> None:
    if options.json:
        _show_json(found[:limit])
        return
    from datafetch.cli.dead_letters_text import NOTHING, SHOWN, list_lines
    from datafetch.cli.streams import show

    if not found:
        show(NOTHING)
        return
    show("\n".join(list_lines(found, place.clock.now(), _paper(), limit or SHOWN)))


def _show(options: JobOptions, place: "AtStore", found: "Sequence[DeadLetter]") -> None:
    if options.json:
        _show_json(found)
        return
    from datafetch.cli.dead_letters_text import show_lines
    from datafetch.cli.streams import show

    now, paper = place.clock.now(), _paper()
    show("\n\n".join("\n".join(show_lines(letter, now, paper)) for letter in found))


def _drop(options: JobOptions, place: "AtStore", found: "Sequence[DeadLetter]") -> None:
    from datafetch.cli.dead_letters_text import dropped_lines
    from datafetch.cli.streams import show
    from datafetch.ops.leases.conditions import settle_without_lease
    from datafetch.ops.letter_box import drop_letters

    dry_run = options.dry_run or place.settings.dry_run

    def drop() -> None:
        settle_without_lease(place.store, place.keys, JobName(found[0].job))
        drop_letters(place.store, place.keys, place.clock, found)

    if found and not dry_run:
        place.ask(drop)
    if options.json:
        _show_json(found)
    elif not options.quiet:
        show("\n".join(dropped_lines(found, _paper(), dry_run=dry_run)))


def _retry(options: JobOptions, found: "Sequence[DeadLetter]") -> None:
    from datafetch.cli.session import Session
    from datafetch.cli.streams import show
    from datafetch.ops.letter_choice import items_by_job

    if not found:
        if options.json:
            show("[]")
        elif not options.quiet:
            show("no dead letter fits: nothing is tried again")
        return
    items = items_by_job(found)
    with Session(options) as session:
        session.run_jobs(list(items), only=items)


def _show_json(letters: "Sequence[DeadLetter]") -> None:
    import json

    from datafetch.cli.streams import show
    from datafetch.ops.dead_letters import LETTERS
    from datafetch.printable import printable_json
    from datafetch.redaction import redact

    stored = LETTERS.dump_python({one.id: one for one in letters}, mode="json", by_alias=True)
    show(printable_json(redact(json.dumps(list(stored.values())))))


def _paper() -> "Paper":
    from datafetch.cli.paper import Paper
    from datafetch.cli.streams import can_show, uses_colour, width_of

    return Paper(
        width_of(sys.stdout),
        colour=uses_colour(sys.stdout),
        signs=can_show("\N{HORIZONTAL ELLIPSIS}\N{MULTIPLICATION SIGN}", sys.stdout),
    )
