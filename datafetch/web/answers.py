"""The answers of endpoints: JSON, and what is said when something is refused."""

import json
from collections.abc import Mapping

from starlette.responses import Response

from datafetch.models.json import JsonObject
from datafetch.web.rates import RateAnswer

JSON = "application/json"


def json_answer(
    content: JsonObject, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with a JSON object, which no cache keeps unless `headers` say so."""
    own = {"Cache-Control": "no-store", **(headers or {})}
    return Response(json.dumps(content), status, own, JSON)


def refused(
    status: int, code: str, error: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that refuses a request: `error` for people, `code` for programs."""
    return json_answer({"status": "error", "error": error, "code": code}, status, headers)


def unauthorized(error: str, code: str = "UNAUTHORIZED") -> Response:
    """The answer to a request without the right secret (RFC 9110, 15.5.2)."""
    return refused(401, code, error, {"WWW-Authenticate": "Bearer"})


def too_many(rate: RateAnswer, error: str = "Rate limit exceeded. Try again later.") -> Response:
    """The answer to a client that has asked too often (RFC 6585, 4)."""
    content: JsonObject = {
        "status": "error",
        "error": error,
        "code": "RATE_LIMITED",
        "retryAfter": rate.retry_after_s,
    }
    return json_answer(content, 429, {"Retry-After": str(rate.retry_after_s)})
