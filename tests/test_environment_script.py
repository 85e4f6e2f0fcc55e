"""scripts/env.sh: .venv is made with the Python that PYTHON names, and anew when that or the lock file changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ENV_SH = Path(__file__).parents[1] / "scripts" / "env.sh"
TOOLS = ("bash", "cat", "chmod", "cksum", "cut", "dirname", "ln", "mkdir", "mktemp", "rm")
# Notes what it is asked for, and makes as much of an environment as env.sh looks at: no python3.99,
# and a python3.9 that fails when it is asked whether it is new enough.
UV = f"""#!{shutil.which("bash")}
echo "$*" >>log
if [ "$1" = venv ]; then
  case "$4" in
  python3.99) exit 2 ;;
  python3.9) python={shutil.which("false")} ;;
  *) python={shutil.which("true")} ;;
  esac
  mkdir -p "$5/bin"
  ln -sf "$python" "$5/bin/python"
fi
"""
# A Python whose environments are copies of it. As python3 of .venv it still tells where it came from.
SMALL_PYTHON = f"""#!{shutil.which("bash")}
case "$*" in
"-c "*) echo BASE ;;
"-m venv .venv") mkdir -p .venv/bin && cat BASE >.venv/bin/python && chmod +x .venv/bin/python ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with env.sh, and a PATH of its own in bin: a real Python, and no uv."""
    project = tmp_path / "project"
    for folder in ("scripts", "bin"):
        (project / folder).mkdir(parents=True)
    shutil.copy(ENV_SH, project / "scripts")
    for name in ("requirements.lock", "pyproject.toml"):
        (project / name).touch()
    for tool in TOOLS:
        (project / "bin" / tool).symlink_to(shutil.which(tool) or "")
    (project / "bin" / "python3").symlink_to(sys.executable)
    return project


@pytest.fixture
def with_uv(project: Path) -> Path:
    """The same where uv is installed."""
    uv = project / "bin" / "uv"
    uv.write_text(UV)
    uv.chmod(0o755)
    return project


def make_good_environment(project: Path, made_from: str = "a lock file of before") -> Path:
    """A .venv that was finished; the file that tells so."""
    made = project / ".venv" / "made-from"
    made.parent.mkdir()
    made.write_text(made_from)
    return made


def source(project: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Source env.sh as the other scripts do."""
    return subprocess.run(
        [str(project / "bin" / "bash"), "-c", f'source "{project}/scripts/env.sh"'],
        env={"PATH": str(project / "bin"), "HOME": os.devnull, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def made_with(project: Path) -> list[str]:
    """The Python of each environment that uv was asked to make."""
    lines = (project / "log").read_text().splitlines()
    return [
        line.split()[3] for line in lines if line.startswith("venv ") and line.endswith(" .venv")
    ]


def test_the_environment_is_made_with_the_python_that_is_named(with_uv: Path) -> None:
    """Once for each named Python, and with any that is new enough where none is named."""
    for variables in ({}, {}, {"PYTHON": "python3.12"}, {"PYTHON": "python3.12"}):
        assert source(with_uv, **variables).returncode == 0
    assert made_with(with_uv) == [">=3.11", "python3.12"]


def test_a_changed_lock_file_makes_the_environment_anew(with_uv: Path) -> None:
    """What is installed is always what the lock file says."""
    source(with_uv)
    (with_uv / "requirements.lock").write_text("changed")
    source(with_uv)
    assert made_with(with_uv) == [">=3.11", ">=3.11"]


def test_a_python_that_is_not_there_is_not_replaced_by_another(project: Path) -> None:
    """A build for a certain Python fails without it, though a good python3 is found, and says why."""
    done = source(project, PYTHON="python3.99")
    assert done.returncode == 69
    assert "PYTHON=python3.99 is not such a Python" in done.stderr
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("python", ["python3.99", "python3.9"])
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_python_that_will_not_do_leaves_the_environment(
    request: pytest.FixtureRequest, tool: str, python: str
) -> None:
    """Whoever names a Python that is missing or too old still has the .venv of before, and is told why."""
    project: Path = request.getfixturevalue("with_uv" if tool == "uv" else "project")
    (project / "bin" / "python3.9").symlink_to(shutil.which("false") or "")
    made = make_good_environment(project)
    done = source(project, PYTHON=python)
    assert done.returncode == 69
    assert f"PYTHON={python} is not such a Python" in done.stderr
    assert made.read_text() == "a lock file of before"


def test_an_activated_environment_is_made_anew_with_its_base_python(project: Path) -> None:
    """The python3 found first may be the one of the .venv that is about to be removed."""
    base = project / "bin" / "python3"
    base.unlink()
    base.write_text(SMALL_PYTHON.replace("BASE", str(base)))
    base.chmod(0o755)
    own = make_good_environment(project).parent / "bin"
    own.mkdir()
    shutil.copy(base, own / "python3")
    done = source(project, PATH=f"{own}{os.pathsep}{project / 'bin'}")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert (project / ".venv" / "made-from").read_text() != "a lock file of before"
