"""What a run waits for, against a bucket: what does not depend on each other goes side by side."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bookmarks.world import link
from tests.fakes.base import FakeServer, Request
from tests.fakes.faults import held
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.s3 import S3Fake, key_of
from tests.processes import clean_environment, command_line, datafetch

START = (
    ("PUT", "json/datafetch/locks/bookmarks.json", 0),
    ("GET", "json/datafetch/jobs/bookmarks.json", 0),
    ("GET", "json/datafetch/history/bookmarks.json", 0),
    ("GET", "json/datafetch/dead-letters/bookmarks.json", 0),
    ("GET", "json/datafetch/breakers.json", 0),
)
LOGOS = (
    ("GET", "json/bookmarks/bookmarks.json", 0),
    ("GET", "json/datafetch/publish/logos.json", 0),
    ("GET", "json/image-data/logos/manifest.json", 0),
    ("GET", "json/rate-limit/logo-failed-domains.json", 0),
)
END = (
    ("PUT", "json/datafetch/jobs/bookmarks.json", 1),
    ("PUT", "json/datafetch/history/bookmarks.json", 0),
)


@pytest.fixture
def karakeep() -> Iterator[FakeServer]:
    """A server with a list."""
    with KarakeepApp(link(number) for number in range(12)).served() as server:
        yield server


def _environment(server: FakeServer, s3: S3Fake) -> dict[str, str]:
    return s3.environment | {
        "DATAFETCH_ENV": "production",
        "BOOKMARKS_API_URL": server.url,
        "BOOKMARKS_LIST_ID": LIST_ID,
        "BOOKMARK_BEARER_TOKEN": TOKEN,
    }


@pytest.mark.parametrize(
    ("job", "requests"), [("bookmarks", START), ("logos", LOGOS), ("bookmarks", END)]
)
def test_what_does_not_depend_on_each_other_goes_side_by_side(
    tmp_path: Path,
    karakeep: FakeServer,
    s3_fake: S3Fake,
    job: str,
    requests: tuple[tuple[str, str, int], ...],
) -> None:
    """None of them is answered before all of them have been sent, and the run ends well."""
    gate = threading.Event()
    sent = [
        s3_fake.app.inject(held(gate), _to(method, key), after=after)
        for method, key, after in requests
    ]
    process = subprocess.Popen(
        command_line(job), cwd=tmp_path, env=clean_environment(**_environment(karakeep, s3_fake))
    )
    try:
        for method, key, after in requests:
            s3_fake.app.log.wait_for(after + 1, _to(method, key))
    finally:
        gate.set()
        code = process.wait()
    assert code == 0
    assert all(rule.hits for rule in sent)


def test_one_at_a_time_is_enough(tmp_path: Path, karakeep: FakeServer, s3_fake: S3Fake) -> None:
    """With a concurrency of one the store is still asked side by side, and nothing is warned of."""
    environment = _environment(karakeep, s3_fake) | {"DATAFETCH_CONCURRENCY": "1"}
    for job in ("logos", "bookmarks"):
        ended = datafetch(job, "--log-format", "console", cwd=tmp_path, **environment)
        assert ended.code == 0
        assert "warning" not in ended.err.lower()


def _to(method: str, key: str) -> Callable[[Request], bool]:
    return lambda request: request.method == method and key_of(request) == key
