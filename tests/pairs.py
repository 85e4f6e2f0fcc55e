"""Two machines whose crons start one job in the same second, again and again, on one bucket.

Each machine is a process of its own, with a folder for locks of its own, so that only the bucket
is between them. Both have loaded everything before they may begin, and then begin together.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bookmarks.world import link
from tests.fakes.base import FakeServer
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.s3 import S3Fake
from tests.processes import clean_environment

_YEARLY = "0 0 1 1 *"
_STATE = "json/datafetch/jobs/bookmarks-test.json"
_HISTORY = "json/datafetch/history/bookmarks-test.json"

_AT_THE_GATE = """
import runpy, sys
import datafetch.bookmarks.job, datafetch.cli.session, datafetch.manager, datafetch.net.client
import datafetch.store.s3
print("ready", flush=True)
sys.stdin.readline()
sys.argv = ["datafetch", "bookmarks", "--scheduled", "--json"]
runpy.run_module("datafetch", run_name="__main__")
"""


@dataclass(frozen=True)
class Pair:
    """How two starts ended.

    Attributes:
        is_first: whether the job had never run before; else its slot of the year before was run.
        codes: the exit codes.
        results: what each has printed.
        runs: how many runs the history has got by it.
        slots: what the state says of each slot.
        log: what they have logged, for whoever looks for what went wrong.
    """

    number: int
    is_first: bool
    codes: tuple[int, int]
    results: tuple[dict[str, Any], dict[str, Any]]
    runs: int
    slots: dict[str, str]
    log: str

    @property
    def wrong(self) -> str:
        """What is wrong; empty when exactly one of the two ran, and the other had nothing to do."""
        ran = [result for result in self.results if result["itemsProcessed"]]
        idle = [result for result in self.results if not result["itemsProcessed"]]
        said = (
            f"codes {self.codes}, {[result['status'] for result in self.results]}, {self.runs} runs"
        )
        if len(ran) != 1 or self.runs != 1:
            return f"not exactly one ran: {said}"
        if self.codes != (0, 0) or idle[0]["status"] != "unchanged":
            return (
                f"the other did not end as if there were nothing to do: {said}, {idle[0]['error']}"
            )
        if [*self.slots.values()].count("done") != (1 if self.is_first else 2):
            return f"the slot is not done: {self.slots}"
        return ""


def pairs(count: int, s3: S3Fake, folder: Path, *, at_once: int = 1) -> Iterator[Pair]:
    """Start two machines so many times, and tell how each time ended."""
    with KarakeepApp(link(number) for number in range(3)).served() as server:
        seed = _objects_of_last_year(s3, server, folder)

        def play(number: int) -> Pair:
            return _pair(number, s3, server, folder, seed)

        with ThreadPoolExecutor(at_once) as pool:
            yield from pool.map(play, range(count))


def _pair(
    number: int, s3: S3Fake, server: FakeServer, folder: Path, seed: dict[str, bytes]
) -> Pair:
    prefix, is_first = f"pair-{number}/", number % 2 == 0
    for key, body in {} if is_first else seed.items():
        s3.put(f"{prefix}{key}", body)
    machines = [_machine(f"{number}-{name}", prefix, s3, server, folder) for name in "ab"]
    try:
        for machine in machines:
            assert machine.stdout is not None
            assert machine.stdout.readline() == "ready\n", machine.communicate()
        for machine in machines:
            assert machine.stdin is not None
            machine.stdin.write("\n")
            machine.stdin.flush()
        ended = [machine.communicate(timeout=100) for machine in machines]
    finally:
        for machine in machines:
            machine.kill()
    first, second = (json.loads(out)[0] for out, _ in ended)
    state, history = (_read(s3, f"{prefix}{key}") for key in (_STATE, _HISTORY))
    return Pair(
        number,
        is_first,
        (machines[0].returncode, machines[1].returncode),
        (first, second),
        len(history) - (0 if is_first else 1),
        {name: slot["state"] for name, slot in state["slots"].items()},
        "".join(err for _, err in ended),
    )


def _machine(
    name: str, prefix: str, s3: S3Fake, server: FakeServer, folder: Path
) -> "subprocess.Popen[str]":
    home = folder / name
    home.mkdir()
    return subprocess.Popen(
        [sys.executable, "-c", _AT_THE_GATE],
        cwd=home,
        env=clean_environment(**_environment(prefix, s3, server), DATAFETCH_RUNTIME_DIR=str(home)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _environment(prefix: str, s3: S3Fake, server: FakeServer) -> dict[str, str]:
    return {
        **s3.environment,
        "DATAFETCH_STORE": f"s3://{s3.bucket}/{prefix.rstrip('/')}",
        "DATAFETCH_ENV": "test",
        "PYTHONFAULTHANDLER": "1",
        "S3_BOOKMARKS_CRON": _YEARLY,
        "BOOKMARKS_API_URL": server.url,
        "BOOKMARKS_LIST_ID": LIST_ID,
        "BOOKMARK_BEARER_TOKEN": TOKEN,
    }


def _objects_of_last_year(s3: S3Fake, server: FakeServer, folder: Path) -> dict[str, bytes]:
    """What one run leaves, with its slot made that of the year before."""
    machine = _machine("seed", "seed/", s3, server, folder)
    out, err = machine.communicate("\n", timeout=100)
    assert machine.returncode == 0, (out, err)
    found = {key.removeprefix("seed/"): _body(s3, key) for key in s3.keys("seed/")}
    state = json.loads(found[_STATE])
    ((name, slot),) = state["slots"].items()
    year = int(name[:4]) - 1
    state["slots"] = {f"{year}{name[4:]}": slot}
    state["schedule"]["since"] = 0
    return {**found, _STATE: json.dumps(state).encode()}


def _body(s3: S3Fake, key: str) -> bytes:
    stored = s3.get(key)
    assert stored is not None, key
    return stored.body


def _read(s3: S3Fake, key: str) -> Any:
    return json.loads(_body(s3, key))
