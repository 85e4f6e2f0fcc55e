"""Has dead letters tried again: from the status page, or for programs with the cron secret as bearer."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from datafetch.errors import Cancelled, ConfigurationError, DatafetchError, StoreError
from datafetch.logs import bound_logger
from datafetch.models.run import JobName, RunOptions
from datafetch.ops.dead_letters import DeadLetter
from datafetch.ops.letter_box import read_letters
from datafetch.ops.letter_choice import groups, items_by_job
from datafetch.web.answers import json_answer, refused, unauthorized
from datafetch.web.page.drawing import draw_login, page_answer
from datafetch.web.page.forms import fields_of
from datafetch.web.page.letter_list import group_key
from datafetch.web.page.notices import address_after, text_of
from datafetch.web.page.sessions import is_from_here
from datafetch.web.site import Site

_STATUS = {"gone": 404, "unsettled": 500, "unread": 503, "stopping": 503, "failed": 500}
"""The status of an answer to a program when nothing was started."""

_LOG_IN = "Log in with the cron secret to try again what failed."
_ELSEWHERE = "This was not sent from a page of yours, so nothing was done. Log in, and try again."

_log = bound_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: the name of its notice, and how many items it is about."""

    notice: str
    job: JobName
    count: int = 0


def routes(site: Site) -> list[BaseRoute]:
    """The endpoint that forms and programs send to."""

    async def retry(request: Request) -> Response:
        is_program = site.keyring.has_bearer(request.scope)
        if is_program and not site.keyring.is_cron(request.scope):
            return unauthorized("This needs the cron secret as its bearer.")
        fields = await fields_of(request)
        if not is_program:
            problem = await run_in_threadpool(_problem, site, request, fields or {})
            if problem:
                html = await run_in_threadpool(draw_login, problem, closed=False)
                return page_answer(html, 403)
        job = next((one for one in JobName if one.value == (fields or {}).get("job")), None)
        if fields is None or job is None or not {"id", "group", "all"} & fields.keys():
            text = (
                "A form with `job` (bookmarks, opengraph, github or logos), and one of `id`, "
                "`group` and `all`, is needed."
            )
            return refused(400, "BAD_REQUEST", text)
        by = "the cron secret" if is_program else "a session"
        outcome = await run_in_threadpool(_start, site, job, fields, by)
        return _told(outcome) if is_program else _sent_back(outcome, fields)

    return [Route("/dead-letters/retry", retry, methods=["POST"])]


def _problem(site: Site, request: Request, fields: Mapping[str, str]) -> str:
    """Why a form is not obeyed; empty when it is."""
    session = site.sessions.of(request.scope)
    if session is None or not session.may_act:
        return _LOG_IN
    has_token = site.sessions.has_token(session, fields.get("csrf", ""))
    return "" if has_token and is_from_here(request.scope) else _ELSEWHERE


def _start(site: Site, job: JobName, fields: Mapping[str, str], asked_by: str) -> Outcome:
    """Have the job run for the chosen items, as `dead-letters retry` does."""
    try:
        letters = read_letters(site.store, site.keys, [job]).letters
        items = items_by_job(_meant(job, letters, fields)).get(job, ())
        if not items:
            return Outcome("gone", job)
        asked = site.runs.ask(job, RunOptions(only=items), asked_by=asked_by)
    except StoreError as error:
        _warn(job, error)
        return Outcome("unread", job)
    except ConfigurationError as error:
        _warn(job, error)
        return Outcome("unsettled", job)
    except Cancelled:
        return Outcome("stopping", job)
    except DatafetchError as error:
        _warn(job, error)
        return Outcome("failed", job)
    return Outcome(asked.state, job, len(items))


def _warn(job: JobName, error: DatafetchError) -> None:
    _log.warning("retry_not_started", extra={"job": job.value, "error": str(error)})


def _meant(
    job: JobName, letters: tuple[DeadLetter, ...], fields: Mapping[str, str]
) -> list[DeadLetter]:
    """The letters that a form means: one, those of a host and error, or all of the job."""
    if "id" in fields:
        return [one for one in letters if one.id == fields["id"]]
    if "group" in fields:
        found = [one for one in groups(letters) if group_key(job, one) == fields["group"]]
        return [letter for group in found for letter in group.letters]
    return list(letters)


def _sent_back(outcome: Outcome, fields: Mapping[str, str]) -> Response:
    only_failing = fields.get("show") == "failing"
    address = address_after(outcome.notice, outcome.job, outcome.count, only_failing=only_failing)
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def _told(outcome: Outcome) -> Response:
    text = text_of(outcome.notice, outcome.job, outcome.count)
    if outcome.notice in _STATUS:
        return refused(_STATUS[outcome.notice], f"RETRY_{outcome.notice.upper()}", text)
    data = {"job": outcome.job.value, "items": outcome.count, "state": outcome.notice}
    return json_answer({"status": "success", "message": text, "data": data}, 202)
