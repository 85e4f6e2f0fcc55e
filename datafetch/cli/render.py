"""Shows results and progress: results on stdout, the rest on stderr."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from datafetch.cli.console import screen
from datafetch.cli.events import counts_text, many
from datafetch.cli.streams import can_redraw, painted, show, uses_colour, width_of
from datafetch.models.run import RunResult, RunStatus
from datafetch.models.shard import in_tables
from datafetch.printable import printable
from datafetch.runtime.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


_GREEN, _YELLOW, _RED, _BOLD = "32", "33", "31", "1"
_COLOURS = {
    RunStatus.SUCCEEDED: _GREEN,
    RunStatus.UNCHANGED: _GREEN,
    RunStatus.PARTIAL: _YELLOW,
    RunStatus.LOCKED: _YELLOW,
    RunStatus.CANCELLED: _YELLOW,
    RunStatus.FAILED: _RED,
}
_INDENT = "    "
_NARROWEST = 40


def print_results(
    results: Sequence[RunResult], *, as_json: bool, quiet: bool, dry_run: bool = False
) -> None:
    """Print one JSON array, or a line for each operation and a closing line of counts.

    Below an operation's line stand, indented, its error, its notes, and what to do. With `quiet`
    only operations that did not succeed are shown.

    Raises:
        OutputLost: standard output cannot be written to.
    """
    if as_json:
        show(json.dumps([result.to_json() for result in results]))
        return
    shown = [result for result in results if not (quiet and result.success)]
    longest = max((len(_name_of(result)) for result in shown), default=0)
    colours, width = uses_colour(sys.stdout), width_of(sys.stdout)
    for result in shown:
        line = result_line(result, longest)
        if colours:
            word, colour = result.status.value, _COLOURS[result.status]
            line = line.replace(f" {word}", f" {painted(word, colour)}", 1)
        show(line)
        for sentence in (result.error, *result.sentences):
            # of what did not begin, the error is on stderr already
            if sentence and (result.run_id or result.unseen):
                show(_below(sentence, width))
    if shown or (results and not quiet):
        closing = closing_line(results) + (" (dry run: nothing was written)" if dry_run else "")
        show(painted(closing, _BOLD) if colours else closing)


def result_line(result: RunResult, longest: int = 0) -> str:
    """The line that shows the result of one operation.

    `longest` is the length of the longest of the names that stand below each other.
    """
    did = counts_text(result.to_json()) if result.run_id else "did not begin"
    if result.unseen:
        did = "ended without notice"
    return f"{_name_of(result):<{longest}}  {result.status.value:<9}  {did}"


def _name_of(result: RunResult) -> str:
    return in_tables(result.operation.value, result.shard)


def _below(sentence: str, width: int | None) -> str:
    """A sentence below the line of its result: in one line, or in lines of so many columns."""
    text = printable(sentence)
    if width is None or width < _NARROWEST or len(text) + len(_INDENT) <= width:
        return _INDENT + text
    import textwrap

    return textwrap.fill(
        text,
        width,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,  # addresses and commands can be copied whole
        break_on_hyphens=False,
    )


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
    return f"{many(len(results), 'operation')}, {ended}, {many(changed, 'item')} changed, {seconds:.1f} s"


class TerminalProgress:
    """Progress bars on a terminal's stderr; nothing anywhere else."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled and can_redraw(sys.stderr)
        self._bars: RichProgress | None = None

    def for_job(self, name: str) -> Progress:
        """The progress of one job."""
        if not self._enabled:
            return Progress()
        try:
            bars = self._started()
            return _Bar(bars, bars.add_task(name, total=None), name)
        except OSError:  # the terminal went away; the run goes on
            self._enabled = False
            return Progress()

    def job_ended(self) -> None:
        """Take the job's bar off the screen; the next job makes its own."""
        if self._bars is not None:
            for task in self._bars.task_ids:
                self._bars.remove_task(task)
            with suppress(OSError):  # the terminal went away
                self._bars.refresh()

    def close(self) -> None:
        """Take the bars off the screen, if it is still there."""
        if self._bars is not None:
            with suppress(OSError):
                self._bars.stop()

    def _started(self) -> "RichProgress":
        if self._bars is None:
            from rich.progress import Progress as Bars

            # what is printed on stdout is no matter of stderr's screen
            self._bars = Bars(console=screen(), transient=True, redirect_stdout=False)
            self._bars.start()
        return self._bars


class _Bar(Progress):
    """One job's bar; it goes when all is done, and comes back when there is more to do."""

    def __init__(self, bars: "RichProgress", task: "TaskID", name: str) -> None:
        self._bars = bars
        self._task = task
        self._name = name

    def total(self, count: int) -> None:
        """Set how many items there are to work on."""
        with _as_far_as_it_goes():
            self._bars.update(self._task, total=count, visible=True, refresh=True)
            self._hide_if_done()

    def advance(self, count: int = 1) -> None:
        """Count so many more items as done."""
        with _as_far_as_it_goes():
            self._bars.update(self._task, advance=count, description=self._name)
            self._hide_if_done()

    def waiting(self, note: str) -> None:
        """Show beside the job's name what it waits for."""
        from rich.markup import escape  # here it is loaded already, with the bars

        with _as_far_as_it_goes():
            about = escape(f"{self._name}: {printable(note)}")
            self._bars.update(self._task, description=about, visible=True, refresh=True)

    def _hide_if_done(self) -> None:
        for task in self._bars.tasks:
            if task.id == self._task and task.finished and task.visible:
                self._bars.update(self._task, visible=False, refresh=True)


def _as_far_as_it_goes() -> suppress:
    """A bar is no reason for a job to fail.

    The terminal may have gone away (OSError), and a thread of a job that was stopped may come when
    its bar is no more (KeyError).
    """
    return suppress(OSError, KeyError)
