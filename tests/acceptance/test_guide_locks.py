"""What the guide to locks tells to set up is set up here, and runs take their locks with it."""

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest

from datafetch.clock import SystemClock
from datafetch.models.lock_place import RedisPlace, read_lock
from datafetch.ops.leases.redis import RedisLeases
from datafetch.ops.leases.redis_server import RedisServer
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.bookmarks.world import link
from tests.fakes.base import FakeServer
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.s3 import ACCESS_KEY_ID, SECRET_ACCESS_KEY, S3Fake
from tests.processes import ROOT, datafetch
from tests.redis_servers import real_redis

GUIDE = (ROOT / "datafetch/guides/locks.md").read_text(encoding="utf-8")
SIX_HOURS_S, LEASE_S = 21_600, 300


def block(mark: str) -> str:
    """The code below a mark."""
    found = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```\n", GUIDE, re.DOTALL)
    assert found is not None, mark
    return found[1]


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a bookmark server with 12 bookmarks."""
    with KarakeepApp(link(number) for number in range(12)).served() as running:
        yield running.url


def _settings(server: str) -> dict[str, str]:
    return {
        "BOOKMARKS_API_URL": server,
        "BOOKMARKS_LIST_ID": LIST_ID,
        "BOOKMARK_BEARER_TOKEN": TOKEN,
        "DATAFETCH_STORE": "file:./store",
    }


def _owner(folder: Path) -> Any:
    lock = folder / "store/json/datafetch/locks/bookmarks-dev.json"
    return json.loads(lock.read_text())["owner"]


def client(service: Any, s3_fake: S3Fake, region: str) -> Any:
    """A client of Amazon's library, as its command line uses it."""
    session = boto3.session.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=region)
    return session.client(service, endpoint_url=s3_fake.url)


def test_the_rule_of_the_guide_removes_old_versions_of_state(s3_fake: S3Fake) -> None:
    """A versioned bucket keeps each of the 216 versions that a six-hour run makes of its lock."""
    rules = json.loads(block("lifecycle"))
    with closing(client("s3", s3_fake, "us-east-1")) as s3:
        s3.put_bucket_lifecycle_configuration(Bucket=s3_fake.bucket, LifecycleConfiguration=rules)
        (stored,) = s3.get_bucket_lifecycle_configuration(Bucket=s3_fake.bucket)["Rules"]
    assert stored["Filter"] == {"Prefix": "json/datafetch/"}
    assert stored["NoncurrentVersionExpiration"]["NoncurrentDays"] == 1
    assert "Days" not in stored["Expiration"]
    assert f"a run of six hours renews {SIX_HOURS_S * 3 // LEASE_S} times" in GUIDE


def test_a_table_made_as_the_guide_says_keeps_locks(
    tmp_path: Path, moto_server: FakeServer, s3_fake: S3Fake, server: str
) -> None:
    """The command makes the table that runs ask for, and they do what the policy allows, no more."""
    words = shlex.split(block("table").replace("\\\n", " "))
    assert words[:3] == ["aws", "dynamodb", "create-table"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    attribute, kind = re.findall(r"=(\w+)", options["--attribute-definitions"])
    key, role = re.findall(r"=(\w+)", options["--key-schema"])
    table, region = options["--table-name"], options["--region"]
    with closing(client("dynamodb", s3_fake, region)) as dynamodb:
        dynamodb.create_table(
            TableName=table,
            AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": kind}],
            KeySchema=[{"AttributeName": key, "KeyType": role}],
            BillingMode=options["--billing-mode"],
        )
        moto_server.app.log.clear()
        done = datafetch(
            "bookmarks",
            cwd=tmp_path,
            **_settings(server),
            DATAFETCH_LOCK=f"dynamodb://{table}",
            AWS_REGION=region,
            AWS_ACCESS_KEY_ID=ACCESS_KEY_ID,
            AWS_SECRET_ACCESS_KEY=SECRET_ACCESS_KEY,
            AWS_ENDPOINT_URL_DYNAMODB=s3_fake.url,
        )
        assert done.code == 0, done.err
        targets = {
            request.headers["x-amz-target"].partition(".")[2]
            for request in moto_server.app.log.all()
        }
        (item,) = dynamodb.scan(TableName=table)["Items"]
        dynamodb.delete_table(TableName=table)
    assert {"owner", "tidyAt", "token"} - set(item) == {"owner"}
    (statement,) = json.loads(block("policy:table"))["Statement"]
    assert sorted(statement["Action"]) == sorted(f"dynamodb:{target}" for target in targets)
    assert statement["Resource"] == [f"arn:aws:dynamodb:{region}:*:table/{table}"]
    assert _owner(tmp_path) is None


def test_the_user_of_the_guide_may_do_what_locks_need(tmp_path: Path, server: str) -> None:
    """A right that the guide forgot would show on the first run of whoever follows it."""
    user, keep = block("redis").splitlines()
    with real_redis(tmp_path) as redis:
        assert redis.tell(*shlex.split(user.replace("PASSWORD", "s3cret"))) == b"OK"
        assert redis.tell(*shlex.split(keep)) == b"OK"
        lock = f"redis://locks:s3cret@127.0.0.1:{redis.port}"
        done = datafetch("bookmarks", cwd=tmp_path, **_settings(server), DATAFETCH_LOCK=lock)
        place = read_lock(lock)
        assert isinstance(place, RedisPlace)
        store, keys = LocalStore(tmp_path / "store"), Keys("-dev")
        leases = RedisLeases(RedisServer(place), store, keys, SystemClock(), lambda _job: LEASE_S)
        # The run above was too short to renew its lease.
        leases.release(leases.renew(leases.acquire("bookmarks", "run-1")))
    assert done.code == 0, done.err
    assert _owner(tmp_path) is None


def test_who_has_the_lock_is_told_as_the_guide_says(tmp_path: Path, server: str) -> None:
    """A container that was started again meets its own lock: the message says until when, to the minute.

    The lock is one of an earlier start of this machine's name, whose processes nobody can see.
    """
    assert datafetch("bookmarks", cwd=tmp_path, **_settings(server)).code == 0
    path = tmp_path / "store/json/datafetch/locks/bookmarks-dev.json"
    lock = json.loads(path.read_text())
    path.write_text(
        json.dumps(lock | {"owner": "somebody", "boot": "another/4026531836", "pid": 1})
    )
    done = datafetch("bookmarks", "--json", cwd=tmp_path, **_settings(server))
    assert done.code == 75
    (result,) = done.results
    assert result["status"] == "locked"
    assert "process 1 on " in result["error"]
    assert re.search(r"its lock ends by \S+", result["notes"][-1])
    waited = datafetch(
        *("bookmarks", "--json", "--wait", "4"),
        cwd=tmp_path,
        **_settings(server),
        DATAFETCH_LOCK_TTL_MS="1000",
    )
    assert waited.code == 75, "the lease time of the one that has the lock counts"
