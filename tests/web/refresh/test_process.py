"""Refreshes of `datafetch serve` as a process of its own, beside other processes, over a real bucket."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bookmarks.world import NEWEST, link
from tests.fakes.faults import held
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.s3 import S3Fake
from tests.processes import clean_environment, command_line
from tests.web.support import Server, bearer, served

SECRET = "cron-secret"
REFRESH = "/api/bookmarks/refresh"
PAGE = f"/lists/{LIST_ID}/bookmarks"
INDEX = "json/bookmarks/index-test.json"
LOCK = "json/datafetch/locks/bookmarks-test.json"
STATE = "json/datafetch/jobs/bookmarks-test.json"
HISTORY = "json/datafetch/history/bookmarks-test.json"
LONGEST_S = 60


@dataclass
class Town:
    """A bookmark server, a bucket, and the settings that lead a program to them."""

    karakeep: KarakeepApp
    bucket: S3Fake
    folder: Path
    settings: dict[str, str]

    def stored(self, key: str) -> Any:
        """A stored object; None when it is not there."""
        found = self.bucket.get(key)
        return None if found is None else json.loads(found.body)

    @contextmanager
    def served(self) -> Iterator[Server]:
        """The server, which has the cron secret."""
        with served(self.folder, BOOKMARK_CRON_REFRESH_SECRET=SECRET, **self.settings) as server:
            yield server

    @contextmanager
    def held(self) -> Iterator[threading.Event]:
        """The next request for the list waits for this event, which is set at the end."""
        gate = threading.Event()
        self.karakeep.inject(held(gate), PAGE, times=1)
        try:
            yield gate
        finally:
            gate.set()


@pytest.fixture
def town(s3_fake: S3Fake, tmp_path: Path) -> Iterator[Town]:
    """A list of 12 bookmarks, and an empty bucket."""
    app = KarakeepApp(link(number) for number in range(12))
    with app.served() as server:
        settings = {
            **s3_fake.environment,
            "DATAFETCH_ENV": "test",
            "BOOKMARKS_API_URL": server.url,
            "BOOKMARKS_LIST_ID": LIST_ID,
            "BOOKMARK_BEARER_TOKEN": TOKEN,
        }
        yield Town(app, s3_fake, tmp_path, settings)


def test_a_refresh_does_the_job_and_status_tells_its_end(town: Town) -> None:
    """What `curl` with the secret starts is in the bucket, in the history, and in `/api/status`."""
    with town.served() as server:
        assert server.post(REFRESH, b"", **bearer(SECRET)).json["data"]["refreshStarted"] is True
        server.await_event("run_finished", job="bookmarks")
        server.await_event("run_asked", job="bookmarks", state="started", by="cron secret")
        jobs = {job["job"]: job for job in server.get("/api/status").json["jobs"]}
        assert server.get(REFRESH).json["data"]["bookmarksCount"] == 12
        assert SECRET not in json.dumps(server.seen)
    assert jobs["bookmarks"]["lastRun"]["status"] == "succeeded"
    assert town.stored(INDEX)["count"] == 12
    assert [entry["status"] for entry in town.stored(HISTORY)] == ["succeeded"]


def test_a_refresh_that_meets_the_run_of_another_process_follows_it(town: Town) -> None:
    """Cron's run has read the list when a bookmark is saved: one run comes after it and brings it."""
    with town.served() as server:
        with town.held() as gate:
            cron = subprocess.Popen(
                command_line("bookmarks"),
                cwd=town.folder,
                env=clean_environment(**town.settings),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            town.karakeep.log.wait_for(1, PAGE, LONGEST_S)
            town.karakeep.add(link(900, url="https://late.example.com/"))
            town.karakeep.resave("b900", NEWEST)
            answers = [server.post(REFRESH, b"", **bearer(SECRET)).json["data"] for _ in range(20)]
            assert all(answer["refreshInProgress"] for answer in answers)
            assert [answer["refreshStarted"] for answer in answers] == [True] + [False] * 19
            server.await_event("lease_awaited", job="bookmarks")
            assert server.get(REFRESH).json["data"]["refreshInProgress"] is True
            gate.set()
            assert cron.wait(LONGEST_S) == 0
        server.await_event("run_finished", job="bookmarks")
        assert town.karakeep.log.count(PAGE) == 2
        assert server.get(REFRESH).json["data"]["bookmarksCount"] == 13
    assert [entry["status"] for entry in town.stored(HISTORY)] == ["succeeded", "succeeded"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_server_hands_back_its_run(town: Town, number: int, code: int) -> None:
    """Shut down in the middle of a run: its state says cancelled, and the next run need not wait."""
    with town.served() as server, town.held():
        server.post(REFRESH, b"", **bearer(SECRET))
        town.karakeep.log.wait_for(1, PAGE, LONGEST_S)
        assert server.post(REFRESH, b"", **bearer(SECRET)).json["data"]["refreshQueued"] is True
        assert server.end(number) == code
        assert town.karakeep.log.count(PAGE) == 1
    assert town.stored(LOCK)["owner"] is None
    assert town.stored(STATE)["status"] == "cancelled"
    assert [entry["status"] for entry in town.stored(HISTORY)] == ["cancelled"]
    done = subprocess.run(
        command_line("bookmarks"),
        cwd=town.folder,
        env=clean_environment(**town.settings),
        capture_output=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == 0
    assert town.stored(INDEX)["count"] == 12
