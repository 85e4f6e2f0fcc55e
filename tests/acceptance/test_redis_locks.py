"""Real processes whose locks live in a real Redis, on S3 servers with conditions and without."""

import json
import signal
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
from tests.processes import ROOT, clean_environment, command_line, datafetch
from tests.redis_servers import RealRedis, real_redis

LOCK = "json/datafetch/locks/bookmarks.json"
PASSWORD = "v3ry-h0sh"


@pytest.fixture
def karakeep() -> Iterator[FakeServer]:
    """A server with a list."""
    with KarakeepApp(link(number) for number in range(12)).served() as server:
        yield server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RealRedis]:
    """A server that asks for a password, as it stands in no message."""
    (tmp_path / "redis").mkdir()
    with real_redis(tmp_path / "redis", "--requirepass", PASSWORD) as server:
        yield server


@pytest.fixture
def variables(karakeep: FakeServer, s3_fake: S3Fake, redis: RealRedis) -> dict[str, str]:
    """The settings of a site in production, whose store ignores the conditions of writes."""
    s3_fake.app.dialect = "ignoring"
    return s3_fake.environment | {
        "DATAFETCH_ENV": "production",
        "DATAFETCH_LOCK": f"redis://:{PASSWORD}@127.0.0.1:{redis.port}/1",
        "BOOKMARKS_API_URL": karakeep.url,
        "BOOKMARKS_LIST_ID": LIST_ID,
        "BOOKMARK_BEARER_TOKEN": TOKEN,
    }


@pytest.fixture
def without_client(tmp_path: Path) -> dict[str, str]:
    """What lets Python find no Redis client, as where the extra was not installed."""
    broken = tmp_path / "broken" / "redis"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'redis'\", name='redis')"
    )
    return {"PYTHONPATH": f"{broken.parent}:{ROOT}"}


def _lock(s3_fake: S3Fake) -> Any:
    stored = s3_fake.get(LOCK)
    assert stored is not None
    return json.loads(stored.body)


@pytest.mark.parametrize("dialect", ["ignoring", "unsupported", "unsupported-400"])
def test_a_store_without_conditions_is_usable_from_several_machines(
    tmp_path: Path, variables: dict[str, str], s3_fake: S3Fake, dialect: Dialect
) -> None:
    """Checked and not atomic, which each result says; it says nothing of one machine. Later runs do not probe."""
    s3_fake.app.dialect = dialect
    for status, machine in (("succeeded", "a"), ("unchanged", "b")):
        s3_fake.app.count_from_here()
        own = variables | {"DATAFETCH_RUNTIME_DIR": str(tmp_path / machine)}
        ended = datafetch("bookmarks", "--json", cwd=tmp_path, **own)
        assert ended.code == 0, ended.err
        result = ended.result("bookmarks")
        assert result["status"] == status
        assert result["notes"][-1].startswith("the publish is checked, not atomic: ")
        assert "this machine" not in result["notes"][-1]
    assert not [key for _, key in s3_fake.requests() if "/probe/" in key]
    assert _lock(s3_fake)["conditional"] == {"form": "none", "endpoint": s3_fake.url}
    assert len(s3_fake.keys("json/bookmarks/by-id/")) == 12


def test_a_store_with_conditions_is_used_with_them(
    tmp_path: Path, variables: dict[str, str], s3_fake: S3Fake
) -> None:
    """The publish stays conditional, nothing is said, and an unchanged run costs 16 requests as ever."""
    s3_fake.app.dialect = "quoted"
    assert datafetch("bookmarks", cwd=tmp_path, **variables).code == 0
    s3_fake.app.count_from_here()
    again = datafetch("bookmarks", "--json", cwd=tmp_path, **variables)
    assert (again.code, again.result("bookmarks")["status"]) == (0, "unchanged")
    assert again.result("bookmarks")["notes"] == []
    assert len(s3_fake.requests()) <= 16
    assert _lock(s3_fake)["conditional"]["form"] == "quoted"


def test_one_of_two_machines_works(
    tmp_path: Path, variables: dict[str, str], karakeep: FakeServer, s3_fake: S3Fake
) -> None:
    """The second ends with 75 and names the first, though neither sees the other's files; killed, it is followed."""
    gate = threading.Event()
    karakeep.app.inject(held(gate), times=1)
    there = variables | {"DATAFETCH_RUNTIME_DIR": str(tmp_path / "there")}
    here = variables | {"DATAFETCH_RUNTIME_DIR": str(tmp_path / "here")}
    first = subprocess.Popen(
        command_line("bookmarks"),
        cwd=tmp_path,
        env=clean_environment(**there),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    karakeep.app.log.wait_for(1)
    second = datafetch("bookmarks", "--json", cwd=tmp_path, **here)
    assert (second.code, second.result("bookmarks")["status"]) == (75, "locked")
    assert f"process {first.pid} on " in second.result("bookmarks")["error"]
    token = _lock(s3_fake)["token"]
    first.send_signal(signal.SIGKILL)
    first.communicate()
    gate.set()
    third = datafetch("bookmarks", "--json", cwd=tmp_path, **here)
    assert third.code == 0, third.err
    assert _lock(s3_fake)["token"] > token
    assert len(s3_fake.keys("json/bookmarks/by-id/")) == 12


def test_previews_are_merged_under_locks_in_a_redis(
    tmp_path: Path, world: World, s3_fake: S3Fake, redis: RealRedis
) -> None:
    """OpenGraph takes the bookmarks' lease beside its own in one process, merges, and gives both back."""
    s3_fake.app.dialect = "ignoring"
    own = world.environment() | s3_fake.environment | {"DATAFETCH_ENV": "production"}
    own["DATAFETCH_LOCK"] = f"redis://:{PASSWORD}@127.0.0.1:{redis.port}"
    assert datafetch("bookmarks", cwd=tmp_path, **own).code == 0
    ended = datafetch("refresh-opengraph", "--json", cwd=tmp_path, **own)
    assert (ended.code, ended.result("opengraph")["status"]) == (0, "succeeded"), ended.err
    locks = map(s3_fake.get, s3_fake.keys("json/datafetch/locks/"))
    assert [json.loads(lock.body)["owner"] for lock in locks if lock is not None] == [None, None]


@pytest.mark.parametrize(
    ("lock", "code", "said", "hint"),
    [
        ("redis://:{password}@127.0.0.1:1", 1, "cannot be reached", "Check DATAFETCH_LOCK"),
        ("redis://:{password}x@127.0.0.1:{port}", 78, "does not accept the user", "%40"),
        (
            "redis://127.0.0.1:{port}",
            78,
            "asks for a password",
            ":PASSWORD@ or USER:PASSWORD@ before the host",
        ),
    ],
    ids=["away", "wrong password", "no password"],
)
def test_a_redis_that_cannot_be_used_is_told_in_one_line(
    tmp_path: Path,
    variables: dict[str, str],
    redis: RealRedis,
    s3_fake: S3Fake,
    lock: str,
    code: int,
    said: str,
    hint: str,
) -> None:
    """An outage is 1 and a wrong setting 78; nothing is stored, and no password is shown, also with -v."""
    own = variables | {"DATAFETCH_LOCK": lock.format(password=PASSWORD, port=redis.port)}
    ended = datafetch("bookmarks", "--json", "-v", cwd=tmp_path, **own)
    assert ended.code == code, ended.err
    assert (len(ended.results), ended.result("bookmarks")["status"]) == (1, "failed")
    assert said in ended.result("bookmarks")["error"]
    assert hint in ended.err
    assert PASSWORD not in ended.out + ended.err
    assert "Traceback" not in ended.err
    assert s3_fake.keys("") == []


def test_an_extra_that_is_missing_is_told_with_the_command_that_installs_it(
    tmp_path: Path, variables: dict[str, str], without_client: dict[str, str], s3_fake: S3Fake
) -> None:
    """Exit 78, before anything is stored."""
    ended = datafetch("bookmarks", "--json", cwd=tmp_path, **variables | without_client)
    assert ended.code == 78, ended.err
    assert "needs an extra that is not installed" in ended.result("bookmarks")["error"]
    assert "pip install 'datafetch[redis]'" in ended.err
    assert s3_fake.keys("") == []


def test_what_takes_no_lock_needs_neither_client_nor_redis(
    tmp_path: Path, variables: dict[str, str], without_client: dict[str, str], redis: RealRedis
) -> None:
    """A dry run and a build go on where the extra is missing and the Redis away: it is loaded for a lock only."""
    assert datafetch("bookmarks", cwd=tmp_path, **variables).code == 0
    redis.stop()
    own = variables | without_client
    for arguments in (("bookmarks", "--dry-run"), ("--version",)):
        ended = datafetch(*arguments, cwd=tmp_path, **own)
        assert ended.code == 0, ended.err
    built = datafetch("prefetch-build", "--json", cwd=tmp_path, **own)
    assert built.result("bookmarks-prefetch")["status"] == "succeeded", built.err
