"""Knows and learns the generic pictures: those that services send for domains without a logo."""

import logging
import threading
from collections.abc import Iterable
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

from datafetch.logos.model import SOURCES, Candidate, Logo, LogoSource
from datafetch.logos.providers import SERVICES, LogoProviders
from datafetch.logos.replies import Fault, NoPicture, Offer, ProviderReply
from datafetch.logos.rules.generic import is_generic, known_looks, may_be_generic
from datafetch.models.picture import Look
from datafetch.upstream_errors import Malformed, Refused

NOBODY = "datafetch.invalid"
"""A domain that cannot exist (RFC 6761, section 6.4, reserves `.invalid`), so it has no logo."""

_MOST = 8
"""At most so many pictures of one service are remembered; services have one or two."""


class GenericPictures:
    """Knows what each service's generic pictures look like; may be used by several threads.

    It begins with the known ones (`rules/generic.py`) and learns further ones during the run:

    - A picture that comes with a 404 is generic: services send the same one with 200, too.
    - A service is asked for `NOBODY`, a domain that cannot exist, before its first offer counts:
      the picture that it has for that domain is generic, whatever the status.
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
        """Ask the service for `NOBODY` now, unless another thread has begun to.

        Its first offer then need not wait for that answer. When the service does not answer, it
        is asked once more before its first offer counts.

        Raises:
            Cancelled: the run was asked to stop.
        """
        if source in self._begun or not self._asking[source].acquire(blocking=False):
            return
        try:
            if source not in self._begun and self._learn_by_asking(source) is None:
                self._asked.add(source)
        finally:
            self._asking[source].release()

    def sifted(self, reply: ProviderReply) -> ProviderReply:
        """The reply as it is; but an offer of a generic picture is closed, and becomes `NoPicture`.

        Raises:
            Cancelled: the run was asked to stop.
        """
        if isinstance(reply, NoPicture):
            self._learn_from_missing(reply)
        elif isinstance(reply, Offer) and reply.candidate.source in SERVICES:
            source = reply.candidate.source
            try:
                self.ask_for_nobody(source)
                generic = self.is_generic(reply.candidate, reply.file)
            except BaseException:
                reply.close()
                raise
            if generic:
                reply.close()
                return NoPicture(source, "a picture that it also sends when it has none")
        return reply

    def is_generic(self, candidate: Candidate, file: BinaryIO) -> bool:
        """Whether a picture is, or looks like, a generic one that is known of its source so far."""
        known = self._known[candidate.source]
        if _is_among(candidate.sha256, known):
            return True
        if not may_be_generic(candidate.spread, known):
            return False
        look = _look(file, candidate.sha256)
        return look is not None and is_generic(look, known)

    def is_generic_logo(self, logo: Logo) -> bool:
        """Whether a stored logo is, byte for byte, a generic picture of its source.

        One that came from elsewhere is compared with those of all sources.
        """
        sources = SOURCES if logo.provider is None else (logo.provider,)
        return any(_is_among(logo.sha256, self._known[source]) for source in sources)

    def ask_for_nobody(self, source: LogoSource) -> None:
        """Ask the service for `NOBODY`, once in a run; other threads wait for the answer.

        Raises:
            Cancelled: the run was asked to stop.
        """
        if source in self._asked:
            return
        with self._asking[source]:
            if source in self._asked:
                return
            fault = self._learn_by_asking(source)
            self._asked.add(source)
            if fault is not None:
                # The run goes on with the pictures that it knows, and those that come with 404s.
                self._log.warning(
                    "generic_picture_unknown",
                    extra={"source": source, "error": str(fault.error)},
                )

    def _learn_by_asking(self, source: LogoSource) -> Fault | None:
        """Ask for `NOBODY` and learn from the answer; the caller holds the lock of the source."""
        self._begun.add(source)
        for reply in self._providers.ask(source, NOBODY):
            if isinstance(reply, Fault):
                return reply
            self._learn_from(reply)
        return None

    def _learn_from(self, reply: ProviderReply) -> None:
        """Learn from what a service has for `NOBODY`."""
        if isinstance(reply, Offer):
            try:
                self._learn(reply.candidate.source, reply.file, reply.candidate.sha256)
            finally:
                reply.close()
        elif isinstance(reply, NoPicture):
            self._learn_from_missing(reply)

    def _learn_from_missing(self, reply: NoPicture) -> None:
        if reply.generic:
            digest = sha256(reply.generic).hexdigest()
            self._learn(reply.source, BytesIO(reply.generic), digest)

    def _learn(self, source: LogoSource, file: BinaryIO, digest: str) -> None:
        """Remember what a generic picture looks like.

        Bytes that are no safe picture are not remembered: no offer has such bytes.
        """
        known = self._known[source]
        if len(known) >= _MOST or _is_among(digest, known):
            return
        look = _look(file, digest)
        if look is not None:
            with self._lock:
                self._known[source] = (*self._known[source], look)


def _look(file: BinaryIO, digest: str) -> Look | None:
    """What a picture looks like; None when the bytes are no safe picture."""
    from datafetch.pictures.looks import look_of

    try:
        return look_of(file, digest)
    except (Malformed, Refused):
        return None


def _is_among(sha256_hex: str, looks: Iterable[Look]) -> bool:
    return any(look.sha256 == sha256_hex for look in looks)
