"""What the folder store does with single files: check conditions, make folders, translate errors."""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datafetch.errors import PreconditionFailed, StoreDenied, StoreUnavailable
from datafetch.store.base import Condition, IfAbsent
from datafetch.store.durability import sync

_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_DENIED_HINT = "Check who owns the folder of DATAFETCH_STORE and what may be written there."
_UNAVAILABLE_HINT = "Check DATAFETCH_STORE and the disk it names."


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
        with path.open("rb") as file:
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
