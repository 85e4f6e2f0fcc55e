"""scripts/package and package_contents.py: what is built for a release holds the whole package, or is refused."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder with the sdist and the wheel of this project, as a release builds them."""
    build(ROOT, tmp_path / "dist")
    return tmp_path / "dist"


def build(project: Path, folder: Path) -> None:
    """Put a project's sdist and wheel into a folder."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=project,
        check=True,
        capture_output=True,
    )


def copy_of_what_is_built(tmp_path: Path) -> Path:
    """A repository of its own with the files of this one that make the package, and its scripts."""
    project = tmp_path / "project"
    for name in ("datafetch", "scripts"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, project)
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=project, check=True)
    return project


def check(folder: Path, project: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run a project's script over a folder."""
    return subprocess.run(
        [sys.executable, str(project / "scripts" / "package_contents.py"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )


def rewrite_wheel(folder: Path, change: Callable[[str, bytes], Iterable[tuple[str, bytes]]]) -> str:
    """Put what `change` makes of each file into the wheel's place."""
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in (pair for file in files for pair in change(*file)):
            archive.writestr(name, content)
    return wheel.name


def test_what_is_built_is_whole(built: Path) -> None:
    """Wheel and sdist hold every file of datafetch/: the room named build, py.typed and the guides, too."""
    done = check(built)
    assert (done.returncode, done.stderr) == (0, "")
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"datafetch/build/job.py", "datafetch/py.typed"} <= set(names)
    assert {
        f"datafetch/guides/{topic}.md"
        for topic in ("cloud", "cron", "locks", "migrate", "serve", "stores")
    } <= set(names)


def test_what_git_does_not_track_is_not_missed(tmp_path: Path) -> None:
    """A file that the desktop or Python left in the folder, and the build leaves out, is no fault of the build."""
    project = copy_of_what_is_built(tmp_path)
    strays = [project / "datafetch" / name for name in (".DS_Store", "__pycache__/one.pyc")]
    for stray in strays:
        stray.parent.mkdir(exist_ok=True)
        stray.touch()
    build(project, tmp_path / "dist")
    done = check(tmp_path / "dist", project)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_untracked_module_is_refused(tmp_path: Path) -> None:
    """A module that was forgotten in git would be in the release and not in the repository."""
    project = copy_of_what_is_built(tmp_path)
    (project / "datafetch" / "forgotten.py").touch()
    build(project, tmp_path / "dist")
    done = check(tmp_path / "dist", project)
    assert done.returncode == 1
    assert "has datafetch/forgotten.py, which git does not track\n" in done.stderr


def test_a_wheel_without_a_folder_is_refused(built: Path) -> None:
    """A room that an ignore rule swallowed is named, file by file."""
    wheel = rewrite_wheel(
        built,
        lambda name, content: [] if name.startswith("datafetch/build/") else [(name, content)],
    )
    done = check(built)
    assert done.returncode == 1
    assert f"{wheel} lacks datafetch/build/job.py\n" in done.stderr


def test_a_wheel_with_a_stray_file_is_refused(built: Path) -> None:
    """What stands in the package's folder of the wheel, but not in that of the project, is named."""
    wheel = rewrite_wheel(
        built,
        lambda name, content: (
            [(name, content), ("datafetch/stray.py", b"")]
            if name == "datafetch/__init__.py"
            else [(name, content)]
        ),
    )
    done = check(built)
    assert (done.returncode, done.stderr) == (
        1,
        f"{wheel} has datafetch/stray.py, which git does not track\n",
    )


def test_a_wheel_of_another_version_is_refused(built: Path) -> None:
    """The version in the metadata is that of datafetch/__init__.py."""
    wheel = rewrite_wheel(
        built,
        lambda name, content: [
            (
                name,
                content.replace(b"\nVersion: ", b"\nVersion: 9", 1)
                if name.endswith("METADATA")
                else content,
            )
        ],
    )
    done = check(built)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{wheel} says that it is 9")


def test_an_sdist_that_lacks_a_file_is_refused(built: Path) -> None:
    """An sdist is held to the same files as the wheel."""
    (sdist,) = built.glob("*.tar.gz")
    whole = sdist.rename(built / "whole")
    with tarfile.open(whole) as archive, tarfile.open(sdist, "w:gz") as left:
        for member in archive:
            if not member.name.endswith("/py.typed"):
                left.addfile(member, archive.extractfile(member))
    done = check(built)
    assert (done.returncode, done.stderr) == (1, f"{sdist.name} lacks datafetch/py.typed\n")


CHANGELOG = """# Changelog

## [Unreleased]
{unreleased}
## [1.2.3] - 2026-01-01

- The first.
"""


def package(tmp_path: Path, tag: str, changelog: str) -> "subprocess.CompletedProcess[str]":
    """Run scripts/package for a tag in a project of version 1.2.3, up to the build, which says BUILDS."""
    project = tmp_path / "project"
    (project / "scripts").mkdir(parents=True)
    (project / "datafetch").mkdir()
    (project / "datafetch" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    (project / "hatchling.py").write_text("raise SystemExit('BUILDS')\n")
    (project / "CHANGELOG.md").write_text(changelog)
    (project / "scripts" / "env.sh").write_text(
        f'set -euo pipefail\ncd "{project}"\npython() {{ "{sys.executable}" "$@"; }}\n'
    )
    shutil.copy(ROOT / "scripts" / "package", project / "scripts")
    return subprocess.run(
        [str(project / "scripts" / "package"), tag], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("tag", "changelog", "reason"),
    [
        ("v1.2.4", CHANGELOG.format(unreleased=""), "The tag is v1.2.4, the version"),
        ("v1.2.3", "# Changelog\n\n## [1.2.2] - 2025-01-01\n", "has no section [1.2.3]"),
        ("v1.2.3", CHANGELOG.format(unreleased="\n- News.\n"), "has entries under [Unreleased]"),
    ],
    ids=["another version", "no section", "unreleased entries"],
)
def test_a_tag_that_does_not_fit_is_refused(
    tmp_path: Path, tag: str, changelog: str, reason: str
) -> None:
    """Nothing is built for a tag of another version, or before the changelog gives its section all that is new."""
    done = package(tmp_path, tag, changelog)
    assert done.returncode == 65
    assert reason in done.stderr


@pytest.mark.parametrize(
    ("tag", "unreleased"), [("v1.2.3", ""), ("", "\n- News.\n")], ids=["tag", "no tag"]
)
def test_what_fits_is_built(tmp_path: Path, tag: str, unreleased: str) -> None:
    """A tag whose section is complete, and any state of the changelog where nothing is released."""
    assert "BUILDS" in package(tmp_path, tag, CHANGELOG.format(unreleased=unreleased)).stderr
