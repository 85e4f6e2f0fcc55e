"""The crontab, the units of systemd and the CronJobs that `datafetch schedule` prints."""

import getpass
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from datafetch.cli.schedule_crontab import shell_word
from datafetch.cli.schedule_systemd import unit_word
from tests.processes import ROOT, Finished, datafetch
from tests.programs import program

EXAMPLE = (ROOT / "crontab.example").read_text(encoding="utf-8")
LINES = re.compile(r"^(?:[\d*/,-]+ +){5}(cd .+)$", re.MULTILINE)


def made(kind: str, folder: Path, *more: str, **variables: str) -> str:
    """What the command prints, and nothing beside it."""
    done = datafetch("schedule", kind, *more, cwd=folder, **variables)
    assert (done.code, done.err) == (0, "")
    return done.out


def cron_runs(text: str, programs: Path) -> list[str]:
    """Runs each line of a crontab as cron does, with a `datafetch` that notes how it was called."""
    programs.mkdir(parents=True, exist_ok=True)
    noted = programs / "noted"
    (programs / "datafetch").write_text('#!/bin/sh\nprintf "%s\\n" "$PWD $*" >>"${0%/*}/noted"\n')
    (programs / "datafetch").chmod(0o755)
    path = re.search(r"^PATH=(.+)$", text, re.MULTILINE)
    assert path is not None
    for line in LINES.findall(text):
        command = line.replace("\\%", "%")  # as crontab(5) says
        done = subprocess.run(
            ["env", "-i", "HOME=/", "SHELL=/bin/sh", f"PATH={path[1]}", "sh", "-c", command],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), line
    return noted.read_text().splitlines()


def test_the_example_is_what_the_command_prints(tmp_path):
    """Whoever copies the file and whoever has it made get the same lines."""
    assert not Path("/opt/site").exists(), "this machine has a /opt/site of its own"
    assert made("--crontab", tmp_path, "--prefix", "/opt/site") == EXAMPLE


def test_the_example_says_what_cron_has_to_know():
    """Zone, shell, path, the three jobs, the net under them, and whom the mails go to."""
    rows = [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")]
    ending = "--quiet --log-format console --log-file datafetch.log"
    assert rows == [
        "CRON_TZ=America/Los_Angeles",
        "SHELL=/bin/sh",
        "PATH=/opt/site/.venv/bin:/usr/local/bin:/usr/bin:/bin",
        f"0 */2 * * *  cd /opt/site && datafetch bookmarks --scheduled {ending}",
        f"0 0 * * *    cd /opt/site && datafetch github --scheduled {ending}",
        f"0 1 * * 0    cd /opt/site && datafetch logos --scheduled {ending}",
        f"*/15 * * * * cd /opt/site && datafetch run-due {ending}",
    ]
    for said in ("MAILTO=", "logrotate.d", "cronie", "systemd-cron from 2.1.3", "supercronic"):
        assert said in EXAMPLE
    assert [line for line in EXAMPLE.splitlines() if len(line) > 120] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs the crontab of another user")
def test_a_real_cron_takes_the_example():
    """`crontab` finds no fault in it, and keeps each line."""
    command = [program("crontab"), "-u", "nobody"]
    if subprocess.run([*command, "-l"], capture_output=True, check=False).returncode == 0:
        pytest.skip("nobody has a crontab on this machine")
    installed = subprocess.run(
        [*command, str(ROOT / "crontab.example")], capture_output=True, text=True, check=False
    )
    try:
        shown = subprocess.run([*command, "-l"], capture_output=True, text=True, check=False)
    finally:
        subprocess.run([*command, "-r"], capture_output=True, check=False)
    assert (installed.returncode, installed.stderr) == (0, "")
    assert shown.stdout == EXAMPLE


@pytest.mark.parametrize("name", ["site", "my site", "100%$HOME'\"\\é"])
def test_lines_run_in_the_environment_of_cron(tmp_path, name):
    """Each line finds its folder and its program, whatever letters their names have."""
    folder = tmp_path / name
    text = made("--crontab", tmp_path, "--prefix", str(folder))
    assert "%" not in re.sub(r"\\%", "", "\n".join(LINES.findall(text)))
    calls = cron_runs(text, folder / ".venv" / "bin")
    assert [call.removeprefix(f"{folder} ").split()[0] for call in calls] == [
        *("bookmarks", "github", "logos", "run-due")
    ]


@pytest.mark.parametrize("name", ["site", "my site's"])
def test_a_line_can_be_tried_as_the_crontab_says(tmp_path, name):
    """What stands in its head for that is read by a shell, whatever letters the folder has."""
    text = made("--crontab", tmp_path, "--prefix", str(tmp_path / name))
    cron_runs(text, tmp_path / name / ".venv" / "bin")
    tried = re.search(r"^#   (env -i .+\\)\n#     (sh -c .+)$", text, re.MULTILINE)
    assert tried is not None
    done = subprocess.run(
        ["sh", "-c", f"{tried[1]}\n{tried[2]}"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("exit code 0\n", "")
    noted = (tmp_path / name / ".venv" / "bin" / "noted").read_text().splitlines()
    assert noted[-1] == f"{tmp_path / name} bookmarks --quiet"


@pytest.mark.skipif(os.geteuid() != 0, reason="logrotate changes its user, as only root may")
@pytest.mark.parametrize("name", ["site", "my [site] 100%"])
def test_logrotate_moves_the_log_as_the_crontab_says(name):
    """Also out of a folder that the site's group may write to, which logrotate refuses without `su`."""
    with tempfile.TemporaryDirectory() as place:
        top = Path(place)
        top.chmod(0o755)
        folder = top / name
        folder.mkdir()
        (folder / "datafetch.log").write_text("a line\n")
        for path in (folder, folder / "datafetch.log"):
            shutil.chown(path, "nobody", "nogroup")
        folder.chmod(0o775)
        _, _, snippet = made("--crontab", top, "--prefix", str(folder)).partition("logrotate.d/")
        rules = "".join(f"{line[4:]}\n" for line in snippet.splitlines()[1:])
        (top / "rules").write_text(rules)
        done = subprocess.run(
            [program("logrotate"), "--force", "--state", str(top / "state"), str(top / "rules")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (folder / "datafetch.log.1").read_text() == "a line\n"


def real_lines(folder: Path, settings: str) -> dict[str, tuple[int, str]]:
    """Runs a crontab's lines with this checkout; by command: exit code, and what cron would mail."""
    folder.mkdir()
    (folder / ".env").write_text(f"DATAFETCH_STORE=file:./store\n{settings}")
    text = made("--crontab", folder)
    programs = folder / "bin"
    programs.mkdir()
    (programs / "datafetch").write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m datafetch "$@"\n'
    )
    (programs / "datafetch").chmod(0o755)
    ended = {}
    for line in LINES.findall(text):
        done = subprocess.run(
            ["env", "-i", f"HOME={folder}", f"PATH={programs}:/usr/bin:/bin", "sh", "-c", line],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        ended[line.split("datafetch ")[1].split()[0]] = (done.returncode, done.stdout)
    return ended


def test_lines_that_do_well_mail_nothing_and_leave_a_log(tmp_path):
    """The job runs once, the net under it finds nothing to do, and the file says so."""
    off = "S3_BOOKMARKS_CRON=off\nS3_GITHUB_CRON=off\n"
    ended = real_lines(tmp_path / "site", off)
    assert ended == {"logos": (0, ""), "run-due": (0, "")}
    log = (tmp_path / "site" / "datafetch.log").read_text()
    assert log.count(" logos: started  [") == 1


def test_a_line_that_fails_is_mailed_once_and_in_the_log(tmp_path):
    """The mail says why and what to do; its reason stands in it once."""
    ended = real_lines(
        tmp_path / "site",
        "S3_LOGOS_CRON=off\nS3_GITHUB_CRON=off\nBOOKMARKS_API_URL=http://127.0.0.1:9\n"
        "BOOKMARKS_LIST_ID=x\nBOOKMARK_BEARER_TOKEN=y\nDATAFETCH_RETRY_MAX_SECONDS=0\n",
    )
    code, mail = ended["bookmarks"]
    assert code == 1
    assert len(re.findall(r"^bookmarks +failed ", mail, re.MULTILINE)) == 1
    assert mail.count("no connection") == 1
    log = (tmp_path / "site" / "datafetch.log").read_text()
    assert " bookmarks: started  [" in log
    assert "no connection" in log


def test_the_net_does_what_no_line_has_done(tmp_path):
    """Where only run-due is left in a crontab it starts the job, and the file has that run's log."""
    (tmp_path / ".env").write_text(
        "DATAFETCH_STORE=file:./store\nS3_BOOKMARKS_CRON=off\nS3_GITHUB_CRON=off\n"
    )
    (line,) = (line for line in LINES.findall(EXAMPLE) if " run-due " in line)
    words = line.split(" && datafetch ")[1].split()
    done = datafetch(*words, cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert " logos: started  [" in (tmp_path / "datafetch.log").read_text()


def test_a_folder_of_this_machine_has_the_datafetch_that_was_called(tmp_path):
    """Pipx and uv put the command elsewhere than `.venv/bin` of the site."""
    bin_folder = tmp_path / "home" / ".local" / "bin"
    bin_folder.mkdir(parents=True)
    (tmp_path / "site").mkdir()
    python = shutil.which("python", path=os.fspath(ROOT / ".venv/bin")) or shutil.which("python3")
    script = bin_folder / "datafetch"
    script.write_text(f"#!{python}\nfrom datafetch.__main__ import main\nmain()\n")
    script.chmod(0o755)
    for kind, line in (
        ("--crontab", f"PATH={bin_folder}:/usr/local/bin:/usr/bin:/bin"),
        ("--systemd", f"ExecStart={script} run-due --log-format console"),
    ):
        done = subprocess.run(
            [str(script), "schedule", kind, "--prefix", str(tmp_path / "site")],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        )
        assert line in done.stdout.splitlines(), done.stderr


def test_what_only_the_environment_has_is_told_to_schedulers(tmp_path):
    """A schedule of the shell would be another one in cron, and its runs would never be due."""
    cron = {"S3_LOGOS_CRON": "@weekly", "DATAFETCH_JITTER_SECONDS": "60"}
    (tmp_path / ".env").write_text("S3_GITHUB_CRON=0 5 * * *\n")
    text = made("--crontab", tmp_path, **cron)
    assert "\nS3_LOGOS_CRON=@weekly\nDATAFETCH_JITTER_SECONDS=60\n" in text
    assert "\nS3_GITHUB_CRON" not in text
    assert re.search(r"^0 5 \* \* \* +cd .* github ", text, re.MULTILINE)
    assert re.search(r"^0 0 \* \* 0 +cd .* logos ", text, re.MULTILINE)
    assert "Environment=S3_LOGOS_CRON=@weekly\n" in made("--systemd", tmp_path, **cron)
    for job in yaml.safe_load_all(made("--kubernetes", tmp_path, **cron)):
        (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        assert {entry["name"]: entry["value"] for entry in container["env"]} == {
            "S3_BOOKMARKS_CRON": "0 */2 * * *",
            "S3_GITHUB_CRON": "0 5 * * *",
            "S3_LOGOS_CRON": "0 0 * * 0",
            "S3_OPENGRAPH_CRON": "off",
            "DATAFETCH_JITTER_SECONDS": "60",
        } | {"S3_LOGOS_CRON": "@weekly"}


def test_another_file_of_settings_is_named_in_each_line(tmp_path):
    """A run of cron reads the file that the schedule came from."""
    (tmp_path / "my.env").write_text("S3_OPENGRAPH_CRON=30 3 * * *\n")
    text = made("--crontab", tmp_path, "--env-file", "my.env")
    lines = LINES.findall(text)
    assert len(lines) == 5
    assert all(f" --env-file {tmp_path}/my.env " in line for line in lines)
    assert " refresh-opengraph --scheduled " in lines[3]
    assert "is off" not in text


def test_the_settings_of_the_prefix_are_read(tmp_path):
    """The jobs will read that .env; of a prefix that is not on this machine none can be read."""
    site = tmp_path / "site"
    site.mkdir()
    (tmp_path / ".env").write_text("S3_LOGOS_CRON=off\nS3_GITHUB_CRON=0 5 * * *\n")
    (site / ".env").write_text("S3_GITHUB_CRON=0 6 * * *\n")
    text = made("--crontab", tmp_path, "--prefix", "site")
    assert len(LINES.findall(text)) == 4
    assert " --env-file " not in text
    assert re.search(r"^0 6 \* \* \* +cd .* github ", text, re.MULTILINE)
    elsewhere = made("--crontab", tmp_path, "--prefix", str(tmp_path / "missing"))
    assert re.search(r"^0 5 \* \* \* +cd .* github ", elsewhere, re.MULTILINE)


BOOKMARKS_ONLY = {"BOOKMARKS_API_URL": "https://karakeep.example.com"}


@pytest.mark.parametrize("kind", ["--crontab", "--systemd", "--kubernetes"])
@pytest.mark.parametrize(
    ("chosen", "left_out"),
    [
        ({}, {}),
        (
            {"LOGO_DOMAIN_FILES": "domains.txt"},
            {
                "bookmarks": "BOOKMARKS_API_URL, BOOKMARKS_LIST_ID, BOOKMARK_BEARER_TOKEN",
                "github": "GITHUB_TOKEN, GITHUB_REPO_OWNER",
            },
        ),
        (BOOKMARKS_ONLY, {"github": "GITHUB_TOKEN, GITHUB_REPO_OWNER"}),
        (
            {"GITHUB_TOKEN": "hunter2"},
            {"bookmarks": "BOOKMARKS_API_URL, BOOKMARKS_LIST_ID, BOOKMARK_BEARER_TOKEN"},
        ),
        ({"GITHUB_TOKEN": "hunter2", **BOOKMARKS_ONLY}, {}),
        ({**BOOKMARKS_ONLY, "S3_GITHUB_CRON": "off"}, {}),
    ],
    ids=["nothing", "logos", "bookmarks", "github", "both", "off"],
)
def test_a_job_that_is_not_configured_is_left_out(
    tmp_path: Path, kind: str, chosen: dict[str, str], left_out: dict[str, str]
) -> None:
    """Each of its runs ended with 78 and a mail; a job that is half set up stays, to be mended.

    Where no job is configured all are printed: it is another machine's settings that will count.
    """
    text = made(kind, tmp_path, **chosen)
    started = {"bookmarks", "github", "logos"} - {*left_out}
    started -= {"github"} if "S3_GITHUB_CRON" in chosen else set()
    assert {job for job in ("bookmarks", "github", "logos") if starts(text, job)} == started
    assert starts(text, "run-due")
    said = [line for line in text.splitlines() if "left out" in line]
    assert said == [f"# {job} is left out: {names} are not set." for job, names in left_out.items()]
    assert "hunter2" not in text
    if kind == "--kubernetes":
        assert len(list(yaml.safe_load_all(text))) == len(started) + 1
    if kind == "--systemd":
        assert len(units(text, tmp_path / "units")) == 2 * (len(started) + 1)


def starts(text: str, name: str) -> bool:
    """Whether a file for a scheduler starts a command."""
    return re.search(rf'^[^#\n]*(?:datafetch |\["){name}\b(?! is)', text, re.MULTILINE) is not None


# -------------------------------------------------------------------- systemd


def units(text: str, folder: Path) -> dict[str, str]:
    """The unit files, taken apart by the line that stands in their head."""
    found = re.search(r"sudo (awk '.*')$", text, re.MULTILINE)
    assert found is not None
    folder.mkdir()
    splitter = found[1].replace("$2", f'"{folder}/" substr($2, 21)')
    subprocess.run(["sh", "-c", splitter], input=text, text=True, check=True)
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_each_job_has_a_service_and_a_timer(tmp_path):
    """The head of the text says how to put the files in their places, and it does."""
    text = made("--systemd", tmp_path, "--prefix", "/opt/site")
    files = units(text, tmp_path / "units")
    names = ("bookmarks", "github", "logos", "run-due")
    assert set(files) == {
        f"datafetch-{name}.{kind}" for name in names for kind in ("service", "timer")
    }
    service = files["datafetch-github.service"].splitlines()
    for line in (
        "Type=oneshot",
        "User=site",
        "WorkingDirectory=/opt/site",
        "ExecStart=/opt/site/.venv/bin/datafetch github --scheduled --log-format console",
        "SuccessExitStatus=75",
        "ReadWritePaths=/opt/site /tmp",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
    ):
        assert line in service
    timer = files["datafetch-github.timer"].splitlines()
    assert "OnCalendar=*-*-* 00:00:00 America/Los_Angeles" in timer
    assert "Persistent=true" in timer
    assert "OnCalendar=*-*-* *:05/15:00 UTC" in files["datafetch-run-due.timer"].splitlines()
    started = re.search(r"enable --now (.+)", text)
    assert started is not None
    assert started[1].split() == [f"datafetch-{name}.timer" for name in names]


def test_a_folder_of_this_machine_has_its_owner(tmp_path):
    """Whoever owns the site's folder runs the jobs, and other folders of runs are writable."""
    text = made("--systemd", tmp_path, DATAFETCH_STORE="file:/srv/data")
    assert f"User={getpass.getuser()}\n" in text
    assert f"ReadWritePaths={tmp_path} /tmp -/srv/data\n" in text


@pytest.mark.parametrize("name", ["site", "a site 100% $x"])
def test_systemd_finds_no_fault_in_the_units(tmp_path, name):
    """`systemd-analyze verify` reads every line, also with strange letters in the folder."""
    site = tmp_path / name
    (site / ".venv" / "bin").mkdir(parents=True)
    (site / ".venv" / "bin" / "datafetch").symlink_to("/bin/true")
    text = made("--systemd", tmp_path, "--prefix", str(site), S3_GITHUB_CRON="0 4 1 * MON")
    files = units(text, tmp_path / "units")
    assert files["datafetch-github.timer"].count("OnCalendar=") == 2
    done = subprocess.run(
        [program("systemd-analyze"), "verify", *(str(tmp_path / "units" / file) for file in files)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "datafetch" in line]
    assert ours == []


# ----------------------------------------------------------------- Kubernetes


def test_cron_jobs_run_each_job_once_at_its_time(tmp_path):
    """The zone is Los Angeles, no two runs of a job overlap, and a failure is not repeated at once.

    Only `run-due` may: a run of hours that it has started must not keep it from the other jobs.
    """
    jobs = list(yaml.safe_load_all(made("--kubernetes", tmp_path, S3_GITHUB_CRON="0 4 1 * 7")))
    assert [job["metadata"]["name"] for job in jobs] == [
        f"datafetch-{name}" for name in ("bookmarks", "github", "logos", "run-due")
    ]
    for job in jobs:
        assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
        spec = job["spec"]
        assert spec["timeZone"] == "America/Los_Angeles"
        assert spec["startingDeadlineSeconds"] == 900
        assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
        pod = spec["jobTemplate"]["spec"]["template"]["spec"]
        assert pod["restartPolicy"] == "Never"
        (container,) = pod["containers"]
        assert container["envFrom"] == [{"secretRef": {"name": "datafetch"}}]
        assert container["resources"]["requests"]
    assert [job["spec"]["concurrencyPolicy"] for job in jobs] == [*["Forbid"] * 3, "Allow"]
    github, run_due = jobs[1]["spec"], jobs[3]["spec"]
    assert github["schedule"] == "0 4 1 * 0"
    assert run_due["schedule"] == "5,20,35,50 * * * *"
    (container,) = github["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["github", "--scheduled"]


def test_the_secret_is_made_of_the_file_that_was_read(tmp_path):
    """What is to be typed names it, in the words of a shell; a name with a line end is refused."""
    (tmp_path / "my env").write_text("S3_LOGOS_CRON=off\n")
    text = made("--kubernetes", tmp_path, "--env-file", "my env")
    assert f"--from-env-file='{tmp_path}/my env'\n" in text
    (tmp_path / "a\nb").write_text("")
    done = datafetch("schedule", "--kubernetes", "--env-file", "a\nb", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")


# ---------------------------------------------------------------- wrong usage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--crontab", "--systemd"], "--crontab and --systemd exclude each other"),
        (["--crontab", "--json"], "--json is for the table"),
        (["--prefix", "/opt/site"], "--prefix goes with --crontab or --systemd"),
        (["--kubernetes", "--prefix", "/x"], "--prefix goes with --crontab or --systemd"),
        (["--crontab", "--prefix", "/a\nb"], "has letters that no crontab can hold"),
        (["--systemd", "--prefix", "/a\x1bb"], "has letters that no systemd can hold"),
        (["--crontab", "--prefix", "/no/a:b"], "cannot stand in PATH"),
        (["--crontab", "--prefix", " "], "--prefix: names no folder"),
        (["--crontab", "--prefix", "/" + "a" * 300], "--prefix: is no folder: File name too long"),
        (["--crontab", "--prefix", "/no" + "/aaaaaaaaa" * 95], "longer than the 998 bytes"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, arguments, said):
    """Nothing is printed that a shell would redirect into a file."""
    done = datafetch("schedule", *arguments, cwd=tmp_path)
    assert done.code == 2
    assert said in done.err
    assert done.out in ("", "[]\n")


@pytest.mark.parametrize("kind", ["--crontab", "--systemd", "--kubernetes"])
def test_a_schedule_that_is_none_is_named(tmp_path, kind):
    """The setting is named, and no file is made of the others (exit code 78)."""
    done: Finished = datafetch("schedule", kind, cwd=tmp_path, S3_LOGOS_CRON="0 0 0 * * *")
    assert (done.code, done.out) == (78, "")
    assert "S3_LOGOS_CRON" in done.err


def test_words_are_quoted_for_shell_and_systemd():
    """A word comes out of the shell, and out of a unit file, as it went in."""
    for word in ("plain/a-b_c.d:e", "a b", "100%", "$x`y`", "'\"\\", "é*?[~"):
        echoed = subprocess.run(
            ["sh", "-c", f"printf '%s' {shell_word(word)}"], capture_output=True, check=True
        )
        assert echoed.stdout.decode() == word
    assert unit_word("a%b") == "a%%b"
    assert unit_word("a b") == '"a b"'
    assert json.loads(unit_word('a "b"\\ c')) == 'a "b"\\ c'
