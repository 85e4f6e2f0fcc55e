"""Whether the server lives, whether its store answers, and how the jobs are: for programs."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from datafetch.web.answers import JSON, json_answer, unauthorized
from datafetch.web.metrics import CONTENT_TYPE, exposed
from datafetch.web.site import Site


def routes(site: Site) -> list[BaseRoute]:
    """The endpoints that tell how things are."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    async def readyz(_request: Request) -> Response:
        # Anybody may ask this, so it says nothing of the store but whether it answers.
        found = await site.board.soon()
        if found.error is None:
            return json_answer({"status": "ready"})
        return json_answer({"status": "store does not answer"}, 503)

    async def status(request: Request) -> Response:
        if not site.keyring.may_see(request.scope):
            return unauthorized(site.keyring.why_closed())
        found = await site.board.soon()
        code = 200 if found.error is None else 503
        return Response(found.body, code, {"Cache-Control": "no-store"}, JSON)

    async def metrics(request: Request) -> Response:
        if not site.keyring.may_see(request.scope):
            return unauthorized(site.keyring.why_closed())
        found = await site.board.soon()
        body = await run_in_threadpool(exposed, found.overview, site.counters)
        return Response(body, 200, {"Cache-Control": "no-store"}, CONTENT_TYPE)

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/api/status", status),
        Route("/metrics", metrics),
    ]
