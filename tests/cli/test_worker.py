"""`datafetch worker`: joins a scheduler, waits for one, and ends when it is told to."""

import signal
import subprocess
import time
from contextlib import contextmanager
from threading import Thread

import psutil
import pytest

from datafetch.clock import CancelToken, SystemClock
from datafetch.models.cluster_place import read_cluster_place
from datafetch.runtime.engine_cluster import ClusterEngine
from tests.processes import clean_environment, command_line, datafetch
from tests.runtime.cluster_processes import dask
from tests.runtime.cluster_work import await_file, calls, link, noted, work


@contextmanager
def worker(address, folder):
    """The command as a process of its own, which has ended afterwards."""
    process = subprocess.Popen(
        command_line("--log-format", "json", "worker"),
        cwd=folder,
        env=clean_environment(DATAFETCH_CLUSTER=address, TMPDIR=str(folder)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        assert process.stderr is not None
        process.stderr.close()


def await_event(process, event):
    """Read the log until this event."""
    for line in process.stderr:
        if f'"event": "{event}"' in line:
            return line
    raise AssertionError(f"the worker ended without {event}")


def test_a_worker_ends_its_batch_before_it_ends(tmp_path):
    """On SIGTERM; what it had not begun is done by the next one, which the scheduler sends away.

    It listens at one port, which other machines do not reach when the scheduler is on this one.
    """
    with dask() as own, worker(own.address, tmp_path) as first:
        assert '"version"' in await_event(first, "worker_started")
        place = read_cluster_place(own.address, insecure=False)
        cluster = ClusterEngine(4, CancelToken(), SystemClock(), place, calls(tmp_path))
        found: list[tuple[int, object]] = []
        kind = work(size=1, waits_for={"0": "go"})
        spread = cluster.spread(kind, link("r"), lambda _item: (0, 0), range(4))
        collect = Thread(target=lambda: found.extend(spread))
        try:
            collect.start()
            await_file(tmp_path / "batches")
            ports = psutil.Process(first.pid).net_connections("inet")
            listening = [port.laddr.ip for port in ports if port.status == psutil.CONN_LISTEN]
            assert listening == ["127.0.0.1"]
            first.send_signal(signal.SIGTERM)
            await_event(first, "worker_ends_batch")
            (tmp_path / "go").touch()
            assert first.wait(20) == 143
            with worker(own.address, tmp_path) as second:
                collect.join(30)
                assert sorted(found) == [(0, 0), (1, 2), (2, 4), (3, 6)]
                assert [batch["items"] for batch in noted(tmp_path, "batches")].count([0]) == 1
                assert [*tmp_path.glob("datafetch-dask-*/dask-scratch-space")]
                retire(own.address)
                assert second.wait(20) == 0
                assert not [*tmp_path.glob("*dask*")]
        finally:
            (tmp_path / "go").touch()
            cluster.end_run()
            collect.join(10)


def retire(address):
    """Have the scheduler send all its workers away.

    It refuses while a worker still has the only copy of a result, which the run is about to release.
    """
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        until = time.monotonic() + 20
        while not client.retire_workers(close_workers=True):
            assert time.monotonic() < until


def test_a_worker_waits_for_its_scheduler(tmp_path):
    """It says so once, with the reason, and still ends at once."""
    with worker("tcp://127.0.0.1:9", tmp_path) as process:
        await_event(process, "worker_waits")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "DATAFETCH_CLUSTER is not set"),
        ({"DATAFETCH_CLUSTER": "local[2]"}, "needs the address of a scheduler"),
        ({"DATAFETCH_CLUSTER": "tcp://scheduler.example:8786"}, "DATAFETCH_CLUSTER_INSECURE"),
        ({"DATAFETCH_CLUSTER": "tls://127.0.0.1:9"}, "DASK_DISTRIBUTED__COMM__TLS__WORKER__CERT"),
    ],
)
def test_what_a_worker_cannot_join_is_said(tmp_path, variables, said):
    """Exit 78, and which setting is wrong."""
    done = datafetch("worker", cwd=tmp_path, **variables)
    assert done.code == 78
    assert said in done.err
    assert "Traceback" not in done.err
