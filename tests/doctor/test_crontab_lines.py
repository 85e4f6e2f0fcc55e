"""Reading crontabs: which lines start datafetch, how, and which variables hold for them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.cli.jobs import NAMES
from datafetch.doctor.crontab_lines import COMMANDS, CronLine, read_crontab, same_times
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
        ("0 1 * * * /v/datafetch update 2>&1 | logger -t datafetch", "/v/datafetch", "update"),
        ("0 1 * * * systemd-cat -t datafetch /v/datafetch logos", "/v/datafetch", "logos"),
        ("0 1 * * * flock -n /run/lock/datafetch /v/datafetch logos", "/v/datafetch", "logos"),
        ("0 1 * * * sudo -u datafetch datafetch run-due", "datafetch", "run-due"),
        ("0 1 * * * [ -x /v/datafetch ] && /v/datafetch run-due", "/v/datafetch", "run-due"),
        ("0 1 * * * datafetch logos || mail -s datafetch me@example.com", "datafetch", "logos"),
        ("0 1 * * * sh -c 'cd /srv && datafetch logos'", "datafetch", "logos"),
        ("0 1 * * * /v/datafetch serve-no-more", "/v/datafetch", "serve-no-more"),
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
        "0 1 * * * tar czf /backup/x.tgz /srv/datafetch",
        "0 1 * * * ls /srv/datafetch && cp -r /srv/datafetch /backup",
    ],
)
def test_other_lines_are_left_out(line):
    """A folder of that name is no call."""
    assert read_crontab(line, has_user=False) == []


def test_all_commands_of_the_program_are_known():
    """A new command that is not would be overlooked behind `flock` and its like."""
    assert set(NAMES) == COMMANDS


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("docker exec site datafetch logos", "docker"),
        ("/usr/bin/docker exec site sh -c 'cd /x && datafetch logos'", "docker"),
        ("cd /opt/site && uv run datafetch logos", "uv"),
        ("PATH=/v/bin:$PATH datafetch logos", "its own PATH"),
        (". /etc/profile; datafetch logos", "."),
        ("bash -lc 'datafetch logos'", "bash -lc"),
        ("bash -c 'datafetch logos'", ""),
        ("/v/datafetch logos | ssh host tee log", ""),
    ],
)
def test_who_finds_it_otherwise_than_cron_is_told(line, word):
    """Then cron's PATH says nothing about it."""
    assert one(f"0 1 * * * {line}").elsewhere == word


@pytest.mark.parametrize(
    ("line", "is_kept"),
    [
        ("datafetch logos >> log 2>&1", True),
        ("datafetch logos &>> log", True),
        ("datafetch logos | logger", True),
        ("datafetch logos", False),
        ("datafetch logos && date > log", False),
    ],
)
def test_what_is_printed_may_be_kept(line, is_kept):
    """Then nobody needs a mail; numbers of streams are no arguments."""
    found = one(f"0 1 * * * {line}")
    assert (found.keeps_output, found.arguments) == (is_kept, ())


@pytest.mark.parametrize(
    ("one_way", "other", "same"),
    [
        ("0 1 * * 0", "0 1 * * sun", True),
        ("0 1 * * 7", "00 1 * * Sun", True),
        ("0 1 1 jan MON-FRI", "0 1 1 1 1-5", True),
        ("0 1 * * 0", "0 1 * * 1", False),
        ("~ 1 * * 0", "~  1 * * 0", True),
        ("0 1 * * 0", "", False),
    ],
)
def test_times_are_compared_by_what_they_mean(one_way, other, same):
    """Names and numbers of days are the same; what only some crons know is compared as text."""
    assert same_times(one_way, other) is same


def test_the_systems_lines_have_a_user():
    """In /etc/crontab and /etc/cron.d a name follows the fields."""
    found = one("*/15 * * * * site cd /opt/site && datafetch run-due", has_user=True)
    assert (found.command, found.folder, found.user) == ("run-due", "/opt/site", "site")


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
