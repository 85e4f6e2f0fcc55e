"""Finds the logo of one domain: asks providers in order until the rules have seen enough."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from datafetch.logos.generic import GenericPictures
from datafetch.logos.model import SOURCES, Candidate, Logo, LogoSource
from datafetch.logos.providers import LogoProviders
from datafetch.logos.replies import Fault, NoPicture, Offer, PictureUnchanged, ProviderReply
from datafetch.logos.rules.choice import (
    OwnProvider,
    best,
    decide,
    may_replace,
    why_unusable,
)
from datafetch.logos.rules.domains import registrable
from datafetch.upstream_errors import BreakerOpen, UpstreamError


@dataclass(frozen=True, slots=True)
class LogoFound:
    """The offer's picture becomes the logo; the offer has to be closed."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class LogoConfirmed:
    """The stored logo stays: its provider still has it, or nothing may replace it.

    `etag` is the provider's validator now.
    """

    etag: str | None


@dataclass(frozen=True, slots=True)
class NoLogo:
    """Every provider answered, and none has a usable logo for the domain."""

    domain: str
    reason: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A provider that may have the domain's logo, or a better one than the others, did not answer.

    Attributes:
        asked: False when only the site did not answer, and that because its open breaker kept it
            from being asked.
        by_site_alone: whether only the site did not answer: the services have no logo.
    """

    domain: str
    error: UpstreamError
    asked: bool = True
    by_site_alone: bool = False


SearchOutcome = LogoFound | LogoConfirmed | NoLogo | NoAnswer


@dataclass(slots=True)
class Search:
    """The search for the logo of one domain.

    When no provider has a logo for the domain, that of its registrable domain is taken.

    Attributes:
        generic: the generic pictures that the run knows.
        stored: the stored logo, which stays unless what is found may replace it; or None.
        conditionally: whether to begin by asking the stored logo's provider for that logo, so that
            no other is asked while it still has it.
    """

    providers: LogoProviders
    domain: str
    generic: GenericPictures
    stored: Logo | None = None
    conditionally: bool = False
    _seen: list[Candidate] = field(default_factory=list)
    _reasons: list[str] = field(default_factory=list)
    _faults: list[Fault] = field(default_factory=list)
    _asked: set[tuple[LogoSource, str]] = field(default_factory=set)
    _best: Offer | None = None

    def run(self) -> SearchOutcome:
        """Ask providers until the rules have seen enough.

        Raises:
            Cancelled: the run was asked to stop.
        """
        try:
            outcome = self._run()
        except BaseException:
            self._close()
            raise
        if not isinstance(outcome, LogoFound):
            self._close()
        return outcome

    def _run(self) -> SearchOutcome:
        if self.stored is not None and self.conditionally and self.stored.provider is not None:
            outcome = self._revalidate(self.stored, self.stored.provider)
            if outcome is not None:
                return outcome
        for name in self._names():
            outcome = self._ask_all(name)
            if outcome is not None:
                return outcome
        if self._faults:
            return self._no_answer(self._faults)
        reason = "; ".join(dict.fromkeys(self._reasons)) or "no provider has one"
        return NoLogo(self.domain, reason)

    def _names(self) -> Iterator[str]:
        yield self.domain
        above = registrable(self.domain)
        if above is not None:
            yield above

    def _revalidate(self, stored: Logo, provider: LogoSource) -> SearchOutcome | None:
        """Ask the stored logo's provider; None when it has neither that picture nor a good one."""
        for name in self._names():
            for reply in self._ask(provider, name, stored.etag):
                if isinstance(reply, PictureUnchanged):
                    return LogoConfirmed(stored.etag)
                if isinstance(reply, Fault):
                    # The stored logo stays: no other provider is asked to replace it.
                    return self._no_answer([reply])
                if isinstance(reply, Offer) and reply.candidate.sha256 == stored.sha256:
                    reply.close()
                    return LogoConfirmed(reply.etag)
                self._note(reply, name)
                if self._best is not None and self._is_settled():
                    return LogoFound(self._best)
        return None

    def _ask_all(self, name: str) -> SearchOutcome | None:
        """Ask every provider for a domain; None when none has a logo for it."""
        for source in SOURCES:
            if (source, name) in self._asked:
                continue
            for reply in self._ask(source, name, None):
                self._note(reply, name)
                if self._best is not None and self._is_settled():
                    return LogoFound(self._best)
        # A failed service may have a good logo later; many failed sites are gone for ever.
        missed = [fault for fault in self._faults if fault.source != "direct"]
        if self._best is None:
            return None
        if missed:
            return self._no_answer(missed)
        if self.stored is None or self._may_replace(self.stored):
            return LogoFound(self._best)
        silent = [fault for fault in self._faults if fault.source == self.stored.provider]
        return self._no_answer(silent) if silent else LogoConfirmed(self.stored.etag)

    def _ask(self, source: LogoSource, name: str, etag: str | None) -> Iterator[ProviderReply]:
        """Ask a provider for a domain, and DuckDuckGo at `www.` too when it has no icon without."""
        self._asked.add((source, name))
        hosts = (name, f"www.{name}") if source == "duckduckgo" else (name,)
        for host in hosts:
            has_none = True
            for reply in map(self.generic.sifted, self.providers.ask(source, host, etag)):
                has_none = has_none and isinstance(reply, NoPicture)
                yield reply
            if not has_none:
                return

    def _note(self, reply: ProviderReply, name: str) -> None:
        """Remember a reply; of the offers only the best one is kept open."""
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
                # A registrable domain often has no site; the domain's own site was asked before.
                self._reasons.append(f"{name}: {reply.error}")
            else:
                self._faults.append(reply)
        elif not isinstance(reply, PictureUnchanged):
            self._reasons.append(f"{reply.source}: {reply.reason}")

    def _is_settled(self) -> bool:
        """Whether the best picture is so good that nobody else is asked."""
        good = decide(self._seen) is not None
        return good and (self.stored is None or self._may_replace(self.stored))

    def _may_replace(self, stored: Logo) -> bool:
        """Whether the best picture may replace the stored logo, as far as the search has come.

        Any logo replaces a generic picture, which may be known as such only since a moment ago.
        """
        if self.generic.is_generic_logo(stored):
            return True
        asked = any(source == stored.provider for source, _ in self._asked)
        failed = any(fault.source == stored.provider for fault in self._faults)
        heard = stored.provider is None or (asked and not failed)
        own = OwnProvider.ANSWERED if heard else OwnProvider.SILENT
        return self._best is not None and may_replace(self._best.candidate, stored, own)

    def _close(self) -> None:
        if self._best is not None:
            self._best.close()
            self._best = None

    def _no_answer(self, faults: Sequence[Fault]) -> NoAnswer:
        """The outcome with the most telling fault.

        A fault of a provider that was asked comes before an open breaker, and a service's fault,
        which affects all domains, before a site's.
        """

        def says_little(fault: Fault) -> tuple[bool, bool]:
            return isinstance(fault.error, BreakerOpen), fault.source == "direct"

        fault = min(faults, key=says_little)
        return NoAnswer(
            self.domain,
            fault.error,
            asked=not all(says_little(fault)),
            by_site_alone=fault.source == "direct",
        )
