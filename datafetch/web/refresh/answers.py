"""What the refresh endpoints answer when they have done what was asked, or the store is away."""

from starlette.responses import Response

from datafetch.errors import StoreError
from datafetch.logs import bound_logger
from datafetch.models.json import JsonObject
from datafetch.web.answers import json_answer
from datafetch.web.refresh.doors import STOPPING_S, failed
from datafetch.web.runs.requests import Asked

HURRY_S = 0.8
"""Seconds that a request with the secret waits for the store: its run starts in any case.

A webhook of Karakeep counts as failed after five (`WEBHOOK_TIMEOUT_SEC`).
"""

LONGEST_S = 8.0
"""Seconds that other requests wait for the store, whose calls fail sooner."""

_NO_ANSWER = "The store does not answer."

_log = bound_logger()


def started(asked: Asked, *, was_under_way: bool) -> JsonObject:
    """What became of the request; `refreshInProgress` says what it has found under way."""
    return {
        "refreshStarted": asked.state == "started",
        "refreshQueued": asked.state != "started",
        "refreshInProgress": was_under_way,
    }


def said(asked: Asked, title: str, *, is_elsewhere: bool) -> str:
    """What became of the request, in words; `title` is what they call the data."""
    match asked.state:
        case "next":
            return f"{title} refresh already in progress; one more follows it"
        case "joined":
            return f"{title} refresh already started; it has yet to begin its work"
        case "started" if is_elsewhere:
            return f"{title} refresh already in progress elsewhere; one more follows it"
        case "started":
            return f"{title} refresh started in background"


def success(message: str | None, data: JsonObject) -> Response:
    """The answer to a request that was done as it was asked."""
    told: JsonObject = {"status": "success"} | ({"message": message} if message else {})
    return json_answer({**told, "data": data})


def store_is_down(message: str, error: StoreError | None = None) -> Response:
    """The answer when nobody knows what is stored; `message` says what was not done."""
    # Anybody may ask, so the answer does not say where the store is; the log does.
    if error is not None:
        _log.warning("refresh_without_store", extra={"error": str(error)})
    return failed(503, message, "STORE_UNAVAILABLE", _NO_ANSWER, retry_after_s=STOPPING_S)
