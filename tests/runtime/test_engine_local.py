"""Worker processes that a run starts on its own machine, and what is left of them: nothing."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.processes import clean_environment
from tests.runtime.cluster_work import noted

_COORDINATOR = """
import signal, sys
from pathlib import Path
from datafetch.clock import CancelToken, SystemClock
from datafetch.errors import Cancelled
from datafetch.models.cluster_place import read_cluster_place
from datafetch.runtime.engine_cluster import ClusterEngine
from tests.runtime.cluster_work import calls, link, work

if __name__ == "__main__":
    cancel = CancelToken()
    signal.signal(signal.SIGINT, lambda *_: cancel.cancel(Cancelled("stop", signal=2)))
    place = read_cluster_place("local[2]", insecure=False)
    engine = ClusterEngine(4, cancel, SystemClock(), place, calls(Path(sys.argv[1])))
    try:
        kind = work(size=4, kills=[5], hangs=[40])
        for item, value in engine.spread(kind, link("r"), None, range(41)):
            print(item, value, flush=True)
    except Cancelled:
        print("stopped", flush=True)
    finally:
        engine.end_run()
"""


@pytest.fixture
def temporary():
    """A folder for temporary files, whose path is short enough for sockets in it."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        yield Path(folder)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_run(tmp_path, temporary, how):
    """Ctrl-C reaches them, too, and means nothing there; SIGKILL of the run is the end of them.

    One is killed before by its item; it is started anew, and all other items are done. None of them
    has a page for whoever is on this machine, and nothing of Dask's log is seen.
    """
    program = tmp_path / "run.py"
    program.write_text(_COORDINATOR)
    process = subprocess.Popen(
        [sys.executable, str(program), str(tmp_path)],
        env=clean_environment(TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(40)]
        assert sorted(lines) == sorted([*(f"{n} {2 * n}" for n in range(40) if n != 5), "5 lost"])
        begun = {worker["pid"] for worker in noted(tmp_path, "begun")}
        assert len(begun) >= 3
        run = psutil.Process(process.pid)
        children = run.children(recursive=True)
        assert not any(b"HTTP" in said_in_clear_by(one) for one in (run, *children))
        # Dask's own name for its folder is known to all, and it imports modules from there.
        assert not (temporary / "dask-scratch-space").exists()
        assert {path.stat().st_mode & 0o077 for path in temporary.iterdir()} == {0}
        if how == signal.SIGINT:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.kill()
        out, err = process.communicate(timeout=30)
        # The item that hung ends by the stop, and its result comes back, if that is in time.
        last = out.removeprefix("40 80\n")
        assert last == ("stopped\n" if how == signal.SIGINT else "")
        assert "Traceback" not in err
        assert "distributed" not in err
        assert "Port" not in err
        _, alive = psutil.wait_procs(children, timeout=20)
        assert not alive
        assert how == signal.SIGKILL or not [*temporary.iterdir()]
    finally:
        process.kill()  # its children end with it
        process.communicate()


def test_a_folder_whose_path_is_too_long_for_a_socket_is_told(tmp_path):
    """The processes talk over one in the folder for temporary files."""
    program, deep = tmp_path / "run.py", tmp_path / ("deep" * 30)
    program.write_text(_COORDINATOR)
    deep.mkdir()
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path)],
        env=clean_environment(TMPDIR=str(deep)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ClusterFailed: worker processes cannot be started" in done.stderr


def said_in_clear_by(process: psutil.Process) -> bytes:
    """What a process answers a browser at all its ports."""
    said = b""
    for open_port in process.net_connections("inet"):
        if open_port.status == psutil.CONN_LISTEN:
            with socket.create_connection(open_port.laddr, timeout=20) as browser:
                browser.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                with suppress(ConnectionResetError):
                    said += browser.recv(1000)
    return said
