"""A developer with many repositories and years: real processes against a bucket, requests counted."""

import itertools
import json
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.base import FakeServer, Request
from tests.fakes.faults import held
from tests.fakes.github import TOKEN, GitHubApp
from tests.fakes.github_data import LOGIN, make_activity
from tests.fakes.s3 import S3Fake, key_of
from tests.github.world import Expected
from tests.processes import clean_environment, command_line, datafetch

STATS = "/stats/contributors"
CSVS = "json/github-activity/repo_raw_weekly_stats"
STATE = "json/datafetch/datasets/github.json"
WIDTH = 8


@pytest.fixture
def github() -> Iterator[tuple[GitHubApp, FakeServer]]:
    """130 repositories of eight years until today, with every oddity."""
    app = GitHubApp(make_activity(130, today=datetime.now(UTC).date(), years=8))
    with app.served() as server:
        yield app, server


def _environment(server: FakeServer, s3: S3Fake) -> dict[str, str]:
    return s3.environment | {
        "DATAFETCH_ENV": "production",
        "GITHUB_API_URL": server.url,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_REPO_OWNER": LOGIN,
        "GITHUB_STATS_PENDING_DELAY_MS": "1",
    }


def _stored(s3: S3Fake, key: str) -> Any:
    found = s3.get(key)
    assert found is not None, key
    return json.loads(found.body)


def _remembered(s3: S3Fake) -> set[str]:
    """The repositories that were asked for, by the job's state."""
    found = s3.get(STATE)
    known = json.loads(found.body)["repositories"] if found else {}
    return {record["repository"] for record in known.values() if record["askedAt"]}


def _asked(app: GitHubApp) -> Counter[str]:
    """How often each repository's statistics were asked for."""
    return Counter("/".join(one.path.split("/")[2:4]) for one in app.log.all(STATS))


def _puts(key: str) -> Callable[[Request], bool]:
    """Matches writes to keys that begin so."""
    return lambda request: request.method == "PUT" and key_of(request).startswith(key)


def _check_figures(app: GitHubApp, s3: S3Fake) -> None:
    expected = Expected(app.activity, datetime.now(UTC).date())
    all_time = _stored(s3, "json/github-activity/activity_data.json")["cumulativeAllTimeData"]
    assert (all_time["linesAdded"], all_time["linesRemoved"]) == expected.lines(trailing=False)
    assert all_time["totalContributions"] == expected.contributions(trailing=False)
    assert all_time["dataComplete"] is True
    weekly = _stored(s3, "json/github-activity/aggregated_weekly_activity.json")
    assert weekly == expected.weekly()


def test_many_repositories_and_years_cost_little(tmp_path, github, s3_fake: S3Fake):
    """More than 100 repositories: the rest were never seen. Now all are, each asked once; and then none."""
    app, server = github
    environment = _environment(server, s3_fake)
    counting = Expected(app.activity).counting()
    pending = {one.full_name: int(one.pending) for one in counting}
    first = datafetch("github", "--json", cwd=tmp_path, **environment)
    assert first.code == 0, first.err[-3000:]
    assert app.log.count("/graphql") <= 30
    assert _asked(app) == {name: 1 + repeats for name, repeats in pending.items()}
    assert first.result("github-activity")["itemsProcessed"] == len(counting) > 100
    _check_figures(app, s3_fake)

    app.log.clear()
    s3_fake.app.count_from_here()
    second = datafetch("github", "--json", cwd=tmp_path, **environment)
    assert second.code == 0, second.err[-3000:]
    assert second.result("github-activity")["status"] == "unchanged"
    assert app.log.count() <= 15
    counts = s3_fake.counts()
    assert sum(counts.values()) - counts["GET"] - counts["LIST"] - counts["HEAD"] <= 12, counts
    _check_figures(app, s3_fake)


def test_a_killed_run_is_continued_where_it_was(tmp_path, github, s3_fake: S3Fake):
    """A run killed half-way and started again asks only for what is missing from the store."""
    app, server = github
    environment = _environment(server, s3_fake)
    counting = Expected(app.activity).counting()
    for repository in counting:
        repository.pending = 0
    gate = threading.Event()
    app.inject(held(gate), STATS, after=60)
    process = subprocess.Popen(
        command_line("github"),
        cwd=tmp_path,
        env=clean_environment(**environment, DATAFETCH_LOCK_TTL_MS="3000"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        app.log.wait_for(60 + WIDTH, STATS, timeout_s=60)
        answered = set(list(_asked(app))[:60])
        written = {one.full_name for one in counting if one.stats == "weeks"} & answered
        s3_fake.app.log.wait_for(len(written), _puts(CSVS))
        # An answer that leaves no CSV is remembered in the state.
        puts = itertools.count(1)
        while not answered - written <= _remembered(s3_fake):
            s3_fake.app.log.wait_for(next(puts), _puts(STATE))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        gate.set()
    assert s3_fake.get("json/github-activity/activity_data.json") is None
    app.heal()
    app.log.clear()
    assert _until_free(tmp_path, environment) == 0
    assert set(_asked(app)) == {one.full_name for one in counting} - answered
    _check_figures(app, s3_fake)


def _until_free(cwd: Path, environment: dict[str, str]) -> int:
    """Run until the dead run's lease is over; the exit code then."""
    for _ in range(50):
        code = datafetch("github", cwd=cwd, **environment).code
        if code != 75:
            return code
    return 75
