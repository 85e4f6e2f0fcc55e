"""One call of a command: reads settings, runs its operations in turn, prints results, exits."""

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from datafetch.cli import streams
from datafetch.cli.boundary import expected, print_error
from datafetch.cli.console import (
    configure_logging,
    default_format,
    end_log,
    warn_of_unknown,
)
from datafetch.cli.options import JobOptions
from datafetch.cli.render import TerminalProgress, print_results
from datafetch.cli.signals import signals
from datafetch.cli.streams import OutputLost
from datafetch.clock import CancelToken, SystemClock
from datafetch.environment import asks_for_dry_run, load_settings
from datafetch.errors import Cancelled, ConfigurationError, DatafetchError, ExitCode, UsageError
from datafetch.job_groups import check_jobs
from datafetch.models.run import (
    OPERATIONS,
    JobName,
    Operation,
    RunOptions,
    RunRequest,
    RunResult,
    RunStatus,
)
from datafetch.models.setting_problems import Missing
from datafetch.models.store_place import FolderPlace
from datafetch.redaction import redact
from datafetch.run_options import options_of_job, options_of_run
from datafetch.runtime.memory import release_collector, spare_memory
from datafetch.settings import Settings

if TYPE_CHECKING:
    from datafetch.build.request import PrefetchRequest
    from datafetch.manager import DataFetchManager

# What runs jobs is imported where it is needed: `run-due` has a process for each.


class Session:
    """One call of a command; the end of its `with` block prints the results and exits."""

    def __init__(self, options: JobOptions, *, build: bool = False) -> None:
        """`build` is True for `prefetch-build`, which needs the store's settings only."""
        self._options = options
        self._build = build
        self._cancel = CancelToken()
        self._printing = threading.Lock()
        self._results: list[RunResult] = []
        self._asked: dict[Operation, None] = {}  # a set that keeps their order
        self._begun: set[Operation] = set()
        self._progress = TerminalProgress(enabled=not options.quiet)
        self._settings: Settings | None = None
        self._manager: DataFetchManager | None = None

    def __enter__(self) -> Self:
        spare_memory()
        options = self._options
        configure_logging(
            options.log_format or default_format(), options.verbosity, options.log_file
        )
        signals.listen(self._cancel, self._print_what_is_known)
        if (limit_s := self._options.timeout) is not None:
            signals.limit(limit_s, Cancelled(f"stopped after {limit_s:g} s, as --timeout says"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.close()
        if error is not None and not isinstance(error, Exception):
            return
        failure = expected(error) if error is not None else None
        any_ran = bool(self._results)
        if failure is not None:
            self._fail_the_rest(failure)
        code = signals.code or worst_code(self._results, failure)
        silent = self._options.quiet and code in (ExitCode.OK, ExitCode.LOCKED)
        end_log(show=not silent)
        self._printing.acquire()  # held to the end: the results are printed once
        if failure is not None and not self._options.json:
            print_error(failure)
        if self._options.json or (not silent and (any_ran or failure is None)):
            try:
                self._print_results()
            except OutputLost as lost:
                print_error(lost)
                code = code or int(lost.exit_code)
        if failure is not None and self._options.json:
            print_error(failure)  # last: when nobody reads stderr, it would keep the results back
        self._exit(code)

    def run_jobs(
        self,
        jobs: Sequence[JobName],
        own: RunOptions = RunOptions(),
        *,
        only: Mapping[JobName, tuple[str, ...]] | None = None,
        then: Sequence[Operation] = (),
    ) -> None:
        """Run jobs one after the other; one that fails does not stop the next.

        Args:
            jobs: the jobs to run.
            own: the options of this command alone; those that all job commands share are added.
            only: the items of each job to which its run is limited; None for the options' own.
            then: what the command does after the jobs. If it is stopped, or fails, before it comes
                to that, these operations have their results, too.

        Raises:
            ConfigurationError: settings are missing or invalid; nothing was run.
            UsageError: an option is refused here; nothing was run.
            Cancelled: a signal came before all had begun.
        """
        self._asked |= dict.fromkeys([*(OPERATIONS[job] for job in jobs), *then])
        settings = self._load(jobs)
        options = self._run_options(settings, own)
        for job in jobs:
            self._begin(OPERATIONS[job])
            of_job = options if only is None else replace(options, only=only[job])
            request = RunRequest(job, options_of_job(of_job, job))
            self._results.append(self._get_manager(settings).run(request))
            self._progress.job_ended()

    def run_prefetch(self, request: "PrefetchRequest") -> None:
        """Write the build's files from the store; in a dry run they are only checked.

        Raises:
            ConfigurationError: settings are missing or invalid; nothing was written.
            UsageError: the mirror would be the store's own folder; nothing was written.
            Cancelled: a signal came before all had begun.
        """
        self._asked |= dict.fromkeys(request.operations)
        settings = self._load()
        if request.mirror and _is_store(request.folder, settings):
            raise UsageError(
                f"--mirror {request.folder} is the folder of the store itself",
                hint="Name another folder.",
            )
        request = replace(request, dry_run=self.dry_run)
        for operation in request.operations:
            self._begin(operation)
            self._results.append(self._get_manager(settings).prefetch(operation, request))

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be written."""
        if self._options.dry_run:
            return True
        if self._settings is None:  # they are invalid, or were not read yet
            return asks_for_dry_run(self._options.settings_file)
        return self._settings.dry_run

    # ----------------------------------------------------------------- inside

    def _print_results(self) -> None:
        print_results(
            self._results,
            as_json=self._options.json,
            quiet=self._options.quiet,
            dry_run=self.dry_run,
        )

    def _load(self, jobs: Sequence[JobName] = ()) -> Settings:
        def check(settings: Settings) -> None:
            check_jobs(settings, list(jobs), scheduled=self._options.scheduled)
            if self._build and settings.ci and settings.store_is_default:
                names = ("DATAFETCH_STORE", "S3_BUCKET")
                what = "with CI set it must be said where objects live"
                raise ConfigurationError([Missing(names, what, label=" or ".join(names))])

        if self._settings is None:
            self._settings = load_settings(self._options.settings_file, check)
            warn_of_unknown(self._settings.unknown)
        return self._settings

    def _begin(self, operation: Operation) -> None:
        signals.settle()
        self._cancel.raise_if_cancelled()
        self._begun.add(operation)

    def _get_manager(self, settings: Settings) -> "DataFetchManager":
        if self._manager is None:
            from datafetch.factory import make_parts
            from datafetch.manager import DataFetchManager

            parts = make_parts(settings, SystemClock(self._cancel), self._cancel)
            self._manager = DataFetchManager(settings, parts, self._progress.for_job)
            release_collector()
        return self._manager

    def _run_options(self, settings: Settings, own: RunOptions) -> RunOptions:
        common = self._options
        asked = replace(
            own,
            force=common.force,
            dry_run=common.dry_run,
            limit=common.limit,
            allow_shrink=common.allow_shrink,
            wait_s=common.wait or 0.0,
            scheduled=common.scheduled,
        )
        return options_of_run(asked, settings, limit_is_called="--limit")

    def _fail_the_rest(self, error: DatafetchError) -> None:
        self._results.extend(self._rest(error, dry_run=self.dry_run))

    def _rest(self, error: DatafetchError, *, dry_run: bool) -> list[RunResult]:
        """A result for each operation that has none, because of an error or a stop."""
        stopped = isinstance(error, Cancelled)
        done = {result.operation for result in self._results}
        return [
            RunResult(
                operation,
                RunStatus.CANCELLED if stopped else RunStatus.FAILED,
                run_id="",
                error=redact(_unfinished(error, begun=operation in self._begun)),
                hint=redact(error.hint),
                exit_code=int(error.exit_code),
                dry_run=dry_run,
            )
            for operation in self._asked
            if operation not in done
        ]

    def _print_what_is_known(self) -> None:
        """Print the results when the process has to end, while this object's thread is stuck.

        When that thread is printing them, this waits for it; `signals` waits for this, but not long.
        """
        self._printing.acquire()
        reason = self._cancel.reason
        if self._options.json:
            # Before the words for people: what keeps the thread may be that nobody reads stderr.
            # Whether `.env` asks for a dry run is not looked up: the file may be what is stuck.
            dry_run = self._options.dry_run or (
                self._settings is not None and self._settings.dry_run
            )
            results = [*self._results, *self._rest(reason, dry_run=dry_run)]
            print_results(results, as_json=True, quiet=False)
        print_error(reason)

    def _exit(self, code: int) -> NoReturn:
        code = signals.code or code
        if self._cancel.any_cancelled or _is_work_left():
            # Threads that did not end in time must not hold the process back. And Python would
            # take libraries down below them: one that is still loading certificates then crashes
            # (a segmentation fault in OpenSSL, seen with 8 of 500 runs that ended early).
            streams.finish()
            os._exit(code)
        sys.exit(code)


def _is_work_left() -> bool:
    """Whether a thread is still at something that nobody waits for any more."""
    return any(thread.name.startswith("datafetch-") for thread in threading.enumerate())


def _unfinished(error: DatafetchError, *, begun: bool) -> str:
    """Why an operation has no result of its own."""
    if not isinstance(error, Cancelled):
        return str(error)
    if not begun:
        return f"not begun: {error}"
    return f"left under way, and a lock that it had ends by itself: {error}"


def _is_store(folder: Path, settings: Settings) -> bool:
    """Whether a folder is the one in which the store keeps its objects."""
    place = settings.place
    return isinstance(place, FolderPlace) and os.path.realpath(folder) == os.path.realpath(
        Path(place.path).expanduser()
    )


def worst_code(results: Sequence[RunResult], error: BaseException | None = None) -> int:
    """The gravest exit code of results and error: a signal's, 2, 78, 1, 75, 0, in this order."""
    codes = {result.exit_code for result in results}
    if isinstance(error, DatafetchError):
        codes.add(int(error.exit_code))
    order = (
        ExitCode.SIGTERM,
        ExitCode.SIGINT,
        ExitCode.SIGHUP,
        ExitCode.USAGE,
        ExitCode.CONFIGURATION,
        ExitCode.FAILED,
        ExitCode.LOCKED,
    )
    return next((int(code) for code in order if code in codes), 0)
