"""This machine: trusted certificates, time zones, room on disks, the folder for locks."""

import shutil
import tempfile
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

from datafetch.clock import PACIFIC
from datafetch.doctor.findings import Finding, Group, fail, failed_with, ok, warn
from datafetch.doctor.paths import nearest
from datafetch.errors import DatafetchError
from datafetch.runtime.folder import RuntimeFolder

_MIB = 1024 * 1024
_LEAST, _FEW = 100 * _MIB, 1024 * _MIB
"""Bytes: with less than the first no run can end well; with less than the second it may fill up.
A first run with a thousand pictures stores about 100 MB."""


class CertificatesCheck:
    """Loads the trusted certificates as the HTTP client does."""

    name = "certificates"
    group = Group.MACHINE
    limit_s = 10.0

    def look(self) -> Iterator[Finding]:
        """Where the certificates come from, and how many they are."""
        from datafetch.net.trust import trusted

        try:
            found = trusted()
        except DatafetchError as error:
            yield fail("certificates", str(error), "Correct the variable, or unset it.")
            return
        if not found.number and found.origin == "the system":
            yield warn(
                "certificates",
                "the system has none that can be counted",
                "Install them (package ca-certificates), or set SSL_CERT_FILE.",
            )
            return
        yield ok("certificates", f"trusted authorities: {found.number}, from {found.origin}")


class ZonesCheck:
    """Loads the zone in which schedules are read."""

    name = "time zones"
    group = Group.MACHINE
    limit_s = 10.0

    def __init__(self, places: tuple[str, ...] = zoneinfo.TZPATH) -> None:
        """`places` are the folders of the system's zones."""
        self._places = places

    def look(self) -> Iterator[Finding]:
        """Whether the zone loads, and from where."""
        try:
            zoneinfo.ZoneInfo(PACIFIC)
        except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
            yield fail(
                self.name,
                f"{PACIFIC} cannot be loaded, so that no schedule can be read",
                "Install it: pip install --force-reinstall tzdata",
            )
            return
        own = next((place for place in self._places if (Path(place) / PACIFIC).is_file()), None)
        source = f"the system ({own})" if own else "the package tzdata"
        yield ok(self.name, f"{PACIFIC} is loaded from {source}")


def free_bytes(folder: Path) -> int:
    """The bytes that this user may still write there."""
    return shutil.disk_usage(folder).free


class DiskCheck:
    """Looks how much room there is where files are written."""

    name = "free disk"
    group = Group.MACHINE
    limit_s = 10.0

    def __init__(
        self,
        folders: tuple[tuple[str, Path], ...],
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """`folders`: each with what it is for; `free` returns the free bytes of an existing folder."""
        self._folders = folders
        self._free = free

    def look(self) -> Iterator[Finding]:
        """A line for each folder."""
        for purpose, folder in self._folders:
            there = nearest(folder)
            try:
                free = self._free(there)
            except OSError as error:
                yield warn(
                    f"free disk, {purpose}",
                    f"{there} does not tell: {error.strerror or error}",
                    "See what `df` says of it.",
                )
                continue
            said = f"{_bytes(free)} in {folder}"
            hint = "Make room there, or name another place ({}).".format(
                "TMPDIR" if purpose == "temporary" else "DATAFETCH_STORE"
            )
            make = fail if free < _LEAST else warn
            check = f"free disk, {purpose}"
            yield ok(check, said) if free >= _FEW else make(check, f"only {said}", hint)


def temporary_folder() -> Path:
    """Where downloads are kept that are too large for memory."""
    return Path(tempfile.gettempdir())


class RuntimeCheck:
    """Takes a lock of this machine, which no run takes, and gives it back."""

    name = "locks of this machine"
    group = Group.MACHINE
    limit_s = 10.0

    def __init__(self, folder: RuntimeFolder) -> None:
        """`folder` is where those locks are."""
        self._folder = folder

    def look(self) -> Iterator[Finding]:
        """Where the folder is, and whether locks can be held in it."""
        try:
            with self._folder.lock("doctor.lock", timeout_s=2.0):
                path = self._folder.path()
            (path / "doctor.lock").unlink(missing_ok=True)
        except DatafetchError as error:
            yield failed_with(self.name, error)
            return
        yield ok(self.name, f"can be held in {path}")


def _bytes(number: int) -> str:
    size, unit = float(number), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:  # noqa: PLR2004 - units of bytes
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"  # noqa: PLR2004
