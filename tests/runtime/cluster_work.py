"""What the workers of the engine's tests do: small work with numbers, and ways to go wrong.

Called by name in worker processes. What a worker was told is kept in files of the folder that the
charge names, so that tests can look at it, whichever process it was in.
"""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from datafetch import __version__
from datafetch.errors import StoreError
from datafetch.models.error_values import error_value
from datafetch.models.json import JsonObject
from datafetch.runtime.batches import Batch, BatchAnswer, ItemWork, Pulse, RunLink, WorkerCalls

SECRET = "s3cr3t-canary"
_HERE = "tests.runtime.cluster_work"


class _State:
    folder = Path()
    stopped = threading.Event()


def calls(folder: Path, version: str = __version__, *, refuse: bool = False) -> WorkerCalls:
    """The functions below."""
    return WorkerCalls(
        begin=f"{_HERE}:begin",
        perform=f"{_HERE}:perform",
        pulse=f"{_HERE}:pulse",
        charge=SecretStr(json.dumps([str(folder), refuse, SECRET])),
        version=version,
    )


def work(size: int = 4, width: int | None = None, **common: Any) -> ItemWork[int, tuple[int, Any]]:
    """Numbers to work on; `common` says what happens to which of them."""
    return ItemWork(
        job="numbers",
        common=common,
        encode=lambda item: item,
        decode=lambda item, value: (item, value),
        lost=lambda item: (item, "lost"),
        group=lambda item: str(item % common["groups"]) if common.get("groups") else "",
        size=size,
        width=width,
    )


def link(run_id: str, told: list[JsonObject] | None = None, write_s: float = 20.0) -> RunLink:
    """The link of a run."""
    heard = [] if told is None else told
    return RunLink(run_id, lambda: write_s, heard.append)


def begin(message: JsonObject) -> JsonObject:
    """Prepare the process, or say that it cannot be done."""
    folder, refuse, _ = json.loads(message["charge"].get_secret_value())
    _State.folder = Path(folder)
    _State.stopped.clear()
    note("begun", {"pid": os.getpid(), "version": message["version"]})
    error = error_value(StoreError("the folder is not there")) if refuse else None
    return {"version": __version__, "error": error}


def pulse(message: JsonObject) -> None:
    """Take note of a pulse; the last one lets what hangs end."""
    value = Pulse.of(message)
    note("pulses", {"pid": os.getpid(), "write_s": value.write_s, "places": value.places})
    if value.write_s == 0:
        _State.stopped.set()


def perform(message: JsonObject) -> JsonObject:
    """Double the numbers of a batch, as far as nothing is to go wrong."""
    batch = Batch.of(message)
    does = batch.common
    note("batches", {"pid": os.getpid(), "items": list(batch.items), "width": batch.width})
    results: dict[int, object] = {}
    numbers = [item for item in batch.items if isinstance(item, int)]
    for place, item in enumerate(numbers):
        if item in does.get("kills", ()):
            os.kill(os.getpid(), signal.SIGKILL)
        if item in does.get("hangs", ()):
            _State.stopped.wait(30)
        if item == does.get("fails"):
            error = error_value(StoreError("no space"))
            return BatchAnswer(results, error, {"done": place}).to_json()
        if item == does.get("breaks"):
            raise ZeroDivisionError("by the test")
        waits_for = does.get("waits_for", {}).get(str(item))
        if waits_for is not None:
            await_file(_State.folder / waits_for)
        results[place] = item * 2
    hold = does.get("hold_s", 0.0) if does.get("holds") in batch.items else 0.0
    return BatchAnswer(results, None, {"done": len(results)}, hold).to_json()


def note(name: str, value: JsonObject) -> None:
    """Add a line to a file of the folder."""
    with (_State.folder / name).open("a") as file:
        file.write(json.dumps(value) + "\n")


def noted(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a file of the folder."""
    path = folder / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def await_file(path: Path, seconds: float = 30) -> None:
    """Wait until there is such a file."""
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"no {path}"
        time.sleep(0.01)
