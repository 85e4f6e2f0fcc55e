"""What the HTTP client takes and gives: requests, answers, downloads, and its protocol."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, Protocol

from datafetch.errors import Malformed
from datafetch.runtime.breaker import Outcome
from datafetch.runtime.retry import RetryPolicy

KIB = 1024
MIB = 1024 * KIB

Trust = Literal["settings", "data"]
"""Where a URL comes from: `settings` are the user's own origins, whose first hop
may be private; `data` is hostile and guarded at every hop."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave to ask again by; opaque (RFC 9110, 8.8)."""

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        """The headers of a conditional request; what cannot be sent as it came is left out."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value and _can_be_sent(value)}


def _can_be_sent(value: str) -> bool:
    """Whether servers take it back: visible ASCII, and no longer than any of them mean it."""
    return value.isascii() and value.isprintable() and len(value) <= _LONGEST_VALIDATOR


_LONGEST_VALIDATOR = 1024


NO_RETRY = RetryPolicy(attempts=1)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        url: absolute, http or https.
        trust: see `Trust`.
        upstream: the short name under which requests are counted: `karakeep`,
            `github-rest`, `github-graphql`, `google`, `ddg`, `site`.
        headers: sent to the first origin only when they carry credentials
            (`Authorization`, `Cookie`); others follow redirects.
        json_body: sent as JSON.
        limit: most bytes of the decoded body that are read; more is `TooLarge`,
            unless `truncate`.
        truncate: read `limit` bytes and leave the rest.
        stop_after: read on only until these bytes (lower-case ASCII) were seen, such as
            `b"<body"`; for heads of pages.
        accept: statuses that come back as an answer instead of raising; 2xx always do.
        validators: for a conditional request; 304 then comes back as an answer.
        timeout_s: for connect, each read and write.
        total_s: for one try in all, redirects and body included.
        retry: tries.
        max_redirects: at most so many are followed.
        missing_body: keep what comes with a 404 or 410, up to 64 KiB, in the error.
        heavy: it may ask for more than the host can bear, so that its failure says nothing
            of the host; the caller asks for less next.
    """

    url: str
    trust: Trust
    upstream: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    json_body: Any = None
    limit: int = 64 * MIB
    truncate: bool = False
    stop_after: bytes | None = None
    accept: Collection[int] = ()
    validators: Validators | None = None
    timeout_s: float = 15.0
    total_s: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    max_redirects: int = 5
    missing_body: bool = False
    heavy: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, body read and decoded.

    `url` is the final one, after redirects; header names are lower case.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False

    @property
    def not_modified(self) -> bool:
        """Whether a conditional request found nothing new (304)."""
        return self.status == 304  # noqa: PLR2004 - RFC 9110, 15.4.5

    @property
    def validators(self) -> Validators:
        """What to ask by next time."""
        return Validators(self.headers.get("etag"), self.headers.get("last-modified"))

    def json(self) -> Any:
        """The body read as JSON.

        Raises:
            Malformed: it is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Malformed("the answer is not JSON", url=self.url, status=self.status) from error


@dataclass(frozen=True, slots=True)
class Download:
    """A body that was streamed into a file.

    `file` stands at its start; `sha256` is hex; `size` counts decoded bytes.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    file: BinaryIO
    size: int
    sha256: str

    @property
    def not_modified(self) -> bool:
        """Whether a conditional request found nothing new (304); the file is then empty."""
        return self.status == 304  # noqa: PLR2004 - RFC 9110, 15.4.5

    @property
    def validators(self) -> Validators:
        """What to ask by next time."""
        return Validators(self.headers.get("etag"), self.headers.get("last-modified"))

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


class HostGate(Protocol):
    """Knows which hosts fail; asked before every exchange, told after every request.

    A visit stands for one request with all its tries and redirects. Safe among threads.
    """

    def allow(self, host: str, visit: object) -> None:
        """Let the visit pass to the host; one that passed as a probe passes again.

        Raises:
            BreakerOpen: the host failed so often that it is not asked for a while.
        """
        ...

    def record(self, host: str, outcome: Outcome, visit: object) -> None:
        """Take note of what the visit has shown of a host that it was let pass to."""
        ...


class HttpClient(Protocol):
    """The one way out: guarded, bounded, retried, counted.

    Errors of both methods: `TransientError` (network, time-out, 408, 5xx, body cut short),
    `RateLimited` (429, and 403 with rate-limit headers; carries `until`), `BreakerOpen`,
    `Denied` (401, 403), `Missing` (404, 410), `Rejected` (other 4xx), `Malformed`,
    `Refused` (address, redirect, scheme), `TooLarge`, `Cancelled`.
    """

    def fetch(self, request: Request) -> Answer:
        """Send it and read the whole body into memory, within its limit."""
        ...

    def download(self, request: Request) -> Download:
        """Send it and stream the body into a spooled file (64 KiB in memory, then disk)."""
        ...

    def prepare(self) -> None:
        """Load what the first request takes; may be done while something else is waited for."""
        ...

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """For each upstream: requests, bytes, retries, and requests by status (`status_200`)."""
        ...

    def close(self) -> None:
        """Shut all connections, those of requests under way too."""
        ...
