"""What a run leaves on terminals, in pipes and in mails of cron: each thing once, readable, and no more."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.bookmarks.world import link
from tests.fakes.base import Answer
from tests.fakes.faults import reply
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.message import Request, Response
from tests.processes import clean_environment, command_line, datafetch
from tests.terminals import in_a_terminal

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"
ELSEWHERE = {
    "owner": "somebody",
    "host": "another-machine",
    "pid": 7,
    "runId": "r",
    "acquiredAt": 1,
    "expiresAt": 9_999_999_999_999,
    "ttlMs": 999_999_999,
    "token": 3,
}


class Site:
    """A folder store, and a bookmark server with 12 bookmarks, of which one is missing in the store."""

    def __init__(self, folder: Path, app: KarakeepApp, url: str) -> None:
        self.folder = folder
        self.app = app
        self.settings = {
            "DATAFETCH_STORE": "file:./store",
            "BOOKMARKS_API_URL": url,
            "BOOKMARKS_LIST_ID": LIST_ID,
            "BOOKMARK_BEARER_TOKEN": TOKEN,
        }

    def bend(self, how: str) -> None:
        """Make the next run end `well`, `partial`, `failed` or `locked`."""
        if how == "locked":
            lock = self.folder / "store/json/datafetch/locks/bookmarks-dev.json"
            lock.parent.mkdir(parents=True, exist_ok=True)
            lock.write_text(json.dumps(ELSEWHERE))
        for number in range({"partial": 1, "failed": 8}.get(how, 0)):
            self.app.malform(f"b{number:03d}", tags="broken")

    def run(self, *arguments: str, one_place: bool, **variables: str) -> tuple[int, str, str]:
        """Run the command: exit code, stdout (with stderr, if they lead to one place) and stderr."""
        done = subprocess.run(
            command_line(*arguments),
            cwd=self.folder,
            env=clean_environment(**self.settings, **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if one_place else subprocess.PIPE,
            text=True,
            timeout=100,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr or ""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site that one run has filled."""
    app = KarakeepApp(link(number) for number in range(12))
    with app.served() as server:
        made = Site(tmp_path, app, server.url)
        assert made.run("bookmarks", one_place=True)[0] == 0
        app.add(link(12))
        yield made


def events(log: str) -> list[str]:
    """The events of the JSON lines in a text."""
    return [json.loads(line)["event"] for line in log.splitlines() if line.startswith("{")]


# --------------------------------------------------------------------- --quiet


@pytest.mark.parametrize(("log_format", "one_place"), [("json", True), ("console", False)])
@pytest.mark.parametrize(("how", "code"), [("well", 0), ("partial", 0), ("locked", 75)])
def test_a_quiet_run_that_is_no_failure_prints_nothing(
    site: Site, how: str, code: int, log_format: str, one_place: bool
) -> None:
    """Cron mails whatever is printed: no mail of success, of items within the budget, of a lock."""
    site.bend(how)
    arguments = ("bookmarks", "--quiet", "--log-format", log_format)
    assert site.run(*arguments, one_place=one_place) == (code, "", "")


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_quiet_failure_is_mailed_once(site: Site, log_format: str) -> None:
    """What cron mails has the warnings that led there, the result, what to do, and nothing twice."""
    site.bend("failed")
    code, mail, _ = site.run("bookmarks", "-q", "--log-format", log_format, one_place=True)
    assert code == 1
    assert mail.count("8 of 13 items") == 1
    assert not {"run_finished", "run_note", "run_started"} & set(events(mail))
    assert all(mail.count(f"b{number:03d}") >= 1 for number in range(8))
    lines = mail.splitlines()
    assert lines[-1].startswith("1 operation, 1 failed")
    assert lines.index(next(line for line in lines if line.startswith("bookmarks  failed"))) >= 8


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_streams_apart_are_each_whole(site: Site, log_format: str) -> None:
    """Where the log goes to a place of its own it says how the run ended, as the results do."""
    site.bend("failed")
    code, out, err = site.run("bookmarks", "-q", "--log-format", log_format, one_place=False)
    assert code == 1
    assert out.count("8 of 13 items") == 1
    assert err.count("8 of 13 items") == 1
    assert (events(err)[-1:] == ["run_finished"]) is (log_format == "json")


def test_json_is_an_array_also_when_quiet(site: Site) -> None:
    """Who asked for an array and reads it gets one from every run."""
    code, out, err = site.run("bookmarks", "--quiet", "--json", one_place=False)
    assert (code, err) == (0, "")
    assert [result["status"] for result in json.loads(out)] == ["succeeded"]


# ------------------------------------------------------------- not twice, not less


def test_the_log_for_people_does_not_repeat_the_results(site: Site) -> None:
    """In one place with the results the log ends with what the results do not say."""
    site.bend("failed")
    _, both, _ = site.run("bookmarks", "--log-format", "console", one_place=True)
    assert both.count("8 of 13 items") == 1
    _, out, err = site.run("bookmarks", "--log-format", "console", one_place=False)
    assert (out.count("8 of 13 items"), err.count("8 of 13 items")) == (1, 1)


@pytest.mark.parametrize(("log_format", "times"), [("console", 1), ("json", 2)])
def test_a_note_of_each_result_is_no_warning_as_well(
    site: Site, log_format: str, times: int
) -> None:
    """A wrong clock is told once where results and the console's log meet; JSON lines stay whole."""

    def in_other_times(request: Request, answer: Answer) -> Response:
        proper = answer(request)
        return proper.changed(headers={**proper.headers, "Date": "Wed, 01 Jan 2020 00:00:00 GMT"})

    site.app.inject(in_other_times)
    code, both, _ = site.run("bookmarks", "--log-format", log_format, one_place=True)
    assert code == 0
    assert both.count("this machine's clock is") == times
    assert ("clock_skew" in events(both)) is (log_format == "json")


def test_what_could_not_be_recorded_is_mailed_once(site: Site) -> None:
    """A full disk was told by the log and again by the result, each time with the whole error."""

    def spoil(request: Request, answer: Answer) -> Response:
        for folder in ("jobs", "locks"):
            record = site.folder / f"store/json/datafetch/{folder}/bookmarks-dev.json"
            record.unlink()
            record.mkdir()
        return answer(request)

    site.app.inject(spoil, times=1)
    code, mail, _ = site.run("bookmarks", "-q", "--log-format", "console", one_place=True)
    assert code == 1
    assert mail.startswith("bookmarks  failed")
    assert mail.count("json/datafetch/jobs/bookmarks-dev.json: ") == 1
    assert mail.count("could not be given back") == 1


def test_json_lines_are_whole_unless_quiet(site: Site) -> None:
    """Alerts look for `run_finished`, also where the results stand between the lines of the log."""
    _, both, _ = site.run("bookmarks", "--log-format", "json", one_place=True)
    assert events(both)[0] == "run_started"
    assert events(both)[-1] == "run_finished"
    assert {"runId", "environment", "store"} <= set(json.loads(both.splitlines()[0]))


@pytest.mark.parametrize("arguments", [[], ["-q"], ["-v"], ["--log-format", "json"]], ids=str)
def test_wrong_settings_are_printed_once(tmp_path: Path, arguments: list[str]) -> None:
    """Four jobs that need them, a log and results: each problem stands there once all the same."""
    done = datafetch("update", *arguments, cwd=tmp_path)
    assert done.code == 78
    assert done.out == ""
    for name in ("BOOKMARKS_API_URL", "GITHUB_REPO_OWNER"):
        assert done.err.count(f"{name} is missing") == 1


@pytest.mark.parametrize("options", ["", "quiet=True"])
def test_what_did_not_begin_does_not_repeat_why(site: Site, options: str) -> None:
    """After a signal between two jobs, also of a quiet run, it is said once why the rest did not begin."""
    code = (
        "import os, signal\n"
        "from datafetch.cli.options import JobOptions\n"
        "from datafetch.cli.session import Session\n"
        "from datafetch.models.run import JobName\n"
        f"with Session(JobOptions({options})) as session:\n"
        "    session.run_jobs([JobName.BOOKMARKS])\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    session.run_jobs([JobName.BOOKMARKS, JobName.LOGOS])\n"
    )
    ended = subprocess.run(
        [*command_line()[:1], "-c", code],
        cwd=site.folder,
        env=clean_environment(**site.settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 143
    assert (ended.stdout + ended.stderr).count("stopped by SIGTERM") == 1
    assert re.search(r"^logos +cancelled +did not begin$", ended.stdout, re.MULTILINE)


# -------------------------------------------------------------------- terminals


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("how", ["well", "partial", "failed"])
def test_a_terminal_shows_a_run_in_whole_lines(site: Site, columns: int, how: str) -> None:
    """No bar is left, no line is cut, and machines' ids stay away; each line of the log has its time."""
    site.bend(how)
    shown = in_a_terminal("bookmarks", cwd=site.folder, columns=columns, environment=site.settings)
    assert shown.cursor
    assert max(len(line) for line in shown.lines) <= columns
    text = "\n".join(shown.lines)
    for machine in ("runId", "run_", "store=", "environment", "\u2501", "{", "bookmark_"):
        assert machine not in text
    assert re.fullmatch(rf"{TIME} bookmarks: started", shown.lines[0])
    (result,) = (at for at, line in enumerate(shown.lines) if line.startswith("bookmarks  "))
    for line in shown.lines[1:result]:
        assert re.match(rf"{TIME} bookmarks: |    ", line)
    for line in shown.lines[result + 1 : -1]:
        assert line.startswith("    ")
    assert shown.lines[-1].startswith("1 operation, ")
    assert "\x1b[?25l" in shown.raw, "no bar was shown"
    assert bool(re.search(rf"{TIME} bookmarks: warning: bookmark b000 ", text)) is (how != "well")


def test_verbose_tells_requests_and_ids(site: Site) -> None:
    """`-v` shows each request in one line, the run's id, and how the run ended."""
    shown = in_a_terminal(
        "bookmarks", "-v", cwd=site.folder, columns=200, environment=site.settings
    )
    text = "\n".join(shown.lines)
    path = f"/api/v1/lists/{LIST_ID}/bookmarks"
    assert re.search(rf"^{TIME} GET 127\.0\.0\.1(:\d+)?{path} 200 \d+ ms$", text, re.MULTILINE)
    assert re.search(r"started  \[run_started .*runId=\d{8}T\d{6}Z-[0-9a-f]{8}", text)
    assert "run_finished" in text


@pytest.mark.parametrize(
    ("variables", "colours", "bars"),
    [
        ({}, True, True),
        ({"NO_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, False),
    ],
    ids=str,
)
def test_a_terminals_colours_and_bars(
    site: Site, variables: Mapping[str, str], colours: bool, bars: bool
) -> None:
    """Who wants no colours sees none, in logs and results alike; a dumb terminal gets no commands."""
    shown = in_a_terminal("bookmarks", cwd=site.folder, environment={**site.settings, **variables})
    assert ("\x1b[32msucceeded" in shown.raw) is colours
    assert bool(re.match(r"\x1b\[2m\d{4}-", shown.raw)) is colours
    assert ("\x1b[?25l" in shown.raw) is bars
    assert ("\x1b[3" in shown.raw) is colours
    assert shown.code == 0


def test_a_pipe_has_the_same_words_without_colour(site: Site) -> None:
    """Results in a pipe are those of a terminal; FORCE_COLOR colours them there too."""
    site.bend("partial")
    site.run("bookmarks", one_place=False)
    _, plain, _ = site.run("bookmarks", one_place=False)
    _, forced, _ = site.run("bookmarks", one_place=False, FORCE_COLOR="1")
    shown = in_a_terminal("bookmarks", cwd=site.folder, environment=site.settings)
    assert "\x1b" not in plain
    assert "\x1b[33mpartial\x1b[0m" in forced
    (at,) = (at for at, line in enumerate(shown.lines) if line.startswith("bookmarks  "))
    without_times = re.compile(r"\d+\.\d s")
    words = [without_times.sub("", text).split() for text in ("\n".join(shown.lines[at:]), plain)]
    assert words[0] == words[1]


def test_json_lines_and_bars_do_not_mix(site: Site) -> None:
    """With a JSON log on a terminal each line stays whole above the bars."""
    site.bend("failed")
    arguments = ("bookmarks", "--log-format", "json")
    shown = in_a_terminal(*arguments, cwd=site.folder, columns=2000, environment=site.settings)
    log = [line for line in shown.lines if line.startswith("{")]
    assert events("\n".join(log))[0] == "run_started"
    assert events("\n".join(log)).count("bookmark_unreadable") == 8
    assert "\u2501" not in "\n".join(shown.lines)


def test_columns_may_be_said(site: Site) -> None:
    """`COLUMNS` counts before what the terminal says."""
    site.bend("failed")
    shown = in_a_terminal(
        "bookmarks", cwd=site.folder, columns=200, environment={**site.settings, "COLUMNS": "60"}
    )
    assert max(len(line) for line in shown.lines) <= 60


def test_results_in_a_file_leave_the_log_whole_on_the_terminal(site: Site, tmp_path: Path) -> None:
    """Who sends the results away still sees on the terminal how the run ended."""
    with (tmp_path / "results").open("w") as file:
        shown = in_a_terminal(
            "bookmarks", cwd=site.folder, stdout=file.fileno(), environment=site.settings
        )
    assert re.fullmatch(
        rf"{TIME} bookmarks: succeeded, 13 items, 1 changed, \d\.\d s", shown.lines[-1]
    )
    assert (tmp_path / "results").read_text().startswith("bookmarks  succeeded")


# ------------------------------------------------------------ control characters

EVIL = "sorry\x1b[2J \x9b31m \u202egnp.exe\u202c\r\nforged line"


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_words_of_servers_steer_no_terminal(site: Site, log_format: str) -> None:
    """An answer with commands for terminals, C1 ones too, and turned text is shown, not obeyed."""
    site.app.inject(reply(403, json.dumps({"error": EVIL, "message": EVIL})))
    arguments = ("bookmarks", "--log-format", log_format)
    shown = in_a_terminal(*arguments, cwd=site.folder, columns=200, environment=site.settings)
    assert shown.code == 1
    for evil in ("\x1b[2J", "\x9b", "\u202e", "\u202c"):
        assert evil not in shown.raw
    assert not any(line.startswith("forged") for line in shown.lines)


def test_settings_are_shown_without_their_commands(tmp_path: Path) -> None:
    """A value from elsewhere, in an error on stderr, and in the array."""
    done = datafetch("bookmarks", "--json", cwd=tmp_path, DATAFETCH_STORE=f"ftp://{EVIL}/x")
    assert done.code == 78
    for text in (done.out, done.err):
        assert "".join(text.splitlines()).isprintable()
        assert not any(line.startswith("forged") for line in text.splitlines())
