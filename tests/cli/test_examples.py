"""The examples below each help page: what they show can be typed."""

import re
import shlex

import pytest
import typer.main

from datafetch.cli.app import app, with_bare_values
from datafetch.cli.examples import EXAMPLES
from tests.processes import ROOT, datafetch

LINES = [line for examples in EXAMPLES.values() for _, line in examples]


def test_every_command_has_examples():
    """A new command gets its examples."""
    assert set(EXAMPLES) == {"", *typer.main.get_command(app).commands}  # type: ignore[attr-defined]


CRONTAB = (ROOT / "crontab.example").read_text(encoding="utf-8")
CRON_LINES = re.findall(r"^(?:# )?(?:[\d*/]+ +){5}.* && (datafetch .*)$", CRONTAB, re.MULTILINE)


def test_every_job_stands_in_the_crontab():
    """The example has a line for each job that has a schedule by itself, and the net under them."""
    assert [line.split()[1] for line in CRON_LINES] == ["bookmarks", "github", "logos", "run-due"]
    assert all("--quiet" in line for line in CRON_LINES)
    assert all("--scheduled" in line for line in CRON_LINES[:-1])


@pytest.mark.parametrize("line", [*LINES, *CRON_LINES])
def test_an_example_is_a_line_that_is_taken(line):
    """Copied from the help or the crontab, a line is never wrong usage."""
    words = shlex.split(line)
    arguments = with_bare_values(words[words.index("datafetch") + 1 :])
    program = typer.main.get_command(app)
    with program.make_context("datafetch", arguments) as context:
        _, command, rest = program.resolve_command(context, arguments)  # type: ignore[attr-defined]
        command.make_context(command.name, rest, parent=context).close()


@pytest.mark.parametrize("command", [name for name in EXAMPLES if name])
def test_the_examples_of_a_command_are_of_that_command(command):
    """Whoever reads the page of a command finds lines that call it."""
    assert [line for _, line in EXAMPLES[command] if f"datafetch {command}" not in line] == []


def test_examples_are_shown_as_they_are_typed(tmp_path):
    """Line breaks are kept: a line of an example can be copied."""
    for command, examples in EXAMPLES.items():
        page = datafetch(*filter(None, [command]), "--help", cwd=tmp_path).out
        for purpose, line in examples:
            shown = line.replace("\n", "\n  ")
            assert f"  # {purpose}\n  {shown}\n" in page
