"""The work on one domain: find its logo, store the picture, return the result."""

import hashlib
from dataclasses import dataclass, replace
from io import BytesIO

from datafetch.clock import to_ms
from datafetch.errors import ObjectNotFound
from datafetch.job import AnyContext
from datafetch.logos.generic import GenericPictures
from datafetch.logos.model import SOURCES, Candidate, Logo, LogoSource
from datafetch.logos.providers import LogoProviders, Offer, candidate_of
from datafetch.logos.rules.choice import is_worse, why_unusable
from datafetch.logos.search import LogoConfirmed, LogoFound, NoAnswer, NoLogo, Search
from datafetch.store.base import IMAGE_CACHE, FilePart
from datafetch.upstream_errors import Malformed, Refused


@dataclass(frozen=True, slots=True)
class LogoTask:
    """One domain to work on.

    Attributes:
        stored: its stored logo.
        conditionally: whether to ask only for what differs from the stored logo.
        picture: key of a stored picture that the manifest does not name; if it can be a logo, it
            becomes the domain's logo, and no provider is asked.
    """

    domain: str
    stored: Logo | None = None
    conditionally: bool = False
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class HasLogo:
    """The domain has this logo now; `changed`: another one or none was stored before."""

    domain: str
    logo: Logo
    changed: bool


LogoResult = HasLogo | NoLogo | NoAnswer


class LogoWorker:
    """Works on domains, several at a time; its results hold no pictures."""

    def __init__(self, context: AnyContext, providers: LogoProviders) -> None:
        self._context = context
        self._providers = providers
        self._generic = GenericPictures(providers, context.log)

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
        asked_for = task.stored if task.conditionally else None
        if asked_for is not None and self._generic.is_generic_logo(asked_for):
            # Asked conditionally, the service would confirm the generic picture for ever.
            asked_for = None
        if asked_for is None and self._context.engine.width > 1:
            # All workers are about to ask the first service: one learns its generic picture first.
            self._generic.ask_ahead(SOURCES[0])
        outcome = Search(self._providers, task.domain, self._generic, asked_for).run()
        match outcome:
            case LogoFound(offer):
                try:
                    return self._take(task, offer)
                finally:
                    offer.close()
            case LogoConfirmed(etag):
                return self._kept(task, etag)
            case NoLogo() if task.stored is not None:
                return self._kept(task, task.stored.etag)
            case NoLogo() | NoAnswer():
                if task.stored is not None:
                    self._context.write_again(task.stored.key)
                return outcome

    def _kept(self, task: LogoTask, etag: str | None) -> HasLogo:
        """The stored logo stays, and its age counts from now."""
        assert task.stored is not None
        self._context.write_again(task.stored.key)
        logo = replace(task.stored, etag=etag, fetched_at=self._now())
        return HasLogo(task.domain, logo, changed=False)

    def _take(self, task: LogoTask, offer: Offer) -> HasLogo:
        """Store the picture, unless it is stored already or worse than the stored one."""
        candidate, stored = offer.candidate, task.stored
        if stored is not None and self._is_worse(candidate, stored):
            return self._kept(task, stored.etag)
        key = self._context.keys.logo(task.domain, candidate.source, offer.extension)
        same = stored is not None and (stored.key, stored.sha256) == (key, candidate.sha256)
        if same and not self._context.options.force:
            return self._kept(task, offer.etag)
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
        return HasLogo(task.domain, logo, changed=not same)

    def _is_worse(self, candidate: Candidate, stored: Logo) -> bool:
        """Whether the candidate is worse than the stored logo; never if that is generic."""
        return not self._generic.is_generic_logo(stored) and is_worse(candidate, stored)

    def _adopted(self, task: LogoTask) -> Logo | None:
        """A logo made of the task's `picture`; None when it has none, or it cannot be a logo."""
        if task.picture is None:
            return None
        source = _source_of(task.picture)
        try:
            found = self._context.store.get(task.picture)
            size, digest = len(found.body), hashlib.sha256(found.body).hexdigest()
            candidate, picture = candidate_of(file := BytesIO(found.body), source, "", size, digest)
        except (ObjectNotFound, Refused, Malformed):
            return None
        if why_unusable(candidate) is not None or self._generic.is_generic(candidate, file):
            return None
        if picture.cleaned is not None:
            self._context.store.put(
                task.picture,
                picture.cleaned,
                content_type=picture.content_type,
                cache_control=IMAGE_CACHE,
            )
        modified = found.info.last_modified
        # 0 when the store does not know: the logo is then due.
        fetched_at = 0 if modified is None else to_ms(modified.timestamp())
        return self._logo(task.picture, candidate, picture.content_type, None, fetched_at)

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


def _source_of(key: str) -> LogoSource:
    """The provider that a picture's key names: `…_{source}_{hash8}.{ext}`."""
    named = key.rsplit("_", 2)[1]
    return next(source for source in SOURCES if source == named)
