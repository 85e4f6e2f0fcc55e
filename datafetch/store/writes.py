"""One object to be written: its bytes, in parts that several objects share, or in a file."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from datafetch.store.base import JSON_TYPE, FilePart, pieces

_MD5_HEX = 32
_SHA256_HEX = 64


@dataclass(frozen=True, slots=True)
class Spooled:
    """The bytes of one object in a file, from its start, so that memory never holds them all.

    The code that made the file closes it after the object was written.
    """

    file: BinaryIO
    size: int
    sha256: str

    @classmethod
    def of(cls, file: BinaryIO, parts: Iterable[bytes]) -> "Spooled":
        """Write the parts to an empty file."""
        digest, size = hashlib.sha256(), 0
        for part in parts:
            digest.update(part)
            size += file.write(part)
        return cls(file, size, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Write:
    """One object to be written.

    Attributes:
        key: of the object.
        body: its bytes, or the parts that make them when joined, or a file that holds them.
            Objects with the same content (a list, its pages, its single items) share their
            parts, so that memory holds each item's bytes once.
        content_type: as served.
        cache_control: as served, if any.
        follows: whether it depends only on the objects before it in its chain and on the time,
            like a tag's index. It is then not written again just because its time differs: only
            when the last publish did not store it, or an object before it has changed since.
    """

    key: str
    body: bytes | Sequence[bytes] | Spooled
    content_type: str = JSON_TYPE
    cache_control: str | None = None
    follows: bool = False

    def sendable(self) -> bytes | FilePart:
        """The bytes as a store takes them; a file from its start."""
        if isinstance(self.body, Spooled):
            self.body.file.seek(0)
            return FilePart(self.body.file, self.body.size)
        return b"".join(self._parts())

    def size(self) -> int:
        """How many bytes it has."""
        if isinstance(self.body, Spooled):
            return self.body.size
        return len(self.body) if isinstance(self.body, bytes) else sum(map(len, self.body))

    def sha256(self) -> str:
        """SHA-256 of the bytes, in hex."""
        if isinstance(self.body, Spooled):
            return self.body.sha256
        digest = hashlib.sha256()
        for part in self._parts():
            digest.update(part)
        return digest.hexdigest()

    def md5(self) -> str:
        """MD5 of the bytes, in hex."""
        digest = hashlib.md5(usedforsecurity=False)
        for part in self._parts():
            digest.update(part)
        return digest.hexdigest()

    def _parts(self) -> Iterable[bytes]:
        if isinstance(self.body, Spooled):
            self.body.file.seek(0)
            return pieces(self.body.file.read)
        return (self.body,) if isinstance(self.body, bytes) else self.body


def etag_says_equal(etag: str, write: Write, sha256: str) -> bool:
    """Whether the ETag proves that the stored bytes are those of the write, by MD5 or SHA-256.

    S3 gives the MD5 of an object that was put in one piece (Amazon S3 API reference,
    "Object", ETag), a folder the SHA-256 of its content. An ETag of another form proves nothing.
    """
    opaque = etag.strip('"')
    if len(opaque) == _SHA256_HEX:
        return opaque == sha256
    if len(opaque) == _MD5_HEX:
        return opaque == write.md5()
    return False
