"""The status page: how all jobs are, for people, with or without script."""

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from datafetch.web.board import Snapshot
from datafetch.web.page.contents import Trouble, page_of
from datafetch.web.page.drawing import (
    Visitor,
    draw_login,
    draw_status,
    page_answer,
    static_routes,
)
from datafetch.web.page.letter_shelf import LetterShelf, Shelf
from datafetch.web.page.notices import notice_of
from datafetch.web.site import Site


def routes(site: Site) -> list[BaseRoute]:
    """The page, and the files that it names."""
    shelf = LetterShelf(site.store, site.keys, site.clock)
    one_reads = asyncio.Lock()

    async def status_page(request: Request) -> Response:
        if not site.keyring.may_see(request.scope):
            problem = "" if site.keyring.metrics else site.keyring.why_closed()
            html = await run_in_threadpool(draw_login, problem, closed=True)
            return page_answer(html, 401, {"WWW-Authenticate": "Bearer"})
        found = await site.board.soon()
        if found.error is not None:
            letters = shelf.last()  # to ask a store that hangs for more would keep the page back
        else:
            async with one_reads:  # one thread at most hangs with the store
                letters = await run_in_threadpool(shelf.read, found.number)
        return await run_in_threadpool(_answer, site, found, letters, request)

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


def _answer(site: Site, found: Snapshot, letters: Shelf, request: Request) -> Response:
    """Draw the page; it takes a while, so it is called on a thread."""
    good = found if found.error is None else site.board.last()
    trouble = None if found.error is None else Trouble(str(found.error), found.error.hint)
    page = page_of(
        good.overview if good is not None else None,
        letters.groups,
        site.clock.now(),
        only_failing=request.query_params.get("show") == "failing",
        trouble=trouble,
        problems=letters.problems if trouble is None else (),
    )
    visitor = visitor_of(site, request.scope)
    # Only for those who could have sent a form: a link from elsewhere must not say that a run started.
    notice = notice_of(request.query_params) if visitor["may_act"] else None
    html = draw_status(page, visitor, notice, found.number)
    return page_answer(html, 200 if trouble is None else 503)
