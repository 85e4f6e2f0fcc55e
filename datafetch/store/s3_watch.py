"""Watches the requests of a client of S3, or of another service of botocore's: the times in its answers, and the debug event `request`."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from datafetch.clock import Clock, ClockSkew, Witness
from datafetch.logs import bound_logger
from datafetch.store.s3_answers import Answer
from datafetch.urls import parse

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.hooks import BaseEventHooks

_LONGEST_PATH = 200

_log = bound_logger()


class S3Watch:
    """Handlers for the events of a botocore client. Thread-safe.

    botocore sends and reads each try in one thread: the request that a thread sent last is the one
    whose answer it reads.

    Args:
        clock: tells this machine's time.
        skew: is told the times in answers.
        witness: who tells them.
    """

    def __init__(self, clock: Clock, skew: ClockSkew, witness: Witness = "store") -> None:
        self._clock = clock
        self._skew = skew
        self._witness = witness
        self._thread = threading.local()

    def register(self, events: "BaseEventHooks", service: str = "s3") -> None:
        """Watch the requests of the client of this service whose events these are."""
        events.register(f"before-send.{service}", self._sent)
        events.register_first(f"before-parse.{service}", self._answered)
        events.register(f"response-received.{service}", self._failed)

    def _sent(self, *, request: "AWSPreparedRequest", **_: object) -> None:
        self._thread.sent = (request, time.monotonic())

    def _answered(self, *, response_dict: Answer, **_: object) -> None:
        headers, address = response_dict["headers"], parse(self._thread.sent[0].url)
        host = address.name if address else ""
        self._skew.observe_answer(host, headers, self._clock.now(), self._witness)
        self._log(headers, status=response_dict["status_code"])

    def _failed(self, *, exception: BaseException | None, **_: object) -> None:
        if exception is not None:
            self._log({}, error=type(exception).__name__)

    def _log(
        self, headers: Mapping[str, str], *, status: int | None = None, error: str | None = None
    ) -> None:
        if not _log.isEnabledFor(logging.DEBUG):
            return
        request, started = self._thread.sent
        address = parse(request.url)
        path = unquote(address.path) if address else ""
        of_data = headers if request.method == "GET" else request.headers
        about = {
            "method": request.method,
            "host": address.authority if address else "",
            "path": path if len(path) <= _LONGEST_PATH else path[: _LONGEST_PATH - 1] + "…",
            "status": status,
            "error": error,
            "ms": round((time.monotonic() - started) * 1000),
            "bytes": _number(of_data.get("content-length")),
        }
        _log.debug("request", extra=about)


def _number(text: object) -> int | None:
    """A `Content-Length`, which botocore keeps as a text or bytes; None when it is none."""
    plain = text.decode("latin-1") if isinstance(text, bytes) else str(text)
    return int(plain[:20]) if plain.isascii() and plain.isdigit() else None
