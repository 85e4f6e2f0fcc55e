"""Finds the logo of one domain at once, for a visitor who asks for it; nothing is stored.

It is found as the logo job finds it (`worker.py`). What the job would write to the store is held
in memory, until `keeping.py` stores it under the lease of the logos.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from datafetch.clock import Clock
from datafetch.job import Remarks
from datafetch.logos.generic import GenericPictures
from datafetch.logos.model import SOURCES, Logo, LogoSource
from datafetch.logos.providers import LogoProviders, Pacer
from datafetch.logos.rules.entries import Entry
from datafetch.logos.search import NoAnswer, NoLogo
from datafetch.logos.worker import HasLogo, LogoTask, LogoWorker
from datafetch.models.run import RunOptions
from datafetch.net.base import Answer, Download, HttpClient, Request
from datafetch.runtime.engine import Engine
from datafetch.store.around import StoreAround
from datafetch.store.base import JSON_TYPE, Condition, FilePart, ObjectStore
from datafetch.store.keys import Keys
from datafetch.upstream_errors import TransientError
from datafetch.urls import host_name

_REQUEST_S = 6.0
_RETRIES_S = 3.0
"""Seconds for one request to a provider, and for all its retries: a visitor waits."""

_SEARCH_S = 12.0
"""Seconds after which the search for one logo sends no more requests.

One client may begin 30 fetches a minute. Even if all these sites are slow on purpose, the client
cannot hold the server's eight threads for ever.
"""

_GENERIC_S = 3600.0
"""Seconds after which the services are asked for their generic pictures anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLogo:
    """A logo that is to be stored.

    Attributes:
        body: the picture's bytes; empty when the stored picture stays, and is confirmed only.
        before: the domain's entry in the manifest when the logo was searched for.
        stranger: whether only visitors name this domain: neither bookmarks nor files do.
    """

    domain: str
    logo: Logo
    body: bytes
    before: Entry | None
    stranger: bool = False


class PictureShelf(StoreAround):
    """Wraps a store, reads from it, and holds in memory what is written."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self.bodies: dict[str, bytes] = {}

    def put(
        self,
        key: str,
        body: bytes | FilePart,
        *,
        content_type: str = JSON_TYPE,  # noqa: ARG002 - the logo's entry has it
        cache_control: str | None = None,  # noqa: ARG002 - pictures have one and the same
        condition: Condition = None,  # noqa: ARG002 - pictures are written without
    ) -> str:
        """Hold the bytes; nothing is stored."""
        held = body if isinstance(body, bytes) else body.file.read(body.size)
        self.bodies[key] = held
        return ""

    def delete(self, key: str) -> None:
        """Let go of the bytes that are held under this key; nothing is deleted in the store."""
        self.bodies.pop(key, None)


class _AtOnce:
    """No pause: how often visitors may ask is limited where they ask."""

    def wait(self) -> None:
        """Return at once."""


@dataclass(frozen=True)
class _Surroundings:
    """What a `LogoWorker` works with outside of a run; see `WorkContext`."""

    store: PictureShelf
    keys: Keys
    clock: Clock
    engine: Engine
    log: "logging.LoggerAdapter[logging.Logger]"
    options: RunOptions = field(default_factory=RunOptions)
    remarks: Remarks = field(default_factory=Remarks)

    def write_again(self, key: str) -> str | None:  # noqa: ARG002 - as `JobContext.write_again`
        """Nothing is written again without --force."""
        return None


class HurriedHttp:
    """Wraps a client, and sends no more requests after a point in time.

    A request under way goes on: cut off, it would count as a failure of a host that is well.
    """

    def __init__(self, http: HttpClient, clock: Clock, until: float) -> None:
        """`until` is in monotonic seconds of `clock`."""
        self._http = http
        self._clock = clock
        self._until = until

    def fetch(self, request: Request) -> Answer:
        """See `HttpClient.fetch`; raises `TransientError` when it is too late."""
        self._look(request)
        return self._http.fetch(request)

    def download(self, request: Request) -> Download:
        """See `HttpClient.download`; raises `TransientError` when it is too late."""
        self._look(request)
        return self._http.download(request)

    def prepare(self) -> None:
        """See `HttpClient.prepare`."""
        self._http.prepare()

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """See `HttpClient.counts`."""
        return self._http.counts()

    def close(self) -> None:
        """See `HttpClient.close`."""
        self._http.close()

    def _look(self, request: Request) -> None:
        if self._clock.monotonic() >= self._until:
            host = host_name(request.url)
            raise TransientError(f"{host}: not asked, because the search has taken too long")


class LogoFinder:
    """Finds logos, several at a time, and remembers the services' generic pictures for an hour."""

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        clock: Clock,
        http: HttpClient,
        log: "logging.LoggerAdapter[logging.Logger]",
        *,
        width: int,
    ) -> None:
        """`store` is only read; `width` is how many threads call `find` at once, at most."""
        self._store = store
        self._keys = keys
        self._clock = clock
        self._http = http
        self._log = log
        self._engine = Engine(width)
        pacers: Mapping[LogoSource, Pacer] = {source: _AtOnce() for source in SOURCES}
        self._providers = LogoProviders(http, pacers, _RETRIES_S, total_s=_REQUEST_S)
        self._guard = threading.Lock()
        self._generic = GenericPictures(self._providers, log)
        self._since = clock.monotonic()

    def find(
        self, domain: str, stored: Entry | None, *, conditionally: bool
    ) -> FoundLogo | NoLogo | NoAnswer:
        """Ask the providers for the logo of a domain.

        A stored logo stays unless what is found may replace it (`may_replace`).

        Args:
            domain: as `domains.normalise` gives it.
            stored: its entry in the manifest; None when it has none.
            conditionally: whether to ask only for what differs from the stored logo.

        Raises:
            StoreError: the stored picture of an entry of the old site could not be read.
            Cancelled: the client was closed.
        """
        shelf = PictureShelf(self._store)
        surroundings = _Surroundings(shelf, self._keys, self._clock, self._engine, self._log)
        hurried = HurriedHttp(self._http, self._clock, self._clock.monotonic() + _SEARCH_S)
        worker = LogoWorker(surroundings, self._providers.through(hurried), self._known_generic())
        result = worker(LogoTask(domain, stored, conditionally))
        if not isinstance(result, HasLogo):
            return result
        body = shelf.bodies.get(result.logo.key, b"")
        return FoundLogo(domain=domain, logo=result.logo, body=body, before=stored)

    def _known_generic(self) -> GenericPictures:
        with self._guard:
            if self._clock.monotonic() - self._since >= _GENERIC_S:
                self._since = self._clock.monotonic()
                self._generic = GenericPictures(self._providers, self._log)
            return self._generic
