"""scripts/own_environment.py: a Python script goes on in .venv, which is made where it is missing or out of date."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
# Some Python that is not the project's: what a system's python3 is to a contributor.
OTHER_PYTHON = str(Path(sys.base_prefix) / "bin" / "python3")

SCRIPT = """if True:
    import sys
    from own_environment import enter_own_environment
    enter_own_environment()
    print(sys.prefix, *sys.argv[1:])
"""
# Makes an empty environment and notes that it did. Python 3.99 does not exist.
UV = f"""#!/usr/bin/env bash
if [ "$1" = venv ]; then
  [ "$4" != python3.99 ] || exit 2
  "{OTHER_PYTHON}" -m venv --without-pip "$5"
  [ "$5" != .venv ] || echo made >>log
fi
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the real env.sh, which is given a uv of ours."""
    project = tmp_path / "project"
    for folder in ("scripts", "bin"):
        (project / folder).mkdir(parents=True)
    for name in ("own_environment.py", "env.sh"):
        shutil.copy(SCRIPTS / name, project / "scripts")
    for name in ("requirements.lock", "pyproject.toml"):
        (project / name).touch()
    (project / "scripts" / "script").write_text(SCRIPT)
    (project / "bin" / "uv").write_text(UV)
    (project / "bin" / "uv").chmod(0o755)
    return project


def start(
    project: Path, *arguments: str, python: str = OTHER_PYTHON, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run the script to its end, started by a Python that is not the project's unless one is given."""
    path = f"{project / 'bin'}{os.pathsep}{os.defpath}"
    return subprocess.run(
        [python, str(project / "scripts" / "script"), *arguments],
        env={"PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def times_made(project: Path) -> int:
    """How often .venv was made."""
    return len((project / "log").read_text().splitlines())


def test_a_missing_environment_is_made_once(project: Path) -> None:
    """The first start makes .venv whatever packages the system has; both run in it, with their arguments."""
    expected = f"{project / '.venv'} --seed 2\n"
    assert [start(project, "--seed", "2").stdout for _ in range(2)] == [expected, expected]
    assert times_made(project) == 1


def test_an_environment_that_was_never_finished_is_made_anew(project: Path) -> None:
    """A .venv without the file that env.sh writes last is what an interrupted install left."""
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(OTHER_PYTHON)
    assert start(project).stdout == f"{project / '.venv'}\n"
    assert times_made(project) == 1


@pytest.mark.parametrize("change", ["lock file", "PYTHON"])
def test_an_environment_that_is_out_of_date_is_made_anew(project: Path, change: str) -> None:
    """After a changed lock file, or for another Python that is named, the script does not run in what was."""
    start(project)
    if change == "lock file":
        (project / "requirements.lock").write_text("changed")
        again = start(project)
    else:
        again = start(project, PYTHON="python3")
    assert again.stdout == f"{project / '.venv'}\n"
    assert times_made(project) == 2


def test_a_script_that_runs_in_the_environment_leaves_it(project: Path) -> None:
    """A test that starts the sandbox, after an edit of pyproject.toml, does not lose the .venv it runs in."""
    start(project)
    (project / "pyproject.toml").write_text("# edited")
    own = str(project / ".venv" / "bin" / "python")
    assert start(project, python=own).stdout == f"{project / '.venv'}\n"
    assert times_made(project) == 1


def test_what_env_sh_says_is_the_end(project: Path) -> None:
    """Without a Python that will do, the script ends with env.sh's message and exit code, and no traceback."""
    done = start(project, PYTHON="python3.99")
    assert (done.returncode, done.stdout) == (69, "")
    assert "PYTHON=python3.99 is not such a Python" in done.stderr
    assert "Traceback" not in done.stderr
