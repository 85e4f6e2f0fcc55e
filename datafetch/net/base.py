"""The protocol of the HTTP client, and its values: requests, answers, downloads."""

import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Literal, Protocol

from datafetch.models.json_bounds import JsonBounds, TooMuchJson, read_bounded
from datafetch.net.excerpts import excerpt
from datafetch.net.guard import authority, public_url
from datafetch.runtime.breaker import Outcome, Patience
from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import Malformed

KIB = 1024
MIB = 1024 * KIB

Trust = Literal["settings", "data"]
"""Where a URL comes from. `settings`: the user wrote it, so its server may have a private address
(see `NetOptions.trusted_origins`). `data`: it may be hostile, so its address has to be public."""

_SENDABLE = re.compile(r"[\x20-\x7e]{1,1024}")


@dataclass(frozen=True, slots=True)
class Validators:
    """`ETag` and `Last-Modified` of an answer, to be sent back unchanged (RFC 9110, 8.8)."""

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        """The headers of a conditional request.

        A validator that is not printable ASCII, or longer than 1024 characters, is left out.
        """
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {
            name: value
            for name, value in headers.items()
            if value is not None and _SENDABLE.fullmatch(value)
        }


NO_RETRY = RetryPolicy(attempts=1)

_JSON = JsonBounds(values=200_000)
"""Of an answer in JSON for which its reader states no other bounds."""

Enough = Callable[[bytes, Mapping[str, str]], bool]
"""Says of the beginning of a body, and the headers it came with, whether it is all that is needed."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        url: absolute, http or https.
        trust: see `Trust`.
        upstream: the short name under which requests are counted: `karakeep`,
            `github-rest`, `github-graphql`, `google`, `ddg`, `site`.
        headers: sent with the request. After a redirect to another origin those that carry
            credentials, such as `Authorization` and `Cookie`, are left out.
        json_body: sent as JSON with POST; None for a GET.
        body: bytes that are sent as they are with POST, in place of `json_body`; empty ones are a
            POST, too.
        put: whether the body is sent with PUT and not with POST.
        keeps_method: whether a redirect that would turn the POST or PUT into a GET (301, 302, 303)
            is refused, because the GET would say nothing.
        hides_path: whether the path is a secret, so that the log shows the host only. The caller
            keeps it out of what it makes of errors.
        limit: the most bytes of the decoded body that are read; a longer body raises `TooLarge`,
            unless `truncate`.
        truncate: whether a body longer than `limit` is cut to its first `limit` bytes.
        stop_after: stop reading after these bytes (lower-case ASCII, found in either case),
            such as `b"<body"` to read the head of a page only.
        enough: asked when `stop_after` is found for the first time; when it says no, the body is
            read on to its end or its limit.
        accept: statuses, besides 2xx, that are returned as an answer and not raised as an error.
        validators: make the request conditional; a 304 is then returned as an answer.
        timeout_s: seconds for connecting, and for each read and write.
        total_s: seconds for one try, redirects and body included.
        retry: how often and how long the request is tried.
        max_redirects: the most redirects that are followed, with those in `redirected`.
        redirected: how many redirects, by tags in pages, have led to `url` already.
        private_headers: sent too, but to the origin of `url` only: never after a redirect to
            another one, whatever their names are.
        error_body: whether the error of an answer is to hold its body (`UpstreamError.body`).
        heavy: whether the request may ask for more than the server can do at once. The host's
            breaker does not count its failure, because the caller asks for less next time.
    """

    url: str
    trust: Trust
    upstream: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json_body: object = None
    body: bytes | None = field(default=None, repr=False)
    put: bool = False
    keeps_method: bool = False
    hides_path: bool = False
    limit: int = 64 * MIB
    truncate: bool = False
    stop_after: bytes | None = None
    enough: Enough | None = field(default=None, compare=False)
    accept: Collection[int] = ()
    validators: Validators | None = None
    timeout_s: float = 15.0
    total_s: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    max_redirects: int = 5
    redirected: int = 0
    private_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    error_body: bool = False
    heavy: bool = False


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """Status line and headers of an answer.

    Attributes:
        status: the HTTP status.
        url: the URL that answered, after all redirects.
        headers: by name in lower case; the values of a repeated header are joined by commas.
        redirects: how many redirects led to `url`, with those in `Request.redirected`.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    redirects: int = field(default=0, kw_only=True)

    @property
    def not_modified(self) -> bool:
        """Whether the status is 304: what the validators stand for is current, the body empty."""
        return self.status == 304  # noqa: PLR2004 - RFC 9110, 15.4.5

    @property
    def validators(self) -> Validators:
        """The validators of this answer, for a later conditional request."""
        return Validators(self.headers.get("etag"), self.headers.get("last-modified"))


@dataclass(frozen=True, slots=True)
class Answer(AnswerHead):
    """An answer with its decoded body in memory."""

    body: bytes

    def json(self, bounds: JsonBounds = _JSON) -> object:
        """The body read as JSON within the bounds.

        Raises:
            Malformed: it is not JSON, and its message, `content_type` and `words` say what it is;
                or it has more values or levels than the bounds allow.
        """
        try:
            return read_bounded(self.body, bounds)
        except TooMuchJson as much:
            shown = public_url(self.url)
            raise Malformed(
                f"{authority(shown)} answered {self.status} with more than such an answer can "
                f"hold: {much}",
                url=shown,
                status=self.status,
                hint="The limit protects this machine and cannot be set; what is stored stays as "
                "it is.",
            ) from None
        except ValueError:
            # Not `from error`: the error of a decoder holds the whole body.
            raise self._not_json() from None

    def _not_json(self) -> Malformed:
        shown = public_url(self.url)
        host = authority(shown)
        found = excerpt(self.body, self.headers.get("content-type", ""))
        error = Malformed(
            # Without the path, which at GitHub may hold the name of a private repository.
            f"{host} answered {self.status} with {found}, not JSON",
            url=shown,
            status=self.status,
            hint=f"If {host} is the right server, a proxy or a log-in page before it answers in "
            f"its place: see what `curl -i {shown}` says.",
        )
        error.content_type, error.words = found.content_type, found.words
        return error


@dataclass(frozen=True, slots=True)
class Download(AnswerHead):
    """An answer with its decoded body in a file, which the caller closes.

    Attributes:
        file: the body, positioned at its start.
        size: the body's length in bytes.
        sha256: of the body, in hex.
    """

    file: BinaryIO
    size: int
    sha256: str

    def with_body(self, body: bytes) -> "Download":
        """The same answer with another body, which takes the place of the old one in the file."""
        self.file.seek(0)
        self.file.truncate()
        self.file.write(body)
        self.file.seek(0)
        return replace(self, size=len(body), sha256=hashlib.sha256(body).hexdigest())

    def close(self) -> None:
        """Close the file, which deletes it."""
        self.file.close()


class HostGate(Protocol):
    """Knows which hosts fail, and refuses requests to them. Thread-safe.

    The client calls `allow` before every exchange, `settle` when it has ended or been answered, and
    `record` after every request. A `visit` is any object that stands for one request, with all its
    tries and redirects.
    """

    def allow(
        self, host: str, visit: object, patience: Patience | None = None, *, again: bool = False
    ) -> float:
        """Let the visit begin an exchange with the host.

        While another visit is the probe of its breaker, or several try a host that has not answered
        yet, this one waits for their end, as long as `patience` says; None: it does not wait.
        `again` says that the visit has failed there before.

        Returns:
            The seconds that it waited.

        Raises:
            BreakerOpen: the host failed so often that it is not asked for a while.
            Cancelled: the run was asked to stop during the wait.
        """
        ...

    def settle(self, host: str, outcome: Outcome, patience: Patience | None = None) -> None:
        """Note how one exchange went that `allow` let begin with this patience."""
        ...

    def record(self, host: str, outcome: Outcome, visit: object, why: str = "") -> None:
        """Note the outcome for a host of a visit that `allow` let pass.

        `why` is the message of the visit's last error, for the log; empty when there was none.
        """
        ...


class HttpClient(Protocol):
    """The only way in which datafetch sends HTTP requests: guarded, limited, retried, counted.

    `fetch` and `download` raise `TransientError` (network, time-out, 408, 425, 5xx, a body cut
    short), `RateLimited` (429; 403 or 503 that asks to wait), `BreakerOpen`, `CannotConnect`
    (certificate, no TLS at the port, the proxy's password), `Denied` (401,
    403), `Missing` (404, 410), `Rejected` (other 4xx), `Malformed`, `Refused` (address, redirect,
    scheme), `TooLarge`, and `Cancelled`.
    """

    def fetch(self, request: Request) -> Answer:
        """Send the request and read the body into memory."""
        ...

    def download(self, request: Request) -> Download:
        """Send the request and write the body into a temporary file.

        A body of up to 64 KiB stays in memory, a longer one is on disk.
        """
        ...

    def prepare(self) -> None:
        """Load modules and certificates, so that the first request need not wait for them."""
        ...

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """For each upstream: requests, bytes, retries, and answers by status (`status_200`)."""
        ...

    def close(self) -> None:
        """Close all connections; requests that still use one raise `Cancelled`."""
        ...
