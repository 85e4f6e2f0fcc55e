"""The status page of a store in which others have written: whatever stands there, the page is drawn."""

import json

import pytest
from pydantic import SecretStr

from datafetch.clock import CancelToken
from datafetch.models.run import JobName
from datafetch.web.app import make_app
from datafetch.web.server import make_site
from tests.job_settings import settings
from tests.ops.overviews import NOW
from tests.stores import MemoryStore
from tests.support import FakeClock
from tests.web.support import served_here

TEXT = "<script>alert(1)</script>{{7*7}}{% raw %}\u202e\x1b[31m\x00" + "x" * 10_000
TIMES = (2**60, 10**30, -(10**20), 2**53)


def page_of(stored: dict[str, object]) -> str:
    """The page of a store with these objects, by their names."""
    store, clock = MemoryStore(), FakeClock(NOW)
    made = settings(
        BOOKMARKS_API_URL="http://bookmarks.test",
        BOOKMARKS_LIST_ID="list",
        BOOKMARK_BEARER_TOKEN=SecretStr("token"),
    )
    site = make_site(made, store, clock, CancelToken())
    keys = {
        "letters": site.keys.dead_letters(JobName.BOOKMARKS),
        "breakers": site.keys.breakers(),
        "pauses": site.keys.pauses(),
        "history": site.keys.history(JobName.BOOKMARKS),
    }
    for name, content in stored.items():
        store.put(keys[name], json.dumps(content).encode())
    with served_here(make_app(site)) as server:
        answer = server.get("/")
    assert answer.status == 200
    return answer.text


def stored_with(time: int, text: str) -> dict[str, object]:
    """Objects of all kinds, with this time and this text wherever they have one."""
    times = {"firstFailedAt": time, "lastFailedAt": time, "nextAttemptAt": time}
    words = {"item": text, "errorType": text, "error": text}
    letter = {"id": "1", "job": "bookmarks", "attempts": 2, "permanent": False, **times, **words}
    failed = {"runId": "run", "status": "failed", "error": text, "notes": [text]}
    return {
        "letters": {"1": letter},
        "breakers": {"host.example": {"state": "open", "failures": 3, "openedAt": time}},
        "pauses": {"bookmarks": {"pausedAt": time, "until": time, "reason": text}},
        "history": [{**failed, "timestamp": 1, "startedAt": time, "duration": 1e308}] * 2,
    }


@pytest.mark.parametrize("time", TIMES)
def test_times_that_no_calendar_has_keep_nobody_from_the_page(time: int) -> None:
    """A failed page at night would hide everything else."""
    page = page_of(stored_with(time, "down"))
    assert 'id="letters-bookmarks"' in page


def test_texts_of_others_are_texts() -> None:
    """No markup, no template, nothing that turns text around or steers a terminal, nothing endless."""
    page = page_of(stored_with(1, TEXT))
    assert "&lt;script&gt;alert(1)" in page
    assert "{{7*7}}{% raw %}" in page
    assert not [
        sign for sign in ("<script>alert", "\u202e", "\x1b", "\x00", "x" * 700) if sign in page
    ]
