"""The help pages: their width, their parts, and their colours."""

import functools
import re

import pytest

from datafetch.settings import ENV_NAMES
from tests.processes import ROOT, datafetch

COMMANDS = (
    "bookmarks",
    "github",
    "logos",
    "refresh-opengraph",
    "update",
    "prefetch-build",
    "prefetch-dev",
    "schedule",
    "guide",
    "help",
)
PAGES = [(), *((command,) for command in COMMANDS)]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def test_help_is_as_light_in_colours_as_in_a_pipe(tmp_path):
    """Nobody waits for libraries that draw, read settings or log, to be told how to type."""
    done = datafetch("--help", cwd=tmp_path, FORCE_COLOR="1", PYTHONPROFILEIMPORTTIME="1")
    loaded = set(re.findall(r"\| +(\w+)", done.err))
    assert "typer" in loaded
    assert loaded & {"rich", "pydantic", "logging", "ctypes", "boto3", "httpx2", "ada_url"} == set()


@pytest.mark.parametrize("page", PAGES)
def test_settings_are_named_as_they_are_set(page):
    """A setting that a page names is one that there is."""
    named = set(re.findall(r"\b[A-Z0-9]+(?:_[A-Z0-9]+)+\b", page_of(*page)))
    assert named <= {name for names in ENV_NAMES.values() for name in names}


@functools.cache
def page_of(*command: str) -> str:
    """The help of a command, or of the program, in a pipe; no test changes it."""
    return datafetch(*command, "--help", cwd=ROOT, COLUMNS="80").out


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_terminal_of_80_columns(page):
    """No line is wrapped by the terminal, and no text is cut."""
    text = page_of(*page)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "..." not in text.replace("[JOB]...", "")
    assert "…" not in text


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_no_names_of_types(page):
    """`<bool>`, `<file>` and `[x>=1]` mean nothing to who is to type a value."""
    assert not re.search(r"<\w+>|\[x|\bINTEGER\b|\bTEXT\b", page_of(*page))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_usage_examples_and_exit_codes(page):
    """Each page says how the line is built, shows two to four lines to copy, and what ends how."""
    text = page_of(*page)
    assert f"\nUsage:\n  {' '.join(['datafetch', *page])}" in text
    examples = text.partition("\nExamples:\n")[2].partition("\n\n")[0]
    assert 2 <= len(re.findall(r"^  # ", examples, re.MULTILINE)) <= 4
    codes = text.partition("\nExit codes:\n")[2].partition("\n\n")[0]
    assert {"0", "2"} <= set(re.findall(r"^  (\d+)", codes, re.MULTILINE))
    assert ".env" in text


def test_the_summaries_are_whole():
    """Each command's summary stands on its line of the list, in the group that it belongs to."""
    text = page_of()
    groups = dict(re.findall(r"^(\w[^\n]*):\n((?:  [a-z][^\n]*\n)+)\n", text, re.MULTILINE))
    listed = {
        title: re.findall(r"^  ([a-z-]+) {2,}\w", rows, re.MULTILINE)
        for title, rows in groups.items()
    }
    fetching = ["bookmarks", "github", "logos", "refresh-opengraph", "update"]
    assert fetching in listed.values()
    assert ["prefetch-build", "prefetch-dev"] in listed.values()


def test_a_commands_own_options_come_first():
    """What only this command has stands before what all have, and the global ones are last."""
    text = page_of("logos")
    places = [
        text.index(part)
        for part in (
            "\nOptions:\n      --domain",
            "--older-than",
            "\nCommon options:\n",
            "--force",
            "\nGlobal options:\n",
            "--verbose",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("update", "datafetch update [JOB]... [OPTIONS]"),
        ("help", "datafetch help [COMMAND] [OPTIONS]"),
        ("guide", "datafetch guide [TOPIC] [OPTIONS]"),
        ("logos", "datafetch logos [OPTIONS]"),
    ],
)
def test_the_usage_line_is_true(command, usage):
    """Brackets stand around what may be left out, and dots after what may be repeated."""
    assert f"Usage:\n  {usage}\n" in page_of(command)


@pytest.mark.parametrize("page", PAGES)
def test_colours_change_no_word(tmp_path, page):
    """A terminal shows the page that a pipe gets, in colours."""
    plain = page_of(*page)
    coloured = datafetch(*page, "--help", cwd=tmp_path, COLUMNS="80", FORCE_COLOR="1").out
    assert "\x1b" not in plain
    assert "\x1b[1mUsage:\x1b[0m" in coloured
    assert ESCAPE.sub("", coloured) == plain


def test_who_wants_no_colours_gets_none(tmp_path):
    """`NO_COLOR` counts before what asks for them."""
    done = datafetch("--help", cwd=tmp_path, COLUMNS="80", NO_COLOR="1", FORCE_COLOR="1")
    assert done.out == page_of()


def test_help_command_has_the_colours_too(tmp_path):
    """`datafetch help logos` is the same page."""
    done = datafetch("help", "logos", cwd=tmp_path, FORCE_COLOR="1")
    assert done.out == datafetch("logos", "--help", cwd=tmp_path, FORCE_COLOR="1").out
