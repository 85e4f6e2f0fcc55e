"""Standard output and error that are closed, full or gone: no traceback, and the right exit code."""

import io
import os
import pty
import subprocess
import threading
from pathlib import Path

import pytest

from datafetch.cli.streams import say, uses_colour
from tests.fakes.faults import held
from tests.fakes.world import World
from tests.processes import clean_environment, command_line

STORE = {"DATAFETCH_STORE": "file:./store"}
NOISE = ("Traceback", "Exception ignored", "Logging error")


def redirected(
    redirections: str, *arguments: str, cwd: Path, **variables: str
) -> tuple[int, str, str]:
    """Run the command as a shell does with these redirections: exit code, stdout and stderr."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *command_line(*arguments)],
        cwd=cwd,
        env=clean_environment(**STORE, **variables),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    for noise in NOISE:
        assert noise not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "on_a_terminal", "in_a_pipe"),
    [
        ({}, True, False),
        ({"TERM": "xterm"}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": "0"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "", "TERM": "dumb"}, False, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR_FORCE": "0"}, True, False),
        ({"CLICOLOR": "0"}, False, False),
        ({"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, True, True),
    ],
    ids=str,
)
def test_colours_follow_the_conventions(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    on_a_terminal: bool,
    in_a_pipe: bool,
) -> None:
    """NO_COLOR, FORCE_COLOR, CLICOLOR and TERM=dumb mean here what they mean everywhere."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert uses_colour(Terminal()) is on_a_terminal
    assert uses_colour(io.StringIO()) is in_a_pipe


@pytest.mark.parametrize("redirections", [">&-", ">&- 2>&- <&-", "2>&-", "2>/dev/full"])
@pytest.mark.parametrize("arguments", [["--json"], ["--verbose", "--log-format", "console"]])
def test_closed_streams_change_no_exit_code(
    tmp_path: Path, world: World, redirections: str, arguments: list[str]
) -> None:
    """A closed stdout was a traceback; the run is done as it is with one that is open."""
    environment = world.environment()
    code, _, _ = redirected(redirections, "bookmarks", *arguments, cwd=tmp_path, **environment)
    assert code == 0
    assert (tmp_path / "store/json/bookmarks/index-dev.json").exists()
    code, _, _ = redirected(redirections, "github", *arguments, cwd=tmp_path)
    assert code == 78


def test_what_a_library_writes_to_a_closed_stderr_reaches_no_file(tmp_path: Path) -> None:
    """The next file that is opened gets the number of a closed stream, and its lines with it."""
    code = "from datafetch.cli.streams import open_missing as o; o(); f = open('x', 'w'); print(f.fileno())"
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- 2>&-', "sh", *command_line()[:1], "-c", code],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) > 2


def test_a_full_disk_behind_stdout_is_a_failure_that_is_told(tmp_path: Path, world: World) -> None:
    """Results that nobody gets are no success: 1, with one line; a graver code is kept."""
    environment = world.environment()
    for arguments in (["bookmarks", "--json"], ["bookmarks"]):
        code, _, err = redirected(">/dev/full", *arguments, cwd=tmp_path, **environment)
        assert code == 1
        assert "datafetch: the results could not be written to standard output: No space" in err
    code, _, err = redirected(">/dev/full", "bookmarks", "--json", cwd=tmp_path)
    assert code == 78
    assert "BOOKMARKS_API_URL is missing" in err


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
@pytest.mark.parametrize("redirections", [">/dev/full", "2>/dev/full", ">&-", "2>&-"])
def test_help_and_version_have_no_traceback(
    tmp_path: Path, arguments: list[str], redirections: str
) -> None:
    """Also what is printed by the parser of the command line ends in a line, or in nothing."""
    code, out, err = redirected(redirections, *arguments, cwd=tmp_path)
    full = redirections == ">/dev/full"
    assert code == (1 if full else 0)
    assert bool(out) == redirections.startswith("2")
    lost = "datafetch: the results could not be written to standard output: No space left on device"
    assert err.splitlines()[:1] == ([lost] if full else [])


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["bookmarks", "--help"]])
def test_a_reader_of_help_that_has_had_enough_is_no_failure(
    tmp_path: Path, arguments: list[str]
) -> None:
    """`datafetch --help | head -0` was exit code 1."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command_line(*arguments),
        cwd=tmp_path,
        env=clean_environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_said_is_one_line_that_steers_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An error with the words of others, C1 and turned text among them, is one line on stderr."""
    say("datafetch: a\x1b[2J\x9b31m\u202eb\nforged")
    assert capsys.readouterr().err == r"datafetch: a\x1b[2J\x9b31m\u202eb\nforged" + "\n"


ONE_PLACE = """
import sys
from datafetch.cli.streams import are_one_place
open(sys.argv[1], "w").write(str(are_one_place()))
"""


@pytest.mark.parametrize(
    ("redirections", "one_place"),
    [
        (">both 2>&1", True),
        (">>both 2>>both", True),
        (">out 2>err", False),
        (">out", False),
        ("2>&1 | cat", True),
        ("| cat", False),
    ],
)
def test_one_place_is_known_as_such(tmp_path: Path, redirections: str, one_place: bool) -> None:
    """A file, a pipe or a terminal that both streams lead to, however the shell was told so."""
    script = f'"$0" -c "$1" answer {redirections}'
    subprocess.run(
        ["sh", "-c", script, *command_line()[:1], ONE_PLACE],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        check=False,
    )
    assert (tmp_path / "answer").read_text() == str(one_place)


def test_a_reader_that_has_had_enough_changes_nothing(tmp_path: Path, world: World) -> None:
    """`datafetch … | head -0` was "Exception ignored in: <stdout>", and exit code 120."""
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        command_line("bookmarks", "--json"),
        cwd=tmp_path,
        env=clean_environment(**world.environment(), **STORE),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 0
    assert [noise for noise in NOISE if noise in err] == []


@pytest.mark.parametrize("as_json", [True, False])
def test_a_terminal_that_goes_away_ends_no_run(tmp_path: Path, world: World, as_json: bool) -> None:
    """The window was closed while progress bars were shown: the run goes on, and its code is kept."""
    gate = threading.Event()
    world.karakeep.inject(held(gate), times=1)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command_line("bookmarks", *(["--json"] if as_json else [])),
        cwd=tmp_path,
        env=clean_environment(**world.environment(), **STORE, TERM="xterm"),
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    world.karakeep.log.wait_for(1)
    os.close(ours)
    gate.set()
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    assert "bookmarks" in out
