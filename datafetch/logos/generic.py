"""The pictures for "none" that one run knows: the known ones, and those that it learns from the services."""

import logging
import threading
from collections.abc import Iterable
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

from datafetch.errors import Malformed, Refused
from datafetch.logos.model import SOURCES, Candidate, Logo, LogoSource
from datafetch.logos.providers import SERVICES, Fault, LogoProviders, Nothing, Offer, Reply
from datafetch.logos.rules.generic import is_generic, known_looks, may_be_generic
from datafetch.models.picture import Look

NOBODY = "datafetch.invalid"
"""A domain that cannot exist: RFC 6761, section 6.4, reserves `.invalid`."""

_MOST = 8
"""Pictures remembered of one service; they have one or two."""


class GenericPictures:
    """What each service's generic pictures look like; safe among threads, lost with the run.

    A service that sends a picture along with a 404 says by it what to look out for: the same
    picture comes with 200 as well. As that may come first, a service is asked for a domain
    that cannot exist before its first offer counts: what it has for that, whatever the
    status, it has for nobody.
    """

    def __init__(
        self, providers: LogoProviders, log: "logging.LoggerAdapter[logging.Logger]"
    ) -> None:
        self._providers = providers
        self._log = log
        self._lock = threading.Lock()
        self._known = {source: known_looks(source) for source in SOURCES}
        self._asking = {source: threading.Lock() for source in SERVICES}
        self._begun: set[LogoSource] = set()
        self._asked: set[LogoSource] = set()

    def ask_ahead(self, source: LogoSource) -> None:
        """Ask the service for nobody, unless somebody has begun to: it spares its offers the wait.

        A fault does not count: the service is asked once more when it has an offer.

        Raises:
            Cancelled: the run was asked to stop.
        """
        if source in self._begun or not self._asking[source].acquire(blocking=False):
            return
        try:
            if source not in self._begun and self._question(source) is None:
                self._asked.add(source)
        finally:
            self._asking[source].release()

    def sifted(self, reply: Reply) -> Reply:
        """The reply; an offer that is a generic picture is closed and becomes "nothing".

        Raises:
            Cancelled: the run was asked to stop.
        """
        if isinstance(reply, Nothing):
            self._learn_from_nothing(reply)
        elif isinstance(reply, Offer) and reply.candidate.source in SERVICES:
            source = reply.candidate.source
            try:
                self._ask_for_nobody(source)
                generic = self.is_generic(reply.candidate, reply.file)
            except BaseException:
                reply.close()
                raise
            if generic:
                reply.close()
                return Nothing(source, "a picture that it also sends when it has none")
        return reply

    def is_generic(self, candidate: Candidate, file: BinaryIO) -> bool:
        """Whether a checked picture is, or looks like, a known one of its source; asks nobody."""
        known = self._known[candidate.source]
        if _is_among(candidate.sha256, known):
            return True
        if not may_be_generic(candidate.spread, known):
            return False
        look = _look(file, candidate.sha256)
        return look is not None and is_generic(look, known)

    def is_of_nobody(self, logo: Logo) -> bool:
        """Whether a stored logo is, byte for byte, a known picture of the source that it is from."""
        return _is_among(logo.sha256, self._known[logo.original_source])

    def _ask_for_nobody(self, source: LogoSource) -> None:
        """Once in a run; who comes meanwhile waits, so that no offer counts before the answer."""
        if source in self._asked:
            return
        with self._asking[source]:
            if source in self._asked:
                return
            fault = self._question(source)
            self._asked.add(source)
            if fault is not None:
                # The run goes on with the known pictures, and with what its 404s bring.
                self._log.warning(
                    "generic_picture_unknown",
                    extra={"source": source, "error": str(fault.error)},
                )

    def _question(self, source: LogoSource) -> Fault | None:
        """Ask and learn from the answer; who calls holds the source's lock."""
        self._begun.add(source)
        for reply in self._providers.ask(source, NOBODY):
            if isinstance(reply, Fault):
                return reply
            self._learn_from(reply)
        return None

    def _learn_from(self, reply: Reply) -> None:
        """Learn from what a service has for nobody."""
        if isinstance(reply, Offer):
            try:
                self._learn(reply.candidate.source, reply.file, reply.candidate.sha256)
            finally:
                reply.close()
        elif isinstance(reply, Nothing):
            self._learn_from_nothing(reply)

    def _learn_from_nothing(self, reply: Nothing) -> None:
        if reply.picture:
            digest = sha256(reply.picture).hexdigest()
            self._learn(reply.source, BytesIO(reply.picture), digest)

    def _learn(self, source: LogoSource, file: BinaryIO, digest: str) -> None:
        """Remember the picture; what is none, or no safe one, is nothing to look out for."""
        known = self._known[source]
        if len(known) >= _MOST or _is_among(digest, known):
            return
        look = _look(file, digest)
        if look is not None:
            with self._lock:
                self._known[source] = (*self._known[source], look)


def _look(file: BinaryIO, digest: str) -> Look | None:
    """What a picture looks like; None when it is none."""
    from datafetch.pictures.looks import look_of

    try:
        return look_of(file, digest)
    except (Malformed, Refused):
        return None


def _is_among(sha256_hex: str, looks: Iterable[Look]) -> bool:
    return any(look.sha256 == sha256_hex for look in looks)
