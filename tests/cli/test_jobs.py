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
    assert "Usage:" in done.err
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["github", "--repo", "me/site", "--repo", "site"], "'--repo': 'site': write OWNER/NAME"),
        (["logos", "--domain", "a.example", "--domain", "b"], "'--domain': 'b' is no domain"),
        (["refresh-opengraph", "--url", "a.example"], "'--url': 'a.example' is no web address"),
        (["refresh-opengraph", "--older-than", "5"], "'--older-than': '5' is no age"),
        (["prefetch-build", "--max-age", "old"], "'--max-age': 'old' is no age"),
        (["--log-format", "xml", "github"], "'--log-format': 'xml': write console or json"),
    ],
)
def test_a_wrong_value_is_named_with_its_option(tmp_path, arguments, said):
    """Of several values the wrong one is shown, with the option it was given to and what would do."""
    done = datafetch(*arguments, cwd=tmp_path)
    assert done.code == 2
    assert f"Invalid value for {said}" in done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(tmp_path, command):
    """Each command says what it does and what it takes."""
    done = datafetch(command, "--help", cwd=tmp_path)
    assert done.code == 0
    assert f"Usage: python -m datafetch {command}" in done.out
    assert "--json" in done.out
    assert done.err == ""
