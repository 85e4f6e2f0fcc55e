"""Logging in to the status page, and out: a secret in a form's body opens a session."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from datafetch.logs import bound_logger
from datafetch.web.page.drawing import draw_login, page_answer
from datafetch.web.page.forms import fields_of
from datafetch.web.page.sessions import Role, is_from_here
from datafetch.web.rates import RateLimit, client_of
from datafetch.web.site import Site

_MOST_TRIES, _PER_S = 10, 60.0
_WRONG = "This is neither the cron secret nor the metrics token."
_NONE_SET = "Nobody can log in here: neither BOOKMARK_CRON_REFRESH_SECRET nor DATAFETCH_METRICS_TOKEN is set."
_ELSEWHERE = "This was sent from another site, so nothing was done. Log in here."
_NO_FORM = "This was no form of this page."

_log = bound_logger()


def routes(site: Site) -> list[BaseRoute]:
    """The page with the form, and the endpoints that log in and log out."""
    door = _Door(site)
    return [
        Route("/login", door.form),
        Route("/login", door.login, methods=["POST"]),
        Route("/logout", door.logout, methods=["POST"]),
    ]


class _Door:
    """Lets people in and out."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._tries = RateLimit(site.clock, most=_MOST_TRIES, per_s=_PER_S)

    async def form(self, _request: Request) -> Response:
        """The page to log in at."""
        can_log_in = self._site.keyring.cron or self._site.keyring.metrics
        return await self._show("" if can_log_in else _NONE_SET, 200)

    async def login(self, request: Request) -> Response:
        """Open a session for who brings one of the secrets."""
        if not is_from_here(request.scope):
            return await self._show(_ELSEWHERE, 403)
        fields = await fields_of(request)
        if fields is None:
            return await self._show(_NO_FORM, 400)
        client = client_of(request.scope)
        role = _role(self._site, fields.get("secret", "").strip())
        if role is None:
            return await self._refused(client)
        _log.info("login_opened", extra={"client": client, "role": role.value})
        return _home(await run_in_threadpool(self._site.sessions.opened, role, request.scope))

    async def _refused(self, client: str) -> Response:
        """The answer to a wrong secret; whoever goes on with wrong secrets is told to wait.

        The right one is let in all the same: behind a proxy that is not named all clients have one
        address, and a stranger must not lock out who has the secret.
        """
        rate = self._tries.take(client)
        if not rate.allowed:
            wait = {"Retry-After": str(rate.retry_after_s)}
            text = f"Too many tries. Try again in {rate.retry_after_s} s."
            return await self._show(text, 429, wait)
        _log.warning("login_refused", extra={"client": client})
        return await self._show(_WRONG, 401, {"WWW-Authenticate": "Bearer"})

    async def logout(self, request: Request) -> Response:
        """End the session, when a form of one of its pages asks for that."""
        if not is_from_here(request.scope):
            return await self._show(_ELSEWHERE, 403)
        session = await run_in_threadpool(self._site.sessions.of, request.scope)
        fields = await fields_of(request) or {}
        if session is not None and not self._site.sessions.has_token(
            session, fields.get("csrf", "")
        ):
            return await self._show(_NO_FORM, 403)
        return _home(self._site.sessions.closed(request.scope))

    async def _show(
        self, problem: str, status: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        closed, acts = bool(self._site.keyring.metrics), bool(self._site.keyring.cron)
        html = await run_in_threadpool(draw_login, problem, closed=closed, acts=acts)
        return page_answer(html, status, headers)


def _role(site: Site, secret: str) -> Role | None:
    may_act = site.keyring.is_cron_secret(secret)
    may_see = site.keyring.is_metrics_token(secret)
    if may_act:
        return Role.ACT
    return Role.SEE if may_see else None


def _home(cookie: str) -> Response:
    """Send the browser to the page, always the same, with this cookie."""
    headers = {"Set-Cookie": cookie, "Cache-Control": "no-store"}
    return RedirectResponse("/", 303, headers)
