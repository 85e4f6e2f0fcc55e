"""The guarded HTTP client: what a request may take and bring, and what becomes of a failure."""

import collections
import contextlib
import hashlib
import io
import random
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

from datafetch.clock import CancelToken, Clock
from datafetch.errors import Cancelled, Missing, Refused, UpstreamError
from datafetch.logs import bound_logger
from datafetch.net.base import KIB, Answer, Download, HostGate, Request
from datafetch.net.body import Limits, Sink, read_body
from datafetch.net.counts import Counts
from datafetch.net.deadline import Deadline, hurried
from datafetch.net.guard import canonical_host, public_url
from datafetch.net.hops import Hop, Rules, first_hop, next_hop
from datafetch.net.outcomes import REDIRECTS, error_for, is_answer
from datafetch.net.proxies import Proxies
from datafetch.net.visits import Visit
from datafetch.runtime import retry
from datafetch.urls import Origin

if TYPE_CHECKING:
    from datafetch.net.transport import Reply, Wire

R = TypeVar("R")

SPOOL_BYTES = 64 * KIB
"""Of a download at most so much is held in memory."""

_DRAIN_BYTES = 64 * KIB
_DRAIN_S = 1.0
"""What nobody asked for is read up to this size and for so long, to keep its connection."""

_SMALL = Limits(_DRAIN_BYTES)

_BODILESS = frozenset({204, 304})

_log = bound_logger()


@dataclass(frozen=True, slots=True)
class NetOptions:
    """How the client is to behave.

    Attributes:
        user_agent: sent with every request.
        width: connections, of each kind.
        trusted_origins: scheme, host and port that requests with `trust="settings"` may
            reach though they are private.
        allow_hosts: hosts that URLs from data may name though they are private.
        proxies: by default those of the environment, read at the first request.
    """

    user_agent: str
    width: int = 16
    trusted_origins: frozenset[Origin] = frozenset()
    allow_hosts: frozenset[str] = frozenset()
    proxies: Proxies | None = None


class GuardedClient:
    """The one way out; see `HttpClient` for what its methods promise.

    Args:
        options: how to behave.
        clock: tells the time and waits between tries.
        cancel: looked at before each try and between the pieces of a body.
        rng: for jitter.
        gate: which hosts not to ask.
        make_wire: what connects; tests put another network under it.
    """

    def __init__(
        self,
        options: NetOptions,
        *,
        clock: Clock,
        cancel: CancelToken,
        rng: random.Random,
        gate: HostGate | None = None,
        make_wire: "Callable[[NetOptions], Wire] | None" = None,
    ) -> None:
        allowed = frozenset(map(canonical_host, options.allow_hosts))
        self._options = replace(options, allow_hosts=allowed)
        self._rules = Rules(options.trusted_origins, allowed)
        self._clock = clock
        self._cancel = cancel
        self._rng = rng
        self._gate = gate
        self._make_wire = make_wire or _system_wire
        self._counts = Counts()
        self._lock = threading.Lock()
        self._opened: Wire | None = None
        self._closed = False

    def fetch(self, request: Request) -> Answer:
        """Send it and read the whole body into memory, within its limit."""

        def once(visit: Visit, left: float) -> Answer:
            sink = io.BytesIO()
            reply, url, cut = self._once(request, sink, visit, left)
            return Answer(reply.status, url, reply.headers, sink.getvalue(), cut)

        return self._retried(request, once)

    def download(self, request: Request) -> Download:
        """Send it and stream the body into a spooled file (64 KiB in memory, then disk)."""

        def once(visit: Visit, left: float) -> Download:
            sink = _Spool()
            try:
                reply, url, _ = self._once(request, sink, visit, left)
            except BaseException:
                sink.file.close()
                raise
            sink.file.seek(0)
            digest = sink.digest.hexdigest()
            return Download(reply.status, url, reply.headers, sink.file, sink.size, digest)

        return self._retried(request, once)

    def prepare(self) -> None:
        """Load httpx2 and the trusted certificates, which the first request would wait for."""
        with contextlib.suppress(Cancelled):
            self._wire().prepare()

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """For each upstream: requests, bytes, retries, and requests by status (`status_200`)."""
        return self._counts.snapshot()

    def close(self) -> None:
        """Shut all connections, those of requests under way too; these raise `Cancelled`."""
        with self._lock:
            self._closed = True
            wire = self._opened
        if wire is not None:
            wire.close()

    def _wire(self) -> "Wire":
        self._cancel.raise_if_cancelled()
        with self._lock:
            if self._closed:
                raise Cancelled("the client is closed")
            if self._opened is None:
                self._opened = self._make_wire(self._options)
                # Who forgets to close the client shall not leak its idle connections.
                weakref.finalize(self, self._opened.close)
            return self._opened

    def _retried(self, request: Request, once: Callable[[Visit, float], R]) -> R:
        def note(error: Exception, wait: float) -> None:
            self._counts.add(request.upstream, "retries")
            about = {"upstream": request.upstream, "error": str(error), "wait_s": round(wait, 3)}
            _log.debug("request_retried", extra=about)

        with Visit(self._gate, heavy=request.heavy) as visit:
            return retry.call(
                lambda left: once(visit, left),
                request.retry,
                clock=self._clock,
                rng=self._rng,
                on_retry=note,
            )

    def _once(
        self, request: Request, sink: Sink, visit: Visit, left: float
    ) -> "tuple[Reply, str, bool]":
        """One try: all hops. Gives the final head, its URL, and whether the body was cut."""
        limit = Deadline(self._clock, self._cancel, min(request.total_s, left))
        hop = first_hop(request, self._rules)
        for _ in range(request.max_redirects + 1):
            with self._exchange(request, hop, visit, limit) as reply:
                self._counts.add(request.upstream, f"status_{reply.status}")
                if is_answer(reply.status, request):
                    cut = self._read(request, hop, reply, sink)
                    if cut:
                        self._drop_rest(request, reply)
                    return reply, hop.target.url, cut
                body = self._drain(request, reply)
                hop = self._follow(hop, reply, body)
        shown = public_url(request.url)
        raise Refused(f"{shown}: more than {request.max_redirects} redirects", url=shown)

    @contextmanager
    def _exchange(
        self, request: Request, hop: Hop, visit: Visit, limit: Deadline
    ) -> "Iterator[Reply]":
        try:
            with visit.exchange(hop.target.host):
                self._counts.add(request.upstream, "requests")
                with self._wire().exchange(hop, limit, request.timeout_s) as reply:
                    visit.answered(hop.target.host)
                    yield reply
        except Cancelled:
            # The token knows the signal; a connection that was shut does not.
            self._cancel.raise_if_cancelled()
            raise

    def _read(self, request: Request, hop: Hop, reply: "Reply", sink: Sink) -> bool:
        chunks = self._counted(request.upstream, reply.chunks)
        if hop.method == "HEAD" or reply.status in _BODILESS:
            # Their Content-Length speaks of a body that does not come (RFC 9110, 8.6).
            collections.deque(chunks, maxlen=0)
            return False
        limits = Limits(request.limit, request.truncate, request.stop_after)
        return read_body(chunks, reply.headers, public_url(hop.target.url), limits, sink)

    def _counted(self, upstream: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        # Each at once, nothing in the end: who drops this half-way leaves the end to the garbage
        # collector, which may run while the same thread holds the lock of the counts.
        for chunk in chunks:
            self._counts.add(upstream, "bytes", len(chunk))
            yield chunk

    def _drain(self, request: Request, reply: "Reply") -> bytes:
        """Read a small body that comes with no answer; how that goes changes nothing.

        Gives the body when the request wants it and all of it came.
        """
        sink = io.BytesIO()
        if request.missing_body and _is_short(reply):
            chunks = self._counted(request.upstream, reply.chunks)
            try:
                read_body(chunks, reply.headers, public_url(request.url), _SMALL, sink)
            except UpstreamError:
                return b""
        self._drop_rest(request, reply)
        return sink.getvalue()

    def _drop_rest(self, request: Request, reply: "Reply") -> None:
        if _is_short(reply):
            with contextlib.suppress(UpstreamError), hurried(_DRAIN_S):
                collections.deque(self._counted(request.upstream, reply.chunks), maxlen=0)

    def _follow(self, hop: Hop, reply: "Reply", body: bytes) -> Hop:
        location = reply.headers.get("location", "")
        if reply.status in REDIRECTS and location:
            return next_hop(hop, reply.status, location, self._rules)
        now = self._clock.now()
        error = error_for(reply.status, reply.headers, public_url(hop.target.url), now)
        if isinstance(error, Missing):
            error.body = body
        raise error


def _is_short(reply: "Reply") -> bool:
    declared = reply.headers.get("content-length", "")
    return declared.isascii() and declared.isdigit() and int(declared[:20]) <= _DRAIN_BYTES


class _Spool:
    """A file that begins in memory, and the hash of what is written to it."""

    def __init__(self) -> None:
        # The caller of `download` closes it.
        self.file = cast("BinaryIO", tempfile.SpooledTemporaryFile(SPOOL_BYTES))  # noqa: SIM115
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> None:
        self.digest.update(data)
        self.size += len(data)
        self.file.write(data)


def _system_wire(options: NetOptions) -> "Wire":
    """httpx2 is imported with the first request: many commands send none."""
    from datafetch.net.transport import Wire

    return Wire(
        width=options.width,
        user_agent=options.user_agent,
        allow_hosts=options.allow_hosts,
        proxies=options.proxies or Proxies(),
    )
