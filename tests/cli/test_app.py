"""The application: the help that the README shows, the version, and the option without a value."""

import re
from pathlib import Path

import pytest

from datafetch.cli.app import with_bare_values
from tests.processes import datafetch

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_printed(tmp_path, option):
    """`--version` answers without any setting."""
    done = datafetch(option, cwd=tmp_path)
    assert re.fullmatch(r"datafetch \d+\.\d+\.\d+\n", done.out)


@pytest.mark.parametrize(
    ("given", "expanded"),
    [
        (["bookmarks", "--restore"], ["bookmarks", "--restore", "1"]),
        (["bookmarks", "--restore", "--json"], ["bookmarks", "--restore", "1", "--json"]),
        (["bookmarks", "--restore", "3"], ["bookmarks", "--restore", "3"]),
        (["bookmarks", "--restore", "x"], ["bookmarks", "--restore", "x"]),
    ],
)
def test_a_bare_restore_means_the_newest_backup(given, expanded):
    """`--restore` may stand without its number."""
    assert with_bare_values(given) == expanded


def test_the_readmes_help_is_the_commands_help(tmp_path):
    """The README's help block cannot go stale."""
    block = README.split("<!-- help:begin -->")[1].split("<!-- help:end -->")[0]
    shown = datafetch("--help", cwd=tmp_path, COLUMNS="100").out
    assert block == f"\n```text\n{shown}```\n"


def test_the_readmes_table_has_every_command_of_the_help(tmp_path):
    """Who reads the README and who reads the help find the same commands."""
    table = README.split("\n## Commands\n")[1].split("<!-- help:begin -->")[0]
    described = set(re.findall(r"^\| `datafetch ([\w-]+)", table, re.MULTILINE))
    shown = datafetch("--help", cwd=tmp_path).out.partition("Global options:")[0]
    listed = set(re.findall(r"^  ([a-z-]+)  +\S", shown, re.MULTILINE))
    assert described == listed


@pytest.mark.parametrize("command", ["bookmarks", "github", "logos", "refresh-opengraph"])
def test_the_readme_names_every_option_of_its_own_that_a_command_has(tmp_path, command):
    """A new option gets its place in the README's line of the command."""
    (line,) = (row for row in README.splitlines() if row.startswith(f"| `datafetch {command}`"))
    page = datafetch(command, "--help", cwd=tmp_path).out
    own = page.partition("\nOptions:\n")[2].partition("\n\n")[0]
    options = re.findall(r"^ +(?:-\w, )?(--[\w-]+)", own, re.MULTILINE)
    assert [option for option in options if option not in line] == []


def test_the_program_alone_shows_its_help(tmp_path):
    """Who types the name alone wants to know what to type; nothing went wrong."""
    alone = datafetch(cwd=tmp_path)
    assert (alone.code, alone.err) == (0, "")
    assert alone.out == datafetch("--help", cwd=tmp_path).out


@pytest.mark.parametrize(
    ("arguments", "page"),
    [
        (["help"], ["--help"]),
        (["help", "logos"], ["logos", "--help"]),
        (["logos", "-h"], ["logos", "--help"]),
    ],
)
def test_help_is_a_command_too(tmp_path, arguments, page):
    """`datafetch help logos` is what people type who know git, gh or restic."""
    done = datafetch(*arguments, cwd=tmp_path)
    assert done.code == 0
    assert done.out == datafetch(*page, cwd=tmp_path).out


def test_help_of_what_is_no_command_is_wrong_usage(tmp_path):
    """A misspelt command is told as it would be without `help`."""
    done = datafetch("help", "bookmark", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "did you mean bookmarks?" in done.err
