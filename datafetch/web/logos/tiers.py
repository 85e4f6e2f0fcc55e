"""Logos for visitors, by the three tiers: memory, what the store knows, then the providers."""

import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace

from datafetch.clock import CancelToken, Clock, stopped_by
from datafetch.errors import Cancelled, DatafetchError, ObjectNotFound
from datafetch.factory import Parts, make_http, make_parts
from datafetch.job_groups import logo_group
from datafetch.logos.known_domains import KnownDomains
from datafetch.logos.model import Logo
from datafetch.logos.on_demand import FoundLogo, LogoFinder
from datafetch.logos.rules.entries import Entry
from datafetch.logos.search import NoAnswer, NoLogo
from datafetch.logs import bound_logger
from datafetch.manager import DataFetchManager
from datafetch.net.base import HttpClient
from datafetch.ops.breakers import BreakerBook
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys
from datafetch.store.public_urls import PublicUrls
from datafetch.upstream_errors import BreakerOpen
from datafetch.web.logos.cache import (
    LogoAnswer,
    LogoAt,
    LogoCache,
    LogoPicture,
    LogoUnknown,
    NoLogoKnown,
)
from datafetch.web.logos.flights import THREADS, LogoFlights
from datafetch.web.logos.shelf import LogoShelf
from datafetch.web.logos.stored import StoredLogos

STORED_HOLDS_S = 300.0
"""Seconds for which memory answers what the store knew."""

UNSTORED_HOLDS_S = 3600.0
"""Seconds for which memory answers what is not stored: a stranger's logo, or that there is none."""

FAULT_HOLDS_S = 45.0
"""Seconds for which a domain is not asked for again after a service failed."""

SITE_FAULT_HOLDS_S = 900.0
"""The same when the services have no logo and only the site failed: many such sites are gone for good."""

_STORING_S = 3.0
"""Seconds for which a visitor waits for a logo to be stored; then the picture is sent from memory."""


@dataclass(frozen=True, slots=True)
class _Fetching:
    """The parts that fetch and store; they are made when the first logo is fetched."""

    finder: LogoFinder
    http: HttpClient
    breakers: BreakerBook
    shelf: LogoShelf
    parts: Parts


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
        self._keys = keys
        self._log = bound_logger(job="logos")
        self._of_fetches = cancel.child()
        self.cache = LogoCache(clock)
        self.flights = LogoFlights()
        # Threads of their own: while the store hangs, other endpoints need those of the server.
        self._pictures = LogoFlights(threads=4)
        self.stored = StoredLogos(store, keys, urls, clock, self._log)
        files = logo_group(settings).domain_files
        self._known = KnownDomains(store, keys, clock, files, self._log)
        # Not a child of `cancel`: the last logos are stored after the server was asked to stop.
        self._of_storing = CancelToken()
        self._making = threading.Lock()
        self._made: _Fetching | None = None

    # ------------------------------------------------------------------ tiers

    def remembered(self, domain: str) -> LogoAnswer | None:
        """The answer that memory has. Does not block."""
        found = self.cache.get(domain)
        # While it is stored for the first time, its URL is about to be known.
        is_coming = found is None and self.flights.joined(domain) is not None
        return None if is_coming else found or self._waiting(domain)

    @property
    def is_fresh(self) -> bool:
        """Whether memory knows what the store knows. Does not block."""
        return self.stored.index.is_fresh and self.stored.index.was_read

    def refresh(self) -> None:
        """Ask the store what has changed. Blocks.

        Raises:
            StoreError: the store did not answer, and nothing was ever read.
        """
        self.stored.index.refresh()

    def at_hand(self, domain: str) -> LogoAnswer | None:
        """See `StoredLogos.at_hand`."""
        found = self.stored.at_hand(domain)
        return None if found is None else self._remember(domain, found, STORED_HOLDS_S)

    def has_picture(self, domain: str) -> bool:
        """Whether the manifest names a logo that is not `at_hand`. Does not block."""
        entry = self.stored.index.entry(domain)
        return entry is not None and self.stored.url_of(entry) is None

    def picture(self, domain: str) -> Future[LogoAnswer] | None:
        """Begin to read the picture that the manifest names, or join who does; None when too many wait.

        Does not block. The result raises ObjectNotFound when the picture is gone, and another
        StoreError when the store did not answer.
        """
        return self._pictures.start(domain, lambda: self._picture(domain))

    def fetched(self, domain: str, *, forced: bool = False) -> Future[LogoAnswer] | None:
        """Begin to ask the providers, or join who has begun; None when too many wait. Does not block."""
        return self.flights.start(domain, lambda: self._fetch(domain, forced=forced))

    def mended(self, domain: str) -> Future[LogoAnswer] | None:
        """Look whether the known logo's picture is stored, and ask the providers when it is gone.

        It returns at once, with the same as `fetched`.
        """
        return self.flights.start(domain, lambda: self._fetch(domain, mending=True))

    def is_due(self, domain: str) -> bool:
        """See `StoredLogos.is_due`."""
        return self.stored.is_due(domain, self._settings.logo_max_age_days)

    def of_company(self, name: str) -> str | None:
        """The domain of a company that a file names. Blocks."""
        return self._known.of_company(name)

    def close(self, wait_s: float) -> None:
        """End the fetches, and try once more to store what waits, for so many seconds at most.

        The token that asks the server to stop has to be cancelled before.
        """
        self._of_fetches.cancel(Cancelled())
        self.flights.close()
        self._pictures.close()
        with self._making:
            made = self._made
        if made is None:
            return
        made.http.close()
        if not made.shelf.close(wait_s):
            self._of_storing.cancel(Cancelled())
        made.parts.http.close()
        made.parts.store.close()

    def _picture(self, domain: str) -> LogoAnswer:
        found = self.stored.picture(domain)
        if found is None:
            raise ObjectNotFound(f"the logo of {domain} is gone")
        return self._remember(domain, found, STORED_HOLDS_S)

    # ------------------------------------------------------------------ fetch

    def _fetching(self) -> _Fetching:
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made

    def _make(self) -> _Fetching:
        # Here, because not every server is asked for logos that are not known.
        from datafetch.pictures.images import load_decoders

        load_decoders()
        parts = make_parts(self._settings, self._clock, self._of_storing)
        clock = stopped_by(self._clock, self._of_fetches)
        http = make_http(self._settings, clock, self._of_fetches, parts.breakers, skew=parts.skew)
        finder = LogoFinder(self._store, self._keys, clock, http, self._log, width=THREADS)
        manager = DataFetchManager(self._settings, parts)
        shelf = LogoShelf(manager.keep_logos, clock, self._taken_off, self._log)
        return _Fetching(finder, http, parts.breakers, shelf, parts)

    def _fetch(self, domain: str, *, forced: bool = False, mending: bool = False) -> LogoAnswer:
        try:
            return self._looked_for(domain, forced=forced, mending=mending)
        except Exception:  # noqa: BLE001 - a fetch that nobody waits for any more has to be told of, too
            self._log.exception("unexpected_error", extra={"domain": domain})
            failed = LogoUnknown(500, "The server failed; its log says why", round(FAULT_HOLDS_S))
            return self._remember(domain, failed, failed.retry_s)

    def _looked_for(self, domain: str, *, forced: bool, mending: bool) -> LogoAnswer:
        entry: Entry | None = None
        stored: Entry | None = None
        try:
            self.refresh()
            entry = self.stored.index.entry(domain)
            stored = self.stored.usable(domain, at_cdn=mending)
            if mending and stored is not None:
                return self._remember(domain, self.stored.answer_of(stored), STORED_HOLDS_S)
            found = self._search(domain, stored, forced=forced)
        except DatafetchError as failure:
            self._log.warning("logo_failed", extra={"domain": domain, "error": str(failure)})
            return self._unanswered(
                domain,
                entry,
                LogoUnknown(503, "The logo could not be looked for", round(FAULT_HOLDS_S)),
            )
        match found:
            case FoundLogo():
                return self._found(replace(found, before=entry))
            case NoLogo():
                return self._none(domain, found.reason, stored)
            case NoAnswer():
                return self._failed(domain, stored, found)

    def _search(
        self, domain: str, stored: Entry | None, *, forced: bool
    ) -> FoundLogo | NoLogo | NoAnswer:
        fetching = self._fetching()
        conditionally = isinstance(stored, Logo) and not forced
        try:
            return fetching.finder.find(domain, stored, conditionally=conditionally)
        finally:
            fetching.breakers.save()

    def _found(self, found: FoundLogo) -> LogoAnswer:
        domain = found.domain
        is_stranger = found.before is None and not self._known.knows(domain)
        item = replace(found, stranger=is_stranger)
        self._log.info("logo_found", extra={"domain": domain, "source": found.logo.original_source})
        picture = _picture_of(item)
        has_room = self.stored.index.on_demand_count < self._settings.logo_on_demand_max
        attempt = self._fetching().shelf.add(item) if has_room or not is_stranger else None
        try:
            entry = None if attempt is None else attempt.result(_STORING_S)
        except TimeoutError:
            entry = None
        if entry is not None:
            # Somebody may have stored a better one meanwhile.
            is_ours = isinstance(entry, Logo) and entry.sha256 == found.logo.sha256
            answer = self.stored.answer_of(entry, picture if is_ours else None)
            holds_s = answer.retry_s if isinstance(answer, LogoUnknown) else STORED_HOLDS_S
            return self._remember(domain, answer, holds_s)
        if picture is not None:
            return self._remember(domain, picture, UNSTORED_HOLDS_S)
        return self.stored.answer_of(found.logo)

    def _none(self, domain: str, reason: str, stored: Entry | None) -> LogoAnswer:
        # A stranger's answer stays in memory: it must not push known domains out of the cache
        # that is stored.
        if stored is not None or self._known.knows(domain):
            self._fetching().shelf.without_logo(domain, reason)
        self._log.debug("logo_skipped", extra={"domain": domain, "reason": reason})
        return self._remember(domain, NoLogoKnown(), UNSTORED_HOLDS_S)

    def _failed(self, domain: str, stored: Entry | None, failed: NoAnswer) -> LogoAnswer:
        self._log.info("logo_failed", extra={"domain": domain, "error": str(failed.error)})
        holds_s = SITE_FAULT_HOLDS_S if failed.by_site_alone else FAULT_HOLDS_S
        if isinstance(failed.error, BreakerOpen):
            unknown = LogoUnknown(503, "A provider is not asked for now", round(holds_s))
        else:
            unknown = LogoUnknown(502, "A provider did not answer", round(holds_s))
        return self._unanswered(domain, stored, unknown)

    def _unanswered(self, domain: str, stored: Entry | None, unknown: LogoUnknown) -> LogoAnswer:
        """The stored logo if there is one, else `unknown`; remembered until `unknown` may be asked again."""
        answer = None if stored is None else self.stored.stale(stored)
        return self._remember(domain, answer or unknown, unknown.retry_s)

    def _taken_off(self, domain: str, entry: Entry | None) -> None:
        """A logo was taken off the shelf: it is stored now, or left out as one of too many."""
        if entry is None:
            return
        self.stored.index.note(domain, entry)
        url = self.stored.url_of(entry)
        if url is not None:
            self._remember(domain, LogoAt(url), STORED_HOLDS_S)

    # ---------------------------------------------------------------- answers

    def _remember(self, domain: str, answer: LogoAnswer, holds_s: float) -> LogoAnswer:
        self.cache.put(domain, answer, holds_s)
        return answer

    def _waiting(self, domain: str) -> LogoAnswer | None:
        found = None if self._made is None else self._made.shelf.waiting(domain)
        return None if found is None else _picture_of(found)


def _picture_of(found: FoundLogo) -> LogoPicture | None:
    """The picture that was found; None when the stored one stays."""
    logo = found.logo
    return LogoPicture(found.body, logo.content_type, logo.version) if found.body else None
