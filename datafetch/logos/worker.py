"""The work on one domain: find its logo, store the picture, return the result."""

import hashlib
import logging
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Protocol

from datafetch.clock import Clock, to_ms
from datafetch.errors import ObjectNotFound
from datafetch.job import Remarks
from datafetch.logos.generic import GenericPictures
from datafetch.logos.model import SOURCES, Candidate, Logo, LogoSource
from datafetch.logos.providers import PICTURE_LIMIT, SERVICES, LogoProviders
from datafetch.logos.replies import Offer, candidate_of
from datafetch.logos.rules.choice import why_unusable
from datafetch.logos.rules.entries import Entry, OldLogo
from datafetch.logos.search import LogoConfirmed, LogoFound, NoAnswer, NoLogo, Search
from datafetch.models.run import RunOptions
from datafetch.runtime.engine import Engine
from datafetch.store.base import IMAGE_CACHE, FilePart, ObjectStore
from datafetch.store.keys import Keys
from datafetch.upstream_errors import Malformed, Refused


@dataclass(frozen=True, slots=True)
class LogoTask:
    """One domain to work on.

    Attributes:
        stored: its entry in the manifest.
        conditionally: whether to ask only for what differs from the stored logo.
        picture: key of a stored picture that the manifest does not name; if it can be a logo, it
            becomes the domain's logo, and no provider is asked.
    """

    domain: str
    stored: Entry | None = None
    conditionally: bool = False
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class HasLogo:
    """The domain has this logo now; `changed`: another one or none was stored before."""

    domain: str
    logo: Logo
    changed: bool


LogoResult = HasLogo | NoLogo | NoAnswer


class WorkContext(Protocol):
    """What the work on a domain needs: a `JobContext`, or what stands for one outside of a run."""

    @property
    def store(self) -> ObjectStore:
        """Where pictures are read, and written to."""
        ...

    @property
    def keys(self) -> Keys:
        """See `JobContext.keys`."""
        ...

    @property
    def clock(self) -> Clock:
        """See `JobContext.clock`."""
        ...

    @property
    def engine(self) -> Engine:
        """Says how many domains are worked on at once."""
        ...

    @property
    def options(self) -> RunOptions:
        """See `JobContext.options`."""
        ...

    @property
    def remarks(self) -> Remarks:
        """See `JobContext.remarks`."""
        ...

    @property
    def log(self) -> "logging.LoggerAdapter[logging.Logger]":
        """See `JobContext.log`."""
        ...

    def write_again(self, key: str) -> str | None:
        """See `JobContext.write_again`."""
        ...


class LogoWorker:
    """Works on domains, several at a time; its results hold no pictures."""

    def __init__(
        self,
        context: WorkContext,
        providers: LogoProviders,
        generic: GenericPictures | None = None,
    ) -> None:
        """`generic` are the generic pictures that are known from earlier work, if there was any."""
        self._context = context
        self._providers = providers
        self._generic = generic or GenericPictures(providers, context.log)

    def __call__(self, task: LogoTask) -> LogoResult:
        """Find and store the logo of one domain.

        Raises:
            StoreError: the store failed.
            LeaseLost: this run may not write any more.
            Cancelled: the run was asked to stop.
        """
        adopted = self._adopted(task)
        if adopted is not None:
            return HasLogo(task.domain, adopted, changed=True)
        stored = self._measured(task.stored) if isinstance(task.stored, OldLogo) else task.stored
        # Asked conditionally, a service would confirm its generic picture for ever.
        is_generic = stored is not None and self._generic.is_generic_logo(stored)
        conditionally = task.conditionally and not is_generic
        if not conditionally and self._context.engine.width > 1:
            # All workers are about to ask the first service: one learns its generic picture first.
            self._generic.ask_ahead(SOURCES[0])
        search = Search(self._providers, task.domain, self._generic, stored, conditionally)
        outcome = search.run()
        match outcome:
            case LogoFound(offer):
                try:
                    return self._take(task.domain, stored, offer)
                finally:
                    offer.close()
            case LogoConfirmed(etag) if stored is not None:
                return self._kept(task.domain, stored, etag)
            case NoLogo() if stored is not None:
                return self._kept(task.domain, stored, stored.etag)
            case NoLogo() | NoAnswer():
                if task.stored is not None and task.stored.key is not None:
                    self._context.write_again(task.stored.key)
                return outcome
            case LogoConfirmed():
                raise AssertionError("a logo is confirmed only when one is stored")

    def _kept(self, domain: str, stored: Logo, etag: str | None) -> HasLogo:
        """The stored logo stays, and its age counts from now."""
        self._context.write_again(stored.key)
        logo = replace(stored, etag=etag, fetched_at=self._now())
        return HasLogo(domain, logo, changed=False)

    def _take(self, domain: str, stored: Logo | None, offer: Offer) -> HasLogo:
        """Store the picture, unless it is stored already."""
        candidate = offer.candidate
        key = self._context.keys.logo(domain, candidate.source, offer.extension)
        same = stored is not None and (stored.key, stored.sha256) == (key, candidate.sha256)
        if stored is not None and same and not self._context.options.force:
            return self._kept(domain, stored, offer.etag)
        offer.file.seek(0)
        self._context.store.put(
            key,
            FilePart(offer.file, candidate.size),
            content_type=offer.content_type,
            cache_control=IMAGE_CACHE,
        )
        if same:
            self._context.remarks.wrote_again(1)
        logo = self._logo(key, candidate, offer.content_type, offer.etag, self._now())
        return HasLogo(domain, logo, changed=not same)

    def _adopted(self, task: LogoTask) -> Logo | None:
        """A logo made of the task's `picture`; None when it has none, or it cannot be a logo."""
        if task.picture is None:
            return None
        return self._logo_at(task.picture, self._source_of(task.domain, task.picture))

    def _measured(self, old: OldLogo) -> Logo | None:
        """The logo that an entry of the old site names; None when there is no such logo."""
        if old.key is None:
            return None
        provider = _provider(old.original_source)
        if provider in SERVICES:
            # Its generic picture has to be known before the old one is looked at.
            self._generic.ask_for_nobody(provider)
        found = self._logo_at(old.key, old.original_source)
        # When the old site fetched it is not known, so no provider has confirmed it yet.
        return None if found is None else replace(found, fetched_at=0)

    def _logo_at(self, key: str, source: str) -> Logo | None:
        """A logo made of a stored picture; None when it is not there, or cannot be a logo."""
        provider = _provider(source)
        try:
            found = self._context.store.get(key)
            size, digest = len(found.body), hashlib.sha256(found.body).hexdigest()
            if size > PICTURE_LIMIT:
                return None
            file = BytesIO(found.body)
            candidate, picture = candidate_of(file, provider, "", size, digest)
        except (ObjectNotFound, Refused, Malformed):
            return None
        if why_unusable(candidate) is not None or self._generic.is_generic(candidate, file):
            return None
        if picture.cleaned is not None:
            self._context.store.put(
                key,
                picture.cleaned,
                content_type=picture.content_type,
                cache_control=IMAGE_CACHE,
            )
        modified = found.info.last_modified
        # 0 when the store does not know: the logo is then due.
        fetched_at = 0 if modified is None else to_ms(modified.timestamp())
        logo = self._logo(key, candidate, picture.content_type, None, fetched_at)
        return replace(logo, original_source=source)

    def _source_of(self, domain: str, key: str) -> str:
        """The provider that a picture's key names: `…_{source}_{hash8}.{ext}`."""
        keys = self._context.keys
        return next(source for source in SOURCES if key.startswith(keys.logo(domain, source, "")))

    @staticmethod
    def _logo(
        key: str, candidate: Candidate, content_type: str, etag: str | None, fetched_at: int
    ) -> Logo:
        return Logo(
            key=key,
            original_source=candidate.source,
            content_type=content_type,
            size=candidate.size,
            width=candidate.width,
            height=candidate.height,
            sha256=candidate.sha256,
            etag=etag,
            fetched_at=fetched_at,
        )

    def _now(self) -> int:
        return to_ms(self._context.clock.now())


def _provider(source: str) -> LogoSource:
    """The provider whose generic pictures a stored one is compared with; Google when it has none."""
    return next((known for known in SOURCES if known == source), SOURCES[0])
