"""Opens files to read them, and nothing else that stands in a file's place.

Whoever opens a pipe waits until somebody writes to it, and whoever reads a device may never come
to its end.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


class NotAFile(OSError):
    """What stands in a file's place is something else.

    Attributes:
        kind: what it is, such as `a pipe`.
    """

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(errno.EINVAL, f"it is no file but {kind}", path)
        self.kind = kind


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a file to read its bytes.

    Raises:
        NotAFile: it is a pipe, a socket or a device, or a link to one.
        IsADirectoryError: it is a folder.
        OSError: it is missing, or may not be read.
        ValueError: no file can have this path.
    """
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - handed out
    except OSError as error:
        if error.errno == errno.ENXIO:  # open(2): a socket, or a device that is not there
            raise NotAFile(os.fspath(path), "a socket or a device") from error
        raise
    mode = os.fstat(file.fileno()).st_mode
    if stat.S_ISREG(mode):
        return file
    file.close()
    raise NotAFile(os.fspath(path), "a pipe" if stat.S_ISFIFO(mode) else "a device")


def may_be_endless(path: Path) -> bool:
    """Whether a library that opens this path could wait for ever, or read without an end.

    So it is with pipes, sockets and devices, but for /dev/null, which some name as an empty file.
    What is missing, a folder, or may not be looked at ends with an error at once.
    """
    try:
        mode = path.stat().st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or path.samefile(os.devnull))
    except (OSError, ValueError):
        return False


def _without_waiting(path: str, flags: int) -> int:
    try:
        # To open a pipe waits for somebody who writes to it.
        return os.open(path, flags | os.O_NONBLOCK)
    except BlockingIOError:
        # A file server has leased the file, and is given 45 s to return it (fcntl(2), Leases).
        # Only files are leased.
        return os.open(path, flags)
