"""Removes the temporary files that killed processes have left, a day after they were written."""

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from datafetch.errors import StoreError
from datafetch.store.keys import IMAGES_PREFIX
from datafetch.store.paths import RESERVED
from datafetch.store.temporary import NAME, stamp

ABANDONED_AFTER_S = 86_400
"""A temporary file that was not written to for a day is nobody's: a write takes seconds."""

_TOPS = ("json", IMAGES_PREFIX.rstrip("/"))
"""The folders at the top of a store that hold its objects; others are not looked into."""


def leftovers(
    folder: Path, is_temporary: Callable[[str], object] = NAME.fullmatch, *, below: bool = True
) -> list[Path]:
    """The temporary files in a folder, those of living writers among them.

    Links are left alone, and folders that cannot be read are passed over.

    Args:
        folder: where to look.
        is_temporary: says of a file's name whether it is a temporary file's.
        below: whether to look into the folders in it, too, at any depth.
    """
    found, waiting = [], [os.fspath(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting += [entry.path] if below else []
                elif is_temporary(entry.name) and entry.is_file(follow_symlinks=False):
                    found.append(Path(entry.path))
    return found


def remove_abandoned(files: Iterable[Path], now: float) -> float:
    """Remove those of the temporary files that nobody has written to for a day.

    What cannot be removed stays. `now` is in epoch seconds, by the clock by which the file system
    stamps files. Returned is the time of the oldest file that is younger, or `now`: a day after
    that there may be something to remove again.
    """
    oldest = now
    for file in files:
        with suppress(OSError):
            written_at = file.lstat().st_mtime
            if now - written_at > ABANDONED_AFTER_S:
                file.unlink()
            else:
                oldest = min(oldest, written_at)
    return oldest


class Sweeper:
    """Sweeps a folder store: a folder when it gets a new file, and all of them once a day."""

    def __init__(self, root: Path) -> None:
        """`root` is the store's folder, in which a file says when all of it was swept."""
        self._root = root
        self._mark = root / f"{RESERVED}swept"
        self._swept: set[Path] = set()
        self._look_again_at = float("-inf")

    def sweep(self, folder: Path, now: float) -> None:
        """Sweep a folder, unless this process did so before.

        The caller holds the store's lock, since the times of a file that is about to take its
        place may be set by the clock of its writer.
        """
        if folder not in self._swept:
            self._swept.add(folder)
            remove_abandoned(leftovers(folder, below=False), now)

    def sweep_all(self, now: float, lock: Callable[[], AbstractContextManager[None]]) -> None:
        """Sweep all folders of the store, if no process did so for a day; each looks at that once a day.

        Most folders get no new file for a long time. The store's lock is taken only to remove what
        was found. Whatever fails is left to another day.
        """
        if now < self._look_again_at:
            return
        self._look_again_at = now + ABANDONED_AFTER_S
        if not self._is_due(now):
            return
        found = [file for top in _TOPS for file in leftovers(self._root / top)]
        with suppress(StoreError, OSError), lock():
            oldest = remove_abandoned(found, now)
            self._mark.touch()
            stamp(self._mark, oldest)

    def _is_due(self, now: float) -> bool:
        """Whether all was swept more than a day ago, never, or at a time that is yet to come."""
        try:
            return abs(now - self._mark.lstat().st_mtime) > ABANDONED_AFTER_S
        except OSError:
            return True
