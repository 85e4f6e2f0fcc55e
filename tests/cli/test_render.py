"""What people read on stdout."""

import errno
import io
import sys

import pytest

from datafetch.cli.render import TerminalProgress, closing_line, print_results, result_line
from datafetch.logs import terminal
from datafetch.models.run import Operation, RunResult, RunStatus


def _result(status: RunStatus, code: int = 0, **fields: object) -> RunResult:
    return RunResult(Operation.LOGOS, status, "r", exit_code=code, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("statuses", "line"),
    [
        ([RunStatus.SUCCEEDED], "1 operation, 0 failed, 0 items changed, 0.0 s"),
        ([RunStatus.LOCKED], "1 operation, 0 failed, 1 locked, 0 items changed, 0.0 s"),
        (
            [RunStatus.FAILED, RunStatus.CANCELLED],
            "2 operations, 1 failed, 1 cancelled, 0 items changed, 0.0 s",
        ),
    ],
)
def test_the_closing_line_counts_each_way_of_ending(statuses, line):
    """A lock that could not be had looked like a failure."""
    assert closing_line([_result(status) for status in statuses]) == line


def test_one_item_is_one_item():
    """Counts read as people say them."""
    assert " 1 item, 2 changed" in result_line(
        _result(RunStatus.SUCCEEDED, items_processed=1, items_changed=2)
    )


def test_quiet_speaks_of_failures_only(capsys):
    """`--quiet` prints nothing when all is well, and what failed with what to do."""
    print_results([_result(RunStatus.SUCCEEDED)], as_json=False, quiet=True)
    assert capsys.readouterr().out == ""
    failed = _result(RunStatus.FAILED, 1, error="down", hint="try again")
    print_results([_result(RunStatus.SUCCEEDED), failed], as_json=False, quiet=True)
    shown = capsys.readouterr().out
    assert "down" in shown
    assert "try again" in shown
    assert shown.count("logos ") == 1


def test_a_dry_run_says_so(capsys):
    """Nobody takes a plan for what was done."""
    print_results([_result(RunStatus.SUCCEEDED)], as_json=False, quiet=False, dry_run=True)
    assert "(dry run: nothing was written)" in capsys.readouterr().out


class Window(io.StringIO):
    """A terminal that somebody may close."""

    open = True

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not self.open:
            raise OSError(errno.EIO, "Input/output error")
        return super().write(text)


@pytest.mark.parametrize("closed", ["before", "between", "at the end"])
def test_a_terminal_that_goes_away_stops_no_job(monkeypatch, closed):
    """The window was closed: whichever job shows its progress next goes on without it."""
    window = Window()
    monkeypatch.setattr(sys, "stderr", window)
    monkeypatch.setenv("TERM", "xterm")
    terminal.cache_clear()
    progress = TerminalProgress(enabled=True)
    window.open = closed != "before"
    for job in ("bookmarks", "logos"):
        bar = progress.for_job(job)
        bar.total(3)
        bar.advance()
        window.open = window.open and closed != "between"
    window.open = False
    progress.close()
    monkeypatch.undo()
    terminal.cache_clear()


def test_a_progress_bar_says_what_its_job_waits_for(monkeypatch):
    """Ten seconds in which nothing moves look like a hang; the next item takes the words away."""
    window = Window()
    monkeypatch.setattr(sys, "stderr", window)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    terminal.cache_clear()
    progress = TerminalProgress(enabled=True)
    bar = progress.for_job("github")
    bar.total(3)
    bar.waiting("waiting 10 s for GitHub")
    progress.close()
    assert "github: waiting 10 s for GitHub" in window.getvalue()
    progress = TerminalProgress(enabled=True)
    window.truncate(0)
    bar = progress.for_job("github")
    bar.total(3)
    bar.waiting("waiting 10 s for GitHub")
    bar.advance()
    window.truncate(0)
    progress.close()
    assert "waiting" not in window.getvalue()
    monkeypatch.undo()
    terminal.cache_clear()
