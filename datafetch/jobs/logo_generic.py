"""The pictures that providers show for "none", as a run learns them from their 404s."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

from datafetch.errors import Malformed, Refused
from datafetch.models.logo import LogoSource, Look
from datafetch.rules.logo_likeness import is_generic
from datafetch.sources.logo_providers import Nothing, Offer, Reply

_MOST = 8
"""Pictures remembered of one provider; they have one or two."""


class GenericPictures:
    """What each provider's generic pictures look like; safe among threads, lost with the run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[LogoSource, tuple[Look, ...]] = defaultdict(tuple)

    def sifted(self, reply: Reply) -> Reply:
        """The reply; an offer that is a generic picture is closed and becomes "nothing".

        A provider that sends a picture along with its 404 says by it what to look out for: the
        same picture comes with 200 as well, through caches and proxies.
        """
        if isinstance(reply, Nothing) and reply.picture:
            self._learn(reply.source, reply.picture)
        elif isinstance(reply, Offer):
            source = reply.candidate.source
            known = self._known.get(source, ())
            if known and _is_among(reply, known):
                reply.close()
                return Nothing(source, "a picture that it also sends when it has none")
        return reply

    def _learn(self, source: LogoSource, body: bytes) -> None:
        digest = sha256(body).hexdigest()
        known = self._known.get(source, ())
        if len(known) >= _MOST or any(one.sha256 == digest for one in known):
            return
        look = _look(BytesIO(body), digest)
        if look is not None:
            with self._lock:
                self._known[source] = (*self._known[source], look)


def _is_among(offer: Offer, known: Sequence[Look]) -> bool:
    look = _look(offer.file, offer.candidate.sha256) or Look(offer.candidate.sha256)
    return is_generic(look, known)


def _look(file: BinaryIO, digest: str) -> Look | None:
    """What a picture looks like; None when it is none."""
    from datafetch.net.looks import look_of

    try:
        return look_of(file, digest)
    except (Malformed, Refused):
        return None
