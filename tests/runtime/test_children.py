"""Processes side by side: their lines, the signals that are passed on, and how they end."""

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from datafetch.runtime.children import Children, Ended

CHILD = "import os, signal, sys, time, subprocess\n"


class Heard:
    """What came of some processes, in the order in which it came."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.ended: dict[str, Ended] = {}
        self._more = threading.Condition()

    def line(self, name: str, line: bytes) -> None:
        with self._more:
            self.lines.append((name, line.decode()))
            self._more.notify_all()

    def end(self, ended: Ended) -> None:
        self.ended[ended.name] = ended

    def wait_for(self, *lines: tuple[str, str]) -> None:
        """Wait until each of the lines has come."""
        with self._more:
            assert self._more.wait_for(lambda: set(lines) <= set(self.lines), timeout=60)


@pytest.fixture
def heard() -> Heard:
    """Nothing yet."""
    return Heard()


def python(source: str) -> list[str]:
    """The command line of a program in Python."""
    return [sys.executable, "-c", CHILD + source]


def said_by(name: str, heard: Heard) -> list[str]:
    """The lines of one process."""
    return [line for who, line in heard.lines if who == name]


def test_lines_and_output_of_each_are_kept_apart(heard):
    """Two write to both streams at once: each line comes whole and with its name, output apart."""
    children = Children(heard.line)
    source = (
        "for number in range(200):\n"
        " sys.stderr.write(f'{sys.argv[1]} says {number}\\n'); sys.stderr.flush()\n"
        " sys.stdout.write(f'{number};'); sys.stdout.flush()\n"
    )
    for name in ("a", "b"):
        children.start(name, [*python(source), name])
    children.run(heard.end)
    numbers = [*range(200)]
    for name in ("a", "b"):
        assert said_by(name, heard) == [f"{name} says {number}" for number in numbers]
        ended = heard.ended[name]
        assert (ended.code, ended.output) == (0, "".join(f"{n};" for n in numbers).encode())


def test_a_last_line_without_its_end_is_handed_on(heard):
    """The last words of a process that dies in the middle of a line are not lost."""
    children = Children(heard.line)
    children.start("a", python("os.write(2, b'whole\\nand half'); os.kill(os.getpid(), 9)"))
    children.run(heard.end)
    assert said_by("a", heard) == ["whole", "and half"]
    assert heard.ended["a"].code == -signal.SIGKILL


def test_codes_are_those_of_the_processes(heard):
    """An exit code is passed through; the end by a signal is told by its number below zero."""
    children = Children(heard.line)
    children.start("code", python("sys.exit(78)"))
    children.start("signal", python("os.kill(os.getpid(), signal.SIGSEGV)"))
    children.run(heard.end)
    assert {name: ended.code for name, ended in heard.ended.items()} == {
        "code": 78,
        "signal": -signal.SIGSEGV,
    }


def test_who_keeps_the_pipes_open_holds_nothing_up(heard):
    """A program that a process has left behind holds its pipes: the process has ended all the same."""
    children = Children(heard.line)
    source = (
        "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(left.pid, flush=True); os.write(2, b'going\\n'); os._exit(0)"
    )
    children.start("a", python(source))
    children.run(heard.end)
    try:
        assert said_by("a", heard) == ["going"]
    finally:
        os.kill(int(heard.ended["a"].output), signal.SIGKILL)


def test_all_that_was_written_before_the_end_is_read(tmp_path):
    """Of what stands in a pipe when its process ends nothing is lost, though it is full."""
    heard, go = Heard(), tmp_path / "go"
    os.mkfifo(go)

    def line(name: str, text: bytes) -> None:
        heard.line(name, text)
        if text.isdigit():  # the first line: the process goes on, and ends before more is read
            go.write_text("on")
            with suppress(ProcessLookupError):
                while True:
                    os.kill(int(text), 0)
                    os.sched_yield()

    children = Children(line)
    source = (
        f"os.write(2, b'%d\\n' % os.getpid()); open({str(go)!r}).read(); os.write(2, b'y' * 65_536)"
    )
    children.start("a", python(source))
    children.run(heard.end)
    assert len(said_by("a", heard)[1]) == 65_536


def test_output_and_lines_have_limits(heard):
    """A process that writes without end fills no memory: output is cut, a long line is cut up."""
    children = Children(heard.line)
    children.start(
        "a", python("os.write(2, b'y' * 250_000)\nfor _ in range(30): os.write(1, b'x' * 100_000)")
    )
    children.run(heard.end)
    assert len(heard.ended["a"].output) == 1_000_000
    lengths = [len(line) for line in said_by("a", heard)]
    assert sum(lengths) == 250_000
    assert max(lengths) <= 200_000
    assert len(lengths) >= 2


WAITS = (
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
    "os.write(2, b'ready\\n')\n"
    "while True: time.sleep(60)"
)
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.write(2, b'ready\\n')\ntime.sleep(600)"


def in_background(children: Children, heard: Heard) -> threading.Thread:
    """Run the processes on a thread, until the test has ended them."""
    thread = threading.Thread(target=children.run, args=[heard.end])
    thread.start()
    return thread


def test_a_signal_is_passed_on_to_each(heard):
    """SIGTERM reaches all processes, from any thread, and their own codes come back."""
    children = Children(heard.line)
    for name in ("a", "b"):
        children.start(name, python(WAITS))
    running = in_background(children, heard)
    heard.wait_for(("a", "ready"), ("b", "ready"))
    children.pass_on(signal.SIGTERM)
    running.join(timeout=60)
    assert {name: ended.code for name, ended in heard.ended.items()} == {"a": 143, "b": 143}


def test_none_is_started_after_a_signal(heard, tmp_path):
    """A stop that comes between two starts is not missed by the second."""
    children = Children(heard.line)
    children.pass_on(signal.SIGTERM)
    assert not children.start("a", python(f"open({str(tmp_path / 'ran')!r}, 'w')"))
    children.run(heard.end)
    assert heard.ended == {}
    assert not (tmp_path / "ran").exists()


def test_what_does_not_stop_can_be_killed(heard):
    """A process that is deaf to signals does not outlive the command."""
    children = Children(heard.line)
    children.start("a", python(DEAF))
    running = in_background(children, heard)
    heard.wait_for(("a", "ready"))
    children.pass_on(signal.SIGTERM)
    children.kill()
    running.join(timeout=60)
    assert heard.ended["a"].code == -signal.SIGKILL


def test_each_has_a_process_group_of_its_own_and_no_input(heard):
    """Ctrl-C on a terminal goes to the command alone, and no process waits for somebody to type."""
    children = Children(heard.line)
    children.start("a", python("print(os.getpgid(0) == os.getpid(), repr(sys.stdin.read()))"))
    children.run(heard.end)
    assert heard.ended["a"].output == b"True ''\n"


def test_folder_and_environment_are_those_of_the_command(heard, tmp_path, monkeypatch):
    """A process finds the settings that the command has found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOME_NAME", "some value")
    children = Children(heard.line)
    children.start("a", python("print(os.getcwd(), os.environ['SOME_NAME'])"))
    children.run(heard.end)
    assert heard.ended["a"].output.decode() == f"{tmp_path} some value\n"


def test_what_cannot_be_started_is_an_error_and_leaves_the_others_alone(heard):
    """One program that is not there: the caller is told, and the rest goes on."""
    children = Children(heard.line)
    children.start("a", python("sys.exit(3)"))
    with pytest.raises(FileNotFoundError):
        children.start("b", [str(Path("/nowhere/to/be/found"))])
    children.run(heard.end)
    assert {name: ended.code for name, ended in heard.ended.items()} == {"a": 3}


def test_nothing_is_left_open(heard):
    """After the last has ended no pipe of theirs is left: a long-lived caller does not run out."""
    before = lowest_free()
    with Children(heard.line) as children:
        children.start("a", python("print(1)"))
        children.run(heard.end)
    assert lowest_free() == before


def lowest_free() -> list[int]:
    """The numbers that the next files to be opened would get."""
    numbers = [os.dup(0) for _ in range(8)]
    for number in numbers:
        os.close(number)
    return numbers
