"""The real parts as the settings ask for them."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from datafetch.clock import CancelToken
from datafetch.environment import load_settings
from datafetch.errors import Cancelled, ConfigurationError
from datafetch.factory import WORKER, Parts, after_stop, make_job, make_parts
from datafetch.job_groups import check_jobs
from datafetch.models.job_settings import LogoSettings
from datafetch.models.run import JobName
from datafetch.ops.leases.account import Account
from datafetch.ops.leases.dynamodb import DynamoDbLeases
from datafetch.ops.leases.file import FileLeases
from datafetch.ops.leases.redis import RedisLeases
from datafetch.ops.leases.store import StoreLeases
from datafetch.runtime.breaker import Outcome
from datafetch.runtime.engine import Engine
from datafetch.runtime.engine_cluster import ClusterEngine
from datafetch.store.checked import CheckedStore
from datafetch.store.local import LocalStore
from datafetch.store.s3 import S3Store
from datafetch.store_factory import make_store
from datafetch.upstream_errors import BreakerOpen
from tests.processes import clean_environment
from tests.support import FakeClock

SECRETS = {
    "S3_ACCESS_KEY_ID": "access-key-1",
    "S3_SECRET_ACCESS_KEY": "secret-key-1",
    "S3_SESSION_TOKEN": "session-token-1",
    "BOOKMARK_BEARER_TOKEN": "bearer-token-1",
    "GITHUB_TOKEN": "github-token-1",
}


def _parts(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Parts:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return make_parts(load_settings(None), FakeClock(), CancelToken())


@pytest.mark.parametrize("address", ["file:data", "file://{folder}/data"])
def test_a_folder_is_a_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str) -> None:
    """`file:PATH` is relative to where the command runs, `file:///PATH` is not; nothing is made yet."""
    monkeypatch.setenv("DATAFETCH_STORE", address.format(folder=tmp_path))
    store = make_store(load_settings(None), FakeClock())
    assert isinstance(store, LocalStore)
    assert not (tmp_path / "data").exists()
    store.put("json/x.json", b"{}")
    assert (tmp_path / "data/json/x.json").read_bytes() == b"{}"


def test_a_bucket_is_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """`s3://BUCKET` on the server, and with the keys, that the settings name."""
    for name in ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRETS[name])
    monkeypatch.setenv("DATAFETCH_STORE", "s3://site/")
    monkeypatch.setenv("DATAFETCH_ENV", "test")
    monkeypatch.setenv("S3_SERVER_URL", "https://s3.example.com")
    store = make_store(load_settings(None), FakeClock())
    assert isinstance(store, S3Store)
    assert store.name == "s3://site"
    assert "s3.example.com" in store.identity
    store.close()


def test_the_parts_follow_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Concurrency, environment, public address, breaker and lease time reach the parts."""
    parts = _parts(
        monkeypatch,
        DATAFETCH_CONCURRENCY="7",
        DATAFETCH_ENV="test",
        S3_CDN_URL="https://cdn.example.com",
        DATAFETCH_BREAKER_FAILURES="2",
        DATAFETCH_LOCK_TTL_MS="60000",
        BOOKMARKS_LOCK_TTL_MS="90000",
    )
    assert parts.engine.width == 7
    assert parts.keys.lock("logos") == "json/datafetch/locks/logos-test.json"
    assert parts.urls.for_key("images/a.png") == "https://cdn.example.com/images/a.png"
    assert parts.leases.acquire("logos", "run-1").ttl_s == 60
    assert parts.leases.acquire("bookmarks", "run-1").ttl_s == 90
    parts.breakers.record("a.example", Outcome.FAILED, object())
    parts.breakers.allow("a.example", object())
    parts.breakers.record("a.example", Outcome.FAILED, object())
    with pytest.raises(BreakerOpen):
        parts.breakers.allow("a.example", object())


@pytest.mark.parametrize(
    ("lock", "address", "leases", "store"),
    [
        ("store", "file:data", StoreLeases, LocalStore),
        ("file", "file:data", FileLeases, LocalStore),
        ("store", "s3://site", StoreLeases, S3Store),
        ("file", "s3://site", FileLeases, CheckedStore),
        ("redis://cache", "file:data", RedisLeases, LocalStore),
        ("rediss://:pw@cache/1", "s3://site", RedisLeases, CheckedStore),
        ("dynamodb://locks", "file:data", DynamoDbLeases, LocalStore),
        ("dynamodb://locks/site", "s3://site", DynamoDbLeases, CheckedStore),
    ],
)
def test_locks_live_where_the_setting_says(
    monkeypatch: pytest.MonkeyPatch, lock: str, address: str, leases: type, store: type
) -> None:
    """With locks beside the store a bucket may be checked by ourselves; a folder keeps its conditions in any case."""
    parts = _parts(
        monkeypatch,
        DATAFETCH_LOCK=lock,
        DATAFETCH_STORE=address,
        DATAFETCH_ENV="test",
        S3_SERVER_URL="https://s3.example.com",
        S3_ACCESS_KEY_ID="access-key-1",
        S3_SECRET_ACCESS_KEY="secret-key-1",
    )
    assert (type(parts.leases), type(parts.store)) == (leases, store)
    parts.store.close()


def test_a_table_of_locks_gets_its_own_region_and_the_buckets_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whose keys they are goes with them, so that they are not shown to another server."""
    parts = _parts(
        monkeypatch,
        DATAFETCH_LOCK="dynamodb://locks/site",
        DATAFETCH_STORE="s3://site",
        DATAFETCH_ENV="test",
        S3_SERVER_URL="https://s3.example.com",
        S3_REGION="auto",
        AWS_REGION="eu-west-3",
        S3_ACCESS_KEY_ID="access-key-1",
        S3_SECRET_ACCESS_KEY="secret-key-1",
    )
    parts.store.close()
    assert isinstance(parts.leases, DynamoDbLeases)
    table = parts.leases._table
    assert table.name == "locks"
    assert table._account == Account(
        ("access-key-1", "secret-key-1", None),
        "auto",
        "https://s3.example.com",
        "eu-west-3",
        "S3_REGION",
    )
    assert "secret" not in repr(table._account)


def test_a_run_that_has_to_end_waits_for_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps the lease is cut off with the store; with a folder it alone is."""
    parts = _parts(monkeypatch, DATAFETCH_LOCK="dynamodb://locks")
    alone: object = parts.cuttable
    assert alone is parts.leases
    parts = _parts(
        monkeypatch,
        DATAFETCH_LOCK="dynamodb://locks",
        DATAFETCH_STORE="s3://site",
        DATAFETCH_ENV="test",
        S3_ACCESS_KEY_ID="access-key-1",
        S3_SECRET_ACCESS_KEY="secret-key-1",
    )
    assert parts.cuttable is not None
    parts.cuttable.cut(for_good=True)
    assert isinstance(parts.leases, DynamoDbLeases)
    assert parts.leases.is_over
    assert isinstance(parts.store, CheckedStore)
    assert isinstance(parts.store.server, S3Store)
    assert parts.store.server.is_over
    parts.store.close()


def test_settings_of_several_jobs_are_missed_together() -> None:
    """A user who sets up all jobs sees everything that is missing in one go, each thing once."""
    with pytest.raises(ConfigurationError) as caught:
        check_jobs(load_settings(None), [JobName.BOOKMARKS, JobName.GITHUB, JobName.BOOKMARKS])
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "BOOKMARKS_API_URL",
        "BOOKMARKS_LIST_ID",
        "BOOKMARK_BEARER_TOKEN",
        "GITHUB_TOKEN",
        "GITHUB_REPO_OWNER",
    ]


def test_jobs_without_needs_miss_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logos and previews run with the defaults, and get their own settings."""
    monkeypatch.setenv("LOGO_BATCH_SIZE", "3")
    settings = load_settings(None)
    check_jobs(settings, [JobName.LOGOS, JobName.OPENGRAPH])
    own = make_job(settings, JobName.LOGOS).settings
    assert isinstance(own, LogoSettings)
    assert own.batch_size == 3


@pytest.mark.parametrize("name", [JobName.BOOKMARKS, JobName.GITHUB])
def test_a_job_that_misses_settings_is_not_made(name: JobName) -> None:
    """It would fail later, half-way."""
    with pytest.raises(ConfigurationError):
        make_job(load_settings(None), name)


def test_a_proxy_of_a_wrong_form_ends_the_command_at_its_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before anything is asked or locked, with the variable's name and without its password."""
    with pytest.raises(ConfigurationError, match=r"^HTTPS_PROXY: socks5://") as caught:
        _parts(
            monkeypatch,
            DATAFETCH_STORE=f"file:{tmp_path}",
            HTTPS_PROXY="socks5://me:p4ssw0rd@proxy:1080",
        )
    assert caught.value.exit_code == 78
    assert "p4ssw0rd" not in str(caught.value)


@pytest.mark.parametrize("job", list(JobName))
@pytest.mark.parametrize("library", ["distributed", "cryptography"])
def test_a_cluster_without_its_libraries_is_said_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, job: JobName, library: str
) -> None:
    """Only where a job would use it: the bookmark job never does."""
    monkeypatch.setenv("DATAFETCH_CLUSTER", "local[2]")
    monkeypatch.setitem(sys.modules, library, None)  # as where it is not installed
    with pytest.raises(ConfigurationError) as caught:
        check_jobs(load_settings(None), [job, JobName.BOOKMARKS])
    told = "DATAFETCH_CLUSTER needs Dask: pip install 'datafetch[distributed]'"
    assert (told in caught.value.problems) is (job is not JobName.BOOKMARKS)


def test_a_job_that_may_use_the_cluster_passes_with_its_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is connected to for that."""
    monkeypatch.setenv("DATAFETCH_CLUSTER", "tcp://127.0.0.1:1")
    check_jobs(load_settings(None), [JobName.LOGOS, JobName.OPENGRAPH])


def test_the_engine_is_the_one_that_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads where no cluster is set; both kinds stop with the job, and start anew after a stop."""
    assert type(_parts(monkeypatch).engine) is Engine
    parts = _parts(monkeypatch, DATAFETCH_CLUSTER="local[2]", DATAFETCH_CONCURRENCY="3")
    assert isinstance(parts.engine, ClusterEngine)
    assert parts.engine.width == 3
    parts.cancel.cancel(Cancelled())
    again = after_stop(load_settings(None), parts)
    assert isinstance(again.engine, ClusterEngine)
    assert again.engine is not parts.engine


def test_the_functions_that_workers_call_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are named by text, which nothing else checks."""
    for name in ("begin", "perform", "pulse"):
        assert callable(getattr(import_module("datafetch.batch_run"), name))
    assert WORKER == "datafetch.batch_run"


def test_dask_is_loaded_for_nobody_else(tmp_path: Path) -> None:
    """Runs on threads start as fast as before; so do runs on a cluster until they hand out items."""
    script = (
        "import sys; from datafetch.environment import load_settings; "
        "from datafetch.factory import make_parts, make_job; from datafetch.clock import *; "
        "import datafetch.manager; settings = load_settings(None); "
        "make_parts(settings, SystemClock(), CancelToken()); "
        "print([name for name in ('distributed', 'dask', 'tornado') if name in sys.modules])"
    )
    for cluster in ({}, {"DATAFETCH_CLUSTER": "local[2]"}):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=clean_environment(DATAFETCH_STORE=f"file:{tmp_path}", **cluster),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "[]"
