"""When a lease ends that nobody renews: by the store's clock, or by watching it."""

from pathlib import Path

import pytest

from datafetch.ops.leases.watch import Watch
from datafetch.runtime.folder import RuntimeFolder
from tests.support import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """Told the time."""
    return FakeClock()


def _watch(folder: Path, clock: FakeClock) -> Watch:
    """The watch of a process of its own."""
    return Watch(RuntimeFolder(folder), clock)


def test_what_was_seen_outlives_the_process(tmp_path: Path, clock: FakeClock) -> None:
    """A run looks once and ends: the next one goes on from there."""
    for waited, seen in ((0, 0), (10, 10), (5, 15)):
        clock.advance(waited)
        assert _watch(tmp_path, clock).unchanged_s("logos-1", '"a"') == seen


def test_a_renewed_lock_is_watched_anew(tmp_path: Path, clock: FakeClock) -> None:
    """Each renewal is another version; the locks of two jobs are watched apart."""
    _watch(tmp_path, clock).unchanged_s("logos-1", '"a"')
    _watch(tmp_path, clock).unchanged_s("github-1", '"a"')
    clock.advance(10)
    assert _watch(tmp_path, clock).unchanged_s("logos-1", '"b"') == 0
    clock.advance(1)
    assert _watch(tmp_path, clock).unchanged_s("logos-1", '"b"') == 1
    assert _watch(tmp_path, clock).unchanged_s("github-1", '"a"') == 11


@pytest.mark.parametrize(
    "left",
    [
        b"",
        b"{broken",
        b"[]",
        b'["\\"a\\"", "another start", 0]',
        b'["\\"a\\"", null, 0]',
        b"\xff",
        b'{"a": 1, "b": 2, "c": 3}',
    ],
)
def test_what_another_start_saw_counts_for_nothing(
    tmp_path: Path, clock: FakeClock, left: bytes
) -> None:
    """Clocks of other machines and starts count from elsewhere; a torn file is no memory either."""
    watch = _watch(tmp_path, clock)
    watch.unchanged_s("logos-1", '"a"')
    (file,) = tmp_path.rglob("logos-1.seen")
    file.write_bytes(left)
    clock.advance(1000)
    assert watch.unchanged_s("logos-1", '"a"') == 0
    clock.advance(2)
    assert watch.unchanged_s("logos-1", '"a"') == 2


def test_a_clock_that_went_back_counts_from_now(tmp_path: Path, clock: FakeClock) -> None:
    """A machine that was started again and does not tell its starts: its clock begins anew."""
    _watch(tmp_path, clock).unchanged_s("logos-1", '"a"')
    clock.advance(-100)
    assert _watch(tmp_path, clock).unchanged_s("logos-1", '"a"') == 0
