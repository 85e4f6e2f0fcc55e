"""Takes a file lock, and raises `OSError` where the file system keeps no locks.

filelock would make do with a soft lock there, whose file keeps everybody out after a process was
killed.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from filelock import BaseFileLock, SoftFileLock


@contextmanager
def held(lock: BaseFileLock, timeout_s: float, poll_s: float = 0.05) -> Iterator[None]:
    """Hold the lock in the `with` block; wait for it `timeout_s` at most.

    Raises:
        filelock.Timeout: somebody else holds it for longer. It is an `OSError`, too.
        OSError: the file cannot be made or opened, or the file system keeps no locks.
    """
    try:
        lock.acquire(timeout=timeout_s, poll_interval=poll_s)
    except NotImplementedError as error:  # how older versions of filelock say ENOSYS
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from error
    if isinstance(lock, SoftFileLock):
        # filelock takes a file that is there for a lock where the system has none. The file of a
        # process that was killed would keep everybody out.
        lock.release()
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    try:
        yield
    finally:
        with suppress(OSError):  # the work is done; the lock ends with the process in any case
            lock.release()
