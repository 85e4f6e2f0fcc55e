"""One read for all who ask at the same time, and none that began before what they want to see."""

import asyncio
import threading
from dataclasses import dataclass, field

import pytest

from datafetch.errors import StoreUnavailable
from datafetch.web.shared_read import SharedRead
from tests.support import FakeClock

SOON_S = 20.0


@dataclass
class Shelf:
    """Something that is read, one number after the other; a read waits while its gate is closed."""

    numbers: int = 0
    failure: StoreUnavailable | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def read(self) -> int:
        self.numbers += 1
        number = self.numbers
        self.begun.release()
        assert self.gate.wait(SOON_S)
        if self.failure is not None:
            raise self.failure
        return number


def test_all_who_ask_at_once_share_one_read() -> None:
    """A hundred requests are one request to the store."""
    shelf = Shelf()

    async def ask() -> list[int | None]:
        shared = SharedRead(shelf.read, FakeClock(), fresh_s=1.0)
        asked = [asyncio.ensure_future(shared.value()) for _ in range(100)]
        await asyncio.to_thread(shelf.begun.acquire)
        shelf.gate.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(ask()) == [1] * 100


def test_what_is_old_or_expired_is_read_again() -> None:
    """What was read counts as new for a while, unless something has changed."""
    shelf, clock = Shelf(), FakeClock()
    shelf.gate.set()

    async def ask() -> list[int | None]:
        shared = SharedRead(shelf.read, clock, fresh_s=1.0)
        found = [await shared.value(), await shared.value()]
        clock.advance(1.0)
        found.append(await shared.value())
        shared.expire()
        return [*found, await shared.value(), await shared.value()]

    assert asyncio.run(ask()) == [1, 1, 2, 3, 3]


def test_a_read_that_began_before_the_change_does_not_count() -> None:
    """Who asks after a run has ended sees what it stored, though another read is still under way."""
    shelf = Shelf()

    async def ask() -> tuple[int | None, int | None]:
        shared = SharedRead(shelf.read, FakeClock(), fresh_s=1.0)
        before = asyncio.ensure_future(shared.value())
        await asyncio.to_thread(shelf.begun.acquire)
        shared.expire()
        after = asyncio.ensure_future(shared.value())
        await asyncio.to_thread(shelf.begun.acquire)
        shelf.gate.set()
        return await before, await after

    assert asyncio.run(ask()) == (1, 2)


def test_who_is_in_a_hurry_does_not_end_the_read_of_others() -> None:
    """None after the time is over; whoever waits gets what was read."""
    shelf = Shelf()

    async def ask() -> tuple[int | None, int | None]:
        shared = SharedRead(shelf.read, FakeClock(), fresh_s=1.0)
        patient = asyncio.ensure_future(shared.value())
        hasty = await shared.value(within_s=0)
        shelf.gate.set()
        return hasty, await patient

    assert asyncio.run(ask()) == (None, 1)


def test_failure_is_told_to_all_and_not_kept() -> None:
    """A store that is back is asked again at once when the time is over."""
    shelf, clock = Shelf(failure=StoreUnavailable("away")), FakeClock()
    shelf.gate.set()

    async def ask() -> int | None:
        shared = SharedRead(shelf.read, clock, fresh_s=1.0)
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="away"):
                await shared.value()
        assert shelf.numbers == 1
        shelf.failure = None
        clock.advance(1.0)
        return await shared.value()

    assert asyncio.run(ask()) == 2
