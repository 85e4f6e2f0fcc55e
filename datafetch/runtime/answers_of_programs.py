"""Starts a program of the system that answers at once, and reads what it prints, within bounds."""

import subprocess
from dataclasses import dataclass

_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class ProgramAnswer:
    """How a program ended.

    Attributes:
        code: its exit code.
        output: what it wrote to standard output, at most 1 MB, as text.
        errors: what it wrote to standard error, at most 1 MB, as text.
    """

    code: int
    output: str
    errors: str


def answer_of(command: tuple[str, ...], seconds: float) -> ProgramAnswer | None:
    """Run a program, found by PATH, to its end; None when it is not there or takes longer.

    Its input is empty. A program that is still running after `seconds` is killed.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the callers name the program themselves
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            # The words of the system's own messages do not depend on the user's language.
            env=_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    output, errors = (
        text[:_MOST].decode("utf-8", "replace") for text in (done.stdout, done.stderr)
    )
    return ProgramAnswer(done.returncode, output, errors)


def _environment() -> dict[str, str]:
    """What a program of the system needs of ours, without settings and secrets."""
    import os

    kept = ("PATH", "HOME", "USER", "LOGNAME")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, "LC_ALL": "C"}
