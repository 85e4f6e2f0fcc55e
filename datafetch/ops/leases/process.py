"""Which process holds a lease, so that another one on this machine can see whether it has ended.

A host name and a number do not say so: containers may share the name, each counts its processes
from 1, and the system gives numbers again. A process is the same only if it has the same number in
the same PID namespace since the same moment, all since the same start of the machine. Linux tells
all of it in /proc; elsewhere nobody is judged, and leases end by their time.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")

_STATE, _STARTED = 0, 19
"""Places of two fields after the name in /proc/PID/stat: 3 (state) and 22 (starttime), proc(5)."""

_ENDED = (b"Z", b"X", b"x")
"""States of a process that has ended, and whose parent has not asked for its end yet."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process as others can know it again.

    Attributes:
        host: the name of its machine.
        pid: its number.
        boot: which start of which machine, and which PID namespace its number belongs to; None
            where that cannot be read.
        started: when it began, in the system's ticks since the machine started; None as `boot`.
    """

    host: str
    pid: int
    boot: str | None
    started: int | None


class _Stat(NamedTuple):
    state: bytes
    started: int


def this_process() -> Process:
    """This process; read anew each time, since a process that forks is another one then."""
    pid = os.getpid()
    boot = _boot(pid)
    stat = _stat(pid) if boot is not None else None
    if stat is None:
        return Process(this_host(), pid, None, None)
    return Process(this_host(), pid, boot, stat.started)


def this_host() -> str:
    """The name of this machine."""
    return socket.gethostname()


def can_be_seen(process: Process) -> bool:
    """Whether a process with this number, if there is one here, is that process or came after it."""
    here = this_process()
    return (
        process.started is not None
        and process.boot is not None
        and (process.host, process.boot) == (here.host, here.boot)
    )


def has_ended(process: Process) -> bool:
    """Whether the process is known to have ended; False also where nobody can tell.

    In a container whose first process does not ask for the ends of others, a process that has
    ended keeps its number for ever.
    """
    if not can_be_seen(process):
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it is there, and another user's
    stat = _stat(process.pid)
    # Its number may have been given again.
    return stat is not None and (stat.state in _ENDED or stat.started != process.started)


def same_boot(a: str | None, b: str | None) -> bool:
    """Whether two `Process.boot` are of one start of one machine, in whichever namespaces."""
    return a is not None and b is not None and a.partition("/")[0] == b.partition("/")[0]


def _boot(pid: int) -> str | None:
    """See `Process.boot`: the boot id and the inode of the PID namespace (namespaces(7))."""
    try:
        if str((_PROC / "self").readlink()) != str(pid):
            return None  # this /proc was mounted in another namespace: its numbers are not ours
        if not _has_its_machines_time():
            return None
        boot_id = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = (_PROC / "self/ns/pid").stat().st_ino
    except (OSError, ValueError):
        return None
    return f"{boot_id}/{namespace}" if boot_id else None


def _has_its_machines_time() -> bool:
    """Whether the starts of processes are told in the time of the machine (time_namespaces(7))."""
    try:
        offsets = (_PROC / "self/timens_offsets").read_text(encoding="ascii")
    except FileNotFoundError:  # before Linux 5.6
        return True
    return all(number == "0" for line in offsets.splitlines() for number in line.split()[1:])


def _stat(pid: int) -> _Stat | None:
    try:
        told = (_PROC / str(pid) / "stat").read_bytes()
        # pid (name) state …, and the name may contain anything
        fields = told.rpartition(b")")[2].split()
        return _Stat(fields[_STATE], int(fields[_STARTED]))
    except (OSError, ValueError, IndexError):
        return None
