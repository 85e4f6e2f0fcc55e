"""Tries mutants in throw-away copies of the checkout: is there a test that sees the change?"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mutation.mutant import Mutant

_LEFT_OUT = shutil.ignore_patterns(".venv", "__pycache__", ".*_cache", "dist", "generated")
_NO_TESTS = 5  # https://docs.pytest.org/en/stable/reference/exit-codes.html
_FAILED_TEST = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_TO_END_S = 5
# A mutant that loops can also eat memory. Systems without this limit go on without.
_LIMIT_MEMORY = ["bash", "-c", 'ulimit -v 8000000 2>/dev/null; exec "$@"', "bash"]


class Outcome(StrEnum):
    """What the tests made of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


@dataclass(frozen=True)
class Trial:
    """A mutant that was tried."""

    mutant: Mutant
    outcome: Outcome
    seconds: float
    tests: str
    """The test that failed; else the tests that ran last."""


@dataclass(frozen=True)
class TestRun:
    """One run of pytest."""

    code: int | None
    """None when it was stopped because its time was over."""
    seconds: float
    output: str


class UnchangedCodeFailedError(Exception):
    """Tests fail without any mutant, so what they say of a mutant means nothing."""


class Checkout:
    """A throw-away copy of the project, in which one mutant at a time is tried."""

    def __init__(self, project: Path, place: Path, *, spare_s: float) -> None:
        """Copy the project's files as they stand; `.venv` is shared.

        Args:
            project: the folder to copy.
            place: a folder for the copy, and for what its tests write.
            spare_s: how long tests may take beyond twice the time they take without a mutant.
        """
        self._root = place / "project"
        self._temporary = place / "tmp"
        self._temporary.mkdir(parents=True)
        self._output = place / "output"
        self._spare_s = spare_s
        self._usual_s: dict[tuple[str, ...], float | None] = {}
        self._process: subprocess.Popen[bytes] | None = None
        shutil.copytree(project, self._root, ignore=_LEFT_OUT, symlinks=True)
        (self._root / ".venv").symlink_to(sys.prefix)

    def try_out(self, mutant: Mutant, *, whole: bool) -> Trial:
        """Run the mutant's tests, nearest first, until one fails."""
        began = time.monotonic()
        outcome, tests = Outcome.SURVIVED, "none"
        for selection in self._selections(mutant.path, whole=whole):
            usual_s = self._usual(selection)
            if usual_s is None:
                continue
            with self._changed(mutant):
                run = self._run_tests(selection, limit_s=2 * usual_s + self._spare_s)
            tests = " ".join(selection)
            if run.code is None:
                outcome = Outcome.TIMED_OUT
            elif run.code != 0:
                outcome = Outcome.KILLED
                failed = _FAILED_TEST.search(run.output)
                tests = failed[1] if failed else tests
            if outcome is not Outcome.SURVIVED:
                break
        return Trial(mutant, outcome, round(time.monotonic() - began, 1), tests)

    def stop(self) -> None:
        """End the tests that run now, from another thread."""
        if self._process:
            _stop_with_children(self._process)

    def _selections(self, path: str, *, whole: bool) -> list[tuple[str, ...]]:
        """What pytest is given: the module's own test files, those beside them, the room's, all others.

        All tests also run for a module that has neither test files nor a room of its own.
        """
        tests = self._root / "tests"
        *folders, name = Path(path).with_suffix("").parts[1:]
        if name == "__init__" and folders:
            name = folders.pop()
        patterns = {  # ops/leases/store.py: ops/leases/test_store*.py, ops/test_leases_store*.py
            "/".join([*folders[:depth], "_".join(["test", *folders[depth:], f"{name}*.py"])])
            for depth in range(len(folders) + 1)
            if depth or not folders
        }
        own = sorted(
            str(file.relative_to(self._root))
            for pattern in patterns
            for file in tests.glob(pattern)
        )
        selections = [tuple(own)] if own else []
        tried = [f"--ignore={file}" for file in own]
        for depth in range(len(folders), 0, -1):
            folder = "/".join(["tests", *folders[:depth]])
            if (self._root / folder).is_dir():
                selections.append((folder, *tried))
                tried.append(f"--ignore={folder}")
        if whole or not selections:
            selections.append(("tests", *tried))
        return selections

    def _usual(self, selection: tuple[str, ...]) -> float | None:
        """How many seconds tests take without a mutant; None when there are no tests.

        Raises:
            UnchangedCodeFailedError: one of them fails.
        """
        if selection not in self._usual_s:
            run = self._run_tests(selection, limit_s=None)
            if run.code not in (0, _NO_TESTS):
                raise UnchangedCodeFailedError(f"{' '.join(selection)}\n{run.output}")
            self._usual_s[selection] = None if run.code == _NO_TESTS else run.seconds
        return self._usual_s[selection]

    @contextmanager
    def _changed(self, mutant: Mutant) -> Iterator[None]:
        module = self._root / mutant.path
        self._write(module, mutant.mutated)
        try:
            yield
        finally:
            self._write(module, mutant.source)

    def _write(self, module: Path, text: str) -> None:
        """Write a module without leaving bytecode that looks as new: it is told by second and size."""
        module.write_text(text)
        for compiled in module.parent.glob(f"__pycache__/{module.stem}.*.pyc"):
            compiled.unlink()

    def _run_tests(self, selection: tuple[str, ...], *, limit_s: float | None) -> TestRun:
        began = time.monotonic()
        options = ["-q", "-x", "-p", "no:cacheprovider", f"--basetemp={self._temporary / 'pytest'}"]
        with self._output.open("w") as output:
            self._process = process = subprocess.Popen(
                [*_LIMIT_MEMORY, sys.executable, "-m", "pytest", *options, *selection],
                cwd=self._root,
                # The package is installed in place, and that place is not this copy.
                env={**os.environ, "PYTHONPATH": str(self._root), "TMPDIR": str(self._temporary)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                code: int | None = process.wait(limit_s)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                _stop_with_children(process)
        return TestRun(code, time.monotonic() - began, self._output.read_text(errors="replace"))


def _stop_with_children(process: "subprocess.Popen[bytes]") -> None:
    """End what is left of a process group: ask, since fixtures stop their servers, then kill."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_TO_END_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
