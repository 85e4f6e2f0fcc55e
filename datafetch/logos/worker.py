"""What a worker does for one domain: find its logo, store the picture, and say what came of it."""

import hashlib
from dataclasses import dataclass
from io import BytesIO

from datafetch.clock import to_ms
from datafetch.errors import Malformed, ObjectNotFound, Refused, UpstreamError
from datafetch.job import AnyContext
from datafetch.logos.generic import GenericPictures
from datafetch.logos.model import SOURCES, Candidate, Logo, LogoSource
from datafetch.logos.providers import LogoProviders, Offer, candidate_of
from datafetch.logos.rules.choice import is_worse, why_unusable
from datafetch.logos.search import Confirmed, Found, NoneFound, Search, Unknown
from datafetch.store.base import IMAGE_CACHE


@dataclass(frozen=True, slots=True)
class Task:
    """One domain to work on.

    Attributes:
        stored: its stored logo.
        conditionally: ask only for what differs from it.
        picture: key of a stored picture that no manifest names; it is taken before anybody
            is asked.
    """

    domain: str
    stored: Logo | None = None
    conditionally: bool = False
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The domain has this logo; `changed`: another one than before."""

    domain: str
    logo: Logo
    changed: bool


@dataclass(frozen=True, slots=True)
class Without:
    """The domain has no logo."""

    domain: str
    reason: str


@dataclass(frozen=True, slots=True)
class Faulty:
    """What the domain has is not known; what is stored stays; `asked` as in `Unknown`."""

    domain: str
    error: UpstreamError
    asked: bool = True


Result = Done | Without | Faulty


class LogoWorker:
    """Works on domains, several at a time; small values come back."""

    def __init__(self, context: AnyContext, providers: LogoProviders) -> None:
        self._context = context
        self._providers = providers
        self._generic = GenericPictures(providers, context.log)

    def __call__(self, task: Task) -> Result:
        """Find and store the logo of one domain.

        Raises:
            StoreError: the store failed.
            LeaseLost: this run may not write any more.
            Cancelled: the run was asked to stop.
        """
        adopted = self._adopted(task)
        if adopted is not None:
            return Done(task.domain, adopted, changed=True)
        asked_for = task.stored if task.conditionally else None
        if asked_for is not None and self._generic.is_of_nobody(asked_for):
            # Its service would confirm for ever what is nobody's logo.
            asked_for = None
        if asked_for is None and self._context.engine.width > 1:
            # The first service is about to be asked by all: one asks it for nobody meanwhile.
            self._generic.ask_ahead(SOURCES[0])
        outcome = Search(self._providers, task.domain, self._generic, asked_for).run()
        match outcome:
            case Found(offer):
                try:
                    return self._take(task, offer)
                finally:
                    offer.close()
            case Confirmed(etag):
                return self._kept(task, etag)
            case NoneFound(reason):
                if task.stored is not None:
                    return self._kept(task, task.stored.etag)
                return Without(task.domain, reason)
            case Unknown(error, asked):
                return Faulty(task.domain, error, asked)

    def _kept(self, task: Task, etag: str | None) -> Done:
        """The stored logo stays, and is looked at again when it has reached its age."""
        assert task.stored is not None
        logo = task.stored._replace(etag=etag, fetched_at=self._now())
        return Done(task.domain, logo, changed=False)

    def _take(self, task: Task, offer: Offer) -> Done:
        """Store the picture, unless it is there already or would be a step back."""
        candidate, stored = offer.candidate, task.stored
        if stored is not None and self._is_step_back(candidate, stored):
            return self._kept(task, stored.etag)
        key = self._context.keys.logo(task.domain, candidate.source, offer.extension)
        if stored is not None and (stored.key, stored.sha256) == (key, candidate.sha256):
            return self._kept(task, offer.etag)
        offer.file.seek(0)
        self._context.store.put_stream(
            key,
            offer.file,
            size=candidate.size,
            content_type=offer.content_type,
            cache_control=IMAGE_CACHE,
        )
        logo = self._logo(key, candidate, offer.content_type, offer.etag, self._now())
        return Done(task.domain, logo, changed=True)

    def _is_step_back(self, candidate: Candidate, stored: Logo) -> bool:
        """Any logo is better than a picture that stands for none."""
        return not self._generic.is_of_nobody(stored) and is_worse(candidate, stored)

    def _adopted(self, task: Task) -> Logo | None:
        """The logo of a stored picture, as far as it is one."""
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
        fetched_at = to_ms(found.info.last_modified.timestamp())
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
