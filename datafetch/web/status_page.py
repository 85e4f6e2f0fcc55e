"""The status page: how all jobs are, for people, with or without script."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from datafetch.web.drawing import (
    Visitor,
    draw_login,
    draw_status,
    page_answer,
    static_routes,
)
from datafetch.web.letter_shelf import LetterShelf
from datafetch.web.notices import notice_of
from datafetch.web.page_model import Trouble, page_of
from datafetch.web.site import Site


def routes(site: Site) -> list[BaseRoute]:
    """The page, and the files that it names."""
    shelf = LetterShelf(site.store, site.keys, site.clock)

    async def status_page(request: Request) -> Response:
        if not site.keyring.may_see(request.scope):
            html = await run_in_threadpool(draw_login, "", closed=True)
            return page_answer(html, 401, {"WWW-Authenticate": "Bearer"})
        return await run_in_threadpool(_answer, site, shelf, request)

    return [Route("/", status_page), *static_routes()]


def visitor_of(site: Site, scope: Scope) -> Visitor:
    """What the page shows of who looks at it."""
    session = site.sessions.of(scope)
    return {
        "has_session": session is not None,
        "may_act": session is not None and session.may_act,
        "can_log_in": bool(site.keyring.cron),
        "csrf": site.sessions.form_token(session) if session is not None else "",
    }


def _answer(site: Site, shelf: LetterShelf, request: Request) -> Response:
    """Read the store, and draw the page; it waits, so it is called on a thread."""
    found = site.board.read()
    good = found if found.error is None else site.board.last()
    trouble = None if found.error is None else Trouble(str(found.error), found.error.hint)
    letters = shelf.read(good.number) if good is not None else None
    page = page_of(
        good.overview if good is not None else None,
        letters.groups if letters is not None else {},
        site.clock.now(),
        only_failing=request.query_params.get("show") == "failing",
        trouble=trouble,
        problems=letters.problems if letters is not None and trouble is None else (),
    )
    notice = notice_of(request.query_params)
    html = draw_status(page, visitor_of(site, request.scope), notice, found.number)
    return page_answer(html, 200 if trouble is None else 503)
