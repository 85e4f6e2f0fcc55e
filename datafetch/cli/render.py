"""Shows results and progress: results on stdout, the rest on stderr."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from datafetch.cli.streams import show
from datafetch.job import Progress
from datafetch.logs import terminal
from datafetch.models.run import RunResult, RunStatus

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


def print_results(
    results: Sequence[RunResult], *, as_json: bool, quiet: bool, dry_run: bool = False
) -> None:
    """Print one JSON array, or a line for each operation and a closing line of counts.

    Raises:
        OutputLost: standard output cannot be written to.
    """
    if as_json:
        show(json.dumps([result.to_json() for result in results]))
        return
    failed = [result for result in results if not result.success]
    for result in failed if quiet else results:
        show(result_line(result))
        for sentence in result.sentences:
            show(f"    {sentence}")
    if results and (failed or not quiet):
        show(closing_line(results) + (" (dry run: nothing was written)" if dry_run else ""))


def result_line(result: RunResult) -> str:
    """The line that shows the result of one operation."""
    text = (
        f"{result.operation.value:<24} {result.status.value:<10} "
        f"{_many(result.items_processed, 'item')}, {result.items_changed} changed, "
        f"{result.items_skipped} skipped, {result.items_failed} failed, {result.duration_s:.1f} s"
    )
    return f"{text}: {result.error}" if result.error else text


def closing_line(results: Sequence[RunResult]) -> str:
    """The last line: how many operations, failures, changed items and seconds."""
    counts = Counter(result.status for result in results)
    ended = ", ".join(
        f"{counts[status]} {status.value}"
        for status in (RunStatus.FAILED, RunStatus.LOCKED, RunStatus.CANCELLED)
        if counts[status] or status is RunStatus.FAILED
    )
    changed = sum(result.items_changed for result in results)
    seconds = sum(result.duration_s for result in results)
    return f"{_many(len(results), 'operation')}, {ended}, {_many(changed, 'item')} changed, {seconds:.1f} s"


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


class TerminalProgress:
    """Progress bars on a terminal's stderr; nothing anywhere else."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled and sys.stderr.isatty()
        self._bars: RichProgress | None = None

    def for_job(self, name: str) -> Progress:
        """The progress of one job."""
        if not self._enabled:
            return Progress()
        try:
            bars = self._started()
            for done in bars.task_ids:
                bars.remove_task(done)
            return _Bar(bars, bars.add_task(name, total=None), name)
        except OSError:  # the terminal went away; the run goes on
            self._enabled = False
            return Progress()

    def close(self) -> None:
        """Take the bars off the screen, if it is still there."""
        if self._bars is not None:
            with suppress(OSError):
                self._bars.stop()

    def _started(self) -> "RichProgress":
        if self._bars is None:
            from rich.progress import Progress as Bars

            self._bars = Bars(console=terminal(), transient=True)
            self._bars.start()
        return self._bars


class _Bar(Progress):
    """One job's bar."""

    def __init__(self, bars: "RichProgress", task: "TaskID", name: str) -> None:
        self._bars = bars
        self._task = task
        self._name = name

    def total(self, count: int) -> None:
        """Set how many items there are to work on."""
        self._bars.update(self._task, total=count)

    def advance(self, count: int = 1) -> None:
        """Count so many more items as done."""
        self._bars.update(self._task, advance=count, description=self._name)

    def waiting(self, note: str) -> None:
        """Show beside the job's name what it waits for."""
        self._bars.update(self._task, description=f"{self._name}: {note}")
