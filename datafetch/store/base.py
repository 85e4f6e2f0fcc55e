"""The protocol of object stores, and the values that they take and return."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import BinaryIO, Protocol, runtime_checkable

from datafetch.errors import CorruptObject, ObjectTooLarge, StoreUnavailable
from datafetch.models.json import encode_json as encode_json  # noqa: PLC0414 - for who writes objects
from datafetch.models.json import read_json

JSON_TYPE = "application/json"
CSV_TYPE = "text/csv; charset=utf-8"
CHUNK = 64 * 1024
"""The bytes of one piece, when an object is read or written piece by piece."""

LARGEST_OBJECT = 512 * 1024 * 1024
"""The most bytes of an object that any store reads, and that a publish writes. The list of 200,000
bookmarks has about 300 MB."""

MOST_LISTED = 5_000_000
"""The most objects of one listing. 200,000 bookmarks with their tags have under a million."""

IMAGE_CACHE = "public, max-age=31536000, immutable"
"""The `Cache-Control` of pictures, whose URL changes with their bytes."""


@dataclass(frozen=True, slots=True)
class IfMatch:
    """Write only when the stored object still has this ETag (RFC 9110, 13.1.1)."""

    etag: str


@dataclass(frozen=True, slots=True)
class IfAbsent:
    """Write only when there is no such object (`If-None-Match: *`, RFC 9110, 13.1.2)."""


Condition = IfMatch | IfAbsent | None


class EtagForm(StrEnum):
    """How a server wants to see an ETag in `If-Match`.

    Ceph RGW 16, Spaces and Hetzner refuse the quotes that RFC 9110 asks for.
    """

    QUOTED = "quoted"
    UNQUOTED = "unquoted"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """The properties of an object.

    Attributes:
        etag: opaque: it changes with the content, and is sent back for conditions. One from an S3
            server is kept with quotes, even if the server leaves them out; a hash of the content
            that stands for an ETag has none.
        size: bytes.
        last_modified: None when the store does not know.
        content_type: None when the store did not say, as in a listing.
    """

    key: str
    etag: str
    size: int
    last_modified: datetime | None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class _ReadObject:
    info: ObjectInfo

    @property
    def etag(self) -> str:
        """The ETag, for conditions."""
        return self.info.etag


@dataclass(frozen=True, slots=True)
class StoredObject(_ReadObject):
    """An object with its content.

    Attributes:
        age_s: seconds since it was written, by the store's own clock (the answer's `Date` less its
            `Last-Modified`); None when the answer lacks one of them, or they make no sense.
    """

    body: bytes
    age_s: float | None = None

    def json(self) -> object:
        """The content read as JSON.

        Raises:
            CorruptObject: it is not JSON.
        """
        try:
            return read_json(self.body)
        except ValueError as error:
            raise CorruptObject(
                f"{self.info.key} is not JSON: {error}", key=self.info.key
            ) from error


def too_large(key: str) -> ObjectTooLarge:
    """The error about a stored object of more bytes than `LARGEST_OBJECT`."""
    return ObjectTooLarge(f"{key} is larger than {LARGEST_OBJECT // 1024**2} MiB", key=key)


def check_stored(key: str, size: int) -> None:
    """Check the bytes of a stored object before it is read, or those that were read so far.

    Raises:
        ObjectTooLarge: they are more than `LARGEST_OBJECT`.
    """
    if size > LARGEST_OBJECT:
        raise too_large(key)


def pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Call a file's `read` until the file ends, for pieces of at most `CHUNK` bytes."""
    return iter(partial(read, CHUNK), b"")


@dataclass(frozen=True, slots=True)
class OpenedObject(_ReadObject):
    """An object whose content is in a file, since it may be too large for memory."""

    file: BinaryIO

    def chunks(self) -> Iterator[bytes]:
        """The content from its start, piece by piece.

        Raises:
            StoreUnavailable: the file cannot be read to its end.
        """
        try:
            self.file.seek(0)
            yield from pieces(self.file.read)
        except OSError as error:
            key = self.info.key
            raise StoreUnavailable(
                f"{key}: what was read of it cannot be read again: {error.strerror or error}",
                key=key,
                hint="Check the disk that it is on: that of the store's folder, or of TMPDIR.",
            ) from error


@dataclass(frozen=True, slots=True)
class FilePart:
    """The bytes to store: `size` bytes from the current position of a seekable file."""

    file: BinaryIO
    size: int


class ObjectStore(Protocol):
    """Objects under keys, in a folder or a bucket.

    `put` refuses keys that cannot name an object in every store. The other methods take every key
    that `list` gives, and raise `StoreError` for a text that cannot be a key.

    Every method may raise `StoreUnavailable` or `StoreDenied`, and `get` and `open` raise
    `ObjectTooLarge` for what has more bytes than `LARGEST_OBJECT`. Only a missing object raises
    `ObjectNotFound`; nothing else is ever reported as missing.
    Implementations are safe to use from several threads.
    """

    @property
    def name(self) -> str:
        """The store's name in messages: `s3://bucket` or `file:/path`."""
        ...

    @property
    def identity(self) -> str:
        """A text that only this folder or bucket has on this machine; it holds no secrets."""
        ...

    def get(self, key: str) -> StoredObject:
        """The object with its content.

        Raises:
            ObjectNotFound: there is none.
        """
        ...

    def open(self, key: str) -> AbstractContextManager[OpenedObject]:
        """The object with its content in a file, which is closed after the `with` block.

        The file does not change when the object is written in the block.

        Raises:
            ObjectNotFound: there is none.
        """
        ...

    def head(self, key: str) -> ObjectInfo:
        """The properties of the object, without its content.

        Raises:
            ObjectNotFound: there is none.
        """
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose key starts with the prefix, sorted by key.

        Their keys may be such as `put` refuses, since other tools write into stores too: each can
        be read and deleted. What cannot be asked for by its name is left alone and not listed
        (see `paths.check_found`, `paths.walk`).

        Raises:
            StoreError: a server lists more than `MOST_LISTED`, or never comes to an end.
        """
        ...

    def put(
        self,
        key: str,
        body: bytes | FilePart,
        *,
        content_type: str = JSON_TYPE,
        cache_control: str | None = None,
        condition: Condition = None,
    ) -> str:
        """Write the whole object, in one request, and return its ETag.

        Whether the public may read it follows from the key (`keys.is_public`), so that no caller
        can forget it.

        Raises:
            PreconditionFailed: the condition does not hold. A store whose answers can be lost
                reads the object back first: a 412 may mean that our own write had succeeded.
            StoreConflict: another write was under way at each attempt.
            StoreError: the file ends before `size` bytes; nothing is stored.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove the object; a missing object is no error."""
        ...

    def url(self, key: str) -> str:
        """The URL under which the store itself serves the object; `/{key}` for a folder."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


@runtime_checkable
class Cuttable(Protocol):
    """A store whose calls can be ended from another thread."""

    def cut(self, *, for_good: bool = False) -> None:
        """Cut off the calls that are under way: they fail at once, and are not repeated.

        Later calls are made as ever; with `for_good` they fail, too.
        """
        ...

    @property
    def is_over(self) -> bool:
        """Whether its calls were cut off for good."""
        ...


@runtime_checkable
class ServerStore(ObjectStore, Protocol):
    """A store on a server of which nobody knows beforehand whether it keeps conditions.

    A store without these two attributes keeps the conditions of every write by itself.

    Attributes:
        etag_form: how the ETag of an `IfMatch` is sent.
    """

    etag_form: EtagForm

    @property
    def endpoint(self) -> str:
        """The server's address, without credentials."""
        ...


@runtime_checkable
class BucketStore(ServerStore, Protocol):
    """A bucket, of which `datafetch doctor` asks more than jobs do."""

    def put_as_public(self, key: str, body: bytes) -> None:
        """Write an object with the ACL of the settings, whatever its key; see `ObjectStore.put`."""
        ...

    def versioning(self) -> str:
        """Whether the bucket keeps old versions: `enabled`, `suspended` or `off`.

        Raises:
            StoreError: the server does not tell, or the keys may not ask (`s3:GetBucketVersioning`).
        """
        ...
