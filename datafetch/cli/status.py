"""The command that says whether anything is wrong, since when, and what waits."""

import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from datafetch.cli.options import JobOptions, with_options
from datafetch.cli.values import watch_interval
from datafetch.errors import Cancelled, DatafetchError, ExitCode, StoreError, StoreUnavailable

if TYPE_CHECKING:
    from datafetch.cli.at_store import AtStore
    from datafetch.models.json import JsonObject
    from datafetch.ops.overview import Overview

_LONGEST_S = 7.0
"""Seconds for one look at the store; requests under way then get one more second."""


@with_options(job=False, dry_run=False)
def status(
    options: JobOptions,
    *,
    watch: Annotated[
        float | None,
        typer.Option(
            "--watch",
            parser=watch_interval,
            metavar="[SECONDS]",
            help="Look again and again, each so many seconds (default: 5), until Ctrl-C.",
        ),
    ] = None,
) -> None:
    """Say whether anything is stale or failing, since when, and what waits.

    Stale is a job without success since the slot before the last, plus 15 minutes; failing one
    whose last finished run failed. Nothing is written to the store.
    """
    from datafetch.cli.at_store import at_store

    try:
        place = at_store(options, hasty=True)
    except DatafetchError as error:
        if options.json:
            _show_json(_unknown(error, None))
        raise
    if watch is not None:
        from datafetch.cli.status_watch import watch_status

        watch_status(options, place, watch)
        return
    try:
        overview = look_once(place)
    except (StoreError, Cancelled) as error:
        if options.json:
            _show_json(_unknown(error, place))
        raise
    print_status(options, overview)
    if overview.is_wrong:
        raise typer.Exit(ExitCode.FAILED)


def look_once(place: "AtStore") -> "Overview":
    """Look at the store, for seven seconds at most.

    Raises:
        StoreError: the store did not answer, or not in time.
        Cancelled: the command was asked to stop.
    """
    from datafetch.cli.at_store import asked
    from datafetch.cli.schedule_plan import COMMANDS
    from datafetch.clock import CancelToken
    from datafetch.job_groups import is_configured
    from datafetch.ops.overview import look

    settings, command = place.settings, place.cancel
    schedules = {job: settings.schedule_of(job) for job in COMMANDS}
    configured = [job for job in COMMANDS if is_configured(settings, job)]
    cooldown_s = settings.breaker_cooldown_seconds
    # A child would be kept by the command's token, and with --watch there are many looks.
    cancel = CancelToken()

    def follow() -> None:
        if command.cancelled:
            cancel.cancel(command.reason)
        if command.abandoned:
            cancel.abandon()

    forget = command.listen(follow)
    timer = threading.Timer(_LONGEST_S, cancel.cancel, [Cancelled("the store took too long")])
    timer.daemon = True
    timer.start()
    try:
        return asked(
            lambda: look(place.store, place.keys, place.clock, schedules, configured, cooldown_s),
            cancel,
        )
    except Cancelled:
        command.raise_if_cancelled()
        raise StoreUnavailable(
            f"{place.store.name} did not answer within {_LONGEST_S:g} s",
            hint="Whether the jobs are fresh is not known. `datafetch doctor` looks at the store.",
        ) from None
    finally:
        timer.cancel()
        forget()


def print_status(options: JobOptions, overview: "Overview") -> None:
    """Print what was found, for people or for programs; with `--quiet` only what is wrong."""
    from datafetch.cli.streams import show, uses_colour, width_of

    if options.json:
        from datafetch.ops.overview_report import document

        _show_json(document(overview))
    elif overview.is_wrong or not options.quiet:
        from datafetch.cli.paper import Paper
        from datafetch.cli.status_text import status_lines

        paper = Paper(width_of(sys.stdout), colour=uses_colour(sys.stdout))
        show("\n".join(status_lines(overview, paper)))


def print_unknown(options: JobOptions, error: DatafetchError, place: "AtStore") -> None:
    """Print that the store could not be asked, as the document that programs read."""
    if options.json:
        _show_json(_unknown(error, place))


def _unknown(error: DatafetchError, place: "AtStore | None") -> "JsonObject":
    from datafetch.clock import SystemClock
    from datafetch.ops.overview_report import failed_document

    return failed_document(error, (place.clock if place else SystemClock()).now())


def _show_json(found: "JsonObject") -> None:
    import json

    from datafetch.cli.streams import show
    from datafetch.printable import printable_json

    show(printable_json(json.dumps(found)))
