"""The command line: strict parsing, help, configuration errors, exit codes."""

import re
from pathlib import Path

import pytest

from datafetch.cli.app import with_bare_restore
from datafetch.cli.options import parse_age
from datafetch.cli.session import worst_code
from datafetch.models.run import Operation, RunResult, RunStatus
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
        ["update", "bookmark"],
        ["update", "bookmarks", "nothing"],
        ["github", "--repo", "no-slash"],
        ["github", "--repo", "me/bad repo"],
        ["logos", "--older-than", "soon"],
        ["logos", "--domain", "not a domain"],
        ["refresh-opengraph", "--url", "no-address"],
        ["frobnicate"],
        ["--log-format", "xml", "bookmarks"],
        ["--env-file", "not-there.env", "bookmarks"],
    ],
)
def test_wrong_usage_is_exit_2_and_nothing_runs(tmp_path, arguments):
    """An unknown flag meant "no flag", and everything ran."""
    done = datafetch(*arguments, cwd=tmp_path)
    assert done.code == 2
    assert "Usage:" in done.err
    assert list(tmp_path.glob(".datafetch*")) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(tmp_path, command):
    """Each command says what it does and what it takes."""
    done = datafetch(command, "--help", cwd=tmp_path)
    assert done.code == 0
    assert f"Usage: python -m datafetch {command}" in done.out
    assert "--json" in done.out
    assert done.err == ""


def test_the_version_is_printed(tmp_path):
    """`--version` answers without any setting."""
    done = datafetch("--version", cwd=tmp_path)
    assert re.fullmatch(r"datafetch \d+\.\d+\.\d+\n", done.out)


def test_missing_settings_are_all_named(tmp_path):
    """A first run without settings says at once everything that is needed: exit 78."""
    done = datafetch("update", cwd=tmp_path)
    assert done.code == 78
    for name in (
        "BOOKMARKS_API_URL",
        "BOOKMARKS_LIST_ID",
        "BOOKMARK_BEARER_TOKEN",
        "GITHUB_TOKEN",
        "GITHUB_REPO_OWNER",
    ):
        assert f"{name} is missing" in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.glob(".datafetch*")) == []


def test_what_is_invalid_does_not_hide_what_is_missing(tmp_path):
    """A user with one wrong value sees in the same go what else is needed."""
    done = datafetch(
        "update", cwd=tmp_path, DATAFETCH_CONCURRENCY="many", BOOKMARKS_API_URL="no-url"
    )
    assert done.code == 78
    for said in ("DATAFETCH_CONCURRENCY: should be", "GITHUB_REPO_OWNER is missing"):
        assert said in done.err
    assert done.err.count("BOOKMARKS_API_URL") == 1


def test_json_stays_json_when_settings_are_missing(tmp_path):
    """With --json stdout is one array of results, whatever happens."""
    done = datafetch("bookmarks", "--json", cwd=tmp_path)
    assert done.code == 78
    result = done.result("bookmarks")
    assert (result["status"], result["success"]) == ("failed", False)
    assert "BOOKMARKS_API_URL" in result["error"]


def test_a_limit_is_refused_in_production(tmp_path):
    """A limit for development reached production and cut the dataset to 20 items."""
    settings = {
        "DATAFETCH_ENV": "production",
        "BOOKMARKS_API_URL": "http://127.0.0.1:9",
        "BOOKMARKS_LIST_ID": "l",
        "BOOKMARK_BEARER_TOKEN": "t-t-t-t",
    }
    done = datafetch("bookmarks", "--limit", "5", cwd=tmp_path, **settings)
    assert done.code == 2
    assert "--limit is refused in production" in done.err


def test_a_build_service_must_say_where_objects_live(tmp_path):
    """A job without an environment ran into a default folder and said "success" for weeks."""
    done = datafetch("prefetch-build", cwd=tmp_path, CI="true")
    assert done.code == 78
    assert "DATAFETCH_STORE" in done.err


def test_global_options_work_on_both_sides_of_the_command(tmp_path):
    """`--env-file` before or after the command's name means the same."""
    (tmp_path / "bad.env").write_text("DATAFETCH_CONCURRENCY=many\n")
    for arguments in (
        ["--env-file", "bad.env", "bookmarks"],
        ["bookmarks", "--env-file", "bad.env"],
    ):
        done = datafetch(*arguments, cwd=tmp_path)
        assert done.code == 78
        assert "DATAFETCH_CONCURRENCY" in done.err


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("90m", 5400), ("12h", 43_200), ("30d", 2_592_000)]
)
def test_ages_are_read_with_their_unit(text, seconds):
    """`30d` is thirty days, in seconds."""
    assert parse_age(text) == seconds


@pytest.mark.parametrize(
    ("given", "expanded"),
    [
        (["bookmarks", "--restore"], ["bookmarks", "--restore", "1"]),
        (["bookmarks", "--restore", "--json"], ["bookmarks", "--restore", "1", "--json"]),
        (["bookmarks", "--restore", "3"], ["bookmarks", "--restore", "3"]),
    ],
)
def test_a_bare_restore_means_the_newest_backup(given, expanded):
    """`--restore` may stand without its number."""
    assert with_bare_restore(given) == expanded


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([0, 75], 75), ([75, 1], 1), ([1, 78], 78), ([78, 143, 1], 143), ([0, 0], 0), ([], 0)],
)
def test_the_most_severe_code_wins(codes, expected):
    """Of several: signal, 78, 1, 75, 0."""
    results = [RunResult(Operation.LOGOS, RunStatus.FAILED, "r", exit_code=c) for c in codes]
    assert worst_code(results) == expected


def test_the_readmes_help_is_the_commands_help(tmp_path):
    """The README's help block cannot go stale."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    block = readme.split("<!-- help:begin -->")[1].split("<!-- help:end -->")[0]
    shown = datafetch("--help", cwd=tmp_path, COLUMNS="100").out
    assert shown.replace("python -m datafetch", "datafetch").strip() in block
