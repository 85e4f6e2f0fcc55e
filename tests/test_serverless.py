"""A job that a cloud's function runs: by real processes and the module itself, against real servers."""

import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from datafetch.serverless import RunFailed, handler
from tests.bookmarks.world import link
from tests.fakes.base import Answer
from tests.fakes.faults import held, reply
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.message import Request, Response
from tests.fakes.s3 import S3Fake
from tests.processes import ROOT, clean_environment

BOOKMARKS = {"job": "bookmarks"}
LOCK = "json/datafetch/locks/bookmarks-test.json"
STATE = "json/datafetch/jobs/bookmarks-test.json"
INDEX = "json/bookmarks/index-test.json"


@dataclass
class Context:
    """AWS Lambda's, as far as it matters here."""

    left_ms: int = 900_000
    aws_request_id: str = "8a6f6b52-0000-4000-8000-1c0ffee00001"

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


@dataclass
class Function:
    """A deployed function: its environment, the bookmark server and the bucket."""

    karakeep: KarakeepApp
    bucket: S3Fake
    environment: dict[str, str]

    def stored(self, key: str) -> Any:
        found = self.bucket.get(key)
        assert found is not None, key
        return json.loads(found.body)

    @property
    def untouched(self) -> bool:
        """Whether neither server has been asked anything."""
        return not self.karakeep.log.all() and not self.bucket.requests()


@pytest.fixture
def function(s3_fake: S3Fake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    """A function whose list has 12 bookmarks; this process has its environment, and its own log after."""
    root, ours = logging.getLogger(), logging.getLogger("datafetch")
    before = (root.handlers[:], root.level, ours.level, logging.raiseExceptions)
    app = KarakeepApp(link(number) for number in range(12))
    with app.served() as server:
        environment = {
            **s3_fake.environment,
            "DATAFETCH_ENV": "test",
            "BOOKMARKS_API_URL": server.url,
            "BOOKMARKS_LIST_ID": LIST_ID,
            "BOOKMARK_BEARER_TOKEN": TOKEN,
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield Function(app, s3_fake, environment)
    root.handlers[:], root.level, ours.level, logging.raiseExceptions = before


@dataclass
class Bell:
    """The alarm of a call, which rings when a server is asked, and not when its time is over.

    Attributes:
        seconds: after which it would have rung.
        gate: lets the server go on that has been asked.
    """

    seconds: float = -1.0
    gate: threading.Event = field(default_factory=threading.Event)
    _ring: Callable[[], None] = lambda: None

    def __call__(self, seconds: float, ring: Callable[[], None]) -> "Bell":
        self.seconds, self._ring = seconds, ring
        return self

    def start(self) -> None:
        assert self.seconds >= 0

    def cancel(self) -> None:
        self._ring = lambda: None

    def hang(self, request: Request, answer: Answer) -> Response:
        """What a server does that does not answer while the time runs out."""
        self._ring()
        return held(self.gate)(request, answer)


def lines_of(text: str) -> list[dict[str, Any]]:
    """The log's lines, each of which has to be a JSON object."""
    return [json.loads(line) for line in text.splitlines()]


def test_the_job_runs_and_its_result_comes_back(function, capsys):
    """The function's answer is the object that `--json` prints for the job, and the list is stored."""
    result = handler(BOOKMARKS, Context())
    names = "operation success status runId itemsProcessed itemsChanged itemsSkipped itemsFailed"
    more = "duration changeDetected lastFetchedAt error dryRun notes"
    assert " ".join(result) == f"{names} {more}"
    assert (result["operation"], result["status"]) == ("bookmarks", "succeeded")
    assert (result["success"], result["itemsProcessed"]) == (True, 12)
    assert json.loads(json.dumps(result)) == result
    assert function.stored(INDEX)["count"] == 12
    assert function.stored(LOCK)["owner"] is None
    assert capsys.readouterr().out == ""


def test_the_log_is_json_and_names_the_call(function, capsys):
    """Each line can be found by the platform's id of the call, and no line shows a secret."""
    handler(BOOKMARKS | {"verbose": True}, Context())
    told = capsys.readouterr().err
    lines = lines_of(told)
    assert {"run_started", "run_finished", "request"} <= {line["event"] for line in lines}
    assert {line["requestId"] for line in lines} == {Context.aws_request_id}
    assert TOKEN not in told


def test_the_next_call_has_a_log_of_its_own(function, capsys):
    """A process that lives on names the call that it serves, not the one before, and each line once."""
    handler(BOOKMARKS, Context(aws_request_id="first"))
    capsys.readouterr()
    handler(BOOKMARKS, Context(aws_request_id="second"))
    lines = lines_of(capsys.readouterr().err)
    assert {line["requestId"] for line in lines} == {"second"}
    assert [line["event"] for line in lines].count("run_finished") == 1


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"job": "bookmarks", "dry_run": True}, "it has no field 'dry_run'"),
        ({"job": "bookmarks", "dryrun": True}, "it has no field 'dryrun'"),
        ({"job": "bookmark"}, "job: "),
        ({"job": "github-activity"}, "job: "),
        ({"jobs": ["bookmarks"]}, "job is missing; it has no field 'jobs'"),
        ({}, "job is missing"),
        ({"job": "bookmarks", "limit": 0}, "limit: "),
        ({"job": "bookmarks", "limit": "5"}, "limit: "),
        ({"job": "bookmarks", "limit": True}, "limit: "),
        ({"job": "bookmarks", "force": "yes"}, "force: "),
        ({"job": "bookmarks", "timeout": 0}, "timeout: "),
        ({"job": "bookmarks", "wait": -1}, "wait: "),
        ({"job": "bookmarks", "wait": float("nan")}, "wait: "),
        ("bookmarks", "it is no JSON object"),
        (["bookmarks"], "it is no JSON object"),
        (None, "it is no JSON object"),
        ({"version": "0", "source": "aws.scheduler", "detail": "{}"}, "it has no field 'source'"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_event_that_is_not_understood_runs_nothing(function, event, said):
    """An unknown flag meant "no flag", and everything ran."""
    with pytest.raises(RunFailed) as failed:
        handler(event, Context())
    assert said in str(failed.value)
    assert '{"job": "bookmarks"}' in str(failed.value)
    assert (failed.value.exit_code, failed.value.result) == (2, None)
    assert function.untouched


def test_what_a_stranger_wrote_is_one_short_line(function):
    """A field's name comes from outside: it cannot forge lines of the log or fill it."""
    with pytest.raises(RunFailed) as failed:
        handler({"job": "bookmarks", "a\nb" * 500: 1}, Context())
    assert "\n" not in str(failed.value)
    assert len(str(failed.value)) < 700


def test_settings_that_are_missing_are_named_all_at_once(function, monkeypatch, capsys):
    """As on the command line (78); nothing is asked of any server."""
    monkeypatch.delenv("BOOKMARKS_LIST_ID")
    monkeypatch.delenv("BOOKMARK_BEARER_TOKEN")
    with pytest.raises(RunFailed) as failed:
        handler(BOOKMARKS, Context())
    assert failed.value.exit_code == 78
    assert "BOOKMARKS_LIST_ID" in str(failed.value)
    assert "BOOKMARK_BEARER_TOKEN" in str(failed.value)
    (line,) = lines_of(capsys.readouterr().err)
    assert (line["event"], line["level"]) == ("not_run", "error")
    assert function.untouched


def test_the_working_folders_env_file_is_not_read(function, monkeypatch, tmp_path):
    """What lies in the package's folder is no setting: the function's environment alone counts."""
    (tmp_path / ".env").write_text(f"BOOKMARKS_LIST_ID={LIST_ID}\n")
    monkeypatch.delenv("BOOKMARKS_LIST_ID")
    with pytest.raises(RunFailed, match="BOOKMARKS_LIST_ID"):
        handler(BOOKMARKS, Context())


def test_a_function_does_not_store_on_its_own_disk(function, monkeypatch, tmp_path):
    """A job without an environment ran into a default folder and said "success" for weeks."""
    monkeypatch.delenv("S3_BUCKET")
    with pytest.raises(RunFailed) as failed:
        handler(BOOKMARKS, Context())
    assert failed.value.exit_code == 78
    assert "DATAFETCH_STORE or S3_BUCKET" in str(failed.value)
    assert not (tmp_path / ".datafetch").exists()


def test_a_limit_is_refused_in_production(function, monkeypatch):
    """A limit for development reached production and cut the dataset to 20 items."""
    monkeypatch.setenv("DATAFETCH_ENV", "production")
    with pytest.raises(RunFailed, match="limit is refused in production") as failed:
        handler(BOOKMARKS | {"limit": 5}, Context())
    assert failed.value.exit_code == 2
    assert function.untouched


def test_a_dry_run_writes_nothing(function):
    """What the event asks for reaches the run."""
    result = handler(BOOKMARKS | {"dryRun": True, "limit": 5}, Context())
    assert (result["dryRun"], result["itemsProcessed"]) == (True, 5)
    assert {method for method, _ in function.bucket.requests()} <= {"GET", "HEAD"}


def test_a_job_that_failed_is_an_exception(function, capsys):
    """The platform counts exceptions only: a failure that came back as an answer would alarm nobody."""
    function.karakeep.inject(reply(403, "no"))
    with pytest.raises(RunFailed) as failed:
        handler(BOOKMARKS, Context())
    result = failed.value.result
    assert result is not None
    assert (result["status"], result["success"]) == ("failed", False)
    assert failed.value.exit_code == 1
    assert str(failed.value).startswith(f"bookmarks failed: {result['error']}")
    assert "\n" not in str(failed.value)
    assert function.stored(LOCK)["owner"] is None


def test_a_job_that_another_run_does_is_no_failure(function):
    """Two calls at once: the second says `locked` and alarms nobody, for the work is being done."""
    gate = threading.Event()
    function.karakeep.inject(held(gate), times=1)
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(handler(BOOKMARKS, Context())))
    thread.start()
    function.karakeep.log.wait_for(1)
    second = handler(BOOKMARKS, Context())
    gate.set()
    thread.join(60)
    assert (second["status"], second["success"]) == ("locked", False)
    assert first[0]["status"] == "succeeded"


def test_time_that_runs_out_stops_the_run_cleanly_and_the_next_call_works(function):
    """A function that its platform killed left its lock; the process it left behind serves on."""
    bell = Bell()
    function.karakeep.inject(bell.hang, times=1)
    with pytest.raises(RunFailed) as failed:
        handler(BOOKMARKS, Context(left_ms=900_000), alarm=bell)
    bell.gate.set()
    assert 0 < bell.seconds <= 892  # 8 s are kept for the stop
    result = failed.value.result
    assert result is not None
    assert (result["status"], result["success"]) == ("cancelled", False)
    assert "since the function's time limit was near" in str(failed.value)
    assert "raise the time limit of the function" in str(failed.value)
    assert function.stored(LOCK)["owner"] is None
    assert function.stored(STATE)["status"] == "cancelled"
    again = handler(BOOKMARKS, Context())
    assert (again["status"], again["itemsProcessed"]) == ("succeeded", 12)


def test_a_store_that_hangs_does_not_outlast_the_function(function):
    """Whichever server does not answer, the run has ended before the platform ends it."""
    bell = Bell()
    function.bucket.app.inject(bell.hang)
    with pytest.raises(RunFailed, match="since the function's time limit was near") as failed:
        handler(BOOKMARKS, Context(), alarm=bell)
    bell.gate.set()
    function.bucket.app.heal()
    assert failed.value.result is not None
    assert failed.value.result["status"] == "cancelled"
    assert handler(BOOKMARKS | {"wait": 60}, Context())["itemsProcessed"] == 12


@pytest.mark.parametrize("context", [(), (Context(),)], ids=["alone", "Lambda"])
def test_the_events_own_time_limit_counts_when_it_is_shorter(function, context):
    """`timeout` is what `--timeout` is on the command line, also where the platform says nothing."""
    bell = Bell()
    function.karakeep.inject(bell.hang, times=1)
    with pytest.raises(RunFailed, match=r"stopped after 300 s, as timeout says") as failed:
        handler(BOOKMARKS | {"timeout": 300}, *context, alarm=bell)
    bell.gate.set()
    assert 0 < bell.seconds <= 300
    assert failed.value.exit_code == 1


def test_googles_limit_counts_where_there_is_no_context(function, monkeypatch):
    """Cloud Run tells its time limit by a variable; the run is stopped as on Lambda."""
    monkeypatch.setenv("CLOUD_RUN_TIMEOUT_SECONDS", "300")
    bell = Bell()
    function.karakeep.inject(bell.hang, times=1)
    with pytest.raises(RunFailed, match="stopped after 292 s, since the function's time limit"):
        handler(BOOKMARKS, alarm=bell)
    bell.gate.set()
    assert 0 < bell.seconds <= 292


def test_a_function_without_time_to_stop_is_refused(function):
    """Lambda gives 3 s unless told otherwise: a run would be killed in its middle each time."""
    with pytest.raises(RunFailed, match=r"may run 3 s, and a clean stop takes 8") as failed:
        handler(BOOKMARKS, Context(left_ms=3_000))
    assert failed.value.exit_code == 78
    assert function.untouched


# ------------------------------------------------------------------- by a schedule

YEARLY = "0 0 1 1 *"
SCHEDULED = {"job": "bookmarks", "scheduled": True}


def test_a_schedule_that_fires_twice_does_the_work_once(function, monkeypatch):
    """Clouds promise to call at least once: the second call of a slot asks the server nothing."""
    monkeypatch.setenv("S3_BOOKMARKS_CRON", YEARLY)
    assert handler(SCHEDULED, Context())["status"] == "succeeded"
    function.karakeep.log.clear()
    second = handler(SCHEDULED, Context())
    assert (second["status"], second["success"]) == ("unchanged", True)
    assert function.karakeep.log.all() == []


def test_a_scheduled_run_that_finds_nothing_new_costs_seventeen_requests(function, monkeypatch):
    """Those of an unchanged run by hand, 16 at most, and one for the pauses."""
    monkeypatch.setenv("S3_BOOKMARKS_CRON", YEARLY)
    handler(BOOKMARKS, Context())
    function.bucket.app.count_from_here()
    handler(BOOKMARKS, Context())
    by_hand = sorted(function.bucket.requests())
    assert 0 < len(by_hand) <= 16
    state = function.stored(STATE) | {"startedAt": 0}  # before the slot, so that this is due
    function.bucket.put(STATE, json.dumps(state).encode())
    function.bucket.app.count_from_here()
    result = handler(SCHEDULED, Context())
    assert (result["status"], result["itemsProcessed"]) == ("unchanged", 12)
    scheduled = sorted(function.bucket.requests())
    assert len(scheduled) <= 17
    assert scheduled == sorted([*by_hand, ("GET", "json/datafetch/paused-test.json")])


def test_a_slot_that_the_time_limit_stopped_is_open_for_the_next_call(function, monkeypatch):
    """What the platform calls again goes on with the slot, whose work is not done."""
    monkeypatch.setenv("S3_BOOKMARKS_CRON", YEARLY)
    bell = Bell()
    function.karakeep.inject(bell.hang, times=1)
    with pytest.raises(RunFailed) as failed:
        handler(SCHEDULED, Context(), alarm=bell)
    bell.gate.set()
    assert failed.value.exit_code == 143
    assert handler(SCHEDULED, Context())["status"] == "succeeded"


def test_a_slot_that_failed_is_not_tried_again(function, monkeypatch):
    """As under cron: new tries of the platform leave a server alone that has just refused."""
    monkeypatch.setenv("S3_BOOKMARKS_CRON", YEARLY)
    function.karakeep.inject(reply(403, "no"))
    with pytest.raises(RunFailed):
        handler(SCHEDULED, Context())
    function.karakeep.log.clear()
    assert handler(SCHEDULED, Context())["status"] == "unchanged"
    assert function.karakeep.log.all() == []


def test_a_job_without_a_schedule_has_no_slots(function, monkeypatch):
    """A schedule for a job that is switched off is a mistake, and says which setting (78)."""
    monkeypatch.setenv("S3_BOOKMARKS_CRON", "off")
    with pytest.raises(RunFailed, match="S3_BOOKMARKS_CRON is off") as failed:
        handler(SCHEDULED, Context())
    assert failed.value.exit_code == 78
    assert function.untouched


# --------------------------------------------------------------- as the platforms do

RUNTIME = """
import errno, gc, importlib, json, os, sys, threading

allowed = (os.environ["TMPDIR"] + "/", "/dev/")
CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.chmod",
           "os.chown", "os.truncate", "os.utime"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

def read_only(event, arguments):
    changes = event in CHANGES or (event == "open" and arguments[2] & WRITING)
    if changes and isinstance(arguments[0], (str, bytes, os.PathLike)):
        path = os.path.abspath(os.fsdecode(arguments[0])) + "/"
        if not path.startswith(allowed):
            print(f"WRITES {event} {path}", file=sys.stderr)
            raise OSError(errno.EROFS, "Read-only file system", path)

sys.dont_write_bytecode = True
sys.addaudithook(read_only)
module, _, name = os.environ["_HANDLER"].rpartition(".")
handler = getattr(importlib.import_module(module), name)

class Context:
    aws_request_id = "a-call"
    def __init__(self, left):
        self.get_remaining_time_in_millis = lambda: left

for line in sys.stdin:
    left, event = json.loads(line)
    try:
        answer = handler(event, Context(left))
    except Exception as error:
        answer = {"errorType": type(error).__name__, "errorMessage": str(error)}
    gc.collect()
    answer["kept"] = [len(os.listdir("/dev/fd")), threading.active_count()]
    print(json.dumps(answer), flush=True)
"""
"""What Lambda's own program does: it imports the handler by its name, once, and calls it for each
event, on a file system of which only a temporary folder can be written."""


@contextmanager
def runtime(function: Function, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Lambda's program with its environment: no HOME, a disk that cannot be written but for `folder`."""
    environment = clean_environment(
        **function.environment,
        TMPDIR=str(folder),
        TZ=":UTC",
        _HANDLER="datafetch.serverless.handler",
        AWS_LAMBDA_FUNCTION_NAME="datafetch-bookmarks",
        LAMBDA_TASK_ROOT=str(ROOT),
        AWS_REGION="us-east-1",
    )
    for name in ("HOME", "XDG_RUNTIME_DIR"):
        environment.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-c", RUNTIME],
        cwd="/",
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def call(process: "subprocess.Popen[str]", left_ms: int, event: object) -> dict[str, Any]:
    """What the process answers when the function is called with an event."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{json.dumps([left_ms, event])}\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    assert isinstance(answer, dict)
    return answer


def test_a_process_like_lambdas(function, tmp_path):
    """A handler by its name, a read-only disk, no home: a call that is stopped, and one that works."""
    gate = threading.Event()
    function.karakeep.inject(held(gate), times=1)
    with runtime(function, tmp_path) as process:
        stopped = call(process, 8_300, BOOKMARKS)
        gate.set()
        function.karakeep.heal()
        worked = call(process, 900_000, BOOKMARKS)
        refused = call(process, 900_000, {"job": "nothing"})
        _, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert "WRITES" not in err
    assert stopped["errorType"] == "RunFailed"
    assert "bookmarks cancelled: stopped after" in stopped["errorMessage"]
    assert (worked["status"], worked["itemsProcessed"]) == ("succeeded", 12)
    assert refused["errorType"] == "RunFailed"
    assert all(line["requestId"] == "a-call" for line in lines_of(err))


def test_a_process_that_serves_many_calls_stays_as_it_is(function, tmp_path):
    """A warm function that kept a connection or a thread of each call would be full one day."""
    with runtime(function, tmp_path) as process:
        kept = [call(process, 900_000, BOOKMARKS)["kept"] for _ in range(7)]
    assert kept[2:] == [kept[1]] * 5


def test_a_flask_function_like_googles(function, tmp_path):
    """The guide's `main.py`, served as Google's framework serves it: 200 with the result, 500 on failure."""
    from flask import Flask, request

    guide = (ROOT / "datafetch/guides/cloud.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- main\.py -->\n```python\n(.*?)```", guide, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(compile(found[1], "main.py", "exec"), names)
    site = Flask("function")
    site.add_url_rule(
        "/", view_func=lambda: names["run"](request), methods=["POST"], endpoint="run"
    )
    client = site.test_client()
    # Cloud Scheduler sends application/octet-stream unless told otherwise.
    body = json.dumps(BOOKMARKS).encode()
    answer = client.post("/", data=body, content_type="application/octet-stream")
    assert (answer.status_code, answer.get_json()["itemsProcessed"]) == (200, 12)
    assert client.post("/", data=b'{"job": "nothing"}').status_code == 500
