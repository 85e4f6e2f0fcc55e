"""Logos that wait to be stored: in batches, again when it failed, bounded, and once more at the end."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from datafetch.keep_run import KeptLogos
from datafetch.logos.model import Logo
from datafetch.logos.on_demand import FoundLogo
from datafetch.logos.rules.entries import Entry
from datafetch.logs import bound_logger
from datafetch.models.run import Operation, RunResult, RunStatus
from datafetch.web.logos.shelf import LogoShelf
from tests.web.logos.world import SOON_S, ShelfClock


def logo(domain: str, size: int = 10) -> FoundLogo:
    """A found logo."""
    stored = Logo(
        key=f"images/logos/{domain}.png",
        original_source="google",
        content_type="image/png",
        size=size,
        width=64,
        height=64,
        sha256="0" * 64,
        fetched_at=1,
    )
    return FoundLogo(domain=domain, logo=stored, body=b"x" * size, before=None)


@dataclass
class Stores:
    """What stores batches in these tests, as the test says."""

    statuses: list[RunStatus] = field(default_factory=list)
    batches: list[tuple[list[str], dict[str, str]]] = field(default_factory=list)
    stored: dict[str, Entry | None] = field(default_factory=dict)
    gate: threading.Event | None = None
    begun: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None

    def keep(self, found: Sequence[FoundLogo], without: Mapping[str, str]) -> KeptLogos:
        """Store a batch."""
        self.batches.append(([item.domain for item in found], dict(without)))
        self.begun.set()
        if self.gate is not None:
            assert self.gate.wait(SOON_S)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        status = self.statuses.pop(0) if self.statuses else RunStatus.SUCCEEDED
        code = {RunStatus.SUCCEEDED: 0, RunStatus.LOCKED: 75}.get(status, 1)
        result = RunResult(Operation.LOGOS, status, "run", exit_code=code, error="why")
        return KeptLogos(result, {item.domain: item.logo for item in found} if not code else {})

    def tell(self, domain: str, entry: Entry | None) -> None:
        """Note what became of a logo."""
        self.stored[domain] = entry


@pytest.fixture
def stores() -> Stores:
    """What stores batches."""
    return Stores()


@pytest.fixture
def clock() -> ShelfClock:
    """A clock whose long waits the test ends."""
    return ShelfClock()


@pytest.fixture
def shelf(stores: Stores, clock: ShelfClock) -> Iterator[LogoShelf]:
    """A shelf for 100 bytes, which is emptied at the end."""
    made = LogoShelf(stores.keep, clock, stores.tell, bound_logger(), most_bytes=100)
    yield made
    clock.end()
    assert made.close(SOON_S)


def test_what_comes_meanwhile_is_one_batch(shelf: LogoShelf, stores: Stores) -> None:
    """While one batch is stored, all that comes is stored at once after it."""
    stores.gate = threading.Event()
    first = shelf.add(logo("a"))
    assert stores.begun.wait(SOON_S)
    later = [shelf.add(logo(name)) for name in "bcd"]
    shelf.without_logo("e", "none has one")
    stores.gate.set()
    for attempt in (first, *later):
        assert attempt is not None
        assert attempt.result(SOON_S) is not None
    assert stores.batches == [(["a"], {}), (["b", "c", "d"], {"e": "none has one"})]
    assert shelf.size == (0, 0)


@pytest.mark.parametrize("status", [RunStatus.LOCKED, RunStatus.FAILED])
def test_what_cannot_be_stored_waits(
    shelf: LogoShelf, stores: Stores, clock: ShelfClock, status: RunStatus
) -> None:
    """Who waits is told at once; it is tried again after half a minute, with what came meanwhile."""
    stores.statuses = [status]
    attempt = shelf.add(logo("a"))
    assert attempt is not None
    assert attempt.result(SOON_S) is None
    clock.await_wait()
    later = shelf.add(logo("b"))
    assert later is not None
    assert later.result(0) is None
    assert shelf.waiting("a") is not None
    clock.try_again()
    last = shelf.add(logo("c"))
    assert last is not None
    last.result(SOON_S)
    clock.end()
    assert shelf.close(SOON_S)
    assert set(stores.stored) == {"a", "b", "c"}
    assert shelf.size == (0, 0)


def test_an_unforeseen_error_does_not_end_the_thread(
    shelf: LogoShelf, stores: Stores, clock: ShelfClock
) -> None:
    """It is logged, and what waits is tried again."""
    stores.error = RuntimeError("unforeseen")
    attempt = shelf.add(logo("a"))
    assert attempt is not None
    assert attempt.result(SOON_S) is None
    clock.await_wait()
    clock.try_again()
    clock.end()
    assert shelf.close(SOON_S)
    assert set(stores.stored) == {"a"}


def test_what_does_not_fit_is_refused(shelf: LogoShelf, stores: Stores, clock: ShelfClock) -> None:
    """Pictures of a hundred bytes have room here; one in the place of an earlier one counts once."""
    stores.statuses = [RunStatus.LOCKED]
    assert shelf.add(logo("a", 60)) is not None
    clock.await_wait()
    assert shelf.add(logo("b", 41)) is None
    assert shelf.add(logo("a", 50)) is not None
    assert shelf.add(logo("b", 41)) is not None
    assert shelf.size == (2, 91)


def test_a_newer_logo_is_stored_after_the_one_under_way(shelf: LogoShelf, stores: Stores) -> None:
    """What was found again while the first one is stored is not taken for stored."""
    stores.gate = threading.Event()
    shelf.add(logo("a", 10))
    assert stores.begun.wait(SOON_S)
    again = shelf.add(logo("a", 20))
    stores.gate.set()
    assert again is not None
    found = again.result(SOON_S)
    assert isinstance(found, Logo)
    assert found.size == 20
    assert len(stores.batches) == 2


def test_a_machine_without_threads_stores_later(
    shelf: LogoShelf, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits meanwhile, and the next logo tries again."""

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patches:
        patches.setattr(threading.Thread, "start", fail)
        first = shelf.add(logo("a"))
        assert first is not None
        assert first.result(0) is None
    shelf.add(logo("b"))
    assert stores.begun.wait(SOON_S)
    assert stores.batches[0][0] == ["a", "b"]


def test_the_end_tries_once_more(shelf: LogoShelf, stores: Stores, clock: ShelfClock) -> None:
    """Once, not again and again; after it nothing is taken."""
    stores.statuses = [RunStatus.LOCKED, RunStatus.LOCKED]
    shelf.add(logo("a"))
    clock.await_wait()
    clock.end()
    assert shelf.close(SOON_S)
    assert len(stores.batches) == 2
    assert shelf.add(logo("b")) is None
