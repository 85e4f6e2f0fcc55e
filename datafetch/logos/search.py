"""Finds the logo of one domain: asks providers in order until the rules have seen enough."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from datafetch.errors import BreakerOpen, UpstreamError
from datafetch.logos.generic import GenericPictures
from datafetch.logos.model import SOURCES, Candidate, Logo, LogoSource
from datafetch.logos.providers import (
    Fault,
    LogoProviders,
    NotModified,
    Offer,
    Reply,
)
from datafetch.logos.rules.choice import Take, best, decide, why_unusable
from datafetch.logos.rules.domains import registrable


@dataclass(frozen=True, slots=True)
class Found:
    """This is the logo; the offer wants to be closed."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The stored logo is still what its provider has; `etag` is the validator of today."""

    etag: str | None


@dataclass(frozen=True, slots=True)
class NoneFound:
    """Every provider answered, and none has a usable logo."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Some provider did not answer, and what the others have is not good enough to do without.

    Attributes:
        asked: False when all that is missing is a site that is not asked for a while, as its
            breaker is open.
    """

    error: UpstreamError
    asked: bool = True


Outcome = Found | Confirmed | NoneFound | Unknown


@dataclass(slots=True)
class Search:
    """The search for the logo of one domain.

    A domain that nobody knows has the logo of its registrable domain; it is stored under the
    domain that was asked for.

    Attributes:
        generic: what the run knows of the services' generic pictures.
        stored: the logo to ask for conditionally; None to ask for any.
    """

    providers: LogoProviders
    domain: str
    generic: GenericPictures
    stored: Logo | None = None
    _seen: list[Candidate] = field(default_factory=list)
    _reasons: list[str] = field(default_factory=list)
    _faults: list[Fault] = field(default_factory=list)
    _asked: set[tuple[LogoSource, str]] = field(default_factory=set)
    _best: Offer | None = None

    def run(self) -> Outcome:
        """Ask.

        Raises:
            Cancelled: the run was asked to stop.
        """
        try:
            outcome = self._run()
        except BaseException:
            self._close()
            raise
        if not isinstance(outcome, Found):
            self._close()
        return outcome

    def _run(self) -> Outcome:
        if self.stored is not None:
            outcome = self._revalidate(self.stored)
            if outcome is not None:
                return outcome
        for name in self._names():
            outcome = self._ask_all(name)
            if outcome is not None:
                return outcome
        if self._faults:
            return _unknown(self._faults)
        return NoneFound("; ".join(dict.fromkeys(self._reasons)) or "no provider has one")

    def _names(self) -> Iterator[str]:
        yield self.domain
        above = registrable(self.domain)
        if above is not None:
            yield above

    def _revalidate(self, stored: Logo) -> Outcome | None:
        """Ask where the stored logo came from; None when it is not there any more."""
        for name in self._names():
            for reply in self._ask(stored.original_source, name, stored.etag):
                if isinstance(reply, NotModified):
                    return Confirmed(stored.etag)
                if isinstance(reply, Fault):
                    # The stored logo is as good as ever: nobody else is asked in its place.
                    return _unknown([reply])
                if isinstance(reply, Offer) and reply.candidate.sha256 == stored.sha256:
                    reply.close()
                    return Confirmed(reply.etag)
                self._note(reply, name)
                if self._best is not None and self._is_settled():
                    return Found(self._best)
        return None

    def _ask_all(self, name: str) -> Outcome | None:
        """Ask every provider for a name; None when none has a logo for it."""
        for source in SOURCES:
            if (source, name) in self._asked:
                continue
            for reply in self._ask(source, name, None):
                self._note(reply, name)
                if self._best is not None and self._is_settled():
                    return Found(self._best)
        # A service that is down may have the good one; a site that is down is often down for ever.
        missed = [one for one in self._faults if one.source != "direct"]
        if self._best is None:
            return None
        return _unknown(missed) if missed else Found(self._best)

    def _ask(self, source: LogoSource, name: str, etag: str | None) -> Iterator[Reply]:
        self._asked.add((source, name))
        return map(self.generic.sifted, self.providers.ask(source, name, etag))

    def _note(self, reply: Reply, name: str) -> None:
        """Keep the best offer's file only: a search has one picture open at a time."""
        if isinstance(reply, Offer):
            self._seen.append(reply.candidate)
            if best(self._seen) is reply.candidate:
                self._close()
                self._best = reply
            else:
                reply.close()
                reason = why_unusable(reply.candidate)
                if reason is not None:
                    self._reasons.append(f"{reply.candidate.source}: {reason}")
        elif isinstance(reply, Fault):
            if reply.source == "direct" and name != self.domain:
                # Above a subdomain there often is no site at all; its own has answered.
                self._reasons.append(f"{name}: {reply.error}")
            else:
                self._faults.append(reply)
        elif not isinstance(reply, NotModified):
            self._reasons.append(f"{reply.source}: {reply.reason}")

    def _is_settled(self) -> bool:
        return isinstance(decide(self._seen, more=True), Take)

    def _close(self) -> None:
        if self._best is not None:
            self._best.close()
            self._best = None


def _unknown(faults: Sequence[Fault]) -> Unknown:
    """By the fault that says most: who was asked, then a service, whose breaker concerns all."""

    def says_little(fault: Fault) -> tuple[bool, bool]:
        return isinstance(fault.error, BreakerOpen), fault.source == "direct"

    fault = min(faults, key=says_little)
    return Unknown(fault.error, asked=not all(says_little(fault)))
