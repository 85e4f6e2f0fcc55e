"""Real processes whose locks are in a table of DynamoDB, with stores that keep conditions and that do not."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bookmarks.world import link
from tests.fakes.base import FakeServer, Request
from tests.fakes.faults import dropped, held
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.s3 import S3Fake
from tests.fakes.s3_dialects import Dialect
from tests.fakes.tables import TableFake, refused
from tests.fakes.world import World
from tests.processes import Finished, clean_environment, command_line, datafetch

LOCK = "json/datafetch/locks/bookmarks.json"


@pytest.fixture
def karakeep() -> Iterator[FakeServer]:
    """A server with a list."""
    with KarakeepApp(link(number) for number in range(12)).served() as server:
        yield server


@pytest.fixture
def variables(
    karakeep: FakeServer, s3_fake: S3Fake, lock_table: TableFake, tmp_path: Path
) -> dict[str, str]:
    """The settings of a site in production whose locks are in the table."""
    return (
        s3_fake.environment
        | lock_table.environment
        | {
            "DATAFETCH_ENV": "production",
            "BOOKMARKS_API_URL": karakeep.url,
            "BOOKMARKS_LIST_ID": LIST_ID,
            "BOOKMARK_BEARER_TOKEN": TOKEN,
            "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )


def _start(cwd: Path, variables: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command_line(*arguments),
        cwd=cwd,
        env=clean_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _ended(process: "subprocess.Popen[str]") -> Finished:
    out, err = process.communicate(timeout=100)
    return Finished(process.returncode, out, err)


def _lock(s3_fake: S3Fake) -> Any:
    stored = s3_fake.get(LOCK)
    assert stored is not None
    return json.loads(stored.body)


def _to_the_bucket(s3_fake: S3Fake) -> int:
    return s3_fake.app.log.count(lambda request: "x-amz-target" not in request.headers)


@pytest.mark.parametrize("dialect", ["quoted", "unquoted"])
def test_an_unchanged_run_costs_the_bucket_what_it_did(
    tmp_path: Path,
    variables: dict[str, str],
    s3_fake: S3Fake,
    lock_table: TableFake,
    dialect: Dialect,
) -> None:
    """The table is asked three times: looked at, taken, given back; the publish stays conditional, and nothing is noted."""
    s3_fake.app.dialect = dialect
    assert datafetch("bookmarks", cwd=tmp_path, **variables).code == 0
    assert _lock(s3_fake)["conditional"] == {"form": dialect, "endpoint": s3_fake.url}
    s3_fake.app.count_from_here()
    again = datafetch("bookmarks", "--json", cwd=tmp_path, **variables)
    assert (again.code, again.result("bookmarks")["status"]) == (0, "unchanged"), again.err
    assert again.result("bookmarks")["notes"] == []
    assert _to_the_bucket(s3_fake) <= 16
    assert (lock_table.asked("GetItem"), lock_table.asked("PutItem")) == (1, 2)
    assert _lock(s3_fake)["owner"] is None
    assert _lock(s3_fake)["token"] == int(lock_table.item()["token"])
    assert "owner" not in lock_table.item()


@pytest.mark.parametrize("dialect", ["ignoring", "unsupported", "unsupported-400"])
def test_machines_share_a_store_without_conditions(
    tmp_path: Path,
    variables: dict[str, str],
    s3_fake: S3Fake,
    lock_table: TableFake,
    dialect: Dialect,
) -> None:
    """Refused under `store`, it is published by one of three machines at a time, checked and not atomic, as each result says."""
    s3_fake.app.dialect = dialect
    machines = []
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        machine = variables | {"XDG_RUNTIME_DIR": str(tmp_path / str(number))}
        machines.append(_start(tmp_path, machine, "bookmarks", "--json", "--wait", "60"))
    for process in machines:
        ended = _ended(process)
        assert ended.code == 0, ended.err
        note = ended.result("bookmarks")["notes"][-1]
        assert note.startswith("the publish is checked, not atomic: ")
        assert "this machine only" not in note
    assert len(s3_fake.keys("json/bookmarks/by-id/")) == 12
    assert _lock(s3_fake)["conditional"] == {"form": "none", "endpoint": s3_fake.url}
    assert "owner" not in lock_table.item()


def test_a_second_machine_is_told_who_works_and_a_killed_run_is_seen(
    tmp_path: Path,
    variables: dict[str, str],
    karakeep: FakeServer,
    s3_fake: S3Fake,
    lock_table: TableFake,
) -> None:
    """75 while the first one works; once it is killed the next run takes over, and writes it into the history as failed."""
    gate = threading.Event()
    karakeep.app.inject(held(gate), times=1)
    first = _start(tmp_path, variables, "bookmarks")
    karakeep.app.log.wait_for(1)
    run_id = lock_table.item()["runId"]
    second = datafetch("bookmarks", "--json", cwd=tmp_path, **variables)
    assert (second.code, second.result("bookmarks")["status"]) == (75, "locked")
    assert f"process {first.pid} on " in second.result("bookmarks")["error"]
    assert run_id in second.result("bookmarks")["error"]
    first.send_signal(signal.SIGKILL)
    first.communicate()
    gate.set()
    third = datafetch("bookmarks", "--json", cwd=tmp_path, **variables)
    assert third.code == 0, third.err
    history = s3_fake.get("json/datafetch/history/bookmarks.json")
    assert history is not None
    assert run_id in history.body.decode()
    assert "ended without notice" in history.body.decode()


def test_a_table_that_hangs_delays_no_signal(
    tmp_path: Path, variables: dict[str, str], s3_fake: S3Fake, lock_table: TableFake
) -> None:
    """SIGTERM while the table says nothing: the run ends with its code and result, and has written nothing."""
    gate = threading.Event()
    lock_table.inject(held(gate), "GetItem", times=None)
    run = _start(tmp_path, variables, "bookmarks", "--json")
    s3_fake.app.log.wait_for(1, lambda request: "x-amz-target" in request.headers)
    run.send_signal(signal.SIGTERM)
    ended = _ended(run)
    gate.set()
    assert ended.code == 143, ended.err
    assert ended.result("bookmarks")["status"] == "cancelled"
    assert s3_fake.keys() == []
    assert "stopped_late" not in ended.err  # the call was cut off, not left


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (
            lambda _: {"DATAFETCH_LOCK": "dynamodb://nowhere"},
            78,
            "create-table --table-name nowhere",
        ),
        (
            lambda table: _inject(table, refused("AccessDeniedException")),
            1,
            "Allow dynamodb:GetItem",
        ),
        (lambda table: _inject(table, dropped()), 1, "hung up without an answer"),
    ],
    ids=["no table", "no right", "no answer"],
)
def test_without_the_table_nothing_is_written(
    tmp_path: Path,
    variables: dict[str, str],
    s3_fake: S3Fake,
    lock_table: TableFake,
    spoil: Any,
    code: int,
    said: str,
) -> None:
    """One line, what to do, an exit code and no traceback; the next run works."""
    own = variables | spoil(lock_table)
    ended = datafetch("bookmarks", "--json", cwd=tmp_path, **own)
    assert ended.code == code, ended.err
    result = ended.result("bookmarks")
    assert said in " ".join([result["error"], *result["notes"]])
    assert "Traceback" not in ended.err
    assert s3_fake.keys() == []
    lock_table.app.heal()
    assert datafetch("bookmarks", cwd=tmp_path, **variables).code == 0


def _inject(table: TableFake, action: Any) -> dict[str, str]:
    table.inject(action, "GetItem", times=None)
    return {}


def test_what_only_reads_needs_no_table(
    tmp_path: Path, variables: dict[str, str], s3_fake: S3Fake, lock_table: TableFake
) -> None:
    """`--dry-run` and `prefetch-build` take no lock: the table is not asked."""
    assert datafetch("bookmarks", cwd=tmp_path, **variables).code == 0
    s3_fake.app.count_from_here()
    assert datafetch("bookmarks", "--dry-run", cwd=tmp_path, **variables).code == 0
    datafetch("prefetch-build", cwd=tmp_path, **variables)
    assert lock_table.asked("GetItem") == 0


def test_previews_are_merged_under_locks_of_the_table(
    tmp_path: Path, world: World, s3_fake: S3Fake, lock_table: TableFake
) -> None:
    """OpenGraph takes the bookmarks' lease beside its own in one process, merges, and gives both back."""
    own = world.environment() | s3_fake.environment | lock_table.environment
    own |= {"DATAFETCH_ENV": "production", "AWS_EC2_METADATA_DISABLED": "true"}
    assert datafetch("bookmarks", cwd=tmp_path, **own).code == 0
    ended = datafetch("refresh-opengraph", "--json", cwd=tmp_path, **own)
    assert (ended.code, ended.result("opengraph")["status"]) == (0, "succeeded"), ended.err
    items = lock_table.items()
    assert ["owner" in item for item in items] == [False, False]
    assert all("datafetch/locks/" in item["id"]["S"] for item in items)


def test_a_run_is_renewed_in_the_table(
    tmp_path: Path,
    variables: dict[str, str],
    karakeep: FakeServer,
    s3_fake: S3Fake,
    lock_table: TableFake,
) -> None:
    """While the bucket says nothing for a while the lease goes on, since the table keeps it."""
    gate = threading.Event()
    karakeep.app.inject(held(gate), times=1)
    run = _start(tmp_path, variables | {"DATAFETCH_LOCK_TTL_MS": "3000"}, "bookmarks", "--json")
    karakeep.app.log.wait_for(1)

    def puts(request: Request) -> bool:
        return request.headers.get("x-amz-target", "").endswith("PutItem")

    s3_fake.app.log.wait_for(3, puts)  # taken, and renewed twice
    gate.set()
    ended = _ended(run)
    assert ended.code == 0, ended.err
    assert "owner" not in lock_table.item()
