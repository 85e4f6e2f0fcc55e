"""Options that all commands share, and how their values are read."""

from pathlib import Path

import pytest
import typer

from datafetch.cli.options import GlobalOptions, JobOptions, parse_age
from tests.processes import datafetch


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("90m", 5400), ("12h", 43_200), ("30d", 2_592_000), (" 1.5W ", 907_200)],
)
def test_ages_are_read_with_their_unit(text, seconds):
    """`30d` is thirty days, in seconds."""
    assert parse_age(text) == seconds


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


@pytest.mark.parametrize("text", ["soon", "30", "d", "-1d", "1y", "1d2h", "1e3s", ""])
def test_what_is_no_age_is_refused(text):
    """A number without a unit, or anything else, is wrong usage."""
    with pytest.raises(typer.BadParameter, match=f"'{text}' is no age; write 45s, 90m, 12h"):
        parse_age(text)


def test_options_after_the_commands_name_win():
    """Of one option on both sides the nearer counts; flags count on either side; the rest stays."""
    outer = GlobalOptions(verbose=True, log_format="json", env_file=Path("outer"))
    options = JobOptions(quiet=True, env_file=Path("inner"), limit=5, dry_run=True)
    assert options.over(outer) == JobOptions(
        verbose=True,
        quiet=True,
        log_format="json",
        env_file=Path("inner"),
        limit=5,
        dry_run=True,
    )
    assert JobOptions(verbose=True).over(GlobalOptions(quiet=True)).verbosity == 1


@pytest.mark.parametrize(
    ("verbose", "quiet", "verbosity"),
    [(False, False, 0), (True, False, 1), (False, True, -1), (True, True, 1)],
)
def test_verbose_wins_over_quiet(verbose, quiet, verbosity):
    """Who asks for more and for less gets more."""
    assert GlobalOptions(verbose=verbose, quiet=quiet).verbosity == verbosity
