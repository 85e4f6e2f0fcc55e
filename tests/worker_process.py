"""A worker process without Dask: it calls what `WorkerCalls` names with the JSON that it reads.

Each line of its input is `[function, value]`, each line of its output an answer. Of `begin` the charge
comes as text.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.processes import clean_environment


class WorkerProcess:
    """The process as the tests see it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def call(self, function: str, value: Any) -> Any:
        """Have the process call one of the functions, and return what it answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([function, value]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def worker_process(folder: Path, log: Path) -> Iterator[WorkerProcess]:
    """A process that knows no settings, in this folder; what it logs is in the file."""
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tests.worker_process"],
            cwd=folder,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield WorkerProcess(process)
        finally:
            process.kill()


def _main() -> None:
    from datafetch import batch_run
    from datafetch.cli.console import configure_logging

    configure_logging("json", 1)
    functions = {
        call.__name__: call for call in (batch_run.begin, batch_run.perform, batch_run.pulse)
    }
    for line in sys.stdin:
        name, value = json.loads(line)
        if name == "begin":
            value["charge"] = SecretStr(value["charge"])
        sys.stdout.write(json.dumps(functions[name](value)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
