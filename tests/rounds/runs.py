"""The processes of the rounds: the real command, and what it said."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.processes import clean_environment, command_line


class Run:
    """A run under way, or how it ended."""

    def __init__(
        self, command: Sequence[str], folder: Path, name: str, variables: Mapping[str, str]
    ) -> None:
        """Start it in `folder`; what it says goes to files of this name."""
        self.command = tuple(command)
        self._out = folder / f"{name}.out"
        self._err = folder / f"{name}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                command_line(*command, "--json", "--log-format", "json"),
                cwd=folder,
                env=clean_environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def code(self) -> int | None:
        """How the process ended, by minus a signal's number if that killed it; None before."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.code is None:
            os.kill(self._process.pid, number)

    def wait(self, limit_s: float) -> bool:
        """Whether it ends within so many seconds."""
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> None:
        """Make sure that it has ended, also one that is stopped."""
        self.send(signal.SIGKILL)
        self._process.wait()

    @property
    def err(self) -> str:
        """Its log."""
        return self._err.read_text(errors="replace")

    def results(self) -> list[dict[str, Any]]:
        """What it printed; nothing when it was killed before.

        Raises:
            ValueError: it printed something else.
        """
        text = self._out.read_text(errors="replace")
        value = json.loads(text) if text.strip() else []
        if not isinstance(value, list):
            raise ValueError(f"not an array: {text[:200]}")  # noqa: TRY004 - of one kind with JSON's
        return value

    def begun(self) -> dict[str, str]:
        """The ids of the runs that had their lease, with their jobs."""
        return {
            line["runId"]: line["job"]
            for line in self._lines()
            if line.get("event") == "run_started"
        }

    def _lines(self) -> list[dict[str, Any]]:
        lines = []
        for line in self.err.splitlines():
            if line.startswith("{"):
                try:
                    lines.append(json.loads(line))
                except ValueError:  # it was killed in the midst of it
                    continue
        return lines

    def __str__(self) -> str:
        return f"`datafetch {' '.join(self.command)}` (exit {self.code})"
