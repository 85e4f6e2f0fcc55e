"""What people read on stdout."""

import errno
import io
import json
import sys

import pytest

from datafetch.cli.console import screen
from datafetch.cli.render import TerminalProgress, closing_line, print_results, result_line
from datafetch.models.run import Operation, RunResult, RunStatus
from tests.terminals import played


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


def test_results_stand_below_each_other(capsys):
    """Names and statuses are in columns; error, notes and what to do are indented below."""
    opengraph = RunResult(Operation.OPENGRAPH, RunStatus.PARTIAL, "r", items_failed=2, notes=("n",))
    failed = _result(RunStatus.FAILED, 1, error="it is down", hint="Wait.", notes=("left out",))
    print_results([failed, opengraph], as_json=False, quiet=False)
    assert capsys.readouterr().out.splitlines() == [
        "logos      failed     0 items, 0 changed, 0.0 s",
        "    it is down",
        "    left out",
        "    Wait.",
        "opengraph  partial    0 items, 0 changed, 2 failed, 0.0 s",
        "    n",
        "2 operations, 1 failed, 0 items changed, 0.0 s",
    ]


def test_foreign_text_in_results_steers_no_terminal(capsys, monkeypatch):
    """An error or note from elsewhere is one line, seen and not obeyed; in JSON it is ASCII."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    evil = "a\x1b[2Jb\x9b31m\u202ec\nlogos  succeeded"
    results = [_result(RunStatus.FAILED, 1, error=evil, notes=(evil,), hint=evil)]
    print_results(results, as_json=False, quiet=False)
    shown = capsys.readouterr().out
    assert shown.count(r"    a\x1b[2Jb\x9b31m\u202ec\nlogos  succeeded") == 3
    assert len(shown.splitlines()) == 5
    deleted = _result(RunStatus.FAILED, 1, error=f"\x7f{evil}")
    print_results([*results, deleted], as_json=True, quiet=False)
    out = capsys.readouterr().out.rstrip("\n")
    assert out.isascii()
    assert out.isprintable()
    assert json.loads(out)[1]["error"] == f"\x7f{evil}"


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
    screen.cache_clear()
    progress = TerminalProgress(enabled=True)
    window.open = closed != "before"
    for job in ("bookmarks", "logos"):
        bar = progress.for_job(job)
        bar.total(3)
        bar.advance()
        bar.advance(2)
        progress.job_ended()
        bar.advance()  # of a thread that was not stopped in time
        window.open = window.open and closed != "between"
    window.open = False
    progress.close()
    monkeypatch.undo()
    screen.cache_clear()


def test_a_progress_bar_says_what_its_job_waits_for(monkeypatch):
    """Ten seconds in which nothing moves look like a hang; the next item takes the words away."""
    window = Window()
    monkeypatch.setattr(sys, "stderr", window)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    screen.cache_clear()
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
    screen.cache_clear()


def stands(window: Window) -> list[str]:
    """What stands on the terminal after one more line: bars are drawn anew below it."""
    screen().print("a line")
    lines, _ = played(window.getvalue().replace("\n", "\r\n"), 80)
    return lines


def test_brackets_in_what_is_waited_for_are_no_markup(monkeypatch):
    """The words may name an address or a repository: brackets are shown, and end no job."""
    window = Window()
    monkeypatch.setattr(sys, "stderr", window)
    monkeypatch.setenv("TERM", "xterm")
    screen.cache_clear()
    progress = TerminalProgress(enabled=True)
    bar = progress.for_job("github")
    bar.total(3)
    for note in ("[::1] or [bold]", "a [/closed] one"):
        bar.waiting(note)
        assert stands(window)[-1].startswith(f"github: {note} ")
    progress.close()
    monkeypatch.undo()
    screen.cache_clear()


@pytest.mark.parametrize("how", ["all done", "nothing to do", "job ended"])
def test_a_finished_bar_goes(monkeypatch, how):
    """A bar stands while its job has something to do, and no longer; more to do brings it back."""
    window = Window()
    monkeypatch.setattr(sys, "stderr", window)
    monkeypatch.setenv("TERM", "xterm")
    screen.cache_clear()
    progress = TerminalProgress(enabled=True)
    bar = progress.for_job("logos")
    bar.total(3)
    bar.advance()
    assert "logos" in stands(window)[-1]
    if how == "job ended":
        progress.job_ended()
    elif how == "all done":
        bar.advance(2)
    else:
        bar.total(0)
    assert stands(window)[-1] == "a line"
    if how == "all done":
        bar.total(4)
        assert "logos" in stands(window)[-1]
    progress.close()
    lines, cursor = played(window.getvalue().replace("\n", "\r\n"), 80)
    monkeypatch.undo()
    screen.cache_clear()
    assert set(lines) == {"a line"}
    assert cursor
