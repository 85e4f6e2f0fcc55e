"""Fetches under way: one for each domain, on few threads, with few that wait."""

import threading

import pytest

from datafetch.web.logos.cache import LogoAnswer, LogoUnknown, NoLogoKnown
from datafetch.web.logos.flights import LogoFlights

SOON_S = 20.0


class Held:
    """A fetch that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.count = 0

    def __call__(self) -> LogoAnswer:
        self.count += 1
        self.begun.set()
        assert self.gate.wait(SOON_S)
        return NoLogoKnown()


def test_who_asks_during_a_fetch_joins_it() -> None:
    """Any number of them get the answer of the one fetch."""
    flights, held = LogoFlights(threads=2), Held()
    asked = [flights.start("a", held) for _ in range(1000)]
    assert flights.joined("a") is asked[0]
    held.gate.set()
    assert {id(one) for one in asked} == {id(asked[0])}
    assert asked[0] is not None
    assert asked[0].result(SOON_S) == NoLogoKnown()
    assert held.count == 1
    assert flights.joined("a") is None
    flights.close()


def test_too_many_are_refused() -> None:
    """What neither has a thread nor may wait for one is not begun; joining goes on."""
    flights, held = LogoFlights(threads=1, most_waiting=1), Held()
    first = flights.start("a", held)
    assert held.begun.wait(SOON_S)
    assert flights.start("b", held) is not None
    assert flights.start("c", held) is None
    assert flights.start("a", held) is first
    held.gate.set()
    assert flights.count <= 2
    flights.close()


def test_a_visitor_who_leaves_does_not_end_the_fetch() -> None:
    """Its future cannot be cancelled: others wait for it, and its result is to be remembered."""
    flights, held = LogoFlights(threads=1), Held()
    asked = flights.start("a", held)
    assert asked is not None
    assert not asked.cancel()
    held.gate.set()
    assert asked.result(SOON_S) == NoLogoKnown()
    flights.close()


def test_an_error_reaches_who_waits_and_the_next_fetch_begins_anew() -> None:
    """One that failed in a way nobody foresaw does not stay under way for ever."""
    flights = LogoFlights(threads=1)

    def broken() -> LogoAnswer:
        raise RuntimeError("unforeseen")

    asked = flights.start("a", broken)
    assert asked is not None
    with pytest.raises(RuntimeError, match="unforeseen"):
        asked.result(SOON_S)
    again = flights.start("a", NoLogoKnown)
    assert again is not None
    assert again.result(SOON_S) == NoLogoKnown()
    flights.close()


def test_after_the_end_none_begins() -> None:
    """A server that stops fetches nothing more."""
    flights = LogoFlights(threads=1)
    flights.close()
    assert flights.start("a", NoLogoKnown) is None


def test_the_end_tells_those_who_wait_for_a_thread() -> None:
    """Nobody waits for a fetch that will not begin; the one under way ends as ever."""
    flights, held = LogoFlights(threads=1), Held()
    first = flights.start("a", held)
    assert held.begun.wait(SOON_S)
    second = flights.start("b", held)
    assert first is not None
    assert second is not None
    flights.close()
    answer = second.result(SOON_S)
    assert isinstance(answer, LogoUnknown)
    assert answer.status == 503
    held.gate.set()
    assert first.result(SOON_S) == NoLogoKnown()
    assert (held.count, flights.count) == (1, 0)


def test_a_machine_without_threads_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No domain stays under way for ever, and what the pool kept all the same asks nobody."""
    flights, held = LogoFlights(threads=2), Held()
    first = flights.start("a", held)
    assert held.begun.wait(SOON_S)

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patches:
        patches.setattr(threading.Thread, "start", fail)
        assert flights.start("b", held) is None
    assert flights.joined("b") is None
    held.gate.set()
    assert first is not None
    first.result(SOON_S)
    again = flights.start("b", NoLogoKnown)
    assert again is not None
    assert again.result(SOON_S) == NoLogoKnown()
    assert held.count == 1
    flights.close()
