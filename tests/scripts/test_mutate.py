"""scripts/mutate: mutants of a small module are killed, stopped or survive, and what cannot matter is not mutated."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.mutation.idle import idle_spans
from scripts.mutation.mutant import Mutant

SCRIPTS = Path(__file__).parents[2] / "scripts"
MODULE = '''"""A small module."""


def is_long(words: int) -> bool:
    """Whether a text has more than three words."""
    return words > 3


def halvings(number: int) -> int:
    """How often a number can be halved before nothing is left."""
    count = 0
    while number > 0:
        number = number // 2
        count += 1
    return count
'''
TESTS = """
from datafetch.small import halvings, is_long

def test_is_long():
    assert is_long(9)
    assert not is_long(1)
"""
ROOM_TESTS = """
from datafetch.small import halvings

def test_halvings():
    assert halvings(4) == 3
"""


def change(old: str, new: str) -> Mutant:
    """A mutant of the small module."""
    return Mutant.of("datafetch/small.py", "core/Replace", MODULE, MODULE.replace(old, new))


KILLED, SURVIVES = change("words > 3", "words < 3"), change("words > 3", "words >= 3")
KILLED_BY_OTHERS = change("count = 0", "count = 1")
ENDLESS = change("number // 2", "number // 1")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one module, a test file for it, another that uses it, and this environment."""
    project = tmp_path / "project"
    shutil.copytree(SCRIPTS, project / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    files = {
        "datafetch/__init__.py": "",
        "datafetch/small.py": MODULE,
        "tests/test_small.py": TESTS,
        "tests/test_others.py": ROOM_TESTS,
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['--import-mode=importlib']\n",
    }
    for name, text in files.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    (project / ".venv").symlink_to(sys.prefix)
    return project


def mutate(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the script of the small project to its end, one mutant after the other."""
    return subprocess.run(
        [sys.executable, str(project / "scripts" / "mutate"), "--jobs", "1", *arguments],
        cwd=project,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # starts faster
        capture_output=True,
        text=True,
        check=False,
    )


def survivors(project: Path, *mutants: Mutant) -> str:
    """The report of an earlier run, which all those mutants survived."""
    fields = ("path", "line", "operator", "start", "removed", "inserted")
    records = [
        {
            "outcome": "survived",
            "path": mutant.path,
            "diff": mutant.diff,
            "change": {name: getattr(mutant, name) for name in fields},
        }
        for mutant in mutants
    ]
    (project / "earlier.json").write_text(json.dumps(records))
    return "earlier.json"


def outcomes(project: Path) -> Mapping[str, str]:
    """What became of each mutant by its diff, from the report that was written."""
    trials: list[dict[str, Any]] = json.loads((project / "mutants.json").read_text())
    return {trial["diff"]: trial["outcome"] for trial in trials}


def test_what_the_tests_notice_is_killed_and_the_rest_survives(project: Path) -> None:
    """A change that a test sees is killed by that test, a change that none sees is shown as a diff."""
    done = mutate(project, "--again", survivors(project, KILLED, SURVIVES))
    assert done.returncode == 0, done.stderr
    assert outcomes(project) == {KILLED.diff: "killed", SURVIVES.diff: "survived"}
    assert "small.py:6 Replace" in done.stdout
    assert "tests/test_small.py::test_is_long" in done.stdout
    assert "\n-    return words > 3\n+    return words >= 3\n" in done.stdout
    assert "2 mutants: 1 killed, 0 timed out, 1 survived; 50.0% were noticed" in done.stdout


def test_a_mutant_that_never_ends_is_stopped(project: Path) -> None:
    """Tests that take longer than they may are ended, and the next mutant has its turn."""
    (project / "tests" / "test_small.py").write_text(ROOM_TESTS)
    mutants = survivors(project, ENDLESS, KILLED_BY_OTHERS)
    done = mutate(project, "--again", mutants, "--spare", "2")
    assert done.returncode == 0, done.stderr
    assert outcomes(project) == {ENDLESS.diff: "timed out", KILLED_BY_OTHERS.diff: "killed"}


@pytest.mark.parametrize("killer", ["tests/room/rules/test_beside.py", "tests/room/test_job.py"])
def test_the_tests_beside_and_above_run_before_a_mutant_survives(
    project: Path, killer: str
) -> None:
    """What the tests of a module in a room leave alive, those of its folder and of its room may kill."""
    mutant = replace(KILLED_BY_OTHERS, path="datafetch/room/rules/small.py")
    imports = ("datafetch.small", "datafetch.room.rules.small")
    files = {
        mutant.path: MODULE,
        "tests/room/rules/test_small.py": TESTS.replace(*imports),
        killer: ROOM_TESTS.replace(*imports),
    }
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    done = mutate(project, "--again", survivors(project, mutant))
    assert outcomes(project) == {mutant.diff: "killed"}
    assert f"{killer}::test_halvings" in done.stdout


def test_all_tests_run_when_they_are_asked_for(project: Path) -> None:
    """Before a mutant survives, `--whole` runs the tests of other modules too."""
    mutants = survivors(project, KILLED_BY_OTHERS)
    mutate(project, "--again", mutants)
    assert outcomes(project) == {KILLED_BY_OTHERS.diff: "survived"}
    mutate(project, "--again", mutants, "--whole")
    assert outcomes(project) == {KILLED_BY_OTHERS.diff: "killed"}


def test_tests_that_fail_anyway_are_told(project: Path) -> None:
    """Where a test fails without a mutant, no mutant counts as killed."""
    (project / "tests" / "test_small.py").write_text("def test_broken():\n    assert False\n")
    done = mutate(project, "--again", survivors(project, KILLED))
    assert done.returncode == 1
    assert "These tests fail without any mutant: tests/test_small.py" in done.stderr
    assert not (project / "mutants.json").exists()


def test_survivors_of_a_module_that_has_changed_are_not_tried(project: Path) -> None:
    """A report tells of places in a text, so it is of no use for another text."""
    mutants = survivors(project, KILLED)
    (project / "datafetch" / "small.py").write_text(f"import json\n{MODULE}")
    done = mutate(project, "--again", mutants)
    assert done.returncode == 1
    assert "datafetch/small.py has changed since" in done.stderr


def test_the_checkout_stays_as_it_is(project: Path) -> None:
    """Mutants are made in copies: whoever works on the files meets none of them."""
    mutate(project, "--again", survivors(project, KILLED))
    assert (project / "datafetch" / "small.py").read_text() == MODULE


@pytest.mark.parametrize(
    ("source", "idle"),
    [
        ('"""MARK"""\n', True),
        ("def f(a: MARK) -> int: ...\n", True),
        ("def f(a: int = MARK) -> int: ...\n", False),
        ("def f(a: int) -> MARK: ...\n", True),
        ("class A:\n    é: MARK = 1\n", True),
        ("class A:\n    é: int = MARK\n", False),
        ("Name: TypeAlias = MARK\n", True),
        ("name = cast(MARK, 1)\n", True),
        ("name = cast(int, MARK)\n", False),
        ("if TYPE_CHECKING:\n    MARK = 1\n", True),
        ("if CHECKING:\n    MARK = 1\n", False),
        ("__all__ = [MARK]\n", True),
        ("names = [MARK]\n", False),
        ('self._log.info(f"é{MARK}")\n', True),
        ('_log.info("event", extra={"count": MARK})\n', False),
        ("math.log(MARK)\n", False),
        ("@dataclass(slots=MARK)\nclass A: ...\n", True),
        ("@dataclass(frozen=MARK)\nclass A: ...\n", False),
    ],
)
def test_only_places_with_behaviour_are_mutated(source: str, idle: bool) -> None:
    """Documentation, types, exported names, log texts and slots change nothing that a test could see."""
    before, _, _ = source.partition("MARK")
    place = (before.count("\n") + 1, len(before.rpartition("\n")[2]))
    assert any(place in span for span in idle_spans(source)) == idle
