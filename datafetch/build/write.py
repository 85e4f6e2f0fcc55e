"""Writes a build's files: all of them to temporary files first, which then take their places."""

import errno
import hashlib
import logging
import os
import re
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from datafetch.build.rules.pictures import ManifestPicture
from datafetch.build.rules.preview import FolderPlan
from datafetch.errors import DatafetchError, Inconsistent, ObjectNotFound
from datafetch.regular_files import open_regular
from datafetch.runtime.engine import Engine
from datafetch.store.base import ObjectStore
from datafetch.store.durability import flush
from datafetch.store.output_limit import OutputLimit
from datafetch.store.paths import RESERVED
from datafetch.store.sweeping import leftovers, remove_abandoned
from datafetch.store.temporary import temporary_in, time_in

_TEMPORARY = re.compile(
    rf"{re.escape(RESERVED)}[0-9a-f]{{16}}|\..+\.[0-9a-f]{{16}}\.tmp", re.DOTALL
)
"""The names of temporary files: as they are given now, and as version 0.1.0 gave them."""

_TOPS = ("bookmarks", "github-activity", "image-data", "images", "json")
"""The folders to which builds write, in that which `--output` or `--mirror` names."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_HINT = (
    "Free some space there, or name another folder with --output or --mirror; no file was left "
    "half-written."
)
_HINT = "Name another folder with --output or --mirror, or mend this one's permissions."


class Staging:
    """Temporary files in a folder, each beside the place to which `commit` moves it.

    Leaving the `with` block removes those that were not committed. Those that a killed build left
    in a folder are removed after a day, when the next file is written to that folder. `add` may be
    called from several threads, for different names. In a dry run it only notes what it would do:
    nothing is written, no folder is made.
    """

    def __init__(
        self, folder: Path, *, max_output_mb: int | None = None, dry_run: bool = False
    ) -> None:
        """`max_output_mb`: the files that differ may not be larger together; None for no limit."""
        self._folder = folder
        self._max_output_mb = max_output_mb
        self._limit = OutputLimit(max_output_mb) if max_output_mb else None
        self._dry_run = dry_run
        self._new: list[str] = []
        self._changed: list[str] = []
        self._ready: deque[tuple[str, Path]] = deque()
        self._swept: set[Path] = set()
        self._guard = threading.Lock()
        self._wanted: dict[str, str] = {}
        self._interim: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget what was added and not committed, and remove its temporary files."""
        for _, temporary in self._ready:
            with translated(temporary):
                temporary.unlink(missing_ok=True)
        self._ready.clear()
        self._limit = OutputLimit(self._max_output_mb) if self._max_output_mb else None
        self._wanted.clear()
        self._interim.clear()
        self._new.clear()
        self._changed.clear()

    def path_of(self, name: str) -> Path:
        """The place of the file of that name."""
        return self._folder / name

    def fingerprint(self, name: str) -> tuple[int, str] | None:
        """Size and SHA-256 (hex) of the file of that name in the folder; None when there is none.

        Raises:
            DatafetchError: it cannot be read, or is no file.
        """
        path = self.path_of(name)
        with translated(path):
            try:
                with open_regular(path) as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    return os.fstat(file.fileno()).st_size, digest
            except FileNotFoundError:
                return None

    def keep(self, name: str, sha256: str) -> None:
        """Note that the folder's file of that name, with this content, is one of the build's."""
        self._wanted[name] = sha256

    def add(self, name: str, body: bytes, *, interim: bool = False) -> bool:
        """Write a temporary file, unless the folder has the same file; return whether it differs.

        A file with an `interim` content is added once more with that which it is to have: it gets
        both, one after the other.

        Raises:
            OutputRefused: the files that differ are more than a run may write.
            DatafetchError: the folder cannot be written to; its files are as they were.
        """
        sha256 = hashlib.sha256(body).hexdigest()
        (self._interim if interim else self._wanted)[name] = sha256
        there = self.fingerprint(name)
        if there == (len(body), sha256):
            return False
        if self._limit is not None:
            self._limit.spend(len(body))
        if self._dry_run and interim:
            return True
        if self._dry_run:
            (self._new if there is None else self._changed).append(name)
            return True
        path = self.path_of(name)
        temporary = temporary_in(path.parent)
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                self._ready.append((name, temporary))
                file.write(body)
                file.flush()
                flush(file.fileno())
                made_at = os.fstat(file.fileno()).st_mtime
        self._sweep_once(path.parent, made_at)
        return True

    def _sweep_once(self, folder: Path, now: float) -> None:
        with self._guard:
            if folder in self._swept:
                return
            self._swept.add(folder)
        remove_abandoned(leftovers(folder, _TEMPORARY.fullmatch, below=False), now)

    def plan(self) -> FolderPlan:
        """What `commit` would add or change but for the dry run; empty when this is no dry run."""
        return FolderPlan(sorted(self._new), sorted(self._changed), ())

    def commit(self) -> int:
        """Move the files to their places, in the order in which they were added; return how many.

        Raises:
            DatafetchError: the folder cannot be written to.
        """
        moved: set[str] = set()
        while self._ready:
            name, temporary = self._ready[0]
            path = self.path_of(name)
            with translated(path):
                temporary.replace(path)
            self._ready.popleft()
            moved.add(name)
        return len(self._new) + len(self._changed) + len(moved)


def sweep_output(folder: Path) -> None:
    """Remove what killed builds have left in a build's folder a day ago or earlier.

    Only in the folder itself, and in those in it that builds write to, at any depth: also where
    this build has written nothing.
    """
    is_ours = _TEMPORARY.fullmatch
    found = leftovers(folder, is_ours, below=False)
    found += [file for top in _TOPS for file in leftovers(folder / top, is_ours)]
    now = time_in(folder) if found else None
    if now is not None:
        remove_abandoned(found, now)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn an `OSError` into a `DatafetchError` that names the path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        hint = _FULL_HINT if error.errno in _FULL else _HINT
        raise DatafetchError(f"{path} cannot be written: {reason}", hint=hint) from error


@dataclass(frozen=True, slots=True)
class PictureStager:
    """Stages pictures of the store; one that the folder already has costs no request."""

    store: ObjectStore
    engine: Engine
    log: logging.LoggerAdapter[logging.Logger]

    def stage(self, pictures: Sequence[ManifestPicture], staging: Staging) -> tuple[int, int]:
        """Stage all pictures that there are.

        Returns:
            How many were staged, and how many of them differ from what the manifest says of them.
            A picture that differs was stored after the manifest, by a job that still runs or died.

        Raises:
            Inconsistent: a picture is missing or empty; the message names its entry.
            DatafetchError: the folder or the store failed.
        """

        def bring(picture: ManifestPicture) -> tuple[int, int]:
            there = staging.fingerprint(picture.key)
            if there is not None and picture.is_known(*there):
                staging.keep(picture.key, there[1])
                return 1, 0
            body = self._get(picture)
            if body is None:
                return 0, 0
            staging.add(picture.key, body)
            return 1, 0 if self._is_described(picture, body) else 1

        staged = differing = 0
        for is_there, differs in self.engine.map(bring, pictures):
            staged, differing = staged + is_there, differing + differs
        return staged, differing

    def _get(self, picture: ManifestPicture) -> bytes | None:
        """The picture's bytes; None when it is not in the store, and need not be."""
        try:
            body = self.store.get(picture.key).body
        except ObjectNotFound as error:
            if picture.may_be_missing:
                self.log.info(
                    "old_picture_missing", extra={"key": picture.key, "entry": picture.entry}
                )
                return None
            raise Inconsistent(
                f"the manifest names {picture.key} for {picture.entry}, which is not in the store"
            ) from error
        if not body:
            raise Inconsistent(f"{picture.key}, for {picture.entry}, is empty")
        return body

    def _is_described(self, picture: ManifestPicture, body: bytes) -> bool:
        sha256 = hashlib.sha256(body).hexdigest()
        if not picture.digest or picture.is_known(len(body), sha256):
            return True
        self.log.warning(
            "picture_not_as_described", extra={"key": picture.key, "entry": picture.entry}
        )
        return False
