"""scripts/env.sh: .venv is made with the Python that PYTHON names, and anew when that or the lock file changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ENV_SH = Path(__file__).parents[1] / "scripts" / "env.sh"
TOOLS = ("bash", "cat", "cksum", "cut", "dirname", "mkdir", "rm")
# Notes what it is asked for, and makes as much of an environment as env.sh looks at.
UV = """#!/usr/bin/env bash
echo "$*" >>log
mkdir -p .venv
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
    uv.write_text(UV.replace("/usr/bin/env bash", str(shutil.which("bash"))))
    uv.chmod(0o755)
    return project


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
    return [line.split()[3] for line in lines if line.startswith("venv --quiet --python ")]


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
