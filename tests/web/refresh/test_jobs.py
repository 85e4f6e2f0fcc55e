"""The refresh endpoints of logos and OpenGraph data, and what all of them tell of past runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from datafetch.errors import Cancelled, StoreUnavailable
from datafetch.models.run import JobName
from tests.stores import Call
from tests.web.refresh.world import GITHUB, GITHUB_SECRET, SECRET, Endpoints, endpoints

LOGOS, OPENGRAPH = "/api/logos/refresh", "/api/opengraph/refresh"
JOBS = {LOGOS: JobName.LOGOS, OPENGRAPH: JobName.OPENGRAPH}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Endpoints]:
    """The endpoints over an empty store."""
    with endpoints(monkeypatch, tmp_path / "store") as made:
        yield made


@pytest.mark.parametrize("path", JOBS)
def test_the_secret_starts_the_job(site: Endpoints, path: str) -> None:
    """The job runs, and its end shows where one asks how fresh the data is."""
    answer = site.post(path, SECRET)
    assert answer.status == 200
    assert answer.json["status"] == "success"
    assert answer.json["data"] == {
        "refreshStarted": True,
        "refreshQueued": False,
        "refreshInProgress": False,
        "lastFetchedAt": None,
        "lastFetchedAtTs": None,
        "changeDetected": None,
    }
    site.settle(JOBS[path])
    data = site.server.get(path).json["data"]
    assert data["lastRun"]["status"] in ("succeeded", "unchanged")
    assert data["runs"] == [data["lastRun"]]
    assert data["refreshInProgress"] is False


@pytest.mark.parametrize("path", JOBS)
def test_without_the_secret_nothing_is_started(site: Endpoints, path: str) -> None:
    """No visitor starts these jobs, nor who only has the secret for GitHub; guessing is slowed down."""
    assert site.post(path).status == 401
    assert site.post(path, GITHUB_SECRET).status == 401
    assert [site.post(path, f"guess-{n}").status for n in range(9)] == [401] * 8 + [429]
    assert site.server.get(path).json["data"]["lastRun"] is None
    assert not any(site.site.runs.is_running(job) for job in JobName)


@pytest.mark.parametrize("path", JOBS)
def test_no_secret_set_is_a_fault_of_the_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    """Where no secret is set nobody may ask, and the answer says which setting it is."""
    change = {"BOOKMARK_CRON_REFRESH_SECRET": ""}
    with endpoints(monkeypatch, tmp_path / "store", change=change) as site:
        answer = site.post(path, "")
        assert answer.status == 500
        assert "BOOKMARK_CRON_REFRESH_SECRET" in answer.json["message"]


@pytest.mark.parametrize("path", [LOGOS, OPENGRAPH, GITHUB])
def test_past_runs_are_told_without_what_is_private(site: Endpoints, path: str) -> None:
    """Anybody may ask, so no error, host or item is in the answer, though the history has them."""
    site.github.token = "changed"
    site.post(GITHUB, x_refresh_secret=GITHUB_SECRET)
    site.settle(JobName.GITHUB)
    data = site.server.get(path).json["data"]
    assert {"lastFetchedAt", "lastFetchedAtTs", "changeDetected", "refreshInProgress"} <= set(data)
    if path == GITHUB:
        assert data["needsRefresh"] is True
        assert data["lastRun"]["status"] == "failed"
        assert set(data["lastRun"]) == {
            "runId",
            "status",
            "startedAt",
            "startedAtTs",
            "endedAt",
            "endedAtTs",
            "duration",
            "itemsProcessed",
            "itemsChanged",
            "itemsFailed",
        }


@pytest.mark.parametrize("path", JOBS)
def test_store_that_is_away_is_said_and_the_secret_starts_a_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    """Nobody knows how fresh the data is; a run with its own store may still bring it."""

    def down(_call: Call) -> None:
        raise StoreUnavailable("bucket.internal.example does not answer")

    with endpoints(monkeypatch, tmp_path / "store", before=down) as site:
        answer = site.server.get(path)
        assert answer.status == 503
        assert answer.json["code"] == "STORE_UNAVAILABLE"
        assert "internal" not in answer.text
        answer = site.post(path, SECRET)
        assert answer.json["data"]["refreshStarted"] is True
        assert answer.json["data"]["lastFetchedAt"] is None
        site.settle(JOBS[path])
        assert site.runs_of(JOBS[path].value) in (["succeeded"], ["unchanged"])


@pytest.mark.parametrize("path", JOBS)
def test_server_that_stops_starts_none(site: Endpoints, path: str) -> None:
    """Whoever asks while the server stops is told to ask again."""
    site.site.runs.stop(Cancelled("the server stops"))
    answer = site.post(path, SECRET)
    assert answer.status == 503
    assert answer.json["code"] == "STOPPING"
    assert "retry-after" in answer.headers
