"""The crontab and the timers of a machine, against the settings."""

import pwd
from dataclasses import replace
from pathlib import Path

import pytest

from datafetch.doctor.findings import Finding, Form
from datafetch.doctor.paths import home_folder
from datafetch.doctor.schedule_check import ScheduleCheck, Wanted
from datafetch.doctor.surroundings import zone_of
from datafetch.models.run import JobName
from tests.doctor.roots import CRONIE, around, put, with_cronie, with_debians
from tests.support import unprivileged, unprivileged_folder

ABOVE = "CRON_TZ=America/Los_Angeles\nPATH=/opt/site/.venv/bin:/usr/bin:/bin\n"
JOB = "0 */2 * * * cd /opt/site && datafetch bookmarks --scheduled --quiet\n"
NET = "*/15 * * * * cd /opt/site && datafetch run-due --quiet\n"
WANTED = (Wanted(JobName.BOOKMARKS, "0 */2 * * *", "S3_BOOKMARKS_CRON"),)


def look(root, crontab=None, wanted=WANTED, zone="Etc/UTC") -> list[Finding]:
    """What is found on that system."""
    return [*ScheduleCheck(wanted, around(root, crontab, zone)).look()]


def wrong(findings: list[Finding]) -> list[tuple[str, str, str]]:
    """What is not well."""
    return [(one.check, one.status.value, one.detail) for one in findings if one.status != "ok"]


def test_a_crontab_as_the_settings_say_is_well(tmp_path):
    """Job, zone, path and net: nothing to do."""
    with_cronie(tmp_path)
    findings = look(tmp_path, ABOVE + JOB + NET)
    assert wrong(findings) == []
    assert [one.detail for one in findings] == [
        "cronie runs, and reads CRON_TZ",
        "crontab -l: 2 lines start datafetch",
        "crontab -l, line 3: 0 */2 * * *, as S3_BOOKMARKS_CRON has it",
        "is there, the net under all schedules",
    ]


@pytest.mark.parametrize(
    ("crontab", "check", "said"),
    [
        (
            ABOVE + JOB.replace("*/2", "*/3") + NET,
            "cron line bookmarks",
            "it says 0 */3 * * *, S3_BOOKMARKS_CRON says 0 */2 * * *",
        ),
        (
            ABOVE + JOB.replace(" --scheduled", "") + NET,
            "cron line bookmarks",
            "--scheduled is missing",
        ),
        (
            ABOVE.replace("CRON_TZ=America/Los_Angeles\n", "") + JOB + NET,
            "cron line bookmarks",
            "CRON_TZ is missing above it",
        ),
        (
            ABOVE.replace("Los_Angeles", "New_York") + JOB + NET,
            "cron line bookmarks",
            "CRON_TZ is America/New_York, and has to be America/Los_Angeles",
        ),
        (ABOVE + JOB, "run-due", "no line starts it"),
        ("MAILTO=\n" + ABOVE + JOB + NET, "MAILTO", "nobody is told of a failure"),
        (
            ABOVE + NET + "0 0 * * * datafetch github --scheduled\n",
            "cron line github",
            "the job is not configured here",
        ),
    ],
)
def test_what_differs_is_warned_of_with_its_line(tmp_path, crontab, check, said):
    """Each difference names the line, and what the settings say."""
    with_cronie(tmp_path)
    found = [
        (name, status) for name, status, detail in wrong(look(tmp_path, crontab)) if said in detail
    ]
    assert (check, "warn") in found


def test_run_due_alone_is_enough(tmp_path):
    """It knows the zone and the schedules by itself, whatever the cron."""
    with_debians(tmp_path)
    path = "PATH=/opt/site/.venv/bin:/usr/bin\n"
    assert wrong(look(tmp_path, path + NET)) == []


def test_a_job_that_nothing_starts_is_named(tmp_path):
    """Without the net each job needs a line."""
    with_cronie(tmp_path)
    wanted = (*WANTED, Wanted(JobName.LOGOS, "0 1 * * 0", "S3_LOGOS_CRON"))
    found = wrong(look(tmp_path, ABOVE + JOB, wanted))
    assert (
        "cron line logos",
        "warn",
        "no line starts it, and S3_LOGOS_CRON says 0 1 * * 0",
    ) in found


def test_a_cron_that_ignores_the_zone_is_told_at_each_line(tmp_path):
    """Jobs would run at the machine's own hours."""
    with_debians(tmp_path)
    (found,) = wrong(look(tmp_path, ABOVE + JOB + NET))
    assert "Debian's cron ignores CRON_TZ and takes the machine's zone (Etc/UTC)" in found[2]
    assert "leave only the line of run-due" in found[2]


def test_a_machine_in_pacific_time_needs_no_zone(tmp_path):
    """There the lines mean what the settings mean."""
    with_debians(tmp_path)
    crontab = ABOVE.partition("\n")[2] + JOB + NET
    assert wrong(look(tmp_path, crontab, zone="America/Los_Angeles")) == []


def test_a_datafetch_that_cron_does_not_find_fails(tmp_path):
    """Exit code 127 leaves no history: nobody would notice."""
    with_cronie(tmp_path)
    crontab = "CRON_TZ=America/Los_Angeles\n" + JOB + NET
    first, second = wrong(look(tmp_path, crontab))
    assert first == (
        "cron's datafetch",
        "fail",
        "crontab -l, line 2: datafetch is not there; looked in /usr/bin:/bin",
    )
    assert second[1] == "fail"
    hints = [one.hint for one in look(tmp_path, crontab) if one.status == "fail"]
    assert hints[0] == (
        "Write /opt/site/.venv/bin/datafetch in the line, or /opt/site/.venv/bin in PATH above it."
    )


@pytest.mark.parametrize(
    "call",
    [
        "$HOME/bin/datafetch",
        "${HOME}/bin/datafetch",
        "~/bin/datafetch",
        "bin/datafetch",
        "cd $HOME && bin/datafetch",
        "cd bin && ./datafetch",
        "HOMELY=1 ~/bin/datafetch",
    ],
)
def test_paths_from_home_are_found(tmp_path, call):
    """As the shell finds them that cron starts in the user's folder."""
    with_cronie(tmp_path)
    here = around(tmp_path, f"*/15 * * * * {call} run-due\n")
    put(tmp_path, "home/site/bin/datafetch", "", 0o755)
    there = replace(here, home=Path("/home/site"), program=Path("/home/site/bin/datafetch"))
    assert wrong([*ScheduleCheck(WANTED, there).look()]) == []
    (tmp_path / "home/site/bin/datafetch").unlink()
    assert [one[:2] for one in wrong([*ScheduleCheck(WANTED, there).look()])] == [
        ("cron's datafetch", "fail")
    ]


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("docker exec site datafetch", "docker finds it in its own way"),
        ("$VENV/bin/datafetch", "$VENV is set elsewhere"),
        ("$(which datafetch) && datafetch", ""),
        ("~other/bin/datafetch", "it depends on a home folder that is not known"),
    ],
)
def test_what_cannot_be_told_is_no_failure(tmp_path, call, why):
    """Another program, or a shell with variables of its own, finds it there."""
    with_cronie(tmp_path)
    put(tmp_path, "usr/bin/datafetch", "", 0o755)
    here = replace(
        around(tmp_path, f"*/15 * * * * {call} run-due\n"), program=Path("/usr/bin/datafetch")
    )
    findings = [*ScheduleCheck(WANTED, here).look()]
    assert wrong(findings) == []
    assert why in str([one.detail for one in findings if one.form is Form.SKIPPED])


def test_a_variable_of_the_crontab_is_put_in(tmp_path):
    """Cron hands it to the shell."""
    with_cronie(tmp_path)
    text = "VENV=/opt/site/.venv\n*/15 * * * * $VENV/bin/datafetch run-due\n"
    findings = look(tmp_path, text)
    assert wrong(findings) == []
    assert [one for one in findings if one.form is Form.SKIPPED] == []


def test_a_program_that_this_user_may_not_see_is_no_failure():
    """A line of root may start one in root's own folder."""
    with unprivileged_folder() as root:
        with_cronie(root)
        put(root, "etc/cron.d/site", "*/15 * * * * root /root/bin/datafetch run-due\n")
        put(root, "root/bin/datafetch", "", 0o755)
        here = around(root)
        (root / "root").chmod(0o000)
        with unprivileged():
            findings = [*ScheduleCheck(WANTED, here).look()]
        (root / "root").chmod(0o700)
    assert wrong(findings) == []
    assert "this user may not look for /root/bin/datafetch" in str(findings)


@pytest.mark.parametrize(
    ("name", "text", "mode", "why"),
    [
        ("site.cron", NET.replace("* cd", "* site cd"), 0o644, "whose name has other signs"),
        ("site", NET.replace("* cd", "* site cd").strip(), 0o644, "its last line does not end"),
        ("site", NET.replace("* cd", "* site cd"), 0o666, "others than its owner may write"),
    ],
)
def test_files_that_debians_cron_does_not_read_fail(tmp_path, name, text, mode, why):
    """It says so in the log of the system only; then no run ever begins."""
    with_debians(tmp_path)
    put(tmp_path, f"etc/cron.d/{name}", text, mode)
    found = wrong(look(tmp_path, zone="America/Los_Angeles"))
    assert found[0][:2] == ("crontab", "fail")
    assert found[0][2].startswith(f"/etc/cron.d/{name} starts nothing: ")
    assert why in found[0][2]
    assert ("run-due", "warn") in [one[:2] for one in found]


def test_the_old_name_of_the_zone_is_the_zone(tmp_path):
    """US/Pacific is America/Los_Angeles."""
    with_cronie(tmp_path)
    crontab = ABOVE.replace("America/Los_Angeles", "US/Pacific") + JOB + NET
    assert wrong(look(tmp_path, crontab)) == []
    with_debians(tmp_path)
    assert wrong(look(tmp_path, crontab, zone="US/Pacific")) == []


def test_output_that_is_kept_needs_no_mail(tmp_path):
    """A line that writes a log of its own may do without MAILTO."""
    with_cronie(tmp_path)
    crontab = "MAILTO=\n" + ABOVE + (JOB + NET).replace(" --quiet", " >> log 2>&1")
    assert wrong(look(tmp_path, crontab)) == []


def test_another_installation_is_warned_of(tmp_path):
    """The one that was updated is not the one that runs."""
    with_cronie(tmp_path)
    put(tmp_path, "usr/bin/datafetch", "", 0o755)
    crontab = "CRON_TZ=America/Los_Angeles\n" + NET
    ((check, status, said),) = wrong(look(tmp_path, crontab))
    assert (check, status) == ("cron's datafetch", "warn")
    assert "starts /usr/bin/datafetch, and this is /opt/site/.venv/bin/datafetch" in said


def test_a_path_in_the_working_folder_is_found(tmp_path):
    """`cd /opt/site && .venv/bin/datafetch` needs no PATH."""
    with_cronie(tmp_path)
    line = "*/15 * * * * cd /opt/site && .venv/bin/datafetch run-due\n"
    assert wrong(look(tmp_path, line)) == []


def test_the_systems_crontabs_are_read_too(tmp_path):
    """/etc/crontab and /etc/cron.d name a user; files that are no crontab stay unread."""
    with_cronie(tmp_path)
    put(tmp_path, "etc/cron.d/site", ABOVE + NET.replace("* cd", "* site cd"))
    put(tmp_path, "etc/cron.d/binary", b"\xff\xfe\x00")
    (tmp_path / "etc/cron.d/folder").mkdir()
    findings = look(tmp_path)
    assert wrong(findings) == []
    assert "/etc/cron.d/site: 1 line starts datafetch" in [one.detail for one in findings]


def test_no_line_at_all_is_warned_of(tmp_path):
    """A cron is there and does nothing for us."""
    with_cronie(tmp_path)
    ((check, _, said),) = wrong(look(tmp_path, "0 1 * * * backup\n"))
    assert (check, said.split(",")[0]) == ("crontab", "no line of a crontab starts datafetch")


def test_timers_are_named_and_are_enough(tmp_path):
    """Who has timers needs no crontab."""
    with_debians(tmp_path)
    for name in ("bookmarks", "run-due"):
        put(tmp_path, f"etc/systemd/system/datafetch-{name}.timer")
        put(tmp_path, f"etc/systemd/system/timers.target.wants/datafetch-{name}.timer")
    findings = look(tmp_path)
    assert wrong(findings) == []
    assert "datafetch-bookmarks.timer, datafetch-run-due.timer" in [one.detail for one in findings]


def test_timers_that_nobody_enabled_are_named(tmp_path):
    """They were put in their place, and start nothing."""
    put(tmp_path, "etc/systemd/system/datafetch-run-due.timer")
    put(tmp_path, "home/site/.config/systemd/user/datafetch-logos.timer")
    ((check, status, said),) = wrong(look(tmp_path))
    assert (check, status) == ("idle timers", "warn")
    for name in ("datafetch-run-due.timer", "datafetch-logos.timer"):
        assert name in said


@pytest.mark.parametrize("place", ["var/spool/cron/crontabs", "var/spool/cron", "etc/crontabs"])
def test_root_reads_the_crontabs_of_all_users(tmp_path, place):
    """Each is read once, also that of the user who asks."""
    with_cronie(tmp_path)
    put(tmp_path, f"{place}/site", ABOVE + JOB + NET)
    findings = look(tmp_path, ABOVE + JOB + NET)
    assert wrong(findings) == []
    assert f"/{place}/site: 2 lines start datafetch" in [one.detail for one in findings]
    assert "crontab -l" not in str(findings)


@pytest.mark.parametrize("is_installed", [True, False])
def test_lines_without_a_daemon_are_warned_of(tmp_path, is_installed):
    """A crontab that nothing reads: no run, no history, no mail."""
    if is_installed:
        put(tmp_path, "usr/sbin/crond", CRONIE, 0o755)
    found = wrong(look(tmp_path, ABOVE + JOB + NET))
    assert [name for name, _, _ in found] == ["cron daemon"]
    assert "no cron daemon" in found[0][2]


def test_a_container_without_cron_is_no_fault(tmp_path):
    """There something outside starts the jobs."""
    put(tmp_path, ".dockerenv")
    (found,) = look(tmp_path)
    assert found.form is Form.SKIPPED


def test_a_user_without_a_home_is_no_error(tmp_path, monkeypatch):
    """A container may run as a number that no file of users has, and without HOME."""

    def nobody(_number: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert home_folder() is None
    with_cronie(tmp_path)
    here = replace(around(tmp_path, "*/15 * * * * ~/bin/datafetch run-due\n"), home=None)
    findings = [*ScheduleCheck(WANTED, here).look()]
    assert wrong(findings) == []
    assert "it depends on a home folder that is not known" in str(findings)


def test_the_zone_is_that_of_the_system(tmp_path):
    """By the link that localtime is, by Debian's file, or UTC where there is neither."""
    assert zone_of(tmp_path) == "UTC"
    put(tmp_path, "etc/timezone", "Asia/Tokyo\n")
    assert zone_of(tmp_path) == "Asia/Tokyo"
    put(tmp_path, "usr/share/zoneinfo/Europe/Berlin")
    (tmp_path / "etc/localtime").symlink_to(tmp_path / "usr/share/zoneinfo/Europe/Berlin")
    assert zone_of(tmp_path) == "Europe/Berlin"
