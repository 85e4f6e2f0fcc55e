"""All checks side by side: each keeps its own line, whatever the others do."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from datafetch.clock import CancelToken, SystemClock
from datafetch.doctor.examination import examine
from datafetch.doctor.findings import Finding, Group, ok
from datafetch.errors import Cancelled, StoreUnavailable


@dataclass
class Looking:
    """A check that does what it is given."""

    what: Callable[[], Iterator[Finding]]
    name: str = "a check"
    limit_s: float = 60.0
    group: Group = Group.STORE

    def look(self) -> Iterator[Finding]:
        return self.what()


def found(*checks: Looking, longest_s: float = 60.0) -> list[list[tuple[str, str]]]:
    """Status and detail of what each check found."""
    examined = examine(checks, SystemClock(), CancelToken(), longest_s)
    return [[(one.status.value, one.detail) for one in each.findings] for each in examined]


def well() -> Iterator[Finding]:
    """A look that finds nothing wrong."""
    yield ok("a", "well")


def test_one_that_hangs_costs_its_own_line_only():
    """What it had found before is kept, and the others are not held up."""
    seen, never = threading.Event(), threading.Event()

    def hangs() -> Iterator[Finding]:
        yield ok("b", "the first half")
        seen.set()
        never.wait()

    def waits() -> Iterator[Finding]:
        seen.wait()
        yield ok("a", "well")

    try:
        first, second = found(Looking(waits), Looking(hangs, limit_s=0.0))
    finally:
        never.set()
    assert first == [("ok", "well")]
    assert second == [("ok", "the first half"), ("fail", "no answer in 0 s")]


def test_all_together_have_a_limit_too():
    """A check that may take long ends with the whole."""
    never = threading.Event()

    def hangs() -> Iterator[Finding]:
        never.wait()
        yield ok("a", "too late")

    try:
        assert found(Looking(hangs), longest_s=0.0) == [[("fail", "no answer in 60 s")]]
    finally:
        never.set()


def test_an_error_is_a_line_with_its_hint():
    """Our own errors say what to do, others are named; nothing ends the examination."""

    def refused() -> Iterator[Finding]:
        yield ok("a", "well")
        raise StoreUnavailable("the store is away", hint="Wait.")

    def broken() -> Iterator[Finding]:
        yield from ()
        raise ZeroDivisionError("oh")

    examined = examine([Looking(refused), Looking(broken)], SystemClock(), CancelToken())
    assert [(one.detail, one.hint) for one in examined[0].findings][-1] == (
        "the store is away",
        "Wait.",
    )
    (unexpected,) = examined[1].findings
    assert unexpected.detail == "unexpected: ZeroDivisionError: oh"
    assert found(Looking(broken), Looking(well))[1] == [("ok", "well")]


def test_a_signal_ends_the_wait():
    """Who presses Ctrl-C is not told what was found, and does not wait."""
    cancel, never = CancelToken(), threading.Event()

    def hangs() -> Iterator[Finding]:
        cancel.cancel(Cancelled("stopped", signal=2))
        never.wait()
        yield from ()

    try:
        with pytest.raises(Cancelled):
            examine([Looking(hangs)], SystemClock(), cancel)
    finally:
        never.set()
