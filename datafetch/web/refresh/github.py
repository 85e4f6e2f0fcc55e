"""The endpoint that refreshes GitHub's data, and waits a while to tell what came of it."""

import asyncio
from concurrent.futures import Future

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from datafetch.errors import DatafetchError, ObjectNotFound, StoreError
from datafetch.github.rules.published import stored_contributions, stored_trailing_contributions
from datafetch.logs import bound_logger
from datafetch.models.json import JsonObject, read_json
from datafetch.models.run import JobName, RunResult, RunStatus
from datafetch.redaction import redact
from datafetch.web.answers import json_answer
from datafetch.web.loops import on_this_loop, until_gone
from datafetch.web.rates import RateAnswer, RateLimit, client_of
from datafetch.web.refresh.doors import STOPPING_S, no_secret, not_started
from datafetch.web.refresh.facts import times
from datafetch.web.site import Site

_MOST, _PER_S = 5, 3600.0
"""How often a client may ask, and in how many seconds."""

_EXAMPLE = "curl -X POST -H 'x-refresh-secret: YOUR_SECRET' http://HOST/api/github-activity/refresh"

_FAILED = "Failed to refresh GitHub activity data."

_log = bound_logger()


class GitHubRefresh:
    """`POST /api/github-activity/refresh`.

    Requests with the right secret and requests without it are counted apart, so that strangers
    cannot use up what those with the secret may ask.
    """

    def __init__(self, site: Site, *, wait_s: float) -> None:
        """After `wait_s` seconds a run that goes on is left to itself."""
        self._site = site
        self._wait_s = wait_s
        self._known = RateLimit(site.clock, most=_MOST, per_s=_PER_S)
        self._strangers = RateLimit(site.clock, most=_MOST, per_s=_PER_S)

    async def post(self, request: Request) -> Response:
        """Start a run, wait for it, and tell the totals that it has stored."""
        rate = self._let_in(request.scope)
        if isinstance(rate, Response):
            return rate
        try:
            asked = self._site.runs.ask(JobName.GITHUB, asked_by="refresh secret")
        except DatafetchError as error:
            return not_started(error, _FAILED, dataFetched=False)
        was_under_way = asked.state != "started"
        match await self._outcome(request.receive, asked.done):
            case None:
                return _going_on(rate, was_under_way=was_under_way)
            case DatafetchError() as failure:
                return not_started(failure, _FAILED, dataFetched=False)
            case RunResult() as result if result.success:
                totals = await run_in_threadpool(self._totals)
                return _done(result, totals, rate, was_under_way=was_under_way)
            case RunResult() as result:
                return _failed(result, rate)

    def _let_in(self, scope: Scope) -> RateAnswer | Response:
        """How often the client may still ask, or the answer that refuses it."""
        keyring = self._site.keyring
        if not keyring.github:
            return no_secret("GITHUB_REFRESH_SECRET or GITHUB_CRON_REFRESH_SECRET")
        may = keyring.is_github(scope)
        rate = (self._known if may else self._strangers).take(client_of(scope))
        if not rate.allowed:
            return _too_many(rate)
        if not may:
            about = {"path": scope["path"], "client": client_of(scope)}
            _log.warning("refresh_unauthorized", extra=about)
            return _unauthorized(rate)
        return rate

    async def _outcome(
        self, receive: Receive, done: "Future[RunResult]"
    ) -> RunResult | DatafetchError | None:
        """How the run ended, or why the server stops; None when the run goes on.

        A client that goes away is not waited for any longer.
        """
        waiting = asyncio.ensure_future(_settled(done))
        gone = asyncio.ensure_future(until_gone(receive))
        stopped = asyncio.Event()
        stop = asyncio.ensure_future(stopped.wait())

        forget = self._site.cancel.listen(on_this_loop(stopped.set))
        try:
            await asyncio.wait(
                {waiting, gone, stop}, timeout=self._wait_s, return_when=asyncio.FIRST_COMPLETED
            )
            if waiting.done():
                return waiting.result()
            return self._site.cancel.reason if stopped.is_set() else None
        finally:
            forget()
            for task in (waiting, gone, stop):
                task.cancel()

    def _totals(self) -> tuple[int | None, int | None]:
        """Commits of the trailing year and of all time, as stored; None for what is not known."""
        try:
            body = self._site.store.get(self._site.keys.github_activity()).body
            stored = read_json(body)
            return stored_trailing_contributions(stored), stored_contributions(stored)
        except ObjectNotFound:
            return None, None
        except (StoreError, ValueError) as error:
            _log.warning("totals_unknown", extra={"error": str(error)})
            return None, None


async def _settled(done: "Future[RunResult]") -> RunResult | DatafetchError:
    try:
        return await asyncio.wrap_future(done)
    except DatafetchError as error:
        return error


# ------------------------------------------------------------------------ answers


def _done(
    result: RunResult,
    totals: tuple[int | None, int | None],
    rate: RateAnswer,
    *,
    was_under_way: bool,
) -> Response:
    year, all_time = totals
    is_partial = result.status is RunStatus.PARTIAL
    content: JsonObject = {
        "message": (
            f"GitHub activity data refresh is incomplete: {redact(result.error or 'some failed')}"
            if is_partial
            else "GitHub activity data refresh completed successfully."
        ),
        "dataFetched": not result.dry_run,
        "trailingYearCommits": year,
        "allTimeCommits": all_time,
        "partial": is_partial,
        "changeDetected": result.change_detected,
        **times("lastFetchedAt", result.last_fetched_at),
        "refreshInProgress": was_under_way,
    }
    return json_answer(content, 200, _limits(rate))


def _going_on(rate: RateAnswer, *, was_under_way: bool) -> Response:
    content: JsonObject = {
        "message": "GitHub activity data refresh goes on in the background.",
        "dataFetched": False,
        "changeDetected": None,
        **times("lastFetchedAt", None),
        "refreshInProgress": was_under_way,
    }
    return json_answer(content, 202, _limits(rate))


def _failed(result: RunResult, rate: RateAnswer) -> Response:
    """The answer when the run failed (500), or was stopped or locked out (503: ask again)."""
    is_over = result.status is RunStatus.FAILED
    content: JsonObject = {
        "status": "error",
        "message": _FAILED,
        "dataFetched": False,
        "code": "REFRESH_FAILED" if is_over else f"REFRESH_{result.status.value.upper()}",
        "error": redact(result.error or result.status.value),
        "changeDetected": False,
        **times("lastFetchedAt", result.last_fetched_at),
        "refreshInProgress": False,
    }
    headers = _limits(rate) | ({} if is_over else {"Retry-After": str(STOPPING_S)})
    return json_answer(content, 500 if is_over else 503, headers)


def _unauthorized(rate: RateAnswer) -> Response:
    text = (
        "Unauthorized. Refresh secret invalid or missing. Ensure 'x-refresh-secret' header is set "
        f"correctly. Example: {_EXAMPLE}"
    )
    content: JsonObject = {
        "status": "error",
        "message": text,
        "error": text,
        "code": "UNAUTHORIZED_REFRESH_SECRET",
    }
    return json_answer(content, 401, {"WWW-Authenticate": "Bearer", **_limits(rate)})


def _too_many(rate: RateAnswer) -> Response:
    text = "Rate limit exceeded. Please try again later."
    content: JsonObject = {
        "status": "error",
        "message": text,
        "error": text,
        "code": "RATE_LIMIT_EXCEEDED",
        "retryAfter": rate.retry_after_s,
    }
    return json_answer(content, 429, {**_limits(rate), "Retry-After": str(rate.retry_after_s)})


def _limits(rate: RateAnswer) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(rate.limit),
        "X-RateLimit-Remaining": str(rate.remaining),
        "X-RateLimit-Reset": str(int(rate.reset_at)),
    }
