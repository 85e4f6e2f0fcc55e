"""What a folder store forces to disk, and when.

State and commit objects are flushed with their folder before a write is reported as done:
they are few, and everything else is judged by them. Pages, pictures and the like are not,
since a flush for each of ten thousand costs more than writing them: they may be lost with the
machine's power, but then nothing durable may speak of them. So a commit object, which does, is
only renamed into place after everything that this process wrote before it was flushed.
"""

import os
import re
import threading
from pathlib import Path

from datafetch.store.keys import STATE_PREFIX

_COMMIT = re.compile(
    r"json/(bookmarks/(index|bookmarks)|github-activity/activity_data"
    r"|image-data/[^/]+/manifest)(-dev|-test)?\.json"
)
_ONE_BY_ONE = 64


def is_commit(key: str) -> bool:
    """Whether the object says what its dataset consists of: index, master, activity, manifest."""
    return _COMMIT.fullmatch(key) is not None


def is_durable(key: str) -> bool:
    """Whether the object is flushed before its write is reported as done: state and commits."""
    return key.startswith(STATE_PREFIX) or is_commit(key)


def sync(path: Path) -> None:
    """Flush a file, or a folder's entries, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Unsynced:
    """Files that were written and not yet flushed; safe to use from several threads."""

    def __init__(self) -> None:
        self._paths: set[Path] = set()
        self._lock = threading.Lock()

    def add(self, path: Path) -> None:
        """Remember a file for the next flush; of many it is enough that they are many."""
        with self._lock:
            if len(self._paths) <= _ONE_BY_ONE:
                self._paths.add(path)

    def flush(self) -> None:
        """Flush all of them: one by one while they are few, else by one `sync` of the machine."""
        with self._lock:
            paths, self._paths = self._paths, set()
        if len(paths) > _ONE_BY_ONE:
            os.sync()
            return
        try:
            for path in sorted(paths | {path.parent for path in paths}):
                if path.exists():  # else it was deleted meanwhile
                    sync(path)
        except OSError:
            with self._lock:
                self._paths |= paths
            raise
