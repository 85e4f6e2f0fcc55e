"""Logos for visitors, by the three tiers: memory, what the store knows, then the providers."""

from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from enum import StrEnum

from datafetch.clock import CancelToken, Clock, stopped_by, to_ms
from datafetch.errors import Cancelled, DatafetchError, ObjectNotFound
from datafetch.factory import make_http, make_parts
from datafetch.job_groups import logo_group
from datafetch.logos.index import LogoIndex
from datafetch.logos.known_domains import KnownDomains
from datafetch.logos.model import Logo
from datafetch.logos.on_demand import FoundLogo, LogoFinder
from datafetch.logos.providers import PICTURE_LIMIT
from datafetch.logos.rules.choice import is_due, is_waiting
from datafetch.logos.rules.entries import Entry, OldLogo
from datafetch.logos.search import NoAnswer, NoLogo
from datafetch.logs import bound_logger
from datafetch.manager import DataFetchManager
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys
from datafetch.store.public_urls import PublicUrls
from datafetch.upstream_errors import BreakerOpen, UpstreamError
from datafetch.web.logo_cache import (
    LogoAnswer,
    LogoAt,
    LogoCache,
    LogoPicture,
    LogoUnknown,
    NoLogoKnown,
)
from datafetch.web.logo_flights import THREADS, LogoFlights
from datafetch.web.logo_shelf import LogoShelf

STORED_HOLDS_S = 300.0
"""Seconds for which memory answers what the store knew."""

UNSTORED_HOLDS_S = 3600.0
"""Seconds for which memory answers what is not stored: a stranger's logo, or that it has none."""

FAULT_HOLDS_S = 45.0
"""Seconds for which a domain is not asked for again after a provider failed."""

_STORING_S = 3.0
"""Seconds for which a visitor waits for a logo to be stored; then the picture is sent from memory."""

_PICTURES = frozenset(
    ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "image/avif")
    + ("image/x-icon", "image/vnd.microsoft.icon")
)
"""Types with which a stored object is sent as a picture."""


class Tier(StrEnum):
    """Where an answer came from, as the metrics count it."""

    MEMORY = "memory"
    STORE = "store"
    PROVIDER = "provider"
    NONE = "none"
    LIMITED = "limited"
    FAILED = "failed"


class LogoTiers:
    """Answers which logo a domain has. Thread-safe; what blocks says so."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        cancel: CancelToken,
        store: ObjectStore,
        keys: Keys,
        urls: PublicUrls,
    ) -> None:
        """`cancel` asks the server to stop; `store` is for reading, and answers soon or fails."""
        self._settings = settings
        self._clock = clock
        self._store = store
        self._urls = urls
        self._log = bound_logger(job="logos")
        self._of_fetches = cancel.child()
        self.cache = LogoCache(clock)
        self.flights = LogoFlights()
        self._index = LogoIndex(store, keys, urls, clock, self._log)
        files = logo_group(settings).domain_files
        self._known = KnownDomains(store, keys, clock, files, self._log)
        # What is stored at the end is stored after the server was asked to stop.
        self._of_storing = CancelToken()
        parts = make_parts(settings, clock, self._of_storing)
        self._breakers = parts.breakers
        waking = stopped_by(clock, self._of_fetches)
        self._http = make_http(settings, waking, self._of_fetches, parts.breakers, skew=parts.skew)
        self._finder = LogoFinder(store, keys, clock, self._http, self._log, width=THREADS)
        manager = DataFetchManager(settings, parts)
        self.shelf = LogoShelf(manager.keep_logos, waking, self._taken_off, self._log)

    # ------------------------------------------------------------------ tiers

    def remembered(self, domain: str) -> LogoAnswer | None:
        """The answer that memory has. Does not block."""
        return self.cache.get(domain) or self._waiting(domain)

    @property
    def is_index_fresh(self) -> bool:
        """Whether `in_index` knows what the store knows. Does not block."""
        return self._index.is_fresh and self._index.was_read

    def in_index(self, domain: str) -> LogoAnswer | None:
        """The answer by what is known of the store; None when the store says nothing. Does not block.

        None, too, when the answer is a picture, which has to be read from the store first.
        """
        entry = self._index.entry(domain)
        if entry is not None:
            url = self._url_of(entry)
            return None if url is None else self._remember(domain, LogoAt(url), STORED_HOLDS_S)
        record = self._index.record(domain)
        if is_waiting(record, to_ms(self._clock.now())):
            return self._remember(domain, NoLogoKnown(), STORED_HOLDS_S)
        return None

    def in_store(self, domain: str) -> LogoAnswer | None:
        """The answer of the store; None when it says nothing. Blocks.

        Raises:
            StoreError: it did not answer, and nothing is known.
        """
        self._index.refresh()
        found = self.in_index(domain)
        if found is not None:
            return found
        entry = self._index.entry(domain)
        if entry is None or entry.key is None:
            return None
        picture = self._picture_at(entry, entry.key)
        return None if picture is None else self._remember(domain, picture, STORED_HOLDS_S)

    def fetched(self, domain: str, *, forced: bool = False) -> Future[LogoAnswer] | None:
        """Begin to ask the providers, or join who has begun; None when too many wait. Does not block."""
        return self.flights.start(domain, lambda: self._fetch(domain, forced=forced))

    def wants_refresh(self, domain: str) -> bool:
        """Whether the stored logo is one that only visitors ask for, and is due. Does not block.

        Logos of known domains are kept fresh by the job.
        """
        entry = self._index.entry(domain)
        return (
            isinstance(entry, Logo)
            and entry.is_on_demand
            and is_due(entry, self._settings.logo_max_age_days, to_ms(self._clock.now()))
        )

    def of_company(self, name: str) -> str | None:
        """The domain of a company that a file names. Blocks."""
        return self._known.of_company(name)

    def close(self, wait_s: float) -> None:
        """End the fetches, and try once more to store what waits, for so many seconds at most.

        The token that asks the server to stop has to be cancelled before.
        """
        self._of_fetches.cancel(Cancelled())
        self._http.close()
        self.flights.close()
        if not self.shelf.close(wait_s):
            self._of_storing.cancel(Cancelled())

    # ------------------------------------------------------------------ fetch

    def _fetch(self, domain: str, *, forced: bool) -> LogoAnswer:
        stored = self._index.entry(domain)
        conditionally = isinstance(stored, Logo) and not forced
        try:
            found = self._finder.find(domain, stored, conditionally=conditionally)
        except DatafetchError as error:
            self._log.warning("logo_failed", extra={"domain": domain, "error": str(error)})
            return self._unanswered(domain, stored, 503, "the logo could not be looked for")
        finally:
            self._breakers.save()
        match found:
            case FoundLogo():
                return self._found(found)
            case NoLogo():
                return self._none(domain, found.reason, stored)
            case NoAnswer(_, error):
                return self._failed(domain, stored, error)

    def _found(self, found: FoundLogo) -> LogoAnswer:
        domain = found.domain
        is_stranger = found.before is None and not self._known.knows(domain)
        item = FoundLogo(
            domain=domain,
            logo=found.logo,
            body=found.body,
            before=found.before,
            stranger=is_stranger,
        )
        self._log.info("logo_found", extra={"domain": domain, "source": found.logo.original_source})
        picture = _picture_of(item)
        if picture is not None:
            self._remember(domain, picture, UNSTORED_HOLDS_S)
        attempt = self.shelf.add(item)
        try:
            entry = None if attempt is None else attempt.result(_STORING_S)
        except TookTooLong:
            entry = None
        if entry is not None:
            return self._answer_of(entry, picture)
        return picture or self._answer_of(found.logo, None)

    def _none(self, domain: str, reason: str, stored: Entry | None) -> LogoAnswer:
        # A stranger's answer stays in memory: it must not push known domains out of the cache
        # that is stored.
        if stored is not None or self._known.knows(domain):
            self.shelf.without_logo(domain, reason)
        self._log.debug("logo_skipped", extra={"domain": domain, "reason": reason})
        return self._remember(domain, NoLogoKnown(), UNSTORED_HOLDS_S)

    def _failed(self, domain: str, stored: Entry | None, error: UpstreamError) -> LogoAnswer:
        self._log.info("logo_failed", extra={"domain": domain, "error": str(error)})
        is_open = isinstance(error, BreakerOpen)
        reason = "a provider is not asked for now" if is_open else "a provider did not answer"
        return self._unanswered(domain, stored, 503 if is_open else 502, reason)

    def _unanswered(
        self, domain: str, stored: Entry | None, status: int, reason: str
    ) -> LogoAnswer:
        """The stored logo, if there is one; else that nobody knows, which is remembered shortly."""
        answer = None if stored is None else self._stale(stored)
        unknown = LogoUnknown(status, reason, round(FAULT_HOLDS_S))
        return self._remember(domain, answer or unknown, FAULT_HOLDS_S)

    def _stale(self, stored: Entry) -> LogoAnswer | None:
        match self._answer_of(stored, None):
            case LogoAt(url):
                return LogoAt(url, is_stale=True)
            case LogoPicture(body, content_type, version):
                return LogoPicture(body, content_type, version, is_stale=True)
            case _:
                return None

    def _taken_off(self, domain: str, entry: Entry | None) -> None:
        """A logo was taken off the shelf: it is stored now, or left out as one of too many."""
        if entry is None:
            return
        self._index.note(domain, entry)
        url = self._url_of(entry)
        if url is not None:
            self._remember(domain, LogoAt(url), STORED_HOLDS_S)

    # ---------------------------------------------------------------- answers

    def _remember(self, domain: str, answer: LogoAnswer, holds_s: float) -> LogoAnswer:
        self.cache.put(domain, answer, holds_s)
        return answer

    def _waiting(self, domain: str) -> LogoAnswer | None:
        found = self.shelf.waiting(domain)
        return None if found is None else _picture_of(found)

    def _answer_of(self, entry: Entry, picture: LogoPicture | None) -> LogoAnswer:
        """What is answered for an entry of the manifest; blocks when its picture has to be read."""
        url = self._url_of(entry)
        if url is not None:
            return LogoAt(url)
        if picture is None and entry.key is not None:
            try:
                picture = self._picture_at(entry, entry.key)
            except DatafetchError as error:
                self._log.warning("picture_not_read", extra={"error": str(error)})
                return LogoUnknown(503, "the store did not answer", 5)
        return picture or NoLogoKnown()

    def _url_of(self, entry: Entry) -> str | None:
        """Where visitors load the logo; None when nobody but this server can show it."""
        if isinstance(entry, Logo):
            url = self._urls.for_key(entry.key, version=entry.version)
        else:
            url = entry.url or ""
        return url if url.startswith(("https://", "http://")) else None

    def _picture_at(self, entry: Entry, key: str) -> LogoPicture | None:
        """The stored picture; None when it is gone, or is no picture."""
        try:
            if self._store.head(key).size > PICTURE_LIMIT:
                return None
            found = self._store.get(key)
        except ObjectNotFound:
            return None
        declared = entry.content_type if isinstance(entry, Logo) else found.info.content_type
        content_type = (declared or "").partition(";")[0].strip().lower()
        if content_type not in _PICTURES:
            return None
        version = entry.version if isinstance(entry, Logo) else found.etag.strip('"')[:32]
        return LogoPicture(found.body, content_type, version)


def _picture_of(found: FoundLogo) -> LogoPicture | None:
    """The picture that was found; None when the stored one stays."""
    logo = found.logo
    return LogoPicture(found.body, logo.content_type, logo.version) if found.body else None
