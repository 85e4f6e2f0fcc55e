"""Checks that the wheel and the sdist in a folder hold what git tracks in datafetch/, and its version.

python scripts/package_contents.py FOLDER
"""

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from email.parser import Parser
from pathlib import Path

from datafetch import __version__

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Print each problem; 1 when there is one."""
    folder = Path(sys.argv[1])
    problems = [*of_the_wheel(folder), *of_the_sdist(folder)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def of_the_wheel(folder: Path) -> Iterable[str]:
    """What is wrong with the wheel."""
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        yield from differences(wheel.name, archive.namelist())
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        version = Parser().parsestr(archive.read(metadata).decode())["Version"]
    if version != __version__:
        yield f"{wheel.name} says that it is {version}; datafetch/__init__.py says {__version__}"


def of_the_sdist(folder: Path) -> Iterable[str]:
    """What is wrong with the sdist, whose files stand in a folder with its name and version."""
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = [
            member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()
        ]
    yield from differences(sdist.name, names)


def differences(archive: str, names: Iterable[str]) -> Iterable[str]:
    """Files of datafetch/ that an archive lacks, and files that it has beyond those of git."""
    packed = {name for name in names if name.startswith("datafetch/")}
    tracked = tracked_files()
    yield from (f"{archive} lacks {name}" for name in sorted(tracked - packed))
    yield from (
        f"{archive} has {name}, which git does not track" for name in sorted(packed - tracked)
    )


def tracked_files() -> set[str]:
    """The files of datafetch/ that git tracks, new ones from `git add` on."""
    # A checkout that a container has mounted belongs to another user, which git refuses by default.
    git = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT)]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "datafetch"], check=True, capture_output=True, text=True
    )
    return set(listed.stdout.split("\0")) - {""}


if __name__ == "__main__":
    sys.exit(main())
