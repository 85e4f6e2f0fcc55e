"""`/api/github-activity/refresh`: who may, how often, and what is told when the run has ended or goes on."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from datafetch.errors import Cancelled, StoreUnavailable
from datafetch.models.run import JobName
from tests.stores import Call
from tests.web.refresh.world import (
    GITHUB,
    GITHUB_SECRET,
    SECRET,
    SOON_S,
    Endpoints,
    endpoints,
    logged,
)

ACTIVITY = "json/github-activity/activity_data-test.json"
REFRESH = {"x_refresh_secret": GITHUB_SECRET}
NO_SECRETS = dict.fromkeys(("BOOKMARK_CRON_REFRESH_SECRET", "GITHUB_REFRESH_SECRET"), "")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Endpoints]:
    """The endpoints over an empty store."""
    with endpoints(monkeypatch, tmp_path / "store") as made:
        yield made


def test_refresh_waits_for_the_run_and_tells_its_totals(site: Endpoints) -> None:
    """Callers of the site's old endpoint get the numbers that are now in the store."""
    answer = site.post(GITHUB, **REFRESH)
    assert answer.status == 200
    stored = site.stored(ACTIVITY)
    assert answer.json["message"] == "GitHub activity data refresh completed successfully."
    assert answer.json["dataFetched"] is True
    assert answer.json["trailingYearCommits"] == stored["trailingYearData"]["totalContributions"]
    assert answer.json["allTimeCommits"] == stored["cumulativeAllTimeData"]["totalContributions"]
    assert answer.json["allTimeCommits"] > 0
    assert answer.json["partial"] is False
    assert answer.json["changeDetected"] is True
    assert answer.json["lastFetchedAtTs"] > 0
    assert answer.json["refreshInProgress"] is False
    data = site.server.get(GITHUB).json["data"]
    assert data["needsRefresh"] is False
    assert data["lastRun"]["status"] == "succeeded"
    assert data["lastFetchedAt"] is not None


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {SECRET}"},
        {"authorization": "Bearer own-cron-secret"},
        {"x_refresh_secret": GITHUB_SECRET, "authorization": "Basic YTpi"},
    ],
)
def test_which_secrets_open_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, headers: dict[str, str]
) -> None:
    """The header of the old site, and the bearers of cron."""
    change = {"GITHUB_CRON_REFRESH_SECRET": "own-cron-secret"}
    with endpoints(monkeypatch, tmp_path / "store", change=change) as site:
        assert site.post(GITHUB, **headers).status == 200


def test_without_the_secret_nothing_is_started(site: Endpoints) -> None:
    """The answer has the code that callers look for, and is refused after five tries an hour."""
    for headers in ({}, {"x_refresh_secret": "wrong"}, {"authorization": f"Bearer {SECRET}x"}):
        answer = site.post(GITHUB, **headers)
        assert answer.status == 401
        assert answer.json["code"] == "UNAUTHORIZED_REFRESH_SECRET"
        assert answer.json["message"].startswith("Unauthorized. Refresh secret invalid or missing.")
    assert [site.post(GITHUB).status for _ in range(3)] == [401, 401, 429]
    assert not site.github.log.all()


def test_five_refreshes_an_hour_and_strangers_use_up_none(site: Endpoints) -> None:
    """The sixth is refused, with the headers that say until when; an hour later it goes on."""
    for _ in range(6):
        site.post(GITHUB)
    answers = [site.post(GITHUB, **REFRESH) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == [*"432100"]
    last = answers[-1]
    assert last.headers["x-ratelimit-limit"] == "5"
    assert last.json["code"] == "RATE_LIMIT_EXCEEDED"
    assert last.headers["retry-after"] == str(last.json["retryAfter"])
    reset = int(last.headers["x-ratelimit-reset"])
    assert reset - 3600 <= site.clock.now() <= reset
    site.clock.ahead_s = 3600
    assert site.post(GITHUB, **REFRESH).status == 200


def test_no_secret_set_is_a_fault_of_the_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where no secret is set nobody may ask, and the answer says which setting it is."""
    with endpoints(monkeypatch, tmp_path / "store", change=NO_SECRETS) as site:
        answer = site.post(GITHUB, **REFRESH)
        assert answer.status == 500
        assert answer.json["message"].startswith("Server mis-configuration: secret missing.")
        assert "GITHUB_REFRESH_SECRET" in answer.json["message"]


def test_missing_settings_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server without a token says so, instead of "returned no data"."""
    change = {"GITHUB_REPO_OWNER": ""}
    with endpoints(monkeypatch, tmp_path / "store", change=change) as site:
        answer = site.post(GITHUB, **REFRESH)
        assert answer.status == 500
        assert "GITHUB_REPO_OWNER" in answer.json["error"]
        assert answer.json["dataFetched"] is False


def test_long_run_goes_on_in_the_background(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """When the time is over the caller hears of it, and the run does its work all the same."""
    with endpoints(monkeypatch, tmp_path / "store", github_wait_s=0.05) as site:
        gate = site.hold(site.github)
        answer = site.post(GITHUB, **REFRESH)
        assert answer.status == 202
        assert answer.json["dataFetched"] is False
        assert site.server.get(GITHUB).json["data"]["refreshInProgress"] is True
        gate.set()
        site.settle(JobName.GITHUB)
        assert site.stored(ACTIVITY) is not None
        assert site.server.get(GITHUB).json["data"]["refreshInProgress"] is False


def test_refresh_that_meets_a_run_waits_for_the_one_that_follows(site: Endpoints) -> None:
    """Whoever asks while a run is under way gets the result of a run that began afterwards."""
    gate = site.hold(site.github)
    with ThreadPoolExecutor(2) as pool, logged("run_asked", state="next") as asked:
        first = pool.submit(site.post, GITHUB, **REFRESH)
        site.github.log.wait_for(1)
        second = pool.submit(site.post, GITHUB, **REFRESH)
        assert asked.wait(SOON_S)
        gate.set()
        answers = [first.result(SOON_S), second.result(SOON_S)]
    assert [answer.status for answer in answers] == [200, 200]
    assert [answer.json["refreshInProgress"] for answer in answers] == [False, True]
    assert len(site.runs_of("github")) == 2


def test_failed_run_is_an_error_with_its_reason(site: Endpoints) -> None:
    """A run that fetched nothing is never told as a success."""
    site.github.token = "changed"
    answer = site.post(GITHUB, **REFRESH)
    assert answer.status == 500
    assert answer.json["dataFetched"] is False
    assert answer.json["code"] == "REFRESH_FAILED"
    assert answer.json["message"] == "Failed to refresh GitHub activity data."
    assert answer.json["error"]


def test_stop_of_the_server_ends_the_wait(site: Endpoints) -> None:
    """A server that stops answers those who wait, instead of holding them until it is killed."""
    site.hold(site.github)
    found = []
    waiting = threading.Thread(target=lambda: found.append(site.post(GITHUB, **REFRESH)))
    waiting.start()
    site.github.log.wait_for(1)
    site.site.cancel.cancel(Cancelled("the server stops"))
    waiting.join(SOON_S)
    assert found[0].status == 503
    assert found[0].json["code"] == "STOPPING"
    assert found[0].json["dataFetched"] is False
    assert "retry-after" in found[0].headers


def test_stop_answers_those_who_wait_for_the_next_run(site: Endpoints) -> None:
    """The run that others wait for is not begun any more: they hear it, and may ask again."""
    site.hold(site.github)
    with ThreadPoolExecutor(2) as pool, logged("run_asked", state="next") as asked:
        first = pool.submit(site.post, GITHUB, **REFRESH)
        site.github.log.wait_for(1)
        second = pool.submit(site.post, GITHUB, **REFRESH)
        assert asked.wait(SOON_S)
        site.site.runs.stop(Cancelled("the server stops"))
        answers = [first.result(SOON_S), second.result(SOON_S)]
    assert [answer.status for answer in answers] == [503, 503]
    assert [answer.json["code"] for answer in answers] == ["REFRESH_CANCELLED", "STOPPING"]
    assert all("retry-after" in answer.headers for answer in answers)


@pytest.mark.parametrize("what", ["fails", "is broken"])
def test_totals_that_cannot_be_read_are_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str
) -> None:
    """The run was a success, whether or not its numbers can be told."""

    def spoil(call: Call) -> None:
        if call.key != ACTIVITY or call.method != "get":
            return
        if what == "fails":
            raise StoreUnavailable("away", key=call.key)
        (tmp_path / "store" / ACTIVITY).write_text("{")

    with endpoints(monkeypatch, tmp_path / "store", before=spoil) as site:
        answer = site.post(GITHUB, **REFRESH)
        assert answer.status == 200
        assert answer.json["dataFetched"] is True
        assert answer.json["trailingYearCommits"] is None
        assert answer.json["allTimeCommits"] is None


def test_client_that_goes_away_is_not_waited_for(site: Endpoints) -> None:
    """The request ends with its client, though the run goes on; nothing piles up for a minute."""
    site.hold(site.github)
    with logged("request_answered") as answered:
        client = socket.create_connection(("127.0.0.1", site.server.port))
        request = f"POST {GITHUB} HTTP/1.1\r\nHost: x\r\nX-Refresh-Secret: {GITHUB_SECRET}\r\n"
        client.sendall(f"{request}Content-Length: 0\r\n\r\n".encode())
        site.github.log.wait_for(1)
        assert not answered.is_set()
        client.close()
        assert answered.wait(SOON_S)
    assert site.site.runs.is_running(JobName.GITHUB)
