"""Runs the real command as a process of its own, with a scrubbed environment."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_LONGEST_S = 100


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def results(self) -> list[dict[str, Any]]:
        """What `--json` printed: one array and nothing else."""
        value = json.loads(self.out)
        assert isinstance(value, list)
        return value

    def result(self, operation: str) -> dict[str, Any]:
        """One operation's result."""
        return next(result for result in self.results if result["operation"] == operation)


def command_line(*arguments: str) -> list[str]:
    """The command as a process starts it."""
    return [sys.executable, "-m", "datafetch", *arguments]


def clean_environment(**variables: str) -> dict[str, str]:
    """Only what a process needs to run, and the variables given."""
    kept = ("PATH", "HOME", "LANG", "XDG_RUNTIME_DIR", "COVERAGE_PROCESS_START", "TMPDIR")
    base = {name: os.environ[name] for name in kept if name in os.environ}
    return {**base, "PYTHONPATH": str(ROOT), **variables}


def datafetch(*arguments: str, cwd: Path, **variables: str) -> Finished:
    """Run the command to its end."""
    done = subprocess.run(
        command_line(*arguments),
        cwd=cwd,
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)
