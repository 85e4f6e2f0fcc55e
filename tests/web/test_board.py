"""The board reads the store as seldom as it may, however many ask, and tells what is new."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from datafetch.errors import StoreUnavailable
from datafetch.ops.overview import Overview
from datafetch.web.board import Snapshot, StatusBoard
from tests.support import FakeClock


class Store:
    """Says what it is told to, and counts."""

    def __init__(self, clock):
        self.clock = clock
        self.reads = 0
        self.notes: tuple[str, ...] = ()
        self.error: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.asked = threading.Event()

    def look(self) -> Overview:
        self.reads += 1
        self.asked.set()
        assert self.open.wait(60)
        if self.error is not None:
            raise self.error
        return Overview(self.clock.now(), (), notes=self.notes)


def read(board: StatusBoard) -> Snapshot:
    """What the board says, asked from an event loop of its own."""
    return asyncio.run(board.soon())


@pytest.fixture
def clock():
    """A clock that the test moves."""
    return FakeClock()


@pytest.fixture
def store(clock):
    """A store that counts how often it is read."""
    return Store(clock)


@pytest.fixture
def board(store, clock):
    """A board over the store."""
    return StatusBoard(store.look, clock)


def test_a_look_is_new_for_two_seconds(board, store, clock):
    """A hundred readers in two seconds cost one look."""
    numbers = {read(board).number for _ in range(100)}
    clock.advance(1.9)
    read(board)
    assert (numbers, store.reads) == ({1}, 1)
    clock.advance(0.2)
    read(board)
    assert store.reads == 2


def test_readers_at_once_share_one_look(board, store):
    """They wait for the look that is under way."""
    store.open.clear()
    with ThreadPoolExecutor(50) as pool:
        found = [pool.submit(read, board) for _ in range(50)]
        assert store.asked.wait(60)
        store.open.set()
        snapshots = {id(each.result()) for each in found}
    assert len(snapshots) == 1
    assert store.reads == 1


def test_after_a_change_the_next_reader_sees_it(board, store):
    """A look that began before the change does not count, nor does what it has read."""
    first = read(board)
    store.notes = ("new",)
    board.expire()
    second = read(board)
    assert second.overview is not None
    assert second.overview.notes == ("new",)
    assert (first.number, second.number) == (1, 2)


def test_a_change_in_the_middle_of_a_look_is_seen_by_the_next_reader(board, store):
    """The look began before the change, and may have missed it."""
    store.open.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(read, board)
        assert store.asked.wait(60)
        board.expire()
        second = pool.submit(read, board)
        store.open.set()
        first.result()
        second.result()
    assert store.reads == 2


def test_the_time_of_a_look_is_no_news(board, store, clock):
    """Nor is how long ago things were: who follows the numbers is not told of it."""
    numbers = []
    for notes in ((), (), ("new",), ()):
        store.notes = notes
        clock.advance(60)
        numbers.append(read(board).number)
    assert numbers == [1, 1, 2, 3]


def test_a_machine_without_threads_is_told_and_the_board_goes_on(board):
    """One reader hears of it; the next one is answered as soon as there are threads again."""
    before = threading.stack_size()
    threading.stack_size(1 << 50)  # more than an address can name
    try:
        found = read(board)
    finally:
        threading.stack_size(before)
    assert found.error is not None
    assert "thread" in str(found.error)
    assert read(board).document["status"] == "ok"


def test_who_waits_on_an_event_loop_gets_the_same(board, store):
    """Before the look ends, after it, and when what was read does not count any more."""
    store.open.clear()

    async def ask() -> list[int]:
        first = asyncio.ensure_future(board.soon())
        await asyncio.to_thread(store.asked.wait, 60)
        board.expire()
        store.notes = ("new",)
        second = asyncio.ensure_future(board.soon())
        await asyncio.sleep(0)
        store.open.set()
        return [(await first).number, (await second).number, (await board.soon()).number]

    assert asyncio.run(ask())[1:] == [read(board).number] * 2
    assert store.reads == 2


def test_a_store_that_hangs_keeps_no_event_loop(store):
    """After seven seconds who waits there is told so, too."""
    store.open.clear()
    found = asyncio.run(StatusBoard(store.look, _Hurried()).soon())
    assert "did not answer within 7 s" in str(found.error)
    store.open.set()


def test_a_store_that_fails_is_told_of_and_the_last_good_look_is_kept(board, store, clock):
    """The page shows the last known state, and since when it is known."""
    read(board)
    good = clock.now()
    clock.advance(60)
    store.error = StoreUnavailable("file:/x does not answer", hint="Look at the disk.")
    found = read(board)
    assert found.overview is None
    assert found.document["status"] == "unknown"
    assert found.document["error"] == "file:/x does not answer"
    last = board.last()
    assert last is not None
    assert last.at == good
    clock.advance(60)
    store.error = None
    assert read(board).document["status"] == "ok"


def test_an_error_that_nobody_foresaw_is_a_state_too(board, store):
    """A reader gets an answer, and the board goes on."""
    store.error = RuntimeError("boom")
    assert "boom" in str(read(board).document["error"])
    store.error = None
    board.expire()
    assert read(board).document["status"] == "ok"


def test_a_store_that_hangs_keeps_nobody(store):
    """After seven seconds readers are told so, and no second look is begun beside the first."""
    store.open.clear()
    board = StatusBoard(store.look, _Hurried())
    found = read(board)
    assert found.document["status"] == "unknown"
    assert "did not answer within 7 s" in str(found.document["error"])
    read(board)
    assert store.asked.wait(60)
    assert store.reads == 1
    store.open.set()


class _Hurried(FakeClock):
    """A clock by which seven seconds have passed each time it is looked at."""

    def monotonic(self) -> float:
        self.advance(7.1)
        return super().monotonic()
