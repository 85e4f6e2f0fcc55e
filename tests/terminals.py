"""Runs the real command in a terminal: a pseudo-terminal of so many columns, and what stays on it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.processes import clean_environment, command_line

_ROWS = 50
_COMMAND = re.compile(r"\x1b\[(?P<mode>\??)(?P<numbers>[\d;]*)(?P<letter>[A-Za-z])")


@dataclass(frozen=True)
class Shown:
    """How a command in a terminal ended.

    Attributes:
        raw: everything that it wrote, commands to the terminal included.
        lines: what stands on the screen when it has ended, without colours; lines that were too
            long for the screen are continued on the next.
        cursor: whether the cursor can be seen.
    """

    code: int
    raw: str
    lines: list[str]
    cursor: bool


def in_a_terminal(
    *arguments: str,
    cwd: Path,
    environment: Mapping[str, str],
    columns: int = 80,
    stdout: int | None = None,
) -> Shown:
    """Run the command to its end with a terminal as stdin, stdout and stderr.

    With `stdout`, the number of an open file, standard output goes there instead.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
    process = subprocess.Popen(
        command_line(*arguments),
        cwd=cwd,
        env=clean_environment(**{"TERM": "xterm-256color", **environment}),
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    raw = b""
    while chunk := _read(ours):
        raw += chunk
    os.close(ours)
    text = raw.decode()
    lines, cursor = played(text, columns)
    return Shown(process.wait(timeout=100), text, lines, cursor)


def _read(number: int) -> bytes:
    try:
        return os.read(number, 65_536)
    except OSError:  # the last one who had the terminal open has closed it (EIO)
        return b""


def played(text: str, columns: int) -> tuple[list[str], bool]:
    """What stands on a screen after the text, and whether its cursor is shown."""
    screen = Screen(columns)
    at = 0
    while at < len(text):
        command = _COMMAND.match(text, at)
        if command:
            screen.obey(command)
        else:
            screen.put(text[at])
        at = command.end() if command else at + 1
    return screen.lines, screen.cursor


class Screen:
    """Knows what the command and rich use: line ends, up, erase line, cursor on and off, colours.

    Anything else fails the test that meets it.
    """

    def __init__(self, columns: int) -> None:
        self.cursor = True
        self._columns = columns
        self._rows: list[list[str]] = [[]]
        self._row = self._column = 0

    @property
    def lines(self) -> list[str]:
        """The lines, without spaces at their ends and without empty ones at the end."""
        return "\n".join("".join(row).rstrip() for row in self._rows).rstrip().split("\n")

    def obey(self, command: re.Match[str]) -> None:
        """Do what a command says."""
        match command["mode"] + command["letter"]:
            case "A":
                self._row = max(0, self._row - int(command["numbers"] or 1))
            case "K":
                self._rows[self._row] = []
            case "?h" | "?l" if command["numbers"] == "25":
                self.cursor = command["letter"] == "h"
            case "m":
                pass
            case _:
                raise AssertionError(f"the screen was sent {command[0]!r}")

    def put(self, letter: str) -> None:
        """Show a letter, or go where a control character says."""
        if letter == "\r":
            self._column = 0
        elif letter == "\n":
            self._go_down()
        else:
            assert letter.isprintable(), f"the screen was sent {letter!r}"
            if self._column == self._columns:
                self._go_down()
                self._column = 0
            line = self._rows[self._row]
            line.extend(" " * (self._column + 1 - len(line)))
            line[self._column] = letter
            self._column += 1

    def _go_down(self) -> None:
        self._row += 1
        while len(self._rows) <= self._row:
            self._rows.append([])
