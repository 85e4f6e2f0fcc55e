"""A bucket that costs next to nothing: moto takes some milliseconds for each request, which would be measured instead."""

import hashlib
import threading
from dataclasses import dataclass, field
from email.utils import formatdate
from xml.sax.saxutils import escape

from tests.fakes.base import App, Request, Response
from tests.fakes.s3 import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, key_of

NAME = "bench"


@dataclass(frozen=True)
class _Object:
    body: bytes
    content_type: str
    etag: str
    modified: str = field(default_factory=lambda: formatdate(usegmt=True))

    @property
    def headers(self) -> dict[str, str]:
        return {
            "ETag": self.etag,
            "Last-Modified": self.modified,
            "Content-Type": self.content_type,
            "Content-Length": str(len(self.body)),
        }


class Bucket(App):
    """Objects in memory, with conditional writes; path style, signatures are not looked at."""

    def __init__(self) -> None:
        """Hold nothing."""
        super().__init__(keep_bodies=False)
        self._objects: dict[str, _Object] = {}
        self._lock = threading.Lock()

    @staticmethod
    def environment(url: str) -> dict[str, str]:
        """The settings that lead to it."""
        return {
            "S3_BUCKET": NAME,
            "S3_SERVER_URL": url,
            "S3_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "S3_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "S3_REGION": REGION,
        }

    def answer(self, request: Request) -> Response:
        """Route a request."""
        key = key_of(request)
        with self._lock:
            match request.method:
                case "PUT":
                    return self._put(key, request)
                case "DELETE":
                    self._objects.pop(key, None)
                    return Response(204)
                case _ if not key:
                    return self._list(request.params.get("prefix", ""))
        found = self._objects.get(key)
        return (
            _error(404, "NoSuchKey") if found is None else Response(200, found.headers, found.body)
        )

    def _put(self, key: str, request: Request) -> Response:
        found = self._objects.get(key)
        expected = request.headers.get("if-match")
        if expected is not None and found is None:
            return _error(404, "NoSuchKey")
        if found is not None and (
            "if-none-match" in request.headers or expected not in (None, found.etag)
        ):
            return _error(412, "PreconditionFailed")
        etag = f'"{hashlib.md5(request.body, usedforsecurity=False).hexdigest()}"'
        kind = request.headers.get("content-type", "")
        self._objects[key] = _Object(request.body, kind, etag)
        return Response(200, {"ETag": etag})

    def _list(self, prefix: str) -> Response:
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><ETag>{escape(one.etag)}</ETag>"
            f"<Size>{len(one.body)}</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
            for key, one in sorted(self._objects.items())
            if key.startswith(prefix)
        )
        return Response(
            200,
            {"Content-Type": "application/xml"},
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>".encode(),
        )


def _error(status: int, code: str) -> Response:
    body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return Response(status, {"Content-Type": "application/xml"}, body.encode())
