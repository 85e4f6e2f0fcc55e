"""A server of `datafetch serve` as a process, for the cases that ask it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Serving:
    """A server that runs, and what the system says of its process."""

    port: int
    pid: int

    def memory_mib(self) -> float:
        """What it holds in memory now."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return next(
            int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")
        )

    def open_files(self) -> int:
        """How many files and connections it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def threads(self) -> int:
        """How many threads it has."""
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))


@contextmanager
def serving(folder: str, environment: Mapping[str, str]) -> Iterator[Serving]:
    """A server before a folder, while the block runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "datafetch", "--log-format", "json", "serve", "--port", "0"],
        cwd=folder,
        env={**os.environ, "DATAFETCH_STORE": f"file:{folder}/store", **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        lines = (json.loads(line) for line in process.stderr)
        url = next(line["url"] for line in lines if line["event"] == "serve_listening")
        # Else its log would fill the pipe, and the server wait for somebody to read it.
        threading.Thread(target=lambda: [None for _ in lines], daemon=True).start()
        yield Serving(int(url.rpartition(":")[2]), process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
