"""Items on a real Dask cluster: all done once, whatever becomes of workers and scheduler."""

import signal
import threading
import time
from contextlib import contextmanager

import pytest

from datafetch import __version__
from datafetch.clock import CancelToken, SystemClock
from datafetch.errors import (
    Cancelled,
    ClusterFailed,
    ConfigurationError,
    OutputRefused,
    StoreError,
    Unexpected,
)
from datafetch.models.cluster_place import read_cluster_place
from datafetch.models.json import JsonObject
from datafetch.runtime.batches import RunLink
from datafetch.runtime.engine_cluster import ClusterEngine
from datafetch.runtime.engine_seal import NotForUs, Seal, seal
from tests.runtime import cluster_work
from tests.runtime.cluster_processes import dask
from tests.runtime.cluster_work import await_file, calls, link, noted, work
from tests.support import FakeClock


class Hurrying(FakeClock):
    """A clock that goes on by `step` seconds at each look."""

    step = 0.0

    def monotonic(self) -> float:
        self.time += self.step
        return self.time


@pytest.fixture(scope="module")
def dasks_log(tmp_path_factory):
    """The file in which the shared scheduler and its workers log all they can."""
    return tmp_path_factory.mktemp("dask") / "log"


@pytest.fixture(scope="module")
def shared(dasks_log):
    """A scheduler with two workers, for tests that leave both alive."""
    with dask(2, environment={"DASK_LOGGING__DISTRIBUTED": "debug"}, log=dasks_log) as found:
        yield found


@contextmanager
def engine(address, folder, cancel=None, clock=None, **of_calls):
    """An engine whose workers keep what they are told in the folder."""
    place = read_cluster_place(address, insecure=False)
    made = ClusterEngine(
        4, cancel or CancelToken(), clock or SystemClock(), place, calls(folder, **of_calls)
    )
    try:
        yield made
    finally:
        made.end_run()


def here(_item):
    """What threads would call."""
    raise AssertionError("items are worked on in the workers")


def doubled(numbers):
    """What comes back when all goes well."""
    return [(number, 2 * number) for number in numbers]


def test_all_items_are_worked_on_once_in_both_workers(shared, tmp_path):
    """Each worker is prepared once and told for how long it may write and how many there are."""
    told: list[JsonObject] = []
    with engine(shared.address, tmp_path) as cluster:
        first = [*cluster.spread(work(size=2), link("r1", told), here, range(100))]
        again = [*cluster.spread(work(groups=3), link("r1", told), here, range(20))]
    assert sorted(first) == doubled(range(100))
    assert sorted(again) == doubled(range(20))
    assert sum(heard["done"] for heard in told) == 120
    begun = noted(tmp_path, "begun")
    assert len({worker["pid"] for worker in begun}) == len(begun) == 2
    assert {worker["version"] for worker in begun} == {__version__}
    pulses = noted(tmp_path, "pulses")
    assert {pulse["places"] for pulse in pulses} <= {1, 2}
    assert {pulse["write_s"] for pulse in pulses} == {18.0, 0.0}
    assert {pulse["pid"] for pulse in pulses if pulse["write_s"] == 0} == {
        worker["pid"] for worker in begun
    }


def test_no_more_items_are_under_way_than_the_width_allows(shared, tmp_path):
    """A server that bears two at once is asked by each worker for one."""
    with engine(shared.address, tmp_path) as cluster:
        results = [*cluster.spread(work(width=2), link("r"), here, range(12))]
    assert sorted(results) == doubled(range(12))
    assert {batch["width"] for batch in noted(tmp_path, "batches")} <= {1, 2}


def test_an_error_ends_the_run_after_the_results_before_it(shared, tmp_path):
    """The store is full: what was done is kept, and the error is the one that the worker met."""
    with engine(shared.address, tmp_path) as cluster:
        results = cluster.spread(work(size=8, fails=5), link("r"), here, range(8))
        assert [next(results) for _ in range(5)] == doubled(range(5))
        with pytest.raises(StoreError, match="no space"):
            next(results)


def test_what_was_stored_is_told_before_a_run_that_wrote_too_much_ends(shared, tmp_path):
    """Only the sum over all workers passes the limit: each of them has stored what it answers."""

    def refuse(_told: JsonObject) -> None:
        raise OutputRefused("too much")

    with engine(shared.address, tmp_path) as cluster:
        results = cluster.spread(work(size=8), RunLink("r", lambda: 20.0, refuse), here, range(8))
        assert [next(results) for _ in range(8)] == doubled(range(8))
        with pytest.raises(OutputRefused):
            next(results)


def test_an_unexpected_error_comes_out_in_one_line(shared, tmp_path):
    """A mistake in the code of a worker is told like one in this process."""
    with (
        engine(shared.address, tmp_path) as cluster,
        pytest.raises(Unexpected, match="ZeroDivisionError: by the test"),
    ):
        list(cluster.spread(work(breaks=3), link("r"), here, range(8)))


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_a_stop_ends_at_once_and_lets_the_workers_know(shared, tmp_path, how):
    """Also while everything hangs; the workers stop then, too."""
    cancel = CancelToken()
    with engine(shared.address, tmp_path, cancel) as cluster:
        results = cluster.spread(work(size=1, hangs=[1, 2]), link("r"), here, range(3))
        assert next(results) == (0, 0)
        if how == "cancel":
            threading.Timer(0.05, cancel.cancel, [Cancelled("stop", signal=15)]).start()
            with pytest.raises(Cancelled):
                list(results)
        else:
            results.close()
        until = time.monotonic() + 20
        while not any(pulse["write_s"] == 0 for pulse in noted(tmp_path, "pulses")):
            assert time.monotonic() < until


def test_what_was_done_of_a_batch_when_the_run_is_stopped_comes_back(shared, tmp_path):
    """As with threads: what is stored is known, and the next run does not fetch it again."""
    cancel = CancelToken()
    told: list[JsonObject] = []
    done: list[object] = []
    with engine(shared.address, tmp_path, cancel) as cluster:

        def stop() -> None:
            await_file(tmp_path / "batches")
            cancel.cancel(Cancelled("stop", signal=15))

        stopping = threading.Thread(target=stop)
        stopping.start()
        with pytest.raises(Cancelled):
            done.extend(cluster.spread(work(size=4, hangs=[3]), link("r", told), here, range(4)))
        stopping.join()
    assert done == doubled(range(4))
    assert [heard["done"] for heard in told] == [4]


def test_a_scheduler_that_hangs_keeps_no_run_from_stopping(shared, tmp_path):
    """Nothing answers: neither the stop nor the end of the run waits for it."""
    cancel = CancelToken()
    with engine(shared.address, tmp_path, cancel) as cluster:
        results = cluster.spread(work(size=1, hangs=[1, 2]), link("r"), here, range(3))
        assert next(results) == (0, 0)
        shared.scheduler.send_signal(signal.SIGSTOP)
        try:
            cancel.cancel(Cancelled("stop", signal=15))
            with pytest.raises(Cancelled):
                next(results)
            cluster.end_run()
            assert "datafetch-cluster" not in {thread.name for thread in threading.enumerate()}
        finally:
            shared.scheduler.send_signal(signal.SIGCONT)


def test_a_hold_that_a_provider_asked_for_holds_all_workers(shared, tmp_path):
    """Retry-After comes back with an answer; nothing is handed out until it is over."""
    clock = Hurrying()
    drawn = []

    def items():
        for number in range(30):
            drawn.append(clock.time)
            yield number

    with engine(shared.address, tmp_path, clock=clock) as cluster:
        results = cluster.spread(work(size=1, hold_s=50.0, holds=0), link("r"), here, items())
        found = [next(results)]
        while found[-1] != (0, 0):
            found.append(next(results))
        begun, clock.step = clock.time, 20.0
        found += [*results]
    assert sorted(found) == doubled(range(30))
    assert not [time for time in drawn if begun < time < begun + 50.0]


def test_a_worker_of_another_version_is_refused_at_the_start(shared, tmp_path):
    """Its answers might mean something else; the error names the worker and both versions."""
    with (
        engine(shared.address, tmp_path, version="0.0.1") as cluster,
        pytest.raises(
            ConfigurationError, match=rf"tcp://\S+ runs datafetch {__version__}.*0\.0\.1"
        ),
    ):
        list(cluster.spread(work(), link("r"), here, range(8)))


def test_what_a_worker_cannot_begin_with_is_told(shared, tmp_path):
    """Such as a folder that is not on its machine."""
    with (
        engine(shared.address, tmp_path, refuse=True) as cluster,
        pytest.raises(StoreError, match="the folder is not there"),
    ):
        list(cluster.spread(work(), link("r"), here, range(8)))


def test_a_scheduler_that_is_not_there_is_named(tmp_path):
    """Nobody listens at the address."""
    with (
        engine("tcp://127.0.0.1:9", tmp_path) as cluster,
        pytest.raises(ClusterFailed, match=r"tcp://127\.0\.0\.1:9 cannot be reached") as told,
    ):
        list(cluster.spread(work(), link("r"), here, range(8)))
    assert " object at 0x" not in str(told.value)


def test_workers_come_and_go_and_none_is_waited_for_for_ever(tmp_path):
    """One joins, is killed in the middle, and another goes on; then there is none."""
    clock = Hurrying()
    with dask() as own, engine(own.address, tmp_path, clock=clock) as cluster:
        kind = work(size=3, waits_for={"4": "go"}, kills=[9])
        results = cluster.spread(kind, link("r"), here, range(12))
        first = own.worker()
        found = [next(results)]
        await_file(tmp_path / "batches")
        first.kill()
        (tmp_path / "go").touch()
        own.worker()
        third = own.worker()  # the ninth kills two
        fourth = own.worker()
        found += [*results]
        assert sorted(found) == sorted([*doubled(n for n in range(12) if n != 9), (9, "lost")])
        third.kill()
        fourth.kill()
        for worker in own.workers:
            worker.kill()
            worker.wait(10)
        clock.step = 20.0
        with pytest.raises(ClusterFailed, match="no worker"):
            list(cluster.spread(work(hangs=[0, 1, 2]), link("r"), here, range(3)))


def test_a_scheduler_that_is_lost_ends_the_run(tmp_path):
    """What came back before it is kept by the job; nobody waits for another scheduler."""
    with dask(1) as own, engine(own.address, tmp_path) as cluster:
        results = cluster.spread(work(size=1, hangs=[1]), link("r"), here, range(3))
        assert next(results) == (0, 0)
        own.scheduler.kill()
        with pytest.raises(ClusterFailed, match="was lost"):
            list(results)


def test_a_worker_without_datafetch_is_named(tmp_path):
    """The image of the worker is the wrong one."""
    with dask() as own, engine(own.address, tmp_path) as cluster:
        own.worker("without")
        with pytest.raises(ConfigurationError, match=r"tcp://\S+ cannot run datafetch"):
            list(cluster.spread(work(), link("r"), here, range(3)))


def test_a_scheduler_without_datafetch_is_named(tmp_path):
    """It cannot read the batches that it passes on, and would give all of them back as lost."""
    with (
        dask(1, without=True) as own,
        engine(own.address, tmp_path) as cluster,
        pytest.raises(
            ConfigurationError, match=r"scheduler at tcp://\S+ cannot run datafetch"
        ) as told,
    ):
        list(cluster.spread(work(), link("r"), here, range(3)))
    assert "No module named 'datafetch" in str(told.value)


def test_no_secret_is_shown(shared, tmp_path, caplog, dasks_log):
    """Neither we nor Dask at its most talkative write what workers are given, which they can use."""
    with engine(shared.address, tmp_path, refuse=True) as cluster, pytest.raises(StoreError):
        list(cluster.spread(work(), link("r-of-secrets"), here, range(4)))
    logged = dasks_log.read_text()
    assert "r-of-secrets" in logged  # whole messages
    assert cluster_work.SECRET not in logged
    assert cluster_work.SECRET not in caplog.text


def test_only_the_process_it_was_sealed_for_opens_a_seal():
    """Another one that has taken its address cannot, and a spoilt message is no message."""
    ours, theirs = Seal(), Seal()
    sealed = seal(ours.public, b"content")
    assert ours.open(sealed) == b"content"
    assert sealed != seal(ours.public, b"content")
    with pytest.raises(NotForUs):
        theirs.open(sealed)
    with pytest.raises(NotForUs):
        ours.open(sealed[:-1] + bytes([sealed[-1] ^ 1]))
