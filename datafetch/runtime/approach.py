"""How many exchanges go at once to a host that has not answered yet, or does not any more.

A breaker counts requests. Many requests go at once, and each is tried several times: until the
breaker opens, a dead host would see dozens of connections. So exchanges are counted here, as long as
it is not certain that the host answers. With a breaker that opens after N failed requests, N + 2
exchanges may have failed or be under way. A request that has failed may be tried again only while
fewer than 3 have. In this way enough requests get their first try to open the breaker. Pure functions;
`Breakers` holds the values.
"""

from dataclasses import dataclass, replace
from enum import Enum

_MOST_TRIES = 3
"""Exchanges that may have failed, or be under way, before a request may be tried again."""


class Entry(Enum):
    """Whether an exchange may begin: at once, once others have ended, or not at all."""

    GO = "go"
    WAIT = "wait"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Approach:
    """What the exchanges with one host have shown since it answered last.

    Attributes:
        known: whether it has answered in this process.
        flying: exchanges that are under way.
        failed: exchanges that failed since its last answer.
    """

    known: bool = False
    flying: int = 0
    failed: int = 0

    @property
    def is_limited(self) -> bool:
        """Whether it is not certain that the host answers."""
        return not self.known or self.failed > 0

    @property
    def is_forgettable(self) -> bool:
        """Whether no exchange is under way or has failed since the host answered last."""
        return self.flying == 0 and self.failed == 0


def entry(approach: Approach, failures: int, *, again: bool) -> Entry:
    """Whether one more exchange with the host may begin.

    Args:
        approach: what is known of the host.
        failures: how many failed requests open its breaker.
        again: whether the request has failed at this host before.
    """
    if not approach.is_limited:
        return Entry.GO
    most = _MOST_TRIES if again else failures + _MOST_TRIES - 1
    if again and approach.failed >= most:
        return Entry.STOP
    return Entry.GO if approach.failed + approach.flying < most else Entry.WAIT


def begun(approach: Approach) -> Approach:
    """The approach with one more exchange under way."""
    return replace(approach, flying=approach.flying + 1)


def answered(approach: Approach) -> Approach:
    """The approach after an exchange brought an answer."""
    return Approach(known=True, flying=approach.flying - 1)


def failed(approach: Approach) -> Approach:
    """The approach after an exchange failed."""
    return replace(approach, flying=approach.flying - 1, failed=approach.failed + 1)


def ended(approach: Approach) -> Approach:
    """The approach after an exchange ended without telling anything of the host."""
    return replace(approach, flying=approach.flying - 1)
