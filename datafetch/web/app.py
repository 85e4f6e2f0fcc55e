"""The web application: all routes, behind the guards."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from datafetch.web import health
from datafetch.web.answers import refused
from datafetch.web.guards import Guards
from datafetch.web.logos import endpoint as logo
from datafetch.web.page import endpoint as status_page
from datafetch.web.page import events, login, retry
from datafetch.web.refresh import endpoints as refresh
from datafetch.web.site import Site


def make_app(site: Site) -> ASGIApp:
    """The application with all its endpoints."""
    endpoints = [
        *health.routes(site),
        *refresh.routes(site),
        *status_page.routes(site),
        *login.routes(site),
        *retry.routes(site),
        *events.routes(site),
        *logo.routes(site),
    ]
    return Guards(routed(endpoints), site.counters)


def routed(endpoints: Sequence[BaseRoute]) -> ASGIApp:
    """An application that knows these endpoints; every error is an answer in JSON."""
    app = Starlette(
        routes=endpoints, exception_handlers={HTTPException: _refused, Exception: _failed}
    )
    # A redirect to the path with a slash would go to the host that the client wrote.
    app.router.redirect_slashes = False
    return app


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refused(error.status_code, _code(error.detail), f"{error.detail}.", error.headers)


async def _failed(_request: Request, _error: Exception) -> Response:
    return refused(500, "INTERNAL_ERROR", "The server failed; its log says why.")


def _code(phrase: str) -> str:
    return phrase.upper().replace(" ", "_")
