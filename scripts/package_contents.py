"""Checks that the wheel and the sdist in a folder hold every file of datafetch/, and its version.

python scripts/package_contents.py FOLDER
"""

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
    """Files of datafetch/ that an archive lacks, and files that it has beyond them."""
    packed = {name for name in names if name.startswith("datafetch/")}
    here = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "datafetch").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    yield from (f"{archive} lacks {name}" for name in sorted(here - packed))
    yield from (f"{archive} has {name}, which is not there" for name in sorted(packed - here))


if __name__ == "__main__":
    sys.exit(main())
