"""The manager of all runs: a job or a build's files are made by a run that it starts.

Stored data is changed only by runs that the manager makes: jobs, and logos that are kept on demand.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from datafetch.build.request import PrefetchRequest
from datafetch.factory import Parts, after_stop
from datafetch.job_run import JobRun, ProgressMaker
from datafetch.models.run import Operation, RunRequest, RunResult
from datafetch.operation_run import OperationRun
from datafetch.runtime.progress import Progress
from datafetch.settings import Settings
from datafetch.store.readonly import ReadOnlyStore

if TYPE_CHECKING:
    from datafetch.keep_run import KeptLogos
    from datafetch.logos.on_demand import FoundLogo


class DataFetchManager:
    """Runs one job at a time, with its lease, its records and its result."""

    def __init__(
        self, settings: Settings, parts: Parts, progress: ProgressMaker | None = None
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._progress = progress or (lambda _name: Progress())
        self._said: set[str] = set()

    def run(self, request: RunRequest) -> RunResult:
        """Run one job and say how it ended; errors come back in the result, not as exceptions.

        Raises:
            ConfigurationError: the job's settings are incomplete; nothing was done.
        """
        parts = self._usable_parts()
        return JobRun(self._settings, parts, request, self._progress, self._said).run()

    def prefetch(self, operation: Operation, request: PrefetchRequest) -> RunResult:
        """Write one part of the build's files. Only the store is read, and no lease is taken."""
        # Imported here, because jobs do not need it.
        from datafetch.build.job import Prefetch

        parts = self._usable_parts()
        run = OperationRun(
            self._settings,
            parts,
            operation,
            known_as=operation.value,
            dry_run=request.dry_run,
        )
        run.begin()
        prefetch = Prefetch(
            ReadOnlyStore(parts.store),
            parts.keys,
            parts.clock,
            run.log,
            request,
            engine=parts.engine,
            urls=parts.urls,
            max_output_mb=self._settings.max_output_mb,
        )
        work = {
            Operation.BOOKMARKS_PREFETCH: prefetch.bookmarks,
            Operation.GITHUB_PREFETCH: prefetch.github,
            Operation.LOGOS_PREFETCH: prefetch.logos,
            Operation.OPENGRAPH_PREFETCH: prefetch.opengraph,
        }[operation]
        result = run.supervised(lambda: run.result(run.carry_out(work)))
        run.finish(result)
        return result

    def keep_logos(self, found: "Sequence[FoundLogo]", without: Mapping[str, str]) -> "KeptLogos":
        """Store logos that were found on demand, and why domains have none, as the logo job does.

        It takes the lease of the logo job and does not wait for it: while another run has it,
        the result is `locked` and nothing is stored. It leaves no state, history or notice.
        """
        # Imported here, because jobs do not need it.
        from datafetch.keep_run import KeepRun

        parts = self._usable_parts()
        return KeepRun(self._settings, parts, found, without).run()

    def _usable_parts(self) -> Parts:
        """The parts; new ones when an earlier job was stopped, and the command was not."""
        if self._parts.cancel.cancelled:
            self._parts = after_stop(self._settings, self._parts)
        return self._parts
