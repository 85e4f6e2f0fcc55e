"""Reading crontabs: which lines start datafetch, how, and which variables hold for them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.doctor.crontab_lines import CronLine, read_crontab
from datafetch.models.run import JobName

EXAMPLE = (Path(__file__).parents[2] / "crontab.example").read_text(encoding="utf-8")


def one(line: str, *, has_user: bool = False) -> CronLine:
    """The only line of a crontab."""
    (found,) = read_crontab(line, has_user=has_user)
    return found


def test_our_own_crontab_is_read():
    """What `schedule --crontab` prints is understood, line by line."""
    lines = read_crontab(EXAMPLE, has_user=False)
    assert [line.command for line in lines] == ["bookmarks", "github", "logos", "run-due"]
    assert [line.is_scheduled for line in lines] == [True, True, True, False]
    assert lines[0].jobs == (JobName.BOOKMARKS,)
    assert lines[3].jobs == ()
    for line in lines:
        assert line.folder == "/opt/site"
        assert line.variables["CRON_TZ"] == "America/Los_Angeles"
        assert line.variables["PATH"].startswith("/opt/site/.venv/bin:")
    assert lines[0].expression == "0 */2 * * *"
    assert EXAMPLE.splitlines()[lines[0].number - 1].startswith("0 */2 * * *  cd")


@pytest.mark.parametrize(
    ("line", "program", "command"),
    [
        ("0 1 * * * datafetch logos", "datafetch", "logos"),
        (
            "@daily /opt/site/.venv/bin/datafetch -q github",
            "/opt/site/.venv/bin/datafetch",
            "github",
        ),
        ("0 1 * * * datafetch --env-file /etc/x logos", "datafetch", "logos"),
        ("0 1 * * * flock -n /tmp/x datafetch run-due", "datafetch", "run-due"),
        (
            "0 1 * * * cd /srv/datafetch && .venv/bin/datafetch update",
            ".venv/bin/datafetch",
            "update",
        ),
        ("0 1 * * * python3 -m datafetch bookmarks", "python3", "bookmarks"),
        ("0 1 * * * . ./env; datafetch bookmarks >> log 2>&1", "datafetch", "bookmarks"),
        ("0 1 * * * datafetch bookmarks 'open quote", "datafetch", "bookmarks"),
    ],
)
def test_a_call_is_found_wherever_it_stands(line, program, command):
    """Behind `cd`, other programs, options, and with its input after a percent sign."""
    found = one(line)
    assert (found.program, found.command) == (program, command)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# 0 1 * * * datafetch logos",
        "0 1 * * * cd /srv/datafetch && make",
        "0 1 * * * backup > /var/log/datafetch",
        "0 1 * * datafetch",
        "PATH=/usr/bin:/opt/datafetch",
    ],
)
def test_other_lines_are_left_out(line):
    """A folder of that name is no call."""
    assert read_crontab(line, has_user=False) == []


def test_the_systems_lines_have_a_user():
    """In /etc/crontab and /etc/cron.d a name follows the fields."""
    found = one("*/15 * * * * site cd /opt/site && datafetch run-due", has_user=True)
    assert (found.command, found.folder) == ("run-due", "/opt/site")


def test_variables_hold_for_the_lines_below_them():
    """Cron reads CRON_TZ anew for each line."""
    text = "0 1 * * * datafetch logos\nCRON_TZ = 'America/Los_Angeles'\n@hourly datafetch github\n"
    first, second = read_crontab(text, has_user=False)
    assert "CRON_TZ" not in first.variables
    assert second.variables == {"CRON_TZ": "America/Los_Angeles"}
    assert second.expression == "0 * * * *"


def test_update_runs_the_jobs_that_it_names():
    """Without names it runs all."""
    assert one("0 1 * * * datafetch update bookmarks github --quiet").jobs == (
        JobName.BOOKMARKS,
        JobName.GITHUB,
    )
    assert set(one("0 1 * * * datafetch update").jobs) == set(JobName)


@given(st.text(alphabet="0 *@=\n\\'\"%datafetch-m&;|>/#$(){}`", max_size=200), st.booleans())
def test_no_crontab_is_too_odd(text, has_user):
    """Whatever stands there, it is read without an error, and lines are numbered within it."""
    for line in read_crontab(text, has_user=has_user):
        assert 1 <= line.number <= len(text.splitlines())
        assert "datafetch" in text
