"""Real processes that are stopped while the store says nothing any more, at every moment of a run."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.base import FakeServer, Request
from tests.fakes.faults import held
from tests.fakes.karakeep import KarakeepApp, link
from tests.fakes.s3 import MotoApp, S3Fake, key_of
from tests.processes import clean_environment, command_line

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
LOCK, STATE = "json/datafetch/locks/", "json/datafetch/jobs/"

MOMENTS = {
    "asking for the lock": ("bookmarks", "GET", LOCK, 1),
    "trying the store's conditions": ("bookmarks", "PUT", "json/datafetch/probe/", 1),
    "taking the lock": ("bookmarks", "PUT", LOCK, 1),
    "reading the records": ("bookmarks", "GET", "json/datafetch/history/", 1),
    "marking the job as running": ("bookmarks", "PUT", STATE, 1),
    "reading the dataset": ("bookmarks", "GET", "json/bookmarks/", 1),
    "writing the dataset": ("bookmarks", "PUT", "json/bookmarks/", 1),
    "storing how it ended": ("bookmarks", "PUT", STATE, 2),
    "giving back the lock": ("bookmarks", "PUT", LOCK, 2),
    "planning": ("bookmarks --dry-run", "GET", "json/datafetch/dead-letters/", 1),
    "reading for a build": ("prefetch-build", "GET", "json/bookmarks/", 1),
}
"""Each moment: the command, and which request of which kind is the first one without an answer."""


@dataclass
class Hang:
    """A bucket whose server says nothing any more from one of its requests on."""

    bucket: str
    method: str
    prefix: str
    number: int
    began: threading.Event = field(default_factory=threading.Event)

    def matches(self, request: Request) -> bool:
        """Whether the request gets no answer."""
        if not request.path.startswith(f"/{self.bucket}/"):
            return False
        if (request.method, key_of(request)[: len(self.prefix)]) == (self.method, self.prefix):
            self.number -= 1
            if self.number == 0:
                self.began.set()
        return self.began.is_set()


@pytest.fixture(scope="module")
def moto() -> Iterator[FakeServer]:
    """The S3 server of all the buckets."""
    with FakeServer(MotoApp()) as server:
        yield server


def _started(tmp_path: Path, hang: Hang, s3: S3Fake, api: str, command: str) -> Any:
    folder = tmp_path / hang.bucket
    (folder / "runtime").mkdir(parents=True)
    return subprocess.Popen(
        command_line(*command.split(), "--json"),
        cwd=folder,
        env=clean_environment(
            **s3.environment,
            DATAFETCH_ENV="test",
            BOOKMARKS_API_URL=api,
            BOOKMARKS_LIST_ID=KarakeepApp().list_id,
            BOOKMARK_BEARER_TOKEN=KarakeepApp().token,
            XDG_RUNTIME_DIR=str(folder / "runtime"),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_store_that_hangs_never_keeps_a_stopped_run(tmp_path: Path, moto: FakeServer) -> None:
    """While the store hung, a signal was obeyed after two minutes, with 1 instead of 143.

    All moments are tried at once, and the limit is far below the time-outs of a single request.
    """
    gate, running = threading.Event(), []
    app = KarakeepApp(
        link(f"b{number:03d}", f"https://example.com/{number}", WHEN - timedelta(hours=number))
        for number in range(12)
    )
    with app.served() as api:
        for place, (moment, (command, method, prefix, number)) in enumerate(MOMENTS.items()):
            s3 = S3Fake(f"stuck-{place}", server=moto)
            s3.__enter__()
            hang = Hang(s3.bucket, method, prefix, number)
            moto.app.inject(held(gate), hang.matches)
            running.append((moment, hang, _started(tmp_path, hang, s3, api.url, command)))
        try:
            for moment, hang, process in running:
                assert hang.began.wait(60), f"{moment}: {process.communicate(timeout=9)}"
            for _, _, process in running:
                process.send_signal(signal.SIGTERM)
            ended = {moment: process.communicate(timeout=25) for moment, _, process in running}
        finally:
            gate.set()
            for _, _, process in running:
                process.kill()
                process.communicate()
    assert {moment: process.returncode for moment, _, process in running} == dict.fromkeys(
        MOMENTS, 143
    ), ended
    for moment, (out, err) in ended.items():
        results = json.loads(out)
        assert "Traceback" not in err, moment
        assert [result["success"] for result in results] == [
            moment == "giving back the lock"
        ] * len(results), moment
        if moment != "giving back the lock":
            assert {result["status"] for result in results} == {"cancelled"}, moment
            assert all("SIGTERM" in result["error"] for result in results), moment
