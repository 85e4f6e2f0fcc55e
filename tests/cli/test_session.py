"""A call of a command: what is refused before anything runs, and the exit code of several jobs."""

import json
import subprocess
import sys

import pytest

from datafetch.cli.session import worst_code
from datafetch.models.run import Operation, RunResult, RunStatus
from tests.processes import clean_environment, datafetch

LEFT = """
import atexit, sys, threading
from datafetch.cli.options import JobOptions
from datafetch.cli.session import Session
from datafetch.runtime.engine import beside
atexit.register(lambda: print("taken down"))
with Session(JobOptions()):
    if sys.argv[1] == "left":
        beside(threading.Event().wait)
"""


@pytest.mark.parametrize(("what", "said"), [("left", ""), ("nothing", "taken down\n")])
def test_python_is_not_taken_down_below_a_thread(tmp_path, what, said):
    """A run that was refused ended while a thread loaded certificates: a segmentation fault."""
    done = subprocess.run(
        [sys.executable, "-c", LEFT, what],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, said)


def test_missing_settings_are_all_named(tmp_path):
    """A first run without settings says at once everything that is needed: exit 78."""
    done = datafetch("update", cwd=tmp_path)
    assert done.code == 78
    for name in (
        "BOOKMARKS_API_URL",
        "BOOKMARKS_LIST_ID",
        "BOOKMARK_BEARER_TOKEN",
        "GITHUB_TOKEN",
        "GITHUB_REPO_OWNER",
    ):
        assert f"{name} is missing" in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.glob(".datafetch*")) == []


def test_what_is_invalid_does_not_hide_what_is_missing(tmp_path):
    """A user with one wrong value sees in the same go what else is needed."""
    done = datafetch(
        "update", cwd=tmp_path, DATAFETCH_CONCURRENCY="many", BOOKMARKS_API_URL="no-url"
    )
    assert done.code == 78
    for said in ("DATAFETCH_CONCURRENCY: should be", "GITHUB_REPO_OWNER is missing"):
        assert said in done.err
    assert done.err.count("BOOKMARKS_API_URL") == 1


def test_json_stays_json_when_settings_are_missing(tmp_path):
    """With --json stdout is one array of results, whatever happens."""
    done = datafetch("bookmarks", "--json", cwd=tmp_path)
    assert done.code == 78
    result = done.result("bookmarks")
    assert (result["status"], result["success"]) == ("failed", False)
    assert "BOOKMARKS_API_URL" in result["error"]
    assert f"There is no .env in {tmp_path} (the working folder)" in result["notes"][-1]


@pytest.mark.parametrize(
    ("arguments", "variables", "file", "dry"),
    [
        ((), {}, "", False),
        (("--dry-run",), {}, "", True),
        ((), {"DRY_RUN": "true"}, "", True),
        ((), {}, "DRY_RUN=1", True),
        ((), {"DRY_RUN": "perhaps"}, "", False),
        ((), {}, "DRY_RUN='1", False),
    ],
    ids=["no", "option", "environment", ".env", "invalid", "unreadable"],
)
def test_a_result_of_wrong_settings_says_whether_it_was_a_dry_run(
    tmp_path, arguments, variables, file, dry
):
    """However the dry run was asked for, each result says so, even when nothing could run."""
    (tmp_path / ".env").write_text(file)
    done = datafetch("bookmarks", "--json", *arguments, cwd=tmp_path, **variables)
    assert done.code == 78
    assert [*done.result("bookmarks")][-3:] == ["error", "dryRun", "notes"]
    assert done.result("bookmarks")["dryRun"] is dry


def test_a_limit_is_refused_in_production(tmp_path):
    """A limit for development reached production and cut the dataset to 20 items."""
    settings = {
        "DATAFETCH_ENV": "production",
        "BOOKMARKS_API_URL": "http://127.0.0.1:9",
        "BOOKMARKS_LIST_ID": "l",
        "BOOKMARK_BEARER_TOKEN": "t-t-t-t",
    }
    done = datafetch("bookmarks", "--limit", "5", cwd=tmp_path, **settings)
    assert done.code == 2
    assert "--limit is refused in production" in done.err


def test_a_build_service_must_say_where_objects_live(tmp_path):
    """A job without an environment ran into a default folder and said "success" for weeks."""
    done = datafetch("prefetch-build", cwd=tmp_path, CI="true")
    assert done.code == 78
    assert "DATAFETCH_STORE" in done.err


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([0, 75], 75),
        ([75, 1], 1),
        ([1, 78], 78),
        ([78, 143, 1], 143),
        ([129, 78], 129),
        ([0, 0], 0),
        ([], 0),
    ],
)
def test_the_most_severe_code_wins(codes, expected):
    """Of several: signal, 78, 1, 75, 0."""
    results = [RunResult(Operation.LOGOS, RunStatus.FAILED, "r", exit_code=c) for c in codes]
    assert worst_code(results) == expected


def test_a_scheduled_run_needs_a_schedule_and_a_place(tmp_path):
    """A cron without its environment: refused before anything runs, every reason at once."""
    done = datafetch("refresh-opengraph", "--scheduled", cwd=tmp_path)
    assert done.code == 78
    assert "S3_OPENGRAPH_CRON is off" in done.err
    assert "DATAFETCH_STORE or S3_BUCKET is missing" in done.err
    assert list(tmp_path.glob(".datafetch*")) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("bookmarks", "--restore"),
        ("github", "--repo", "a/b"),
        ("logos", "--domain", "a.example"),
        ("refresh-opengraph", "--url", "https://a.example/"),
    ],
)
def test_single_items_are_no_scheduled_run(tmp_path, arguments):
    """The slot would count as run, and the job's other items would wait for the next: exit 2."""
    settings = {
        "BOOKMARKS_API_URL": "http://127.0.0.1:9",
        "BOOKMARKS_LIST_ID": "list",
        "BOOKMARK_BEARER_TOKEN": "t",
        "GITHUB_TOKEN": "t",
        "GITHUB_REPO_OWNER": "o",
        "DATAFETCH_STORE": f"file:{tmp_path}/store",
        "S3_OPENGRAPH_CRON": "@daily",
    }
    done = datafetch(*arguments, "--scheduled", cwd=tmp_path, **settings)
    assert done.code == 2
    assert "a scheduled run is for all items" in done.err
    assert not (tmp_path / "store").exists()


def test_a_command_run_twice_by_cron_runs_once(tmp_path):
    """The second process finds the slot in the store, and says so in its result."""
    store = {"DATAFETCH_STORE": f"file:{tmp_path}/store", "DATAFETCH_RUNTIME_DIR": str(tmp_path)}
    done = [datafetch("logos", "--scheduled", "--json", cwd=tmp_path, **store) for _ in "12"]
    assert [each.code for each in done] == [0, 0]
    first, second = (each.result("logos") for each in done)
    assert (first["status"], second["status"]) == ("unchanged", "unchanged")
    assert any(f"was run by {first['runId']}" in note for note in second["notes"])
    (kept,) = json.loads((tmp_path / "store/json/datafetch/history/logos-dev.json").read_text())
    assert kept["runId"] == first["runId"]
