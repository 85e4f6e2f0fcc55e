"""One object to be written: its bytes, possibly in parts that several objects share."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from datafetch.store.base import JSON_TYPE

_MD5_HEX = 32
_SHA256_HEX = 64
_FEW_PARTS = 128


@dataclass(frozen=True, slots=True)
class Write:
    """One object to be written.

    Attributes:
        key: where.
        body: its bytes, or the parts that make them when joined. Objects that repeat each
            other (a list, its pages, its single items) share their parts, so that memory
            holds each item's bytes once.
        content_type: as served.
        cache_control: as served, if any.
        follows: in a chain: left alone when it and all before it are as the last publish
            left them; for what carries a time beside what it stands for.
    """

    key: str
    body: bytes | Sequence[bytes]
    content_type: str = JSON_TYPE
    cache_control: str | None = None
    follows: bool = False

    def joined(self) -> bytes:
        """The bytes as they are stored."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)

    def sha256(self) -> str:
        """SHA-256 of the bytes, in hex; many parts are not joined for it."""
        if isinstance(self.body, bytes):
            return hashlib.sha256(self.body).hexdigest()
        if len(self.body) <= _FEW_PARTS:
            return hashlib.sha256(b"".join(self.body)).hexdigest()
        digest = hashlib.sha256()
        for part in self.body:
            digest.update(part)
        return digest.hexdigest()


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
        return opaque == hashlib.md5(write.joined(), usedforsecurity=False).hexdigest()
    return False
