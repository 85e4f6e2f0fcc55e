"""Which process holds a lease: known again here, and not to be judged from anywhere else."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from datafetch.ops.leases.process import (
    can_be_seen,
    has_ended,
    same_boot,
    this_process,
)
from tests.processes import ROOT, clean_environment
from tests.programs import find

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")

_TELLS = """
import json, sys
from dataclasses import asdict
from datafetch.ops.leases.process import Process, has_ended, this_process
holder = Process(*json.loads(sys.argv[1]))
print(json.dumps([has_ended(holder), asdict(this_process())]))
"""


def test_a_process_knows_itself_again() -> None:
    """It has a boot and a start, and they stay the same while it lives."""
    here = this_process()
    assert here.boot is not None
    assert here.started is not None
    assert this_process() == here
    assert can_be_seen(here)
    assert not has_ended(here)


def test_a_process_that_forks_is_another_one() -> None:
    """What a child wrote must not be judged by its parent's number."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(this_process().pid).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(read, 32)) == child
    os.close(read)
    os.close(write)


def test_the_end_of_a_process_is_seen() -> None:
    """Alive, ended and not asked for by its parent, gone: only the first is alive."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        told = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        holder = replace(this_process(), pid=process.pid, started=int(told[19]))
        assert not has_ended(holder)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert has_ended(holder)
    assert has_ended(holder)


def test_a_number_that_was_given_again_is_another_process() -> None:
    """The number of a run that was killed went to a new process: its lock need not be waited for."""
    here = this_process()
    assert here.started is not None
    assert has_ended(replace(here, started=here.started - 1))


def test_what_cannot_be_seen_is_not_judged() -> None:
    """Host name and number alone lie: a live lock was stolen by a container with both."""
    here = this_process()
    assert here.started is not None
    gone = replace(here, started=here.started - 1)
    for unseen in (
        replace(gone, host="elsewhere"),
        replace(gone, boot="b/1"),
        replace(gone, boot=None),
        replace(gone, started=None),
    ):
        assert not can_be_seen(unseen)
        assert not has_ended(unseen)


def test_namespaces_of_one_start_are_of_one_machine() -> None:
    """A container shares the kernel's locks with its neighbours, not its numbers; an unknown start is no start."""
    assert same_boot("b/1", "b/2")
    assert not same_boot("a/1", "b/1")
    assert not same_boot(None, None)


_UNSHARE = ("unshare",) if os.getuid() == 0 else ("unshare", "--map-root-user")


def _can_unshare(*options: str) -> bool:
    if find("unshare") is None:
        return False
    return subprocess.run([*_UNSHARE, *options, "true"], check=False).returncode == 0


@pytest.mark.parametrize(
    ("options", "knows_itself"),
    [(("-pf", "--mount-proc"), True), (("-pf",), False), (("-T", "--boottime", "500"), False)],
    ids=["own-proc", "foreign-proc", "own-time"],
)
def test_a_process_of_another_namespace_is_not_judged(
    options: tuple[str, ...], knows_itself: bool
) -> None:
    """With our host name in its own PID namespace, a process saw that our number is nobody's, and took our lock."""
    if not _can_unshare(*options):
        pytest.skip("this machine makes no namespaces")
    here = this_process()
    holder = f'["{here.host}", {here.pid}, "{here.boot}", {here.started}]'
    told = subprocess.run(
        [*_UNSHARE, *options, sys.executable, "-c", _TELLS, holder],
        cwd=ROOT,
        env=clean_environment(),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert told.startswith("[false, ")
    assert ('"boot": null' not in told) is knows_itself
