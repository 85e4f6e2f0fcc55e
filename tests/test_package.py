"""scripts/package_contents.py: what is built for a release holds the whole package, or is refused."""

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
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path / "dist")],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return tmp_path / "dist"


def check(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the script over a folder."""
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "package_contents.py"), str(folder)],
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
    """Wheel and sdist hold every file of datafetch/, the room named build and py.typed with them."""
    done = check(built)
    assert (done.returncode, done.stderr) == (0, "")
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"datafetch/build/job.py", "datafetch/py.typed"} <= set(names)


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
        f"{wheel} has datafetch/stray.py, which is not there\n",
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
