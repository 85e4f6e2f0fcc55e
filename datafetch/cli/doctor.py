"""The command that looks at everything a run needs, and says what to do about what is wrong."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from datafetch.cli.options import JobOptions, with_options
from datafetch.errors import Cancelled, ExitCode

if TYPE_CHECKING:
    from datafetch.doctor.findings import Finding, Group


@with_options(job=False, dry_run=False)
def doctor(
    options: JobOptions,
    *,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Look at settings and this machine only; ask neither the store nor any server.",
        ),
    ] = False,
) -> None:
    """Look at settings, store, upstreams, schedule and this machine, and say what to do.

    Works with settings that are wrong or missing, and with keys that may only read. Nothing is
    changed: an object below json/datafetch/probe/ is written to the store, and removed.
    """
    try:
        findings = _examined(options, offline=offline)
    except Cancelled as error:
        if options.json:  # else nothing is shown, and the error says that it was stopped
            _print(options, [_stopped(error)], failed=True)
        raise
    statuses = {finding.status.value for _, finding in findings}
    failed = "fail" in statuses
    _print(options, findings, failed=failed)
    if failed:
        raise typer.Exit(ExitCode.FAILED)


def _examined(options: JobOptions, *, offline: bool) -> "list[tuple[Group, Finding]]":
    from datafetch.cli.at_store import asked
    from datafetch.cli.console import configure_logging, default_format
    from datafetch.cli.signals import signals
    from datafetch.clock import CancelToken, SystemClock
    from datafetch.doctor.practice import Practice
    from datafetch.doctor.surroundings import this_machine
    from datafetch.environment import survey_settings

    cancel = CancelToken()
    configure_logging(options.log_format or default_format(), options.verbosity, options.log_file)
    signals.listen(cancel, lambda: None)
    survey = survey_settings(options.settings_file)
    practice = Practice(survey, SystemClock(cancel), cancel, this_machine(), offline=offline)
    try:
        return asked(practice.findings, cancel)
    finally:
        practice.close()


def _stopped(error: Cancelled) -> "tuple[Group, Finding]":
    """What programs are told when a signal came first: an empty array would say that all is well."""
    from datafetch.doctor.findings import Group, fail

    return Group.MACHINE, fail("doctor", f"not done: {error}", "Start it again.")


def _print(options: JobOptions, findings: "list[tuple[Group, Finding]]", *, failed: bool) -> None:
    from datafetch.cli.streams import can_show, show, uses_colour, width_of

    if options.json:
        import json

        from datafetch.printable import printable_json

        show(printable_json(json.dumps([finding.to_json() for _, finding in findings])))
    elif failed or not options.quiet:
        from datafetch.cli.doctor_report import Look, report

        look = Look(
            width=width_of(sys.stdout),
            colour=uses_colour(sys.stdout),
            signs=can_show("✓✗→", sys.stdout),
        )
        show("\n".join(report(findings, look)))
