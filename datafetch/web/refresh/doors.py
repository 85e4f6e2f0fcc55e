"""Who may ask for a refresh, and the answers to those who may not or ask for what cannot be done."""

from starlette.responses import Response
from starlette.types import Scope

from datafetch.clock import Clock
from datafetch.errors import Cancelled, ConfigurationError, DatafetchError
from datafetch.logs import bound_logger
from datafetch.models.json import JsonObject
from datafetch.redaction import redact
from datafetch.web.answers import json_answer, too_many, unauthorized
from datafetch.web.rates import RateLimit, client_of

_WRONG_TRIES, _WRONG_PER_S = 10, 60.0
"""How often a client hears in so many seconds that its secret is wrong; then it is told to wait."""

STOPPING_S = 10
"""Seconds after which a client may ask again a server that is being stopped, or has no thread."""

_log = bound_logger()


class WrongTries:
    """Answers requests with a wrong secret, and tells clients that go on with them to wait.

    The right secret is let in all the same: behind a proxy that is not trusted all clients have
    one address, and a stranger must not shut out those who have the secret.
    """

    def __init__(self, clock: Clock) -> None:
        self._tries = RateLimit(clock, most=_WRONG_TRIES, per_s=_WRONG_PER_S)

    def answer(self, scope: Scope) -> Response:
        """The answer to a request that brings a wrong secret, or none where one is needed."""
        client = client_of(scope)
        tries = self._tries.take(client)
        _log.warning("refresh_unauthorized", extra={"path": scope["path"], "client": client})
        if not tries.allowed:
            return too_many(tries, "Too many requests without the right secret.")
        return unauthorized("This needs BOOKMARK_CRON_REFRESH_SECRET as its bearer.")


def no_secret(names: str) -> Response:
    """The answer where nobody may ask, since no secret is set."""
    message = f"Server mis-configuration: secret missing. Set {names}."
    return failed(500, message, "SECRET_MISSING", message)


def not_started(error: DatafetchError, message: str, **more: bool) -> Response:
    """The answer when a run cannot be made: a setting is missing, or the server is being stopped."""
    reason = redact(str(error))
    if isinstance(error, ConfigurationError):
        return failed(500, message, "NOT_CONFIGURED", reason, **more)
    code = "STOPPING" if isinstance(error, Cancelled) else "UNAVAILABLE"
    return failed(503, message, code, reason, retry_after_s=STOPPING_S, **more)


def failed(
    status: int,
    message: str,
    code: str,
    error: str,
    *,
    retry_after_s: int | None = None,
    **more: bool,
) -> Response:
    """An answer that tells of a failure: `message` says what, `error` why, `code` for programs.

    `more` has fields that the answers of one endpoint have beside these.
    """
    told: JsonObject = {"status": "error", "message": message, "code": code, "error": error}
    content = told | more
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return json_answer(content, status, headers)
