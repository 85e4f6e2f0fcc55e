"""Options that all commands share, and how their values are read."""

from pathlib import Path

import pytest

from datafetch.cli.options import GlobalOptions, JobOptions
from datafetch.errors import UsageError
from tests.processes import datafetch


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


def test_options_after_the_commands_name_win():
    """Of one option on both sides the nearer counts; flags count on either side; the rest stays."""
    outer = GlobalOptions(verbose=True, log_format="json", env_file=Path("outer"))
    options = JobOptions(env_file=Path("inner"), limit=5, dry_run=True)
    assert options.over(outer) == JobOptions(
        verbose=True,
        log_format="json",
        env_file=Path("inner"),
        limit=5,
        dry_run=True,
    )


@pytest.mark.parametrize(
    ("verbose", "quiet", "verbosity"),
    [(False, False, 0), (True, False, 1), (False, True, -1)],
)
def test_verbosity_is_one_number(verbose, quiet, verbosity):
    """The log is told less, normal or more."""
    assert GlobalOptions(verbose=verbose, quiet=quiet).verbosity == verbosity


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (GlobalOptions(), JobOptions(verbose=True, quiet=True)),
        (GlobalOptions(verbose=True), JobOptions(quiet=True)),
        (GlobalOptions(quiet=True), JobOptions(verbose=True)),
    ],
)
def test_more_and_less_at_once_is_refused(before, after):
    """Who asks for more and for less is told so, on whichever side of the command they stand."""
    with pytest.raises(UsageError, match="--verbose and --quiet"):
        after.over(before)


def test_a_flag_given_twice_is_given(tmp_path):
    """`-vv` is no error: people bring it from other programs."""
    assert datafetch("-vv", "help", cwd=tmp_path).code == 0
