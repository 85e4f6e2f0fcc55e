"""Bodies as files: those to send are checked and read as a window, those that come are spooled."""

import hashlib
import io
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from datafetch.errors import StoreError
from datafetch.store.base import CHUNK


def check_length(key: str, body: BinaryIO, size: int) -> None:
    """Make sure that `size` bytes follow the file's position, before anything is sent or stored.

    Raises:
        StoreError: the file ends before.
    """
    start = body.tell()
    available = body.seek(0, os.SEEK_END) - start
    body.seek(start)
    if available < size:
        raise StoreError(f"the source of {key} ended after {available} of {size} bytes", key=key)


def chunks(key: str, body: BinaryIO, size: int) -> Iterator[bytes]:
    """Exactly `size` bytes from the file's position on, piece by piece.

    Raises:
        StoreError: the file ends before.
    """
    left = size
    while left:
        piece = body.read(min(CHUNK, left))
        if not piece:
            raise StoreError(
                f"the source of {key} ended after {size - left} of {size} bytes", key=key
            )
        left -= len(piece)
        yield piece


def spooled(pieces: Iterable[bytes]) -> BinaryIO:
    """A temporary file with these bytes, on disk once they are more than a chunk."""
    file = cast("BinaryIO", tempfile.SpooledTemporaryFile(CHUNK))  # noqa: SIM115 - handed out
    try:
        for piece in pieces:
            file.write(piece)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


class Window(io.RawIOBase):
    """`size` bytes of a file from its position on, as a file of its own.

    Its position 0 is where the window starts, so that a retry which rewinds the body sends
    the same bytes again and nothing that stands before them.
    """

    def __init__(self, body: BinaryIO, size: int) -> None:
        super().__init__()
        self._body = body
        self._start = body.tell()
        self.size = size
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Position in the window."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move inside the window."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes, all that are left when it is negative or None."""
        left = max(0, self.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        self._body.seek(self._start + self._at)
        piece = self._body.read(wanted)
        self._at += len(piece)
        return piece

    def sha256(self) -> str:
        """SHA-256 of the whole window, in hex."""
        self.seek(0)
        digest = hashlib.sha256()
        while piece := self.read(CHUNK):
            digest.update(piece)
        return digest.hexdigest()
