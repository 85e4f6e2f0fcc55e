"""What the folder store does with single files: check conditions, make folders, translate errors."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from datafetch.errors import (
    LockingNotSupported,
    PreconditionFailed,
    StoreDenied,
    StoreUnavailable,
)
from datafetch.store.base import Condition, IfAbsent
from datafetch.store.durability import sync

_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_DENIED_HINT = "Check who owns the folder of DATAFETCH_STORE and what may be written there."
_UNAVAILABLE_HINT = "Check DATAFETCH_STORE and the disk it names."


_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""How flock(2) says that the file system keeps no locks, such as NFS without its lock service."""


def open_file(path: Path) -> BufferedReader:
    """Open a file to read it.

    Raises:
        OSError: it is missing, may not be read, or is no file: a pipe would never end.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - handed out
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "it is no file")


def _without_waiting(path: str, flags: int) -> int:
    # To open a pipe waits for somebody who writes to it; for files O_NONBLOCK changes nothing.
    return os.open(path, flags | os.O_NONBLOCK)


@contextmanager
def translated(key: str, *, missing_passes: bool = False) -> Iterator[None]:
    """Raise errors of the file system as errors of the store.

    With `missing_passes` the `FileNotFoundError` of a missing file is let through.
    """
    try:
        yield
    except OSError as error:
        if missing_passes and isinstance(error, FileNotFoundError):
            raise
        reason = error.strerror or str(error)
        if error.errno in _DENIED:
            raise StoreDenied(f"{key}: {reason}", key=key, hint=_DENIED_HINT) from error
        raise StoreUnavailable(f"{key}: {reason}", key=key, hint=_UNAVAILABLE_HINT) from error


def lock_failed(key: str, lock: Path, error: OSError) -> OSError | LockingNotSupported:
    """The error to raise when the lock file of the store could not be locked."""
    if error.errno not in _NO_LOCKS:
        return error
    reason = error.strerror or str(error)
    return LockingNotSupported(f"{lock} cannot be locked: {reason}", key=key)


def held_too_long(key: str, lock: Path, seconds: float) -> StoreUnavailable:
    """The error to raise when another process kept the lock of the store for so long."""
    return StoreUnavailable(
        f"{key}: another process has held {lock} for {seconds:g} s",
        key=key,
        hint=f"See which one: fuser {lock}. When it has ended, try again.",
    )


def check_condition(condition: Condition, key: str, path: Path) -> None:
    """Compare the stored file with the condition; the caller holds the store's lock.

    A folder store loses no answers. So when the condition fails somebody else wrote the file,
    even if its content is the same, and it is not read back as in `put_conditionally`.

    Raises:
        PreconditionFailed: the condition does not hold.
    """
    if condition is None:
        return
    try:
        with open_file(path) as file:
            stored = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        if isinstance(condition, IfAbsent):
            return
        raise PreconditionFailed(f"{key} is no longer there", key=key) from None
    if isinstance(condition, IfAbsent):
        raise PreconditionFailed(f"{key} is there already", key=key)
    if stored != condition.etag:
        raise PreconditionFailed(f"{key} was changed by somebody else", key=key)


def make_folder(folder: Path, *, durable: bool) -> None:
    """Make the folder and those above it; with `durable` the new entries are flushed to disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent, durable=durable)
    folder.mkdir(exist_ok=True)
    if durable:
        sync(folder.parent)
