"""Translates errors of the file system into errors of the store that name the folder and the way out."""

import errno
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datafetch.errors import (
    ConfigurationError,
    LockingNotSupported,
    StoreDenied,
    StoreError,
    StoreUnavailable,
)
from datafetch.regular_files import NotAFile
from datafetch.store.paths import RESERVED

_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_WRONG_KIND = {
    errno.ENOTDIR: "has something else than a folder on its way",
    errno.EISDIR: "is a folder, and should be a file",
    errno.EINVAL: "is no file",
    errno.ENXIO: "is no file",
    errno.ELOOP: "is a link",
}
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""How flock(2) says that the file system keeps no locks, such as NFS without its lock service."""


def check_root(root: Path) -> None:
    """Make sure that a store's folder is one, or that it can be made.

    Raises:
        ConfigurationError: it, or one that it would be in, is something else, such as a file.
    """
    for folder in (root, *root.parents):
        try:
            mode = folder.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:  # what may not be looked at is told when it is used
            return
        if stat.S_ISDIR(mode):
            return
        inside = "" if folder == root else f", so {root} cannot be one in it"
        problem = (
            f"DATAFETCH_STORE: {folder} is not a folder{inside};"
            " set it to file: and the path of a folder"
        )
        raise ConfigurationError([problem])


@contextmanager
def translated(key: str, root: Path, *, missing_passes: bool = False) -> Iterator[None]:
    """Raise errors of the file system as errors of the store in the folder `root`.

    With `missing_passes` the `FileNotFoundError` of a missing file is let through.
    """
    try:
        yield
    except OSError as error:
        if missing_passes and isinstance(error, FileNotFoundError):
            raise
        raise _error_of(error, key, root) from error


def lock_failed(key: str, lock: Path, error: OSError) -> OSError | StoreError:
    """The error to raise when the lock file of the store could not be locked."""
    reason = error.strerror or str(error)
    if error.errno in _WRONG_KIND and os.path.lexists(lock):
        return StoreUnavailable(
            f"{lock} {_WRONG_KIND[error.errno]}: {reason}",
            key=key,
            hint=f"Remove {lock}; datafetch then makes the file that belongs there.",
        )
    if error.errno not in _NO_LOCKS:
        return error
    return LockingNotSupported(f"{lock} cannot be locked: {reason}", key=key)


def held_too_long(key: str, lock: Path, seconds: float) -> StoreUnavailable:
    """The error to raise when another process kept the lock of the store for so long."""
    return StoreUnavailable(
        f"{key}: another process has held {lock} for {seconds:g} s",
        key=key,
        hint=f"See which one: fuser {lock}. When it has ended, try again.",
    )


def _error_of(error: OSError, key: str, root: Path) -> StoreError:
    number, reason = error.errno, error.strerror or str(error)
    place = _place(error, root)
    if number in _NOT_ALLOWED:
        user, owner = _user(os.geteuid()), _other_owner(place)
        instead = (
            f"It belongs to the {owner}: run datafetch as that user. Or let" if owner else "Let"
        )
        return StoreDenied(
            f"{key}: {reason} at {place} for the {user}",
            key=key,
            hint=f"{instead} the {user} own the folder (chown -R {os.geteuid()} {root}), or set"
            f" DATAFETCH_STORE to a folder of its own.",
        )
    if number == errno.EROFS:
        return StoreDenied(
            f"{key}: {reason} at {place}",
            key=key,
            hint=f"Mount the disk of {root} so that it can be written to, or set DATAFETCH_STORE to"
            " a folder elsewhere.",
        )
    said = f"{place}: {reason}"
    if number in _FULL:
        said = f"no room in {root}: {reason}"
    elif isinstance(error, NotAFile):
        said = f"{place} is {error.kind}, and should be a file"
    elif number in _WRONG_KIND:
        said = f"{place} {_WRONG_KIND[number]}: {reason}"
    hint = _HINTS.get(number or 0, "Check the disk of {root}, and DATAFETCH_STORE.")
    return StoreUnavailable(f"{key}: {said}", key=key, hint=hint.format(place=place, root=root))


def _place(error: OSError, root: Path) -> Path:
    """The file or folder that an error is about; for a file that is being made, its folder."""
    if not isinstance(error.filename, str | os.PathLike):
        return root
    path = Path(error.filename)
    return path.parent if path.name.startswith(RESERVED) else path


def _other_owner(path: Path) -> str:
    """Who has a file that is not this process's; empty for its own, and for what is no file."""
    try:
        found = path.stat()
    except OSError:
        return ""
    is_others = stat.S_ISREG(found.st_mode) and found.st_uid != os.geteuid()
    return _user(found.st_uid) if is_others else ""


def _user(number: int) -> str:
    """What messages call the user with this uid: `user ann (uid 1000)`, if the name is known."""
    try:
        return f"user {pwd.getpwuid(number).pw_name} (uid {number})"
    except KeyError:  # containers often run as a number that nobody has named
        return f"user with uid {number}"


_MOVE = "Move {place} away; datafetch then makes what belongs there."
_ROOM = (
    "Make room on the disk of {root} (df -h {root}; df -i {root} for the number of files), or set"
    " DATAFETCH_STORE to a folder elsewhere."
)
_FILES = "Raise this process's limit of open files (ulimit -n), or lower DATAFETCH_CONCURRENCY."
_HINTS = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.ENOTDIR: _MOVE,
    errno.EISDIR: _MOVE,
    errno.EINVAL: _MOVE,
    errno.ENXIO: _MOVE,
    errno.ELOOP: "Put what it leads to in its place, or mount it there (mount --bind), or set"
    " DATAFETCH_STORE to the folder that it leads to.",
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.EIO: "The disk of {root} fails to read or write: see dmesg, and check the disk.",
    errno.ESTALE: "The share with {root} was taken away: mount it anew.",
    errno.ENAMETOOLONG: "The file system of {root} takes shorter names only: set DATAFETCH_STORE to"
    " a folder elsewhere.",
}
"""What to do by number (errno(3)), with the place of the error and the store's folder."""
