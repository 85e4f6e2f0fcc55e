"""Finds out which cron daemon a machine has, by its processes and its files, and what it can do.

Which of them read `CRON_TZ`: crontab(5) of each; measured with the daemons of Debian in the tests.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from datafetch.regular_files import open_regular

DEBIANS = "Debian's cron"
_MOST_OF_A_PROGRAM = 4 * 1024 * 1024
_MOST_OF_A_LIST = 32 * 1024 * 1024
_MOST_PROCESSES = 50_000
_FOLDERS = ("usr/sbin", "usr/bin", "sbin", "bin", "usr/local/bin", "usr/local/sbin")
_GENERATORS = ("usr/lib/systemd/system-generators", "lib/systemd/system-generators")
_SYSTEMD_CRON = (2, 1, 3)
"""The first version of systemd-cron that reads CRON_TZ."""

_PROCESSES = frozenset(
    {"cron", "crond", "fcron", "bcron-start", "bcron-sched", "supercronic", "busybox"}
)


@dataclass(frozen=True, slots=True)
class CronDaemon:
    """A cron daemon.

    Attributes:
        name: what people call it.
        reads_zone: whether lines below `CRON_TZ` are meant in that zone; None when nobody knows.
        reads_path: whether commands are found by the crontab's `PATH`.
        runs: whether a process of it was seen.
    """

    name: str
    reads_zone: bool | None
    reads_path: bool = True
    runs: bool = False


def find_daemon(root: Path) -> CronDaemon | None:
    """The cron daemon of the system whose root folder this is; None when there is none.

    One that runs goes before one that is only installed.
    """
    for program, file in sorted(dict(_running(root)).items()):
        found = _by_program(root, program, _file(root, program) or file)
        if found is not None:
            return CronDaemon(found.name, found.reads_zone, found.reads_path, runs=True)
    generated = _systemd_cron(root)
    if generated is not None:
        return generated
    for program in ("cron", "crond", "fcron", "bcron-start", "supercronic"):
        installed = _file(root, program)
        found = None if installed is None else _by_program(root, program, installed)
        if found is not None:
            return found
    return None


def has_systemd(root: Path) -> bool:
    """Whether the system was started by systemd (sd_booted(3))."""
    return (root / "run/systemd/system").is_dir()


def in_container(root: Path) -> bool:
    """Whether this is the inside of a container of Docker, Podman or Kubernetes."""
    marks = (".dockerenv", "run/.containerenv", "var/run/secrets/kubernetes.io")
    return any((root / mark).exists() for mark in marks)


def _running(root: Path) -> Iterator[tuple[str, Path]]:
    """The names of cron daemons among the processes, and their programs (proc_pid_exe(5))."""
    try:
        entries = list(islice((root / "proc").iterdir(), _MOST_PROCESSES))
    except OSError:
        return
    for entry in entries:
        if not entry.name.isdecimal():
            continue
        try:
            name = (entry / "comm").read_text(encoding="utf-8", errors="replace").strip()
            if name == "busybox":
                words = (entry / "cmdline").read_bytes().split(b"\0")
                name = "crond" if b"crond" in words else ""
        except OSError:
            continue  # it has ended meanwhile, or is somebody else's
        if name in _PROCESSES:
            yield name, entry / "exe"


_BY_NAME = {
    "fcron": CronDaemon("fcron", reads_zone=False),
    "bcron-start": CronDaemon("bcron", reads_zone=False),
    "bcron-sched": CronDaemon("bcron", reads_zone=False),
    "supercronic": CronDaemon("supercronic", reads_zone=True),
}
"""The daemons whose program has a name of its own."""


def _by_program(root: Path, program: str, path: Path) -> CronDaemon | None:
    """The daemon whose program has this name; `cron` and `crond` are told apart by their files."""
    if program not in ("cron", "crond"):
        return _BY_NAME.get(program)
    if _target(path).name.startswith("busybox"):
        return CronDaemon("busybox crond", reads_zone=False, reads_path=False)
    return _by_content(root, program, _content(path))


def _by_content(root: Path, program: str, content: bytes) -> CronDaemon:
    if b"cronie" in content:
        return CronDaemon("cronie", reads_zone=True)
    if b"dcron" in content or b"dillon" in content.lower():
        return CronDaemon("dcron", reads_zone=False, reads_path=False)
    # Debian's cron and others made from Vixie's: a program without the text CRON_TZ ignores it.
    label = DEBIANS if _is_debian(root) and program == "cron" else program
    return CronDaemon(label, reads_zone=b"CRON_TZ" in content if content else None)


def _systemd_cron(root: Path) -> CronDaemon | None:
    if not any((root / place / "systemd-crontab-generator").is_file() for place in _GENERATORS):
        return None
    version = _version_of_package(root, "systemd-cron")
    reads = None if version is None else version >= _SYSTEMD_CRON
    return CronDaemon("systemd-cron", reads_zone=reads, runs=has_systemd(root))


def _version_of_package(root: Path, package: str) -> tuple[int, ...] | None:
    """The numbers of a Debian package's version; None when dpkg does not have it."""
    text = _content(root / "var/lib/dpkg/status", _MOST_OF_A_LIST).decode("utf-8", "replace")
    for entry in text.split("\n\n"):
        if entry.startswith(f"Package: {package}\n"):
            found = re.search(r"^Version: (?:[0-9]+:)?([0-9.]{1,40})", entry, re.MULTILINE)
            return tuple(int(part) for part in found[1].split(".") if part) if found else None
    return None


def _is_debian(root: Path) -> bool:
    return (root / "etc/debian_version").is_file()


def _file(root: Path, program: str) -> Path | None:
    places = (root / folder / program for folder in _FOLDERS)
    return next((place for place in places if place.is_symlink() or place.is_file()), None)


def _target(path: Path) -> Path:
    try:
        return path.readlink() if path.is_symlink() else path
    except OSError:  # somebody else's process
        return path


def _content(path: Path, most: int = _MOST_OF_A_PROGRAM) -> bytes:
    """The beginning of a file; nothing of one that cannot be read."""
    try:
        with open_regular(path) as file:
            return file.read(most)
    except (OSError, ValueError):
        return b""
