"""How often a client may ask: so many times in a span of time, counted in bounded memory."""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope

from datafetch.clock import Clock
from datafetch.models.text import one_line

_MOST_CLIENTS = 10_000
_LONGEST_NAME = 64
_OF_ONE_LINE = 64
"""The bits of an IPv6 address that tell one customer's line from another's (RFC 6177)."""


@dataclass(frozen=True, slots=True)
class RateAnswer:
    """Whether a client may ask now.

    Attributes:
        retry_after_s: whole seconds until it may ask again; 0 when it may ask now.
        limit: how often it may ask in each span.
        remaining: how often it may still ask in this one.
        reset_at: when this span ends, epoch seconds.
    """

    allowed: bool
    retry_after_s: int
    limit: int
    remaining: int
    reset_at: float


class RateLimit:
    """Lets each client ask so often in each span of time, which begins when it first asks. Thread-safe.

    At most 10,000 clients are remembered; then the one that has not asked for longest is forgotten.
    """

    def __init__(self, clock: Clock, *, most: int, per_s: float) -> None:
        self._clock = clock
        self._most = most
        self._per_s = per_s
        self._guard = threading.Lock()
        self._spans: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """For each client when its span ends, in monotonic seconds, and how often it has asked."""

    def take(self, client: str) -> RateAnswer:
        """Count one request of a client, unless it has asked too often already."""
        return self._look(client, taken=1)

    def look(self, client: str) -> RateAnswer:
        """Whether a client may ask now; nothing is counted."""
        return self._look(client, taken=0)

    def _look(self, client: str, *, taken: int) -> RateAnswer:
        now = self._clock.monotonic()
        with self._guard:
            ends, count = self._spans.get(client, (0.0, 0))
            if client not in self._spans or ends <= now:
                ends, count = now + self._per_s, 0
            allowed = count < self._most
            if allowed and taken:
                count += 1
                self._spans[client] = (ends, count)
                self._spans.move_to_end(client)
                if len(self._spans) > _MOST_CLIENTS:
                    self._spans.popitem(last=False)
        left = ends - now
        return RateAnswer(
            allowed=allowed,
            retry_after_s=0 if allowed else max(1, math.ceil(left)),
            limit=self._most,
            remaining=self._most - count,
            reset_at=self._clock.now() + left,
        )


def client_of(scope: Scope) -> str:
    """The client that asks, for counting: its IPv4 address, or the /64 network of its IPv6 address.

    Addresses that proxies forward are in the scope already, when the proxies are trusted.
    """
    client = scope.get("client")
    text = one_line(str(client[0]), _LONGEST_NAME) if client else ""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address), _OF_ONE_LINE), strict=False))
    return text
