"""The job commands: strict parsing and help."""

import pytest

from tests.processes import datafetch

COMMANDS = (
    "bookmarks",
    "github",
    "logos",
    "refresh-opengraph",
    "prefetch-build",
    "prefetch-dev",
    "update",
)


@pytest.mark.parametrize(
    "arguments",
    [
        ["bookmarks", "--bookmark"],
        ["bookmarks", "--limit", "0"],
        ["bookmarks", "--restore", "9"],
        ["bookmarks", "--restore", "0"],
        ["prefetch-build", "--force"],
        ["prefetch-build", "--mirror", "copy", "--output", "generated"],
        ["prefetch-dev", "--mirror", "copy"],
        ["update", "bookmark"],
        ["update", "bookmarks", "nothing"],
        ["github", "--repo", "me/bad repo"],
        ["logos", "--domain", "not a domain"],
        ["frobnicate"],
        ["--env-file", "not-there.env", "bookmarks"],
    ],
)
def test_wrong_usage_is_exit_2_and_nothing_runs(tmp_path, arguments):
    """An unknown flag meant "no flag", and everything ran."""
    done = datafetch(*arguments, cwd=tmp_path)
    assert done.code == 2
    assert "--help'" in done.err
    assert done.out == ""
    assert list(tmp_path.glob(".datafetch*")) == []


@pytest.mark.parametrize(
    "arguments", [["bookmarks", "--bookmark"], ["bookmarks", "--limit", "0"], ["frobnicate"], []]
)
def test_json_stays_json_after_wrong_usage(tmp_path, arguments):
    """A caller that reads an array got nothing at all when an option was misspelt."""
    done = datafetch(*arguments, "--json", cwd=tmp_path)
    assert done.code == 2
    assert done.results == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(tmp_path, command):
    """Each command says what it does and what it takes."""
    done = datafetch(command, "--help", cwd=tmp_path)
    assert done.code == 0
    assert f"\n  datafetch {command} " in done.out
    assert "--json" in done.out
    assert done.err == ""
