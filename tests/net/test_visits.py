"""Visits: what the gate is asked and told of each host, once for each request."""

from typing import Any

import pytest

from datafetch.errors import Cancelled, DatafetchError
from datafetch.net.visits import Visit
from datafetch.runtime.breaker import Outcome, Patience
from datafetch.upstream_errors import (
    BreakerOpen,
    CannotConnect,
    Malformed,
    RateLimited,
    Refused,
    TooLarge,
    TransientError,
)

ANSWERED, FAILED, UNKNOWN = Outcome.ANSWERED, Outcome.FAILED, Outcome.UNKNOWN


class Gate:
    """Lets all hosts pass but one, and keeps what it is told."""

    def __init__(self, closed: str = "") -> None:
        self.closed = closed
        self.told: list[tuple[str, Outcome]] = []
        self.reasons: list[str] = []
        self.settled: list[tuple[str, Outcome]] = []
        self.again: list[bool] = []

    def allow(
        self, host: str, visit: object, patience: Patience | None = None, *, again: bool = False
    ) -> float:
        if host == self.closed:
            raise BreakerOpen(f"{host} is not asked")
        self.again.append(again)
        return 0.0

    def settle(self, host: str, outcome: Outcome, patience: Patience | None = None) -> None:
        self.settled.append((host, outcome))

    def record(self, host: str, outcome: Outcome, visit: object, why: str = "") -> None:
        self.told.append((host, outcome))
        self.reasons.append(why)


def visited(
    gate: Gate,
    *errors: DatafetchError | None,
    heavy: bool = False,
    head: bool = False,
    end: Exception | None = None,
) -> list[tuple[str, Outcome]]:
    """What the gate is told of a request with these tries; `end` is how it ends in the end."""

    def tries() -> None:
        with Visit(gate, heavy=heavy) as visit:
            for error in errors:
                try:
                    with visit.exchange("a.example"):
                        if head or error is None:
                            visit.answered("a.example")
                        if error is not None:
                            raise error
                except DatafetchError:
                    continue
            if end is not None:
                raise end

    if end is None:
        tries()
    else:
        with pytest.raises(type(end)):
            tries()
    return gate.told


@pytest.mark.parametrize(
    ("error", "heavy", "head", "told"),
    [
        (None, False, True, ANSWERED),
        (TransientError("503"), False, True, FAILED),
        (TransientError("no connection"), False, False, FAILED),
        (TransientError("502"), True, True, UNKNOWN),
        (RateLimited("429"), False, True, ANSWERED),
        (Malformed("not HTTP"), False, False, ANSWERED),
        (TooLarge("body"), False, True, ANSWERED),
        (TooLarge("header"), False, False, ANSWERED),
        (Refused("address"), False, False, UNKNOWN),
        (Refused("redirect"), False, True, ANSWERED),
        (Cancelled("stop"), False, False, UNKNOWN),
        (CannotConnect("certificate"), False, False, UNKNOWN),
    ],
)
def test_an_exchange_shows_one_thing_of_its_host(
    error: Any, *, heavy: bool, head: bool, told: Outcome
) -> None:
    """Only faults that may pass are failures; what we refuse ourselves says nothing new."""
    assert visited(Gate(), error, heavy=heavy, head=head) == [("a.example", told)]


def test_the_last_try_counts() -> None:
    """A fault that passes within a request is none, and is told only once."""
    down = TransientError("503")
    assert visited(Gate(), down, down, None) == [("a.example", ANSWERED)]
    assert visited(Gate(), down, down, down) == [("a.example", FAILED)]


def test_a_stop_is_not_the_hosts_failure() -> None:
    """Who stops while a failed request waits for its next try has not seen it fail for good."""
    down = TransientError("503")
    assert visited(Gate(), down, end=Cancelled()) == [("a.example", UNKNOWN)]
    assert visited(Gate(), down, end=KeyError()) == [("a.example", FAILED)]


def test_each_host_of_a_request_is_told_apart() -> None:
    """A host that only redirects has answered; what is at the other end fails for itself."""
    gate = Gate()
    with pytest.raises(TransientError), Visit(gate, heavy=False) as visit:
        with visit.exchange("a.example"):
            visit.answered("a.example")
        with visit.exchange("b.example"):
            raise TransientError("503")
    assert gate.told == [("a.example", ANSWERED), ("b.example", FAILED)]


def test_a_host_that_may_not_be_asked_is_told_nothing() -> None:
    """What was not sent shows nothing of its host."""
    gate = Gate(closed="a.example")
    with (
        pytest.raises(BreakerOpen),
        Visit(gate, heavy=False) as visit,
        visit.exchange("a.example"),
    ):
        pass
    assert gate.told == []


def test_a_breaker_that_opens_between_tries_hides_nothing() -> None:
    """The error of the last try is raised, not that others have given up on the host since."""
    gate = Gate()
    with pytest.raises(TransientError, match="503") as caught, Visit(gate, heavy=False) as visit:
        with pytest.raises(TransientError), visit.exchange("a.example"):
            raise TransientError("503")
        gate.closed = "a.example"
        with visit.exchange("a.example"):
            pass
    assert isinstance(caught.value.__cause__, BreakerOpen)


def test_without_a_gate_everything_passes() -> None:
    """A client without breakers asks all hosts."""
    with Visit(None, heavy=False) as visit, visit.exchange("a.example"):
        visit.answered("a.example")


def test_the_gate_is_told_why() -> None:
    """The log line of an opened breaker names the error that opened it."""
    gate = Gate()
    visited(gate, TransientError("500"), TransientError("https://a.example/: status 503"))
    assert gate.reasons == ["https://a.example/: status 503"]


@pytest.mark.parametrize("kind", [TransientError, CannotConnect])
def test_a_proxy_fails_for_itself(kind: type[TransientError]) -> None:
    """A proxy that is down opened the breakers of all hosts behind it, in its place."""
    gate, down = Gate(), kind("HTTPS_PROXY (proxy.lan:3128): no connection")
    down.by_proxy = True
    with (
        pytest.raises(kind),
        Visit(gate, heavy=True) as visit,
        visit.exchange("a.example", "proxy.lan"),
    ):
        raise down
    assert sorted(gate.told) == [("a.example", UNKNOWN), ("proxy.lan", FAILED)]


def test_a_host_behind_a_proxy_fails_for_itself() -> None:
    """A dead site says nothing of the proxy; an answer shows that the proxy works."""
    gate = Gate()
    with pytest.raises(TransientError), Visit(gate, heavy=False) as visit:
        with visit.exchange("a.example", "proxy.lan"):
            visit.answered("a.example", "proxy.lan")
        with visit.exchange("b.example", "proxy.lan"):
            raise TransientError("no answer in time")
    assert dict(gate.told) == {"a.example": ANSWERED, "proxy.lan": UNKNOWN, "b.example": FAILED}


def test_hosts_behind_a_proxy_that_fails_are_not_asked() -> None:
    """Its own breaker saves each of a thousand items its tries."""
    gate = Gate(closed="proxy.lan")
    with (
        pytest.raises(BreakerOpen, match=r"proxy\.lan"),
        Visit(gate, heavy=False) as visit,
        visit.exchange("a.example", "proxy.lan"),
    ):
        pass
    assert gate.told == []


def test_each_exchange_is_settled_once() -> None:
    """Others that wait for a host's first answer are let go by it, not by the end of its body."""
    gate = Gate()
    with Visit(gate, heavy=False) as visit:
        with pytest.raises(TransientError), visit.exchange("a.example"):
            raise TransientError("reset")
        with pytest.raises(TransientError), visit.exchange("a.example"):
            visit.answered("a.example", well=False)
            assert len(gate.settled) == 1
            raise TransientError("503")
        with visit.exchange("a.example"):
            visit.answered("a.example")
            assert len(gate.settled) == 3
    assert [outcome for _, outcome in gate.settled] == [FAILED, FAILED, ANSWERED]
    assert gate.again == [False, True, True]


def test_an_exchange_that_was_not_let_through_settles_its_proxy() -> None:
    """A proxy's count must not keep an exchange that never was."""
    gate = Gate("a.example")
    with pytest.raises(BreakerOpen), Visit(gate, heavy=False) as visit:  # noqa: SIM117
        with visit.exchange("a.example", "proxy.lan"):
            pass
    assert gate.settled == [("proxy.lan", UNKNOWN)]
