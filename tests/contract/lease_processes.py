"""Starts processes of `tests.contract.lease_program`, tells them what to do, stops and kills them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import pytest

from tests.faketime import wrong_clock
from tests.processes import ROOT, clean_environment
from tests.programs import find

CONTAINER = (
    "unshare",
    *(() if os.getuid() == 0 else ("--map-root-user",)),
    *("-pf", "--mount-proc", "--kill-child"),
)
"""Starts a program as process 1 of its own PID namespace, whose host name is still ours."""


@dataclass(frozen=True)
class Told:
    """What a process said of a command.

    Attributes:
        value: what the command returned.
        error: the name of the error's class; empty when there was none.
        message, hint: those of the error.
    """

    value: Any = None
    error: str = ""
    message: str = ""
    hint: str = ""


class Actor:
    """One process."""

    def __init__(
        self, environment: Mapping[str, str], prefix: Sequence[str] = (), files: Sequence[int] = ()
    ) -> None:
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tests.contract.lease_program"],
            cwd=ROOT,
            env=clean_environment(**environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=files,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Its number; in a container that of the program which made the container."""
        return self._process.pid

    def tell(self, *command: object) -> None:
        """Have it do something; `hear` waits for the end of that."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Told:
        """What it says of the oldest command that it was told."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process has ended"
        return Told(**json.loads(line))

    def ask(self, *command: object) -> Told:
        """Have it do something, and wait for the end of that."""
        self.tell(*command)
        return self.hear()

    def do(self, *command: object) -> Any:
        """As `ask`, for what has to succeed."""
        told = self.ask(*command)
        assert not told.error, told
        return told.value

    def wait_until_stopped(self) -> None:
        """Wait until it is stopped, by whomever."""
        found = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert found is not None
        assert found.si_status == signal.SIGSTOP, found

    def wake(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would, and wait until nothing is left of it."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        if not self._process.stdout.closed:
            self._process.stdout.read()  # ends with the last process of a container

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


@contextmanager
def bell() -> Iterator[tuple[int, int]]:
    """A pipe that several processes share; reading from it, and writing to it, waits for nothing."""
    with ExitStack() as stack:
        ends = os.pipe()
        for end in ends:
            stack.callback(os.close, end)
            os.set_blocking(end, False)
        yield ends


def in_container() -> tuple[str, ...]:
    """What starts a program in a container; the test is skipped where there can be none."""
    if not _can_contain():
        pytest.skip("this machine makes no PID namespaces (unshare -pf --mount-proc)")
    return CONTAINER


@cache
def _can_contain() -> bool:
    if find("unshare") is None:
        return False
    tried = subprocess.run([*CONTAINER, "true"], check=False, capture_output=True)
    return tried.returncode == 0


def clock_off(seconds: float, folder: Path) -> dict[str, str]:
    """What starts a process whose clock is so many seconds ahead.

    Where libfaketime is not installed, only the program's own clock is wrong.
    """
    return wrong_clock(seconds) or clock_file(folder, ahead_s=seconds)


def clock_file(folder: Path, *, ahead_s: float = 0, later_s: float = 0) -> dict[str, str]:
    """What starts a process whose clocks are off as a file says, which may be written again.

    Its time is `ahead_s` ahead. Its clock that never goes back is `later_s` later, as if the
    process had been stopped for so long.
    """
    path = folder / "clock"
    path.write_text(f"{ahead_s} {later_s}")
    return {"LEASE_PROGRAM_CLOCK": str(path)}
