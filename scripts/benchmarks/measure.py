"""Runs the command as a process of its own and says what it took."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Figure:
    """One measured case."""

    case: str
    value: str
    aim: str = ""


@dataclass(frozen=True)
class Timing:
    """What one process took, by the operating system's own accounting."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    code: int


# A process' maximum as the operating system reports it includes what stood in its place before
# `exec`, so each process says its own high-water mark when it ends.
_RUNNER = """
import atexit, os, re, runpy, sys
def report():
    peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
    os.write(int(os.environ["BENCH_REPORT"]), peak.encode())
atexit.register(report)
sys.argv[0] = "datafetch"
runpy.run_module("datafetch", run_name="__main__")
"""


def timed(arguments: list[str], folder: str, variables: dict[str, str]) -> Timing:
    """Run the command once, as a process of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    reader, writer = os.pipe()
    with tempfile.TemporaryFile("w+") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", _RUNNER, "--quiet", *arguments],
            cwd=folder,
            env={**kept, "PYTHONPATH": str(ROOT), "BENCH_REPORT": str(writer), **variables},
            stdout=said,
            stderr=said,
            pass_fds=[writer],
        )
        os.close(writer)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        with os.fdopen(reader) as report:
            peak_kib = int(report.read() or 0)
        if process.returncode:
            said.seek(0)
            print(f"exit {process.returncode}: {arguments}\n{said.read()[-500:]}", file=sys.stderr)
    return Timing(wall, _cpu_of(usage), peak_kib / 1024, process.returncode)


def _cpu_of(usage: resource.struct_rusage) -> float:
    """User and system seconds."""
    return usage.ru_utime + usage.ru_stime
