"""The web application: all routes, behind the guards."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from datafetch.web import events, health, login, logo, refresh, retry, status_page
from datafetch.web.answers import refused
from datafetch.web.guards import Guards
from datafetch.web.site import Site


def make_app(site: Site) -> ASGIApp:
    """The application with all its endpoints."""
    app = Starlette(
        routes=[
            *health.routes(site),
            *refresh.routes(site),
            *status_page.routes(site),
            *login.routes(site),
            *retry.routes(site),
            *events.routes(site),
            *logo.routes(site),
        ],
        exception_handlers={HTTPException: _refused},
    )
    # A redirect to the path with a slash would go to the host that the client wrote.
    app.router.redirect_slashes = False
    return Guards(app, site.counters)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refused(error.status_code, _code(error.detail), f"{error.detail}.", error.headers)


def _code(phrase: str) -> str:
    return phrase.upper().replace(" ", "_")
