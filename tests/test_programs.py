"""Programs that tests start: skipped by name where they are missing, and never in CI, which installs each of them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import programs

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "test-programs"
TABLE = re.search(r'programs="\\\n(.+?)"', SCRIPT.read_text(), re.DOTALL)
assert TABLE is not None
LISTED = {line.split()[0]: line.split()[1:] for line in TABLE[1].splitlines()}
ASKED = re.compile(r'\b(?:program|installed|find|fail_if_needed)\("([\w-]+)"')
MAY_LOOK = {"programs.py", "test_programs.py", "cron_daemons.py", "test_environment_script.py"}
"""Modules that look in PATH for other reasons than to skip a test."""


def put(folder: Path, name: str, lines: str = "") -> None:
    """A program of that name in a folder."""
    (folder / name).write_text(f"#!/bin/sh\n{lines}\n")
    (folder / name).chmod(0o755)


# ---------------------------------------------------------------------- the helper


def test_a_missing_program_skips_by_its_name(monkeypatch):
    """Whoever reads the summary sees what to install."""
    monkeypatch.delenv(programs.NEEDS, raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"^no-such-program is not installed$"):
        programs.program("no-such-program")
    assert programs.find("no-such-program") is None


def test_a_missing_program_fails_where_it_is_needed(monkeypatch):
    """In CI a test that finds no program was once skipped for weeks."""
    monkeypatch.setenv(programs.NEEDS, "sh no-such-program")
    with pytest.raises(pytest.fail.Exception, match="no-such-program: it is not installed, and N"):
        programs.program("no-such-program")
    with pytest.raises(pytest.fail.Exception):
        programs.find("no-such-program")
    with pytest.raises(pytest.fail.Exception, match="needs root"):
        programs.skip("no-such-program", "it needs root")
    with pytest.raises(pytest.skip.Exception):
        programs.program("no-such")
    with pytest.raises(pytest.skip.Exception, match=r"^other: it needs root$"):
        programs.skip("other", "it needs root")


def test_a_program_is_found_by_its_other_names_and_beside_path(monkeypatch, tmp_path):
    """Chromium has three names, and services stand in folders that PATH does not name."""
    put(tmp_path, "google-chrome")
    monkeypatch.setenv("PATH", str(tmp_path))
    chromium = programs.find("chromium")
    assert chromium is not None
    assert Path(chromium).name in {"chromium", "google-chrome"}
    monkeypatch.setattr(programs, "_FOLDERS_OF_SERVICES", (str(tmp_path / "sbin"),))
    (tmp_path / "sbin").mkdir()
    put(tmp_path / "sbin", "served")
    assert programs.program("served") == str(tmp_path / "sbin" / "served")


def test_the_script_installs_whatever_a_test_asks_for():
    """A program that is not in its list would be skipped in CI for ever."""
    asked = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        if path.name != "test_programs.py"
        for name in ASKED.findall(path.read_text())
    }
    assert {"redis-server", "promtool", "node"} <= asked
    assert asked <= set(LISTED)


def test_there_is_one_way_to_skip_for_a_program():
    """Another way would not know what CI needs."""
    for path in (ROOT / "tests").rglob("*.py"):
        if path.name not in MAY_LOOK:
            text = path.read_text()
            assert not re.search(r"skipif\(\s*shutil\.which|which\(.+\) is None", text), path


# ---------------------------------------------------------------------- the script


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH of its own, whose apt-get makes the programs of the packages, and notes what it is asked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("bash", "env", "cat", "sh"):
        (folder / tool).symlink_to(programs.program("bash") if tool == "bash" else real(tool))
    put(folder, "uname", "echo Linux")
    put(folder, "id", "echo 0")
    for tool in ("tee", "chmod", "rm"):
        put(folder, tool, f'echo {tool} "$@" >>{tmp_path}/asked')
    cases = "\n".join(
        f"    {package}) printf '#!/bin/sh\\n' >{folder}/{name}; {real('chmod')} 755 {folder}/{name} ;;"
        for name, (package, *_) in LISTED.items()
        if name != "bash"
    )
    put(
        folder,
        "apt-get",
        f'echo apt-get "$@" >>{tmp_path}/asked\nfor word in "$@"; do\n  case "$word" in\n{cases}\n  esac\ndone\n'
        "echo what apt-get says",
    )
    put(folder, "apt-cache", 'case "$2" in chromium) echo none ;; *) echo "Candidate: 1.0" ;; esac')
    return folder


def real(name: str) -> str:
    """Where this machine has a tool that each one has."""
    path = shutil.which(name)
    assert path is not None
    return path


def run(folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The script on the machine, without the folders of services, which are this machine's."""
    script = folder.parent / "test-programs"
    script.write_text(SCRIPT.read_text().replace(":/usr/local/sbin:/usr/sbin:/sbin", ""))
    return subprocess.run(
        [str(folder / "bash"), str(script)],
        env={"PATH": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_missing_is_installed_and_named(machine):
    """Its output is the value of NEEDS_PROGRAMS; what is not packaged is named on stderr, and not needed."""
    noted = machine.parent / "github"
    done = run(machine, GITHUB_ENV=str(noted))
    assert done.returncode == 0, done.stderr
    there = [name for name in LISTED if name != "chromium"]
    assert done.stdout == " ".join(there) + "\n"
    assert noted.read_text() == f"NEEDS_PROGRAMS={' '.join(there)}\n"
    assert "chromium is not packaged here: its tests are skipped\n" in done.stderr
    asked = (machine.parent / "asked").read_text().splitlines()
    installs = [line for line in asked if line.startswith("apt-get install")]
    assert len(installs) == 1
    assert {LISTED[name][0] for name in there if name != "bash"} <= set(installs[0].split())


def test_nothing_is_installed_where_all_is_there(machine):
    """A second run asks for nothing."""
    put(machine, "google-chrome")
    run(machine)
    (machine.parent / "asked").unlink()
    done = run(machine)
    assert done.stdout == " ".join(LISTED) + "\n"
    assert not (machine.parent / "asked").exists()


def test_a_package_without_its_program_is_refused(machine):
    """The list is wrong then, and CI would skip the tests of it."""
    text = (machine / "apt-get").read_text().replace(f">{machine}/promtool;", ">/dev/null;")
    (machine / "apt-get").write_text(text.replace(f"755 {machine}/promtool", f"755 {machine}/env"))
    done = run(machine)
    assert done.returncode == 1
    assert "prometheus is installed, but promtool is not there" in done.stderr
    assert done.stdout == ""


def test_services_are_forbidden_only_while_packages_are_installed(machine):
    """Redis and Prometheus would start, and the file that forbids it would forbid it for ever."""
    run(machine)
    asked = (machine.parent / "asked").read_text().splitlines()
    policy = "/usr/sbin/policy-rc.d"
    if os.path.exists(policy):  # noqa: PTH110 - of the machine: it forbids already
        assert f"tee {policy}" not in asked
        return
    order = [line for line in asked if policy in line or line.startswith("apt-get install")]
    assert [line.split()[0] for line in order] == ["tee", "chmod", "apt-get", "rm"]
