"""`/api/bookmarks/refresh`: what cron, webhooks and visitors get, and what it costs."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from datafetch.errors import Cancelled, StoreUnavailable
from tests.bookmarks.world import NEWEST, link
from tests.web.refresh.world import (
    BOOKMARKS,
    GITHUB_SECRET,
    INDEX,
    OTHER_SECRET,
    PAGE,
    SECRET,
    SOON_S,
    Endpoints,
    endpoints,
)
from tests.web.support import Answer

LOCK = "json/datafetch/locks/bookmarks-test.json"
STATE = "json/datafetch/jobs/bookmarks-test.json"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Endpoints]:
    """The endpoints over an empty store."""
    with endpoints(monkeypatch, tmp_path / "store") as made:
        yield made


def ms(text: str) -> int:
    """An ISO time as epoch milliseconds."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def hook(site: Endpoints, number: int) -> Answer:
    """Karakeep's webhook, as its worker sends it."""
    body = {"jobId": str(number), "bookmarkId": "b900", "operation": "crawled", "type": "link"}
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    return site.server.post(BOOKMARKS, json.dumps(body).encode(), **headers)


def test_nothing_stored_needs_a_refresh(site: Endpoints) -> None:
    """Before the first run there are no bookmarks and no times, and that is no error."""
    answer = site.server.get(BOOKMARKS)
    assert answer.status == 200
    assert answer.json == {
        "status": "success",
        "data": {
            "needsRefresh": True,
            "bookmarksCount": 0,
            "lastFetchedAt": None,
            "lastFetchedAtTs": None,
            "lastAttemptedAt": None,
            "lastAttemptedAtTs": None,
            "changeDetected": None,
            "refreshInProgress": False,
        },
    }
    assert answer.headers["cache-control"] == "no-store"


def test_refresh_with_the_secret_does_the_job(site: Endpoints) -> None:
    """The answer comes at once, with the count of before; then the list is in the store."""
    answer = site.post(secret=SECRET)
    assert answer.status == 200
    assert answer.json["status"] == "success"
    assert (
        answer.json["message"] == "Bookmark refresh started in background (triggered by cron job)"
    )
    assert answer.json["data"] == {
        "refreshStarted": True,
        "refreshQueued": False,
        "refreshInProgress": False,
        "previousCount": 0,
        "lastFetchedAt": None,
        "lastFetchedAtTs": None,
        "lastAttemptedAt": None,
        "lastAttemptedAtTs": None,
        "changeDetected": None,
    }
    site.settle()
    index = site.stored(INDEX)
    data = site.server.get(BOOKMARKS).json["data"]
    assert (data["needsRefresh"], data["bookmarksCount"]) == (False, 12)
    assert data["lastFetchedAtTs"] == ms(data["lastFetchedAt"]) == index["lastFetchedAt"]
    assert data["lastAttemptedAtTs"] == ms(data["lastAttemptedAt"]) == index["lastAttemptedAt"]
    assert data["changeDetected"] is True
    assert data["refreshInProgress"] is False


def test_secret_refreshes_however_fresh_the_data_is(site: Endpoints) -> None:
    """Cron and webhooks are never told that the list is up to date; any secret of the list serves."""
    for number, secret in enumerate([SECRET, OTHER_SECRET] * 6, 1):
        data = site.post(secret=secret).json["data"]
        assert data["refreshStarted"] is True
        site.settle()
        assert site.karakeep.log.count(PAGE) == number
    assert data["previousCount"] == 12
    assert data["changeDetected"] is False


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer ", "Basic YTpi", f"Bearer {GITHUB_SECRET}"]
)
def test_wrong_bearer_is_never_a_visitor(site: Endpoints, header: str) -> None:
    """A cron with an old secret hears of it, though a visitor could have started a run."""
    answer = site.post(authorization=header)
    assert answer.status == 401
    assert answer.json["code"] == "UNAUTHORIZED"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not site.karakeep.log.all()


def test_who_guesses_is_told_to_wait_and_the_secret_is_let_in(site: Endpoints) -> None:
    """After ten wrong secrets a minute the answer is 429; behind a proxy the right one comes from there, too."""
    assert [site.post(secret=f"guess-{n}").status for n in range(11)] == [401] * 10 + [429]
    answer = site.post(secret="guess")
    assert 0 < answer.json["retryAfter"] <= 60
    assert answer.headers["retry-after"] == str(answer.json["retryAfter"])
    assert site.post(secret=SECRET).status == 200
    site.clock.ahead_s += 60
    assert site.post(secret="guess").status == 401


def test_visitors_start_nothing_while_the_list_is_fresh(site: Endpoints) -> None:
    """For an hour after a fetch a visitor is told when that was; after it, a run is started."""
    site.post(secret=SECRET)
    site.settle()
    answer = site.post()
    assert answer.status == 200
    assert answer.json["message"] == "Bookmarks are already up to date"
    data = answer.json["data"]
    assert data["refreshed"] is False
    assert data["bookmarksCount"] == 12
    assert data["lastFetchedAtTs"] == ms(data["lastFetchedAt"])
    assert data["changeDetected"] is True
    assert site.karakeep.log.count(PAGE) == 1
    site.clock.ahead_s = 3601
    answer = site.post()
    assert answer.json["message"] == "Bookmark refresh started in background"
    assert answer.json["data"]["refreshStarted"] is True
    assert answer.json["data"]["previousCount"] == 12
    site.settle()
    assert site.karakeep.log.count(PAGE) == 2


def test_visitors_may_ask_five_times_a_minute(site: Endpoints) -> None:
    """The sixth request of a client in a minute is refused, with the time after which it may ask."""
    assert [site.post().status for _ in range(6)] == [200] * 5 + [429]
    answer = site.post()
    assert set(answer.json) == {"status", "error", "code", "retryAfter"}
    assert answer.json["code"] == "RATE_LIMITED"
    assert answer.headers["retry-after"] == str(answer.json["retryAfter"])
    assert site.post(secret=SECRET).status == 200
    site.clock.ahead_s = 60
    assert site.post().status == 200


def test_two_hundred_hooks_during_a_run_cost_one_more_and_lose_nothing(site: Endpoints) -> None:
    """A bookmark saved while a run reads the list comes in the one run that follows all the hooks."""
    gate = site.hold(site.karakeep, PAGE)
    site.post(secret=SECRET)
    site.karakeep.log.wait_for(1, PAGE)
    site.karakeep.add(link(900, url="https://late.example.com/"))
    site.karakeep.resave("b900", NEWEST)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: hook(site, number), range(200)))
    assert {answer.status for answer in answers} == {200}
    for answer in answers:
        data = answer.json["data"]
        assert (data["refreshStarted"], data["refreshQueued"]) == (False, True)
        assert data["refreshInProgress"] is True
    assert answers[0].json["message"].startswith("Bookmark refresh already in progress; one more")
    assert site.server.get(BOOKMARKS).json["data"]["refreshInProgress"] is True
    gate.set()
    site.settle()
    assert site.karakeep.log.count(PAGE) == 2
    assert site.runs_of() == ["succeeded", "succeeded"]
    assert site.stored(INDEX)["count"] == 13


def test_hooks_ask_the_store_once_for_all(site: Endpoints) -> None:
    """A burst of hooks does not become a burst of requests to the store."""
    gate = site.hold(site.karakeep, PAGE)
    site.post(secret=SECRET)
    site.karakeep.log.wait_for(1, PAGE)
    site.store.calls.clear()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: hook(site, number), range(100)))
    assert site.store.keys("get").count(INDEX) < 50
    gate.set()


def down(_call: Any) -> None:
    """A store that does not answer."""
    raise StoreUnavailable("bucket.internal.example does not answer", key=INDEX)


def test_store_that_is_away_is_said_and_the_secret_starts_a_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the store nobody knows how fresh the list is; a run with its own store may still do it."""
    with endpoints(monkeypatch, tmp_path / "store", before=down) as site:
        for answer in (site.server.get(BOOKMARKS), site.post()):
            assert answer.status == 503
            assert answer.json["status"] == "error"
            assert answer.json["code"] == "STORE_UNAVAILABLE"
            assert "internal" not in answer.text
            assert "retry-after" in answer.headers
        assert not site.karakeep.log.all()
        answer = site.post(secret=SECRET)
        assert answer.status == 200
        assert answer.json["data"]["refreshStarted"] is True
        assert answer.json["data"]["previousCount"] is None
        site.settle()
        assert site.stored(INDEX)["count"] == 12


def test_store_that_hangs_does_not_hold_up_a_hook(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Karakeep gives up after five seconds: the run is started before the store has answered."""
    gate = threading.Event()

    def hang(_call: Any) -> None:
        assert gate.wait(SOON_S)

    with endpoints(monkeypatch, tmp_path / "store", before=hang) as site:
        answer = hook(site, 1)
        assert answer.status == 200
        assert answer.json["data"]["previousCount"] is None
        assert not gate.is_set()
        gate.set()
        site.settle()
        assert site.stored(INDEX)["count"] == 12


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{", b'{"count": "x", "lastFetchedAt": 1e300, "changeDetected": 7}', b'{"count": -3}'],
)
def test_broken_index_counts_as_none(site: Endpoints, body: bytes) -> None:
    """Whatever stands in the index, the endpoint answers, and a refresh is due."""
    path = site.folder / INDEX
    path.parent.mkdir(parents=True)
    path.write_bytes(body)
    data = site.server.get(BOOKMARKS).json["data"]
    assert (data["needsRefresh"], data["bookmarksCount"]) == (True, 0)
    assert (data["lastFetchedAt"], data["changeDetected"]) == (None, None)


def test_missing_settings_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever set the server up wrong reads in the answer which setting is missing."""
    change = {"BOOKMARKS_LIST_ID": ""}
    with endpoints(monkeypatch, tmp_path / "store", change=change) as site:
        answer = site.post(secret=SECRET)
        assert answer.status == 500
        assert answer.json["status"] == "error"
        assert answer.json["message"] == "Failed to refresh bookmarks"
        assert "BOOKMARKS_LIST_ID" in answer.json["error"]


def test_run_that_fails_is_told_by_the_next_look(site: Endpoints) -> None:
    """A failed run moves the last attempt, not the last fetch; and the next refresh is a new run."""
    site.karakeep.token = "changed"
    site.post(secret=SECRET)
    site.settle()
    assert site.runs_of() == ["failed"]
    data = site.server.get(BOOKMARKS).json["data"]
    assert (data["needsRefresh"], data["lastFetchedAt"]) == (True, None)
    assert site.post(secret=SECRET).json["data"]["refreshStarted"] is True


def test_server_that_stops_ends_the_run_and_takes_no_other(site: Endpoints) -> None:
    """A run under way is cancelled: its lock is free, its state says so, and nothing follows it."""
    site.hold(site.karakeep, PAGE)
    site.post(secret=SECRET)
    site.karakeep.log.wait_for(1, PAGE)
    assert site.post(secret=SECRET).json["data"]["refreshQueued"] is True
    assert site.site.runs.stop(Cancelled("the server stops"))
    answer = site.post(secret=SECRET)
    assert answer.status == 503
    assert answer.json["code"] == "STOPPING"
    assert "retry-after" in answer.headers
    assert site.stored(LOCK)["owner"] is None
    assert site.stored(STATE)["status"] == "cancelled"
    assert site.runs_of() == ["cancelled"]


def test_other_methods_are_refused(site: Endpoints) -> None:
    """Only the methods of the contract do anything."""
    answer = site.server.ask(BOOKMARKS, "DELETE")
    assert answer.status == 405
    assert "POST" in answer.headers["allow"]


def test_times_are_utc(site: Endpoints) -> None:
    """The times are those of the machine, in UTC, as JavaScript prints them."""
    before = datetime.now(UTC)
    site.post(secret=SECRET)
    site.settle()
    text = site.server.get(BOOKMARKS).json["data"]["lastFetchedAt"]
    assert text.endswith("Z")
    assert abs((datetime.fromisoformat(text) - before).total_seconds()) < 600
