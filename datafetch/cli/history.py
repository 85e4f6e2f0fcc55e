"""The command that shows past runs, and one of them with everything that is known of it."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from datafetch.cli import completion
from datafetch.cli.names import job_or_run, run_status
from datafetch.cli.options import JobOptions, with_options
from datafetch.cli.values import item_count, parse_age
from datafetch.errors import DatafetchError, UsageError
from datafetch.models.run import JobName, RunStatus

if TYPE_CHECKING:
    from datafetch.cli.at_store import AtStore
    from datafetch.cli.paper import Paper
    from datafetch.ops.past_runs import PastRun

_SHOWN = 20


class NoSuchRun(DatafetchError):
    """No run of this id is in the history."""

    hint = (
        "The newest 200 runs of each job are kept. `datafetch history` lists them; a run that was "
        "locked out, or whose settings were wrong, leaves no entry."
    )


@with_options(job=False, dry_run=False)
def history(
    options: JobOptions,
    *,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            parser=job_or_run,
            autocompletion=completion.jobs,
            metavar="JOB",
            help="Jobs whose runs are shown (default: all); or RUN, the id of one run or the "
            "beginning of it, which is shown with all that is known of it.",
        ),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status",
            parser=run_status,
            autocompletion=completion.statuses,
            metavar="STATUS",
            help="Only runs that ended so: succeeded, unchanged, partial, failed or cancelled; "
            "repeatable.",
        ),
    ] = None,
    since: Annotated[
        float | None,
        typer.Option(
            "--since",
            parser=parse_age,
            autocompletion=completion.ages,
            metavar="AGE",
            help="Only runs that ended since then, such as 12h or 30d.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            parser=item_count,
            autocompletion=completion.counts,
            metavar="N",
            help="Show so many at most (default: 20 lines; with --json all).",
        ),
    ] = None,
) -> None:
    """Show past runs, the newest first: durations, counts, errors, and a sparkline for each job.

    Runs in a row that changed nothing, or failed alike, are one line. A run that was killed has
    its entry when the next one of the job has begun.
    """
    from datafetch.cli.at_store import at_store
    from datafetch.ops.past_runs import chosen, with_id

    jobs = [one for one in what or () if isinstance(one, JobName)]
    ids = [one for one in what or () if not isinstance(one, JobName)]
    if len(ids) > 1 or (ids and (jobs or status or since is not None or limit is not None)):
        raise UsageError(
            "the id of a run stands alone",
            hint="Name jobs, or one run. Try 'datafetch history --help'.",
        )
    place = at_store(options)
    runs, problems = place.ask(lambda: _stored(place, jobs or list(JobName)))
    for problem in problems:
        _warn(problem)
    if ids:
        _show_run(options, place, with_id(runs, ids[0]), ids[0])
        return
    now = place.clock.now()
    since_ms = None if since is None else round((now - since) * 1000)
    statuses = [RunStatus(one) for one in status or ()]
    _show_runs(options, place, chosen(runs, statuses=statuses, since_ms=since_ms), limit)


def _stored(place: "AtStore", jobs: Sequence[JobName]) -> "tuple[list[PastRun], list[str]]":
    """The runs of these jobs, the newest first, and what could not be read.

    Raises:
        StoreError: the store did not answer.
    """
    from functools import partial

    from pydantic import TypeAdapter

    from datafetch.ops.past_runs import read_runs
    from datafetch.ops.record import seen
    from datafetch.runtime.engine import beside

    adapter = TypeAdapter(list[object])
    wanted = [(job, place.keys.history(job)) for job in dict.fromkeys(jobs)]
    empty: list[object] = []
    asked = [
        (job, key, beside(partial(seen, place.store, key, adapter, empty=empty)))
        for job, key in wanted
    ]
    runs, problems = [], []
    for job, key, answer in asked:
        found = answer()
        runs += read_runs(found.value, job)
        if found.problem:
            problems.append(f"{key} cannot be read ({found.problem})")
    return sorted(runs, key=lambda run: -run.ended_at), problems


def _warn(problem: str) -> None:
    from datafetch.cli.streams import say
    from datafetch.redaction import redact

    say(f"datafetch: {redact(problem)}: the next run keeps it aside and begins anew")


def _show_runs(
    options: JobOptions, place: "AtStore", runs: "list[PastRun]", limit: int | None
) -> None:
    if options.json:
        _show_json(runs[:limit])
        return
    from datafetch.cli.history_text import bars, table
    from datafetch.cli.streams import show
    from datafetch.ops.past_runs import streaks

    paper = _paper()
    if not runs:
        show("no runs are known that fit: a run stands here when it has ended")
        return
    folded = [
        streak for job in JobName for streak in streaks([run for run in runs if run.job is job])
    ]
    folded.sort(key=lambda streak: -streak.newest.ended_at)
    lines = table(folded[: limit or _SHOWN], place.clock.now(), paper)
    more = len(folded) - (limit or _SHOWN)
    if more > 0:
        lines += paper.wrapped(f"… and {more} lines more: --limit {len(folded)}")
    compared = bars(runs, paper)
    show("\n".join([*lines, "", *compared] if compared else lines))


def _show_run(options: JobOptions, place: "AtStore", found: "list[PastRun]", begin: str) -> None:
    if not found:
        raise NoSuchRun(f"there is no run {begin} in the history of {place.store.name}")
    if len(found) > 1:
        names = ", ".join(run.run_id for run in found[:5])
        raise UsageError(
            f"{len(found)} runs begin with {begin}: {names}{', …' if len(found) > 5 else ''}",  # noqa: PLR2004 - a line
            hint="Name one of them.",
        )
    if options.json:
        _show_json(found)
        return
    from datafetch.cli.history_text import details
    from datafetch.cli.streams import show

    show("\n".join(details(found[0], place.clock.now(), _paper())))


def _show_json(runs: "Sequence[PastRun]") -> None:
    import json

    from datafetch.cli.streams import show
    from datafetch.printable import printable_json

    show(printable_json(json.dumps([run.to_json() for run in runs])))


def _paper() -> "Paper":
    from datafetch.cli.history_text import TIMES
    from datafetch.cli.paper import Paper
    from datafetch.cli.streams import can_show, uses_colour, width_of
    from datafetch.ops.past_runs import BARS

    return Paper(
        width_of(sys.stdout),
        colour=uses_colour(sys.stdout),
        signs=can_show(BARS + TIMES, sys.stdout),
    )
