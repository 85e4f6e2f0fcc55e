"""Files that the folder store writes before they take their places.

An object is written to a temporary file beside its place, which then is renamed. A process that
is killed in between leaves the temporary file, which is swept later (`sweeping.py`).
"""

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from datafetch.store.durability import flush
from datafetch.store.paths import RESERVED

_SHARED = stat.S_ISGID | stat.S_IWGRP

NAME = re.compile(re.escape(RESERVED) + r"[0-9a-f]{16}")
"""The names of temporary files."""


class Filled(NamedTuple):
    """A temporary file that holds its whole content.

    Attributes:
        etag: SHA-256 (hex) of the content.
        made_at: epoch seconds by the clock of the file system, which stamps what is written.
    """

    etag: str
    made_at: float


def temporary_in(folder: Path) -> Path:
    """A name in the folder that no other temporary file has."""
    return folder / f"{RESERVED}{secrets.token_hex(8)}"


def fill(
    temporary: Path, parts: Iterable[bytes], *, durable: bool, private: bool = False
) -> Filled:
    """Make the file and write the parts to it.

    Args:
        temporary: its path.
        parts: its content.
        durable: flush it to disk.
        private: only its owner may read it (0600), and its group where that shares the folder;
            what root writes is the folder's owner's. Else the umask says who.

    Raises:
        OSError: it could not be written, or not flushed.
    """
    digest = hashlib.sha256()
    with open(temporary, "xb", opener=_for_the_owner if private else None) as file:
        for part in parts:
            digest.update(part)
            file.write(part)
        file.flush()
        if durable:
            flush(file.fileno())
        made_at = os.fstat(file.fileno()).st_mtime
    return Filled(digest.hexdigest(), made_at)


def _for_the_owner(path: str, flags: int) -> int:
    folder = Path(path).parent.stat()
    # With setgid (chmod(1)) the users of a group write to a folder together.
    is_shared = folder.st_mode & _SHARED == _SHARED
    descriptor = os.open(path, flags, 0o660 if is_shared else 0o600)
    if os.geteuid() == 0:  # a run by hand with sudo must not lock cron's user out
        with suppress(OSError):  # a share that does not take root for root
            os.fchown(descriptor, folder.st_uid, -1)
    return descriptor


def stamp(path: Path, when: float) -> bool:
    """Set the file's times to `when`, epoch seconds; return whether the file system lets us.

    Shares of Samba, some FUSE file systems, and files of other owners do not (EPERM, EACCES).
    """
    nanoseconds = round(when * 1e9)
    try:
        os.utime(path, ns=(nanoseconds, nanoseconds))
    except OSError:
        return False
    return True


def time_in(folder: Path) -> float | None:
    """The time, in epoch seconds, by the clock that stamps what is written into the folder.

    It may be a server's, or another machine's. A file is made for a moment to read it; None when
    none can be made.
    """
    temporary = temporary_in(folder)
    try:
        return fill(temporary, (b"\n",), durable=False, private=True).made_at
    except OSError:
        return None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
