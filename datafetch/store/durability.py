"""What a folder store forces to disk, and when.

State and commit objects are flushed with their folder before a write is reported as done:
they are few, and everything else is judged by them. Pages, pictures and the like are not,
since flushing each of ten thousand costs more than writing them. They may be lost when the
machine loses power, but no stored commit object may refer to a lost object. So before a commit
object is renamed into place, everything that this process wrote before it is flushed.
"""

import errno
import os
import threading
from pathlib import Path

from datafetch.store.keys import STATE_PREFIX, is_commit

_ONE_BY_ONE = 64
"""Up to this many files are flushed one by one; for more, one `sync` of all disks costs less."""


_CANNOT_FLUSH = frozenset(
    {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF}
)
"""How fsync(2) says that there is nothing to flush in this kind of file, rather than that it failed."""


def is_durable(key: str) -> bool:
    """Whether the object is flushed before its write is reported as done: state and commits."""
    return key.startswith(STATE_PREFIX) or is_commit(key)


def sync(path: Path) -> None:
    """Flush a file, or a folder's entries, to disk.

    Raises:
        OSError: the disk refused.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in its place is not waited for
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def flush(descriptor: int) -> None:
    """Flush an open file or folder to disk, where its file system can.

    Raises:
        OSError: the disk refused, such as with EIO.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Shared folders of VirtualBox, old CIFS and some FUSE file systems cannot flush folders.
        if error.errno not in _CANNOT_FLUSH:
            raise


class Unsynced:
    """Files that were written and not flushed yet; safe to use from several threads."""

    def __init__(self) -> None:
        self._paths: set[Path] = set()
        self._lock = threading.Lock()

    def add(self, path: Path) -> None:
        """Remember a file for the next flush.

        No more than `_ONE_BY_ONE` + 1 are remembered: then `flush` syncs the machine anyway.
        """
        with self._lock:
            if len(self._paths) <= _ONE_BY_ONE:
                self._paths.add(path)

    def flush(self) -> None:
        """Flush the remembered files: up to `_ONE_BY_ONE` one by one, more by one `sync`.

        Files that cannot be flushed are remembered for the next time.

        Raises:
            OSError: the disk refused.
        """
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
