"""One object to be written: its bytes, in parts that several objects share, or in a file."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from datafetch.store.base import JSON_TYPE, FilePart, pieces

_MD5_HEX = 32
_SHA256_HEX = 64
_FEW_PARTS = 128


@dataclass(frozen=True, slots=True)
class Spooled:
    """The bytes of one object in a file, from its start: memory never holds them all.

    Whoever made the file closes it once the object is written.
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

    def chunks(self) -> Iterator[bytes]:
        """The bytes, piece by piece."""
        self.file.seek(0)
        return pieces(self.file.read)


@dataclass(frozen=True, slots=True)
class Write:
    """One object to be written.

    Attributes:
        key: where.
        body: its bytes, or the parts that make them when joined. Objects that repeat each
            other (a list, its pages, its single items) share their parts, so that memory
            holds each item's bytes once. Or a file that holds them.
        content_type: as served.
        cache_control: as served, if any.
        follows: in a chain: left alone when it and all before it are as the last publish
            left them; for what carries a time beside what it stands for.
    """

    key: str
    body: bytes | Sequence[bytes] | Spooled
    content_type: str = JSON_TYPE
    cache_control: str | None = None
    follows: bool = False

    def joined(self) -> bytes:
        """The bytes as they are stored."""
        return self.body if isinstance(self.body, bytes) else b"".join(self._parts())

    def sendable(self) -> bytes | FilePart:
        """The bytes as a store takes them."""
        if isinstance(self.body, Spooled):
            self.body.file.seek(0)
            return FilePart(self.body.file, self.body.size)
        return self.joined()

    def sha256(self) -> str:
        """SHA-256 of the bytes, in hex; many parts are not joined for it."""
        if isinstance(self.body, Spooled):
            return self.body.sha256
        if isinstance(self.body, bytes):
            return _sha256(self.body)
        if len(self.body) <= _FEW_PARTS:
            return _sha256(b"".join(self.body))
        digest = hashlib.sha256()
        for part in self.body:
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
            return self.body.chunks()
        return (self.body,) if isinstance(self.body, bytes) else self.body


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def etag_says_equal(etag: str, write: Write, sha256: str) -> bool:
    """Whether the ETag proves that the stored bytes are the write's bytes.

    S3 gives the MD5 of an object that was put in one piece (Amazon S3 API reference,
    "Object", ETag), a folder the hash of its content. Any other ETag proves nothing, and the
    answer is False.
    """
    opaque = etag.strip('"')
    if len(opaque) == _SHA256_HEX:
        return opaque == sha256
    if len(opaque) == _MD5_HEX:
        return opaque == write.md5()
    return False
