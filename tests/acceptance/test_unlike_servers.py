"""Real processes against S3 servers that keep conditions in their own way, or not at all."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bookmarks.world import link
from tests.fakes.base import FakeServer
from tests.fakes.faults import held
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.s3 import S3Fake
from tests.fakes.s3_dialects import Dialect
from tests.fakes.world import World
from tests.processes import Finished, clean_environment, command_line, datafetch

LOCK = "json/datafetch/locks/bookmarks.json"
REFUSED: list[Dialect] = ["ignoring", "unsupported", "unsupported-400"]


@pytest.fixture
def karakeep() -> Iterator[FakeServer]:
    """A server with a list."""
    with KarakeepApp(link(number) for number in range(12)).served() as server:
        yield server


@pytest.fixture
def variables(karakeep: FakeServer, s3_fake: S3Fake) -> dict[str, str]:
    """The settings of a site in production."""
    return s3_fake.environment | {
        "DATAFETCH_ENV": "production",
        "BOOKMARKS_API_URL": karakeep.url,
        "BOOKMARKS_LIST_ID": LIST_ID,
        "BOOKMARK_BEARER_TOKEN": TOKEN,
    }


def _start(cwd: Path, variables: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command_line(*arguments),
        cwd=cwd,
        env=clean_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _ended(process: subprocess.Popen[str]) -> Finished:
    out, err = process.communicate(timeout=100)
    return Finished(process.returncode, out, err)


def _lock(s3_fake: S3Fake) -> Any:
    stored = s3_fake.get(LOCK)
    assert stored is not None
    return json.loads(stored.body)


@pytest.mark.parametrize("dialect", REFUSED)
def test_three_machines_at_once_are_all_refused(
    tmp_path: Path, variables: dict[str, str], s3_fake: S3Fake, dialect: Dialect
) -> None:
    """rclone, s3rver and others ignore conditions: three runs from three machines worked at once, all "succeeded"."""
    s3_fake.app.dialect = dialect
    machines = []
    for number in range(3):
        runtime = tmp_path / str(number)
        runtime.mkdir()
        machine = variables | {"XDG_RUNTIME_DIR": str(runtime)}
        machines.append(_start(tmp_path, machine, "bookmarks", "--json"))
    for process in machines:
        ended = _ended(process)
        assert ended.code == 78, ended.err
        (result,) = ended.results
        assert (result["status"], result["success"]) == ("failed", False)
        assert f"s3://{s3_fake.bucket} at {s3_fake.url} " in result["error"]
        assert "Traceback" not in ended.err
    assert s3_fake.keys() == []
    written = {key for method, key in s3_fake.requests() if method == "PUT"}
    assert all(key.startswith("json/datafetch/probe/") for key in written)


def test_every_job_of_a_command_says_that_the_store_is_refused(
    tmp_path: Path, variables: dict[str, str], s3_fake: S3Fake
) -> None:
    """`update` gives each job's result and the way out, and tries the server once."""
    s3_fake.app.dialect = "ignoring"
    ended = datafetch("update", "bookmarks", "opengraph", "logos", cwd=tmp_path, **variables)
    assert ended.code == 78
    assert ended.out.count("ignores the conditions of writes") == 3
    assert ended.out.count("DATAFETCH_LOCK=file") == 3
    assert s3_fake.counts()["DELETE"] == 1
    assert "Traceback" not in ended.err


def test_what_only_reads_works_on_every_store(
    tmp_path: Path, variables: dict[str, str], s3_fake: S3Fake
) -> None:
    """`--dry-run` and `prefetch-build` need no conditions: nothing is probed, nothing refused."""
    assert datafetch("bookmarks", cwd=tmp_path, **variables).code == 0
    s3_fake.app.dialect = "ignoring"
    s3_fake.app.count_from_here()
    for command in (("bookmarks", "--dry-run"), ("prefetch-build",)):
        ended = datafetch(*command, cwd=tmp_path, **variables)
        assert "conditions" not in ended.out + ended.err
    assert datafetch("bookmarks", "--dry-run", cwd=tmp_path, **variables).code == 0
    assert s3_fake.counts()["PUT"] == 0


@pytest.mark.parametrize("dialect", ["quoted", "unquoted"])
def test_an_unchanged_run_costs_what_it_did(
    tmp_path: Path, variables: dict[str, str], s3_fake: S3Fake, dialect: Dialect
) -> None:
    """Ceph 16, Spaces and Hetzner: the second run was locked out for ever. It works, at 16 requests as everywhere."""
    s3_fake.app.dialect = dialect
    assert datafetch("bookmarks", cwd=tmp_path, **variables).code == 0
    assert _lock(s3_fake)["conditional"] == {"form": dialect, "endpoint": s3_fake.url}
    assert _lock(s3_fake)["owner"] is None
    assert s3_fake.keys("json/datafetch/probe/") == []
    s3_fake.app.count_from_here()
    again = datafetch("bookmarks", "--json", cwd=tmp_path, **variables)
    assert (again.code, again.result("bookmarks")["status"]) == (0, "unchanged")
    assert again.result("bookmarks")["notes"] == []
    assert _lock(s3_fake)["token"] == 2
    assert len(s3_fake.requests()) <= 16


def test_a_job_that_was_locked_out_heals(
    tmp_path: Path, variables: dict[str, str], s3_fake: S3Fake
) -> None:
    """A lock without `conditional` that an earlier version never gave back on Ceph 16 ends as others do."""
    s3_fake.app.dialect = "unquoted"
    left = {"owner": "a", "runId": "run-1", "acquiredAt": 1, "expiresAt": 2, "ttlMs": 300_000}
    here = {"host": socket.gethostname(), "pid": 1, "token": 41}
    s3_fake.put(LOCK, json.dumps(left | here).encode())
    assert datafetch("bookmarks", cwd=tmp_path, **variables).code == 75
    s3_fake.age(LOCK, 302)
    ended = datafetch("bookmarks", cwd=tmp_path, **variables)
    assert ended.code == 0, ended.err
    assert (_lock(s3_fake)["token"], _lock(s3_fake)["conditional"]["form"]) == (42, "unquoted")


@pytest.mark.parametrize("dialect", REFUSED)
def test_a_file_lock_makes_such_a_store_usable(
    tmp_path: Path, variables: dict[str, str], s3_fake: S3Fake, dialect: Dialect
) -> None:
    """On one machine the run publishes, checked and not atomic, which each result says; later runs do not probe."""
    s3_fake.app.dialect = dialect
    own = variables | {"DATAFETCH_LOCK": "file"}
    for status in ("succeeded", "unchanged"):
        s3_fake.app.count_from_here()
        ended = datafetch("bookmarks", "--json", cwd=tmp_path, **own)
        assert ended.code == 0, ended.err
        result = ended.result("bookmarks")
        assert result["status"] == status
        assert result["notes"][-1].startswith("the publish is checked, not atomic: ")
    assert not [key for _, key in s3_fake.requests() if "/probe/" in key]
    assert _lock(s3_fake)["conditional"] == {"form": "none", "endpoint": s3_fake.url}
    assert _lock(s3_fake)["token"] == 2
    assert len(s3_fake.keys("json/bookmarks/by-id/")) == 12


def test_a_file_lock_lets_one_of_two_processes_work(
    tmp_path: Path, variables: dict[str, str], karakeep: FakeServer, s3_fake: S3Fake
) -> None:
    """The second ends with 75 and names the first; when that is killed its lock is free at once."""
    s3_fake.app.dialect = "ignoring"
    own = variables | {"DATAFETCH_LOCK": "file"}
    gate = threading.Event()
    karakeep.app.inject(held(gate), times=1)
    first = _start(tmp_path, own, "bookmarks")
    karakeep.app.log.wait_for(1)
    second = datafetch("bookmarks", "--json", cwd=tmp_path, **own)
    assert (second.code, second.result("bookmarks")["status"]) == (75, "locked")
    assert f"process {first.pid} on " in second.result("bookmarks")["error"]
    assert _lock(s3_fake)["runId"] in second.result("bookmarks")["error"]
    first.send_signal(signal.SIGKILL)
    first.communicate()
    gate.set()
    third = datafetch("bookmarks", "--json", cwd=tmp_path, **own)
    assert third.code == 0, third.err
    assert _lock(s3_fake)["token"] == 2


def test_previews_are_merged_under_a_file_lock(
    tmp_path: Path, world: World, s3_fake: S3Fake
) -> None:
    """OpenGraph takes the bookmarks' lease beside its own in one process, merges, and gives both back."""
    s3_fake.app.dialect = "ignoring"
    own = world.environment() | s3_fake.environment
    own |= {"DATAFETCH_ENV": "production", "DATAFETCH_LOCK": "file"}
    assert datafetch("bookmarks", cwd=tmp_path, **own).code == 0
    ended = datafetch("refresh-opengraph", "--json", cwd=tmp_path, **own)
    assert (ended.code, ended.result("opengraph")["status"]) == (0, "succeeded"), ended.err
    assert (_lock(s3_fake)["token"], _lock(s3_fake)["owner"]) == (2, None)
    owners = [
        json.loads(lock.body)["owner"]
        for lock in map(s3_fake.get, s3_fake.keys("json/datafetch/locks/"))
        if lock is not None
    ]
    assert owners == [None, None]
