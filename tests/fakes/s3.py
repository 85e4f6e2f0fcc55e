"""An S3 server on loopback: moto's, with a log of requests and faults before or after the object is stored."""

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Self
from urllib.parse import quote

from tests.fakes.base import App, FakeServer, Request, Response
from tests.fakes.s3_dialects import Dialect, refusal, told, understood

Fault = Literal["before-500", "before-503", "before-drop", "after-500", "after-drop"]
FaultHook = Callable[[int, str, str], Fault | None]

ACCESS_KEY_ID = "sandbox-key"
SECRET_ACCESS_KEY = "sandbox-secret"
REGION = "us-east-1"

_ERROR = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>%b</Code><Message>injected</Message></Error>'


class MotoApp(App):
    """moto's WSGI application as an app; bodies are not kept in the log.

    `fault(index, method, key)` is asked for each request (`index` counts from 0 since `count_from_here`): `before-…`
    never reaches moto, `after-…` is stored and its answer lost.
    """

    def __init__(self) -> None:
        """Import moto, which takes a second."""
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        super().__init__(keep_bodies=False)
        # moto's dispatcher spends half of a request on finding the service again: only other services go through it.
        self._s3 = create_backend_app("s3")
        self._dispatcher = DomainDispatcherApplication(create_backend_app)
        # moto checks and stores in two steps; without this two conditional writes at once could both succeed.
        self._one_at_a_time = threading.Lock()
        self._index = 0
        self._before: Callable[[int, Request], None] | None = None
        self.fault: FaultHook | None = None
        self.dialect: Dialect = "quoted"

    def handle(self, request: Request) -> Response:
        """Log, ask the hook, and let moto answer."""
        with self._one_at_a_time:
            index, self._index = self._index, self._index + 1
            fault, watch = self.fault, self._before
        if watch is not None:
            watch(index, request)
        asked = fault(index, request.method, key_of(request)) if fault is not None else None
        if asked is None:
            return super().handle(request)
        if asked.startswith("before"):
            self.log.add(request)
            return _faulty(asked)
        super().handle(request)
        return _faulty(asked)

    def watch(self, hook: Callable[[int, Request], None] | None) -> None:
        """Call `hook(index, request)` before each request is handled: for hand-overs between racing writers."""
        self._before = hook

    @contextmanager
    def still(self) -> Iterator[None]:
        """Let nothing be stored or removed during the block."""
        with self._one_at_a_time:
            yield

    def count_from_here(self) -> None:
        """Start the count of requests, and the log, anew."""
        with self._one_at_a_time:
            self._index = 0
        self.log.clear()

    def answer(self, request: Request) -> Response:
        """What moto says, as a server of the dialect would."""
        refused = refusal(self.dialect, request)
        if refused is not None:
            return refused
        request = understood(self.dialect, request)
        captured: dict[str, Any] = {}

        def start_response(
            status: str, headers: list[tuple[str, str]], _exc: object = None, /
        ) -> Callable[[bytes], object]:
            captured.update(status=int(status.split(maxsplit=1)[0]), headers=dict(headers))
            return lambda _written: None

        with self._one_at_a_time:
            wsgi = self._dispatcher if "x-amz-target" in request.headers else self._s3
            parts: Iterable[bytes] = wsgi(_environ(request), start_response)
            body = b"".join(parts)
            close = getattr(parts, "close", None)
            if close is not None:
                close()
        response = Response(captured["status"], captured["headers"], body)
        return told(self.dialect, request, response)


def key_of(request: Request) -> str:
    """The object's key of a path-style request; empty for requests to the bucket."""
    return request.path.lstrip("/").partition("/")[2]


def _faulty(fault: Fault) -> Response:
    if fault.endswith("drop"):
        return Response(silent=True, ending="reset")
    status = int(fault.rpartition("-")[2])
    code = b"SlowDown" if status == 503 else b"InternalError"
    return Response(status, {"Content-Type": "application/xml"}, _ERROR % code)


def _environ(request: Request) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path.encode().decode("latin-1"),
        "RAW_URI": f"{quote(request.path)}?{request.query}"
        if request.query
        else quote(request.path),
        "QUERY_STRING": request.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": request.hostname,
        "SERVER_PORT": request.host.rpartition(":")[2] or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        if name not in ("content-type", "content-length", "transfer-encoding"):
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return environ


@dataclass(frozen=True)
class StoredObject:
    """An object as the server holds it."""

    key: str
    body: bytes
    content_type: str
    cache_control: str | None
    etag: str


class S3Fake:
    """The server with one bucket: address, credentials, counters, faults, and what is stored."""

    def __init__(
        self,
        bucket: str = "datafetch",
        fault: FaultHook | None = None,
        server: FakeServer | None = None,
    ) -> None:
        """Use `server` (of a `MotoApp`, already started) or a server of one's own."""
        self._own = server is None
        self._server = server or FakeServer(MotoApp())
        assert isinstance(self._server.app, MotoApp)
        self.app: MotoApp = self._server.app
        self.app.fault = fault
        self.bucket = bucket

    @property
    def url(self) -> str:
        """The endpoint."""
        return self._server.url

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead a program here."""
        return {
            "S3_BUCKET": self.bucket,
            "S3_SERVER_URL": self.url,
            "S3_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "S3_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "S3_REGION": REGION,
        }

    def __enter__(self) -> Self:
        if self._own:
            self._server.start()
        self._quietly("PUT", "")
        self.app.count_from_here()
        return self

    def __exit__(self, *_: object) -> None:
        self.app.fault = None
        self.app.dialect = "quoted"
        self.app.watch(None)
        self.app.heal()
        self._forget()
        if self._own:
            self._server.stop()

    def requests(self) -> list[tuple[str, str]]:
        """Method and key of each request since the start or `count_from_here`."""
        return [(request.method, key_of(request)) for request in self.app.log.all()]

    def counts(self) -> Counter[str]:
        """Requests by method; a listing counts as LIST."""
        return Counter(
            "LIST" if method == "GET" and not key else method for method, key in self.requests()
        )

    def keys(self, prefix: str = "") -> list[str]:
        """The keys that are stored, sorted; asks moto's memory and shows in no counter."""
        return sorted(key for key in self._bucket().keys if key.startswith(prefix))

    def etags(self, *prefixes: str) -> dict[str, str]:
        """The ETag of each object under the prefixes; shows in no counter, as `keys`."""
        found = self._bucket().keys
        return {key: found[key].etag for key in sorted(found) if key.startswith(prefixes)}

    def get(self, key: str) -> StoredObject | None:
        """An object, or None."""
        found = self._bucket().keys.get(key)
        if found is None:
            return None
        metadata = {name.lower(): value for name, value in found.metadata.items()}
        etag = found.etag.strip('"')
        return StoredObject(
            key, found.value, metadata.get("content-type", ""), metadata.get("cache-control"), etag
        )

    def acl_grants_public_read(self, key: str) -> bool:
        """Whether everyone may read the object."""
        acl = self._bucket().keys[key].acl
        return acl is not None and acl.public_read

    def put(self, key: str, body: bytes, content_type: str = "application/json") -> None:
        """Store an object behind the program's back; shows in no counter."""
        self._quietly("PUT", key, body, {"content-type": content_type})

    def delete(self, key: str) -> None:
        """Remove an object behind the program's back."""
        self._quietly("DELETE", key)

    def age(self, key: str, seconds: float) -> None:
        """Have an object be so much older than it is."""
        self._bucket().keys[key].last_modified -= timedelta(seconds=seconds)

    def open_uploads(self) -> int:
        """Multipart uploads that were begun and neither completed nor aborted."""
        return len(self._bucket().multiparts)

    def _forget(self) -> None:
        """Drop the bucket: moto's memory outlives its server and is shared by all servers of a process."""
        bucket = self._bucket()
        for key in bucket.keys.values():
            key.dispose()
        for upload in bucket.multiparts.values():
            upload.dispose()
        bucket.keys.clear()
        self._backend().delete_bucket(self.bucket)

    def _bucket(self) -> Any:
        return self._backend().buckets[self.bucket]

    def _backend(self) -> Any:
        from moto.s3.models import s3_backends

        return s3_backends["123456789012"]["aws"]

    def _quietly(
        self, method: str, key: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Response:
        host = self.url.removeprefix("http://")
        signed = {
            "authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/20200101/{REGION}/s3/aws4_request"
        }
        path = f"/{self.bucket}/{key}" if key else f"/{self.bucket}"
        response = self.app.answer(
            Request(
                method, host, path, headers={"host": host, **signed, **(headers or {})}, body=body
            )
        )
        assert response.status < 300, response
        return response
