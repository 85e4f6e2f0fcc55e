"""The policies in README and guide allow what store and locks call, and nothing else."""

import ast
import json
import re
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from datafetch.clock import ClockSkew, SystemClock
from datafetch.errors import LeaseHeld, LeaseLost, ObjectNotFound
from datafetch.ops.leases.account import Account
from datafetch.ops.leases.dynamodb import DynamoDbLeases
from datafetch.ops.leases.dynamodb_table import Table
from datafetch.store.base import IfAbsent, IfMatch
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from datafetch.store.s3 import S3Store
from tests.bookmarks.world import World
from tests.build.bookmarks import bookmark_folder
from tests.build.world import Build, github_objects, put_all, put_logos
from tests.contract.support import open_s3
from tests.fakes.s3 import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, S3Fake
from tests.fakes.tables import TableFake
from tests.stores import as_file

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LOCKS = (ROOT / "datafetch/guides/locks.md").read_text(encoding="utf-8")

# Amazon S3 user guide, "Required permissions for Amazon S3 API operations".
NEEDS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
}
OF_DOCTOR = {"get_bucket_versioning"}
"""What `doctor` asks besides, and does without where the keys may not."""

ON_THE_BUCKET = {"s3:ListBucket"}


def policy(name: str, page: str = README) -> dict[str, Any]:
    """One of a page's policies."""
    found = re.search(rf"<!-- policy:{name} -->\n```json\n(.*?)\n```", page, re.DOTALL)
    assert found
    value = json.loads(found[1])
    assert isinstance(value, dict)
    return value


def allowed(name: str, page: str = README) -> dict[str, set[str]]:
    """The actions of a policy, by what they are allowed on."""
    return {
        resource: set(statement["Action"])
        for statement in policy(name, page)["Statement"]
        for resource in statement["Resource"]
        if statement["Effect"] == "Allow"
    }


def actions(name: str) -> set[str]:
    """All actions of a policy."""
    return set().union(*allowed(name).values())


def calls_in_the_code() -> set[str]:
    """The methods of an S3 client that the store's modules name."""
    found: set[str] = set()
    for file in (ROOT / "datafetch/store").glob("s3*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr == "get_paginator":
                found.update(ast.literal_eval(argument) for argument in node.args)
            elif ast.unparse(node.func.value).endswith("client"):
                found.add(node.func.attr)
    return found - {"close", "get_paginator", *OF_DOCTOR}


class Recorder:
    """Notes each call that a store makes of its server, and whether it named an ACL."""

    def __init__(self, store: S3Store) -> None:
        self.actions: set[str] = set()
        self.operations: set[str] = set()
        store._client.meta.events.register("before-call.s3", self._note)

    def _note(self, model: Any, params: Any, **_: object) -> None:
        self.operations.add(model.name)
        self.actions.add(NEEDS[model.name])
        if "x-amz-acl" in params["headers"]:
            self.actions.add("s3:PutObjectAcl")


@pytest.fixture
def store(s3_fake: S3Fake) -> Iterator[S3Store]:
    """A store that makes public what visitors read."""
    with closing(open_s3(s3_fake, acl="public-read")) as opened:
        yield opened


def test_the_policy_of_the_jobs_is_what_the_store_calls(store: S3Store) -> None:
    """An action too few fails a run at night; one too many is a right that nobody needs."""
    recorder = Recorder(store)
    with suppress(ObjectNotFound):
        store.head("images/missing.png")
    etag = store.put("images/a.png", b"1", condition=IfAbsent())
    store.put("images/a.png", as_file(b"2"), condition=IfMatch(etag))
    store.put("json/datafetch/jobs/logos-test.json", b"{}")
    assert store.get("images/a.png").body == b"2"
    with store.open("images/a.png"):
        pass
    store.head("images/a.png")
    assert len([*store.list("")]) == 2
    store.delete("images/a.png")
    assert recorder.actions == actions("jobs")
    mapping = store._client.meta.method_to_api_mapping
    assert {mapping[name] for name in calls_in_the_code()} == recorder.operations


def test_the_policy_of_a_build_reads_and_suffices(store: S3Store, tmp_path: Path) -> None:
    """A build's key that leaks can change nothing."""
    world: World = bookmark_folder(tmp_path / "store")
    for info in world.store.list(""):
        store.put(info.key, world.store.get(info.key).body)
    put_all(store, github_objects())
    build = Build(tmp_path / "site", store, world.clock)
    put_logos(build, 2)
    recorder = Recorder(store)
    for prefetch in (build.prefetch(full=True), build.prefetch(mirror=True)):
        assert prefetch.bookmarks().changed
        prefetch.github()
        prefetch.logos()
    assert recorder.actions
    assert recorder.actions <= actions("build")
    assert actions("build") == {"s3:GetObject", "s3:ListBucket"}


@pytest.mark.parametrize("name", ["jobs", "build"])
def test_each_action_stands_beside_what_it_is_for(name: str) -> None:
    """S3 takes a listing on the bucket only, and the others on objects only."""
    on = allowed(name)
    assert on.keys() == {"arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"}
    assert on["arn:aws:s3:::BUCKET"] == ON_THE_BUCKET
    assert not on["arn:aws:s3:::BUCKET/*"] & ON_THE_BUCKET


def test_the_policy_of_the_lock_table_is_what_locks_call(
    monkeypatch: pytest.MonkeyPatch, lock_table: TableFake, tmp_path: Path
) -> None:
    """A lock is looked at, taken, renewed, lost and given back with two actions on one table."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", lock_table.url)
    clock = SystemClock()
    account = Account((ACCESS_KEY_ID, SECRET_ACCESS_KEY, None), REGION, None, None, "S3_REGION")
    table = Table(lock_table.name, account, clock, ClockSkew())
    folder = LocalStore(tmp_path / "store")
    leases = DynamoDbLeases(
        table, "", folder, Keys("-test"), clock, lambda _job: 300.0, tmp_path / "runtime"
    )
    with closing(leases):
        grant = leases.renew(leases.acquire("logos", "run-1"))
        with pytest.raises(LeaseHeld):
            leases.acquire("logos", "run-2")
        leases.release(grant)
        with pytest.raises(LeaseLost):
            leases.renew(grant)
    called = {
        f"dynamodb:{request.headers['x-amz-target'].rpartition('.')[2]}"
        for request in lock_table.app.log.all()
    }
    table_arn = "arn:aws:dynamodb:eu-central-1:*:table/datafetch-locks"
    assert allowed("table", LOCKS) == {table_arn: called}
    assert called == {"dynamodb:GetItem", "dynamodb:PutItem"}


def test_the_sentence_and_the_policy_say_the_same() -> None:
    """Whoever reads only the sentence leaves nothing out."""
    sentence = next(line for line in README.splitlines() if line.startswith("- **The store**"))
    assert set(re.findall(r"s3:\w+", sentence)) == actions("jobs")


def test_hints_send_to_a_section_that_is_there() -> None:
    """The error names the section by its title."""
    assert "\n### The bucket's policy\n" in README
    assert "\n### dynamodb://TABLE\n" in LOCKS


def test_the_readme_keeps_a_build_out_of_git() -> None:
    """A site that commits everything would commit what each build makes anew."""
    lines = re.findall(r"```gitignore\n(.*?)```", README, re.DOTALL)
    assert "/generated/" in "".join(lines).splitlines()
