"""`run-due`: starts each job whose slot has come as a process of its own, side by side."""

import sys
import time
from collections.abc import Sequence
from signal import SIGKILL
from threading import Event

from datafetch.cli.at_store import asked
from datafetch.cli.boundary import print_error
from datafetch.cli.child_results import not_started, result_of
from datafetch.cli.console import warn_of_unknown
from datafetch.cli.options import JobOptions
from datafetch.cli.relay import relay
from datafetch.cli.schedule_plan import COMMANDS
from datafetch.cli.scheduled import moment, pause_text
from datafetch.cli.session import Session
from datafetch.cli.signals import signals
from datafetch.cli.streams import show
from datafetch.clock import Clock, SystemClock
from datafetch.environment import load_settings
from datafetch.errors import Cancelled, DatafetchError
from datafetch.job_groups import check_jobs, is_configured
from datafetch.models.run import OPERATIONS, JobName
from datafetch.ops.due_jobs import Scheduled, look_at
from datafetch.ops.leases.process import this_host
from datafetch.printable import printable
from datafetch.runtime.children import Children, Ended
from datafetch.runtime.schedule import held_back_s, jitter_s
from datafetch.settings import Settings
from datafetch.store.keys import Keys
from datafetch.store_factory import make_store

_JOBS = (JobName.BOOKMARKS, JobName.OPENGRAPH, JobName.GITHUB, JobName.LOGOS)

_START_S = 3.0
"""Seconds that a process may take to start, after which its own `--timeout` begins."""

_LAST_CHANCE_S, _LAST_WORDS_S = 0.25, 0.15
"""Seconds, when this process has to end: for the others to end, and for results to be printed."""


class DueSession(Session):
    """One call of `run-due`."""

    def __init__(self, options: JobOptions) -> None:
        super().__init__(options)
        self._children = Children(relay)
        self._all_ended = Event()
        self._gave_up = Event()

    def run_due(self) -> None:
        """Start each job that is due, wait for all of them, and keep their results.

        Raises:
            ConfigurationError: settings are missing or invalid; nothing was started.
            StoreError: the store did not tell which jobs are due; nothing was started.
            Cancelled: a signal came before all had been started.
        """
        settings = self._load_due()
        clock = SystemClock(self._cancel)
        jobs = _wanted(settings)
        store, keys = make_store(settings, clock), Keys(settings.env.suffix)
        schedules = {job: schedule for job in jobs if (schedule := settings.schedule_of(job))}
        held_back = {job: held_back_s(_jitter_s(settings, job)) for job in schedules}
        found = asked(
            lambda: look_at(store, keys, clock, schedules, held_back, settings.share), self._cancel
        )
        due = [known.job for known in found if known.is_due]
        self._tell(found, clock)
        self._asked |= dict.fromkeys(OPERATIONS[job] for job in due)
        if due:
            self._run(due)

    # ----------------------------------------------------------------- inside

    def _load_due(self) -> Settings:
        self._settings = settings = load_settings(self._options.settings_file, _check)
        warn_of_unknown(settings.unknown)
        return settings

    def _tell(self, found: Sequence[Scheduled], clock: Clock) -> None:
        """Say what is not started, to people who are not left alone with silence."""
        if self._options.json or self._options.quiet:
            return
        for known in found:
            if known.pause is not None:
                show(printable(f"{known.job.value} is {pause_text(known.pause)}"))
        if any(known.is_due for known in found):
            return
        to_come = [known for known in found if known.next_at is not None and known.pause is None]
        if not to_come:
            show("nothing is due")
            return
        first = min(to_come, key=lambda known: known.next_at or 0)
        show(f"nothing is due; next is {first.job.value} at {moment(first.next_at or clock.now())}")

    def _run(self, jobs: Sequence[JobName]) -> None:
        """Start the jobs, and wait until all have ended."""
        unlisten = self._cancel.listen(self._pass_on)
        try:
            for job in jobs:
                signals.settle()
                self._start(job)
            if (limit_s := self._options.timeout) is not None:
                # Each stops itself in time, and says so; this is for one that does not.
                reason = Cancelled(f"stopped after {limit_s:g} s, as --timeout says")
                signals.limit(limit_s + _START_S, reason)
            self._children.run(self._keep)
        finally:
            unlisten()
            self._all_ended.set()
        order = [OPERATIONS[job] for job in jobs]
        self._results.sort(key=lambda result: order.index(result.operation))
        if len(self._results) < len(jobs):
            self._cancel.raise_if_cancelled()

    def _start(self, job: JobName) -> None:
        operation = OPERATIONS[job]
        try:
            if self._children.start(job.value, self._command(job)):
                self._begun.add(operation)
        except OSError as error:
            result = not_started(operation, error, dry_run=self.dry_run)
            print_error(DatafetchError(f"{job.value}: {result.error}", hint=result.hint))
            self._results.append(result)

    def _keep(self, ended: Ended) -> None:
        if self._gave_up.is_set() and ended.code == -SIGKILL:
            return  # it was this command: the job was left under way, as of any stop
        operation = OPERATIONS[JobName(ended.name)]
        self._results.append(result_of(operation, ended, dry_run=self.dry_run))

    def _pass_on(self) -> None:
        """Pass the signal on that asks to stop, on the thread that has heard it."""
        number = self._cancel.reason.signal
        if number is not None:
            self._children.pass_on(number)

    def _print_what_is_known(self) -> None:
        """See `Session`; a process that has not ended by now is killed."""
        if self._asked and not self._all_ended.wait(_LAST_CHANCE_S):
            self._gave_up.set()
            self._children.kill()
        time.sleep(_LAST_WORDS_S)  # if the main thread is alive, it prints and ends the process
        super()._print_what_is_known()

    def _command(self, job: JobName) -> list[str]:
        """The command line of a job's process: this program, with the options that were given."""
        options = self._options
        values = {
            "--env-file": options.env_file,
            "--wait": options.wait,
            "--timeout": options.timeout,
        }
        flags = {
            "--verbose": options.verbose,
            # all of the log goes to the file, and here it is known what else is shown
            "--quiet": options.quiet and options.log_file is None,
            "--dry-run": options.dry_run,
        }
        return [
            *own_program(sys.orig_argv, sys.argv, sys.executable),
            COMMANDS[job],
            *("--scheduled", "--json", "--log-format", "json"),
            *(name for name, is_set in flags.items() if is_set),
            *(f"{name}={value}" for name, value in values.items() if value is not None),
        ]


def _wanted(settings: Settings) -> list[JobName]:
    """The jobs that have a schedule, and of whose required settings any is set."""
    return [
        job
        for job in _JOBS
        if settings.schedule_of(job) is not None and is_configured(settings, job)
    ]


def _jitter_s(settings: Settings, job: JobName) -> float:
    return jitter_s(this_host(), job.value, settings.jitter_seconds)


def _check(settings: Settings) -> None:
    check_jobs(settings, _wanted(settings), scheduled=True)


def own_program(started_with: Sequence[str], arguments: Sequence[str], python: str) -> list[str]:
    """How this very program was started, without its own arguments.

    So another of its processes has the same interpreter, with the same switches, and looks for
    modules in the same places: `python -m datafetch` looks in the working folder, and the script
    that was installed does not.

    Args:
        started_with: `sys.orig_argv`.
        arguments: `sys.argv`.
        python: `sys.executable`.
    """
    own = list(arguments[1:])
    head = list(started_with[: len(started_with) - len(own)])
    if len(head) < 2 or [*head, *own] != list(started_with):  # noqa: PLR2004 - and a program
        return [python, "-P", "-m", "datafetch"]
    return [python or head[0], *head[1:]]
