"""The commands around schedules: `run-due`, and `pause` and `resume`."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from datafetch.cli import completion
from datafetch.cli.names import job_name
from datafetch.cli.options import JobOptions, with_options
from datafetch.cli.values import future_moment, pause_length, reason_text
from datafetch.clock import PACIFIC
from datafetch.errors import UsageError
from datafetch.models.run import JobName

if TYPE_CHECKING:
    from datafetch.cli.at_store import AtStore
    from datafetch.models.json import JsonObject
    from datafetch.ops.pauses import Pause, Pauses

Jobs = Annotated[
    list[JobName],
    typer.Argument(
        parser=job_name,
        autocompletion=completion.jobs,
        metavar="JOB",
        help="Which job: bookmarks, opengraph, github or logos; several may be named.",
    ),
]


@with_options(job=False, also=("wait", "timeout"))
def run_due(options: JobOptions) -> None:
    """Start each job whose slot has come, side by side, and wait for all of them.

    For a cron that cannot read schedules in Pacific time, and to catch up after downtime: of the
    slots that a job has missed only the newest one is run. A job that never ran is due at once;
    one of whose required settings none is set is left out.
    """
    from datafetch.cli.run_due import DueSession

    with DueSession(options) as session:
        session.run_due()


@with_options(job=False)
def pause(
    options: JobOptions,
    *,
    jobs: Jobs,
    until: Annotated[
        float | None,
        typer.Option(
            "--until",
            parser=future_moment,
            autocompletion=completion.moments,
            metavar="TIME",
            help="When the pause ends, such as 2026-12-24, 2026-12-24T18:00 or 18:00 in Pacific "
            "time, or 2026-12-24T18:00Z (default: with datafetch resume).",
        ),
    ] = None,
    for_age: Annotated[
        float | None,
        typer.Option(
            "--for",
            parser=pause_length,
            autocompletion=completion.ages,
            metavar="AGE",
            help="How long the pause lasts, such as 12h or 3d.",
        ),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason", parser=reason_text, metavar="TEXT", help="Why; shown to whoever asks."
        ),
    ] = None,
) -> None:
    """Let the scheduled runs of a job do nothing for a time.

    They are not caught up afterwards. Runs by hand go on. A job that is on pause already gets the
    new end and reason.
    """
    if until is not None and for_age is not None:
        raise UsageError(
            "--until and --for exclude each other",
            hint="Give one of them, or neither. Try 'datafetch pause --help'.",
        )
    from datafetch.cli.at_store import at_store

    why = reason or ""
    place = at_store(options)
    dry_run = options.dry_run or place.settings.dry_run
    now = place.clock.now()
    end = now + for_age if for_age is not None else until

    def put_on_pause() -> "list[tuple[JobName, Pause]]":
        from datafetch.clock import to_ms
        from datafetch.ops.pauses import Pause

        if dry_run:
            to_end = None if end is None else to_ms(end)
            return [(job, Pause(to_ms(now), to_end, why)) for job in jobs]
        pauses = _to_change(place, jobs)
        return [(job, pauses.set(job, now, until=end, reason=why)) for job in jobs]

    known = place.ask(put_on_pause)
    lines = [f"{job.value} {'would be' if dry_run else 'is'} {pause_text(of)}" for job, of in known]
    names = " ".join(job.value for job in jobs)
    lines.append(
        "scheduled runs do nothing meanwhile and are not caught up afterwards; "
        f"`datafetch resume {names}` ends it"
    )
    _print(options, lines, [_as_json(job, of, dry_run=dry_run) for job, of in known])


@with_options(job=False)
def resume(options: JobOptions, *, jobs: Jobs) -> None:
    """End the pause of a job: its scheduled runs go on with the next slot.

    What was left out during the pause is not caught up. A job that is not on pause stays as it is.
    """
    from datafetch.cli.at_store import at_store

    place = at_store(options)
    dry_run = options.dry_run or place.settings.dry_run
    now = place.clock.now()

    def end_pause() -> "list[tuple[JobName, Pause | None]]":
        from datafetch.ops.pauses import Pauses

        if dry_run:
            pauses = Pauses.load(place.store, place.keys, place.clock)
            return [(job, pauses.of(job, now)) for job in jobs]
        pauses = _to_change(place, jobs)
        return [(job, pauses.remove(job, now)) for job in jobs]

    lines = []
    for job, was in place.ask(end_pause):
        ends = "would no longer be" if dry_run else "is no longer"
        was_not = f"{job.value} was not on pause"
        lines.append(
            was_not if was is None else f"{job.value} {ends} on pause; {_next(place, job)}"
        )
    _print(options, lines, [_as_json(job, None, dry_run=dry_run) for job in jobs])


def _to_change(place: "AtStore", jobs: Sequence[JobName]) -> "Pauses":
    """The pauses, read to be written; conditions are sent as the store's server wants them."""
    from datafetch.ops.leases.conditions import settle_without_lease
    from datafetch.ops.pauses import Pauses

    settle_without_lease(place.store, place.keys, jobs[0])
    return Pauses.load(place.store, place.keys, place.clock)


def pause_text(pause: "Pause") -> str:
    """A pause in words, after the job's name and a verb."""
    until = "until it is resumed" if pause.until is None else f"until {moment(pause.until / 1000)}"
    return f"on pause {until}" + (f": {pause.reason}" if pause.reason else "")


def moment(seconds: float) -> str:
    """Epoch seconds as those read them who live by the schedules: `2026-12-24 18:00 PST`."""
    return f"{datetime.fromtimestamp(seconds, ZoneInfo(PACIFIC)):%Y-%m-%d %H:%M %Z}"


def _next(place: "AtStore", job: JobName) -> str:
    schedule = place.settings.schedule_of(job)
    if schedule is None:
        return f"it has no schedule ({place.settings.cron_name_of(job)} is off)"
    now = datetime.fromtimestamp(place.clock.now(), ZoneInfo(PACIFIC))
    slots = schedule.next_slots(now, 1)
    return f"next run at {moment(slots[0].timestamp())}" if slots else "no run is to come"


def _as_json(job: JobName, pause: "Pause | None", *, dry_run: bool) -> "JsonObject":
    return {
        "job": job.value,
        "paused": pause is not None,
        "pausedAt": None if pause is None else pause.paused_at,
        "until": None if pause is None else pause.until,
        "reason": "" if pause is None else pause.reason,
        "dryRun": dry_run,
    }


def _print(options: JobOptions, lines: Sequence[str], array: "Sequence[JsonObject]") -> None:
    import json

    from datafetch.cli.streams import show
    from datafetch.printable import printable

    if options.json:
        show(json.dumps(array))
    elif not options.quiet:
        for line in lines:
            show(printable(line))
