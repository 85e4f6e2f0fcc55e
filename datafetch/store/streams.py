"""The files of a store's bodies: a part of a file to send, and a temporary file to receive."""

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from datafetch.errors import StoreError, StoreUnavailable
from datafetch.store.base import CHUNK, FilePart, pieces


def spooled(key: str, chunks: Iterable[bytes]) -> BinaryIO:
    """A temporary file with an object's bytes; kept in memory up to `CHUNK` bytes, else on disk.

    Raises:
        StoreUnavailable: the disk has no room for it; errors of `chunks` go through.
    """
    file = cast("BinaryIO", tempfile.SpooledTemporaryFile(CHUNK))  # noqa: SIM115 - handed out
    try:
        for chunk in chunks:
            with in_temporary_file(key):
                file.write(chunk)
        with in_temporary_file(key):
            file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


@contextmanager
def in_temporary_file(key: str) -> Iterator[None]:
    """Raise an `OSError` of the block as `StoreUnavailable`; no file is made here.

    The block writes or reads the temporary file in which a large body stands until it is used, so
    the error means that the temporary folder has no place for the object `key`.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        folder = tempfile.tempdir or os.environ.get("TMPDIR") or "the folder of TMPDIR"
        raise StoreUnavailable(
            f"{key} has no place in the temporary folder {folder}: {reason}",
            key=key,
            hint=f"Make room there (df -h {folder}), or set TMPDIR to a folder that can be written.",
        ) from error


class Window(io.RawIOBase):
    """A part of a file, as a file of its own whose position 0 is where the part starts.

    So a retry that rewinds the body sends the same bytes again, and none from before them in
    the file.
    """

    def __init__(
        self, key: str, part: FilePart, *, before_read: Callable[[], None] = lambda: None
    ) -> None:
        """Check that the file holds the whole part; `key` names the object in the error.

        `before_read` is called before each read; what it raises ends the sending of the body.

        Raises:
            StoreError: the file ends before the part does.
        """
        super().__init__()
        self._before_read = before_read
        self._body = part.file
        self._start = part.file.tell()
        self.size = part.size
        self._at = 0
        available = part.file.seek(0, os.SEEK_END) - self._start
        if available < self.size:
            raise StoreError(
                f"the source of {key} ended after {available} of {self.size} bytes", key=key
            )

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
        """Up to `size` bytes, or all that are left when `size` is negative or None."""
        self._before_read()
        left = max(0, self.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        self._body.seek(self._start + self._at)
        piece = self._body.read(wanted)
        self._at += len(piece)
        return piece

    def pieces(self) -> Iterator[bytes]:
        """The whole window from its start, in pieces of at most `CHUNK` bytes."""
        self.seek(0)
        return pieces(self.read)

    def sha256(self) -> str:
        """SHA-256 of the whole window, in hex."""
        digest = hashlib.sha256()
        for piece in self.pieces():
            digest.update(piece)
        return digest.hexdigest()
