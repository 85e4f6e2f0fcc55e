"""The HTTP client: follows redirects, keeps to limits, retries, and raises errors by status."""

import contextlib
import hashlib
import io
import random
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

from datafetch.clock import CancelToken, Clock, ClockSkew, Witness
from datafetch.errors import Cancelled
from datafetch.net.base import KIB, Answer, Download, HostGate, Request
from datafetch.net.counts import Counts
from datafetch.net.deadline import Deadline
from datafetch.net.exchange_log import ExchangeLog, exchange_log
from datafetch.net.guard import canonical_host, public_url
from datafetch.net.hops import Hop, first_hop, next_hop
from datafetch.net.options import NetOptions
from datafetch.net.outcomes import REDIRECTS, error_for, is_answer
from datafetch.net.proxies import Proxies
from datafetch.net.reading import BodyReader
from datafetch.net.visits import Visit
from datafetch.net.waits import Waits
from datafetch.runtime import retry
from datafetch.runtime.breaker import Patience
from datafetch.upstream_errors import Refused, UpstreamError

if TYPE_CHECKING:
    from datafetch.net.transport import RawAnswer, Wire

R = TypeVar("R")

_SERVER_ERRORS = 500
"""The first of the statuses by which a server says that it fails (RFC 9110, 15.6)."""

_SPOOL_BYTES = 64 * KIB
"""A download of at most this size stays in memory, a larger one is on disk."""


class GuardedClient:
    """Implements `HttpClient`, whose docstrings say what the methods do and raise.

    Args:
        options: see `NetOptions`.
        clock: tells the time and waits between tries.
        cancel: checked before each try and between the pieces of a body.
        rng: draws the jitter of waits.
        gate: refuses requests to hosts that fail; None to ask every host.
        skew: is told the times in answers.
        make_wire: makes the `Wire` that sends; None for one over the machine's network.
    """

    def __init__(
        self,
        options: NetOptions,
        *,
        clock: Clock,
        cancel: CancelToken,
        rng: random.Random,
        gate: HostGate | None = None,
        skew: ClockSkew | None = None,
        make_wire: "Callable[[NetOptions], Wire] | None" = None,
    ) -> None:
        allowed = frozenset(map(canonical_host, options.allow_hosts))
        self._proxies = options.proxies or Proxies()
        self._options = replace(options, allow_hosts=allowed, proxies=self._proxies)
        self._clock = clock
        self._cancel = cancel
        self._rng = rng
        self._gate = gate
        self._skew = skew or ClockSkew()
        self._waits = Waits(clock)
        self._make_wire = make_wire or _system_wire
        self._counts = Counts()
        self._bodies = BodyReader(self._counts)
        self._lock = threading.Lock()
        self._opened: Wire | None = None
        self._closed = False

    def fetch(self, request: Request) -> Answer:
        """Send the request and read the body into memory."""

        def once(visit: Visit, left: float) -> Answer:
            body = io.BytesIO()
            answer, url, count = self._once(request, body.write, visit, left)
            return Answer(answer.status, url, answer.headers, body.getvalue(), redirects=count)

        return self._retried(request, once)

    def download(self, request: Request) -> Download:
        """Send the request and write the body into a temporary file."""

        def once(visit: Visit, left: float) -> Download:
            # The caller of `download` closes it.
            spooled = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115
            file, digest = cast("BinaryIO", spooled), hashlib.sha256()

            def write(data: bytes) -> None:
                digest.update(data)
                file.write(data)

            try:
                answer, url, count = self._once(request, write, visit, left)
            except BaseException:
                file.close()
                raise
            size = file.tell()
            file.seek(0)
            return Download(
                answer.status,
                url,
                answer.headers,
                file,
                size,
                digest.hexdigest(),
                redirects=count,
            )

        return self._retried(request, once)

    def prepare(self) -> None:
        """Load httpx2 and the trusted certificates, so that the first request need not."""
        with contextlib.suppress(Cancelled):
            self._wire().prepare()

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """For each upstream: requests, bytes, retries, and answers by status (`status_200`)."""
        return self._counts.snapshot()

    def close(self) -> None:
        """Close all connections; requests that still use one raise `Cancelled`."""
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
                # A client that is garbage-collected without `close` leaves no connection open.
                weakref.finalize(self, self._opened.close)
            return self._opened

    def _retried(self, request: Request, once: Callable[[Visit, float], R]) -> R:
        tries = 1

        def note(error: Exception, wait_s: float) -> None:
            nonlocal tries
            tries += 1
            self._counts.add(request.upstream, "retries")
            self._waits.tell(error, wait_s, request, tries)

        # A probe may take as long as this request may, with all its tries.
        most_s = request.total_s + request.retry.total_s
        patience = Patience(most_s, self._cancel, persistent=request.trust == "settings")
        try:
            with Visit(self._gate, heavy=request.heavy, patience=patience) as visit:
                return retry.call(
                    lambda left: once(visit, left),
                    request.retry,
                    clock=self._clock,
                    rng=self._rng,
                    on_retry=note,
                )
        except UpstreamError as error:
            if tries > 1:
                error.args = (f"{error}, tried {tries} times",)
            raise

    def _once(
        self, request: Request, write: Callable[[bytes], object], visit: Visit, left: float
    ) -> "tuple[RawAnswer, str, int]":
        """Try the request once, redirects included; `write` is given the body.

        Returns:
            The answer, the URL that sent it, and how many redirects led there.
        """
        limit = Deadline(self._clock, self._cancel, min(request.total_s, left))
        hop = first_hop(request, self._options)
        for count in range(request.redirected, request.max_redirects + 1):
            with _placed(hop), self._exchange(request, hop, visit, limit) as answer:
                self._counts.add(request.upstream, f"status_{answer.status}")
                if is_answer(answer.status, request):
                    if self._bodies.read(request, hop, answer, write):
                        self._bodies.drop_rest(request, answer)
                    return answer, hop.url.href, count
                body = self._bodies.drain(request, answer)
                hop = self._follow(hop, answer, body)
        shown = public_url(request.url)
        raise Refused(
            f"{shown}: more than {request.max_redirects} redirects, the last to "
            f"{public_url(hop.url.href)}",
            url=shown,
            hint="It redirects in a circle, or to a log-in: see what a browser shows there.",
        )

    @contextmanager
    def _exchange(
        self, request: Request, hop: Hop, visit: Visit, limit: Deadline
    ) -> "Iterator[RawAnswer]":
        proxy = self._proxies.proxy_for(hop.url)
        behind = None if proxy is None or proxy.host == hop.url.name else proxy.host
        try:
            with (
                exchange_log(hop, self._clock) as log,
                visit.exchange(hop.url.name, behind) as waited_s,
            ):
                limit.extend(waited_s)
                self._counts.add(request.upstream, "requests")
                with self._wire().exchange(hop, limit, request.timeout_s) as answer:
                    well = answer.status < _SERVER_ERRORS
                    visit.answered(hop.url.name, behind, well=well)
                    witness: Witness = "named" if hop.trusted else "other"
                    now = self._clock.now()
                    self._skew.observe_answer(hop.url.name, answer.headers, now, witness)
                    yield answer if log is None else _logged(answer, log)
        except Cancelled:
            # A closed connection does not say why; the token's `Cancelled` names the signal.
            self._cancel.raise_if_cancelled()
            raise

    def _follow(self, hop: Hop, answer: "RawAnswer", body: bytes) -> Hop:
        """The exchange that follows a redirect; any other answer is raised as its error.

        `body` is what was read of the answer's body; the error keeps it.

        Raises:
            UpstreamError: the answer is no redirect, or it leads to a URL that is refused.
        """
        location = answer.headers.get("location", "")
        if answer.status in REDIRECTS and location:
            return next_hop(hop, answer.status, location, self._options)
        now = self._clock.now()
        error = error_for(answer.status, answer.headers, public_url(hop.url.href), now)
        error.body = body
        raise error


@contextmanager
def _placed(hop: Hop) -> Iterator[None]:
    """Name the URL that was being asked in each error of the block that does not name one."""
    try:
        yield
    except UpstreamError as error:
        error.url = error.url or public_url(hop.url.href)
        raise


def _logged(answer: "RawAnswer", log: ExchangeLog) -> "RawAnswer":
    log.status = answer.status
    return replace(answer, chunks=log.counted(answer.chunks))


def _system_wire(options: NetOptions) -> "Wire":
    # Imported with the first request: httpx2 loads slowly, and many commands send no request.
    from datafetch.net.transport import Wire

    return Wire(options)
