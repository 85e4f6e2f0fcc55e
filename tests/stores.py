"""A store in memory and a wrapper that counts, fails and loses answers, for tests of publishing."""

import errno
import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO, TypeVar, cast

from datafetch.errors import NotSupported, ObjectNotFound, PreconditionFailed, StoreUnavailable
from datafetch.store.base import (
    JSON_TYPE,
    Condition,
    EtagForm,
    FilePart,
    IfAbsent,
    IfMatch,
    ObjectInfo,
    ObjectStore,
    OpenedObject,
    StoredObject,
)
from datafetch.store.conditional import put_conditionally
from datafetch.store.streams import Window
from tests.fakes.s3_dialects import Dialect
from tests.support import FakeClock

T = TypeVar("T")
EPOCH = datetime(2026, 11, 24, 8, tzinfo=UTC)


class MemoryStore:
    """Objects in a dict, with the conditions and ETags (MD5) of S3."""

    name = identity = "memory:"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> StoredObject:
        return StoredObject(self.head(key), self.objects[key])

    @contextmanager
    def open(self, key: str) -> Iterator[OpenedObject]:
        found = self.get(key)
        yield OpenedObject(found.info, io.BytesIO(found.body))

    def head(self, key: str) -> ObjectInfo:
        with self._lock:
            if key not in self.objects:
                raise ObjectNotFound(f"{key} is not there", key=key)
            body = self.objects[key]
        return ObjectInfo(key, etag_of(body), len(body), EPOCH)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._lock:
            keys = sorted(key for key in self.objects if key.startswith(prefix))
        yield from (self.head(key) for key in keys)

    def put(
        self,
        key: str,
        body: bytes | FilePart,
        *,
        content_type: str = JSON_TYPE,
        cache_control: str | None = None,
        condition: Condition = None,
    ) -> str:
        window = Window(key, as_file(body) if isinstance(body, bytes) else body)
        whole = b"".join(window.pieces())
        return put_conditionally(
            lambda: self.put_once(key, whole, condition), self.get, FakeClock(), window
        )

    def put_once(self, key: str, body: bytes, condition: Condition) -> str:
        """One attempt, as a server answers it."""
        with self._lock:
            there = self.objects.get(key)
            match condition:
                case IfAbsent() if there is not None:
                    raise PreconditionFailed(f"{key} is there", key=key)
                case IfMatch(etag) if there is None or etag_of(there) != etag:
                    raise PreconditionFailed(f"{key} is another", key=key)
            self.objects[key] = bytes(body)
        return etag_of(body)

    def delete(self, key: str) -> None:
        with self._lock:
            self.objects.pop(key, None)

    def url(self, key: str) -> str:
        return f"/{key}"

    def close(self) -> None:
        """Nothing to let go of."""


class ServerMemory(MemoryStore):
    """A server in memory that understands conditions in one of the dialects of the S3 fake."""

    name = identity = "s3://memory"

    def __init__(self, dialect: Dialect = "quoted") -> None:
        super().__init__()
        self.dialect = dialect
        self.endpoint = "https://s3.example.com"
        self.etag_form = EtagForm.QUOTED
        self.puts: list[tuple[str, Condition]] = []

    @property
    def probes(self) -> int:
        """How often it was probed."""
        keys = {key for key, _ in self.puts if key.startswith("json/datafetch/probe/")}
        return len({key.rpartition("/")[2].partition("-")[0] for key in keys})

    def put_once(self, key: str, body: bytes, condition: Condition) -> str:
        self.puts.append((key, condition))
        if condition is not None:
            match self.dialect:
                case "unquoted" if isinstance(condition, IfMatch):
                    if self.etag_form is not EtagForm.UNQUOTED:
                        raise PreconditionFailed(f"{key}: 412", key=key)
                case "unsupported" | "unsupported-400":
                    raise NotSupported(f"{key}: 501", key=key)
                case "ignoring":
                    condition = None
        return super().put_once(key, body, condition)


def as_file(body: bytes) -> FilePart:
    """The bytes as a store takes what is in a file."""
    return FilePart(io.BytesIO(body), len(body))


def etag_of(body: bytes) -> str:
    """The ETag that S3 gives to an object put in one piece."""
    return _etag_of_small(body) if len(body) < _SMALL else _made_etag(body)


def _made_etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


# The same objects are asked for again and again.
_SMALL = 64 * 1024
_etag_of_small = lru_cache(maxsize=2000)(_made_etag)


class Killed(BaseException):
    """The process died here; nothing below the test may catch it."""


@dataclass(frozen=True)
class Call:
    """One request to the store."""

    method: str
    key: str


Fault = Callable[[Call, int], str | None]
"""Says what happens to the n-th request: `fail` (not stored), `lost` (stored, the answer lost
and asked again, as S3 clients do), `gone` (stored, the answer lost), `torn` (what is opened ends
with an error of the disk), `kill` or None."""


class Torn:
    """A file on a disk that fails after half of it."""

    def __init__(self, file: BinaryIO) -> None:
        whole = file.read()
        self._half = whole[: len(whole) // 2]
        self._left = 0

    def seek(self, _offset: int) -> int:
        self._left = 1
        return 0

    def read(self, _size: int) -> bytes:
        if not self._left:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._left -= 1
        return self._half


@dataclass
class FaultyStore:
    """A store before a real one; writes down each request and misbehaves on demand."""

    inner: ObjectStore
    fault: Fault | None = None
    calls: list[Call] = field(default_factory=list)
    before: Callable[[Call], None] | None = None

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def identity(self) -> str:
        return self.inner.identity

    def count(self, *methods: str) -> int:
        """How many requests there were, of these methods or of all."""
        return sum(1 for call in self.calls if not methods or call.method in methods)

    def keys(self, method: str) -> list[str]:
        """The keys of one method's requests, in order."""
        return [call.key for call in self.calls if call.method == method]

    def get(self, key: str) -> StoredObject:
        return self._do(Call("get", key), lambda: self.inner.get(key))

    @contextmanager
    def open(self, key: str) -> Iterator[OpenedObject]:
        with ExitStack() as stack:
            call, number = Call("get", key), len(self.calls)
            found = self._do(call, lambda: stack.enter_context(self.inner.open(key)))
            torn = self.fault is not None and self.fault(call, number) == "torn"
            yield replace(found, file=cast("BinaryIO", Torn(found.file))) if torn else found

    def head(self, key: str) -> ObjectInfo:
        return self._do(Call("head", key), lambda: self.inner.head(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        found = self._do(Call("list", prefix), lambda: [*self.inner.list(prefix)])
        yield from found

    def put(self, key: str, body: bytes | FilePart, **options: Any) -> str:
        start = 0 if isinstance(body, bytes) else body.file.tell()

        def put() -> str:
            if isinstance(body, FilePart):
                body.file.seek(start)
            return self.inner.put(key, body, **options)

        return self._do(Call("put", key), put)

    def delete(self, key: str) -> None:
        self._do(Call("delete", key), lambda: self.inner.delete(key))

    def url(self, key: str) -> str:
        return self.inner.url(key)

    def close(self) -> None:
        self.inner.close()

    def _do(self, call: Call, action: Callable[[], T]) -> T:
        number = len(self.calls)
        self.calls.append(call)
        if self.before is not None:
            self.before(call)
        match self.fault(call, number) if self.fault is not None else None:
            case "fail":
                raise StoreUnavailable(f"no answer for {call.key}", key=call.key)
            case "kill":
                raise Killed
            case "gone":
                action()
                raise StoreUnavailable(f"the answer for {call.key} was lost", key=call.key)
            case "lost":
                action()
        return action()
