"""scripts/own_environment.py: a Python script goes on in .venv, which env.sh makes where it is missing."""

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
MAKES = f"""
cd "$(dirname "$0")/.."
echo made >>log
rm -rf .venv
"{OTHER_PYTHON}" -m venv --without-pip .venv
touch .venv/made-from
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose env.sh makes an empty environment and notes that it did."""
    scripts = tmp_path / "project" / "scripts"
    scripts.mkdir(parents=True)
    shutil.copy(SCRIPTS / "own_environment.py", scripts)
    (scripts / "script").write_text(SCRIPT)
    (scripts / "env.sh").write_text(MAKES)
    return scripts.parent


def run(project: Path, *arguments: str) -> str:
    """What the script printed, started by a Python that is not the project's."""
    script = str(project / "scripts" / "script")
    return subprocess.run(
        [OTHER_PYTHON, script, *arguments], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_a_missing_environment_is_made_once(project: Path) -> None:
    """The first start makes .venv whatever packages the system has; both run in it, with their arguments."""
    expected = f"{project / '.venv'} --seed 2\n"
    assert [run(project, "--seed", "2") for _ in range(2)] == [expected, expected]
    assert (project / "log").read_text() == "made\n"


def test_an_environment_that_was_never_finished_is_made_anew(project: Path) -> None:
    """A .venv without the file that env.sh writes last is what an interrupted install left."""
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(OTHER_PYTHON)
    assert run(project) == f"{project / '.venv'}\n"
    assert (project / "log").read_text() == "made\n"
