"""Shows parts of a file as if they were a file of their own, without copying them."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import BinaryIO


class PartsOfFile(io.RawIOBase):
    """Some parts of a file, one after the other, for reading.

    The file stays open when this is closed. It must not be read by others meanwhile.
    """

    def __init__(self, file: BinaryIO, spans: Sequence[tuple[int, int]]) -> None:
        """Show the `spans` of the file: the position of the first byte, and after the last."""
        super().__init__()
        self._file = file
        self._spans = spans
        self._begins = [0, *accumulate(end - start for start, end in spans)]
        self._at = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """The position among the bytes of all parts."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a position among the bytes of all parts."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._begins[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes, fewer at the end; all that are left when it is negative."""
        left = self._begins[-1] - self._at
        left = left if size < 0 else min(size, left)
        pieces: list[bytes] = []
        while left > 0:
            number = bisect_right(self._begins, self._at) - 1
            start, end = self._spans[number]
            inside = self._at - self._begins[number]
            self._file.seek(start + inside)
            piece = self._file.read(min(left, end - start - inside))
            if not piece:
                break
            pieces.append(piece)
            self._at += len(piece)
            left -= len(piece)
        return b"".join(pieces)
