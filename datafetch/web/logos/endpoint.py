"""`GET /api/logo`: sends visitors to the logo of a site, which is fetched when nobody has it yet."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from datafetch.errors import ObjectNotFound, StoreError, StoreUnavailable
from datafetch.web.answers import json_answer, refused, too_many, unauthorized
from datafetch.web.logos.asked import AskedLogo, BadQuestion, asked_logo
from datafetch.web.logos.cache import LogoAnswer, LogoAt, LogoPicture, LogoUnknown, NoLogoKnown
from datafetch.web.rates import RateAnswer, RateLimit, client_of
from datafetch.web.shared_read import SharedRead
from datafetch.web.site import Site

LONGEST_S = 10.0
"""Seconds for which a visitor waits; a fetch that takes longer goes on, and is remembered."""

CACHED = "public, max-age=3600"
"""How long browsers keep an answer; without it they keep a 301 for ever."""

_SOON_S = 5

_SVG = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""The policy of a picture: an SVG that is opened as a page runs nothing and asks nobody."""

_PART = 64 * 1024
"""Bytes of a picture that are sent at once."""

_NO_LOGO = "No logo found"


def routes(site: Site, *, longest_s: float = LONGEST_S) -> list[BaseRoute]:
    """The endpoint of logos; `longest_s` is how long a visitor waits."""
    return [Route("/api/logo", _Endpoint(site, longest_s).answer)]


class _Endpoint:
    """Answers requests for logos."""

    def __init__(self, site: Site, longest_s: float) -> None:
        self._site = site
        self._longest_s = longest_s
        self._tiers = site.logos
        self._index = SharedRead(self._tiers.refresh, site.clock, fresh_s=0.0)
        self._of_client = RateLimit(site.clock, most=30, per_s=60.0)
        self._in_all = RateLimit(site.clock, most=120, per_s=60.0)

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        scope = request.scope
        asked = asked_logo(scope["query_string"])
        if isinstance(asked, BadQuestion):
            return json_answer({"error": asked.error}, 400)
        if asked.is_forced and not self._site.keyring.is_cron(scope):
            if self._site.keyring.has_bearer(scope):
                return unauthorized("forceRefresh needs the cron secret as its bearer.")
            asked = replace(asked, is_forced=False, is_missed=True)
        domain = await self._domain(asked)
        if domain is None:
            return Response(None, 404, _headers({"x-logo-error": "Unknown company"}))
        found = await self._found(domain, asked, scope)
        return found if isinstance(found, Response) else _response(domain, found, scope)

    async def _domain(self, asked: AskedLogo) -> str | None:
        if asked.company is None:
            return asked.domain
        return await run_in_threadpool(self._tiers.of_company, asked.company)

    async def _found(self, domain: str, asked: AskedLogo, scope: Scope) -> LogoAnswer | Response:
        """The answer of the first tier that has one, or the refusal of the last."""
        if not asked.is_forced:
            found = self._tiers.remembered(domain)
            if found is not None:
                if asked.is_missed and isinstance(found, LogoAt):
                    return await self._mended(domain, scope, found)
                self._count("failed" if isinstance(found, LogoUnknown) else "memory")
                return found
            try:
                found = await self._stored(domain)
            except StoreError:
                self._count("failed")
                return LogoUnknown(503, "The store does not answer", _SOON_S)
            if found is not None:
                if asked.is_missed and isinstance(found, LogoAt):
                    return await self._mended(domain, scope, found)
                self._count("store")
                self._refresh_if_due(domain)
                return found
        return await self._fetched(domain, scope, forced=asked.is_forced)

    async def _mended(self, domain: str, scope: Scope, known: LogoAt) -> LogoAnswer | Response:
        """What is answered to a visitor's browser that could not load a logo that is known.

        The picture is looked at in the store, and fetched when it is gone. That counts as a fetch;
        who may begin none is sent to the known address.
        """
        if self._tiers.flights.joined(domain) is None and not self._lets_fetch(scope):
            self._count("memory")
            return known
        fetch = self._tiers.mended(domain)
        return known if fetch is None else await self._landed(domain, fetch)

    def _lets_fetch(self, scope: Scope) -> bool:
        """Count a fetch, unless the client, or all clients together, have begun too many."""
        allowed = self._of_client.take(client_of(scope)).allowed
        return allowed and self._in_all.take("").allowed

    async def _stored(self, domain: str) -> LogoAnswer | None:
        """What the store knows; of a logo that is known already nobody waits for the store.

        Raises:
            StoreError: it did not answer, and nothing is known.
        """
        found = self._tiers.at_hand(domain)
        if found is not None and not self._tiers.is_fresh:
            self._index.begin()
        elif found is None:
            if not self._tiers.is_fresh:
                await self._index.value()
                found = self._tiers.at_hand(domain)
            if found is None and self._tiers.has_picture(domain):
                found = await self._picture(domain)
        return found

    async def _picture(self, domain: str) -> LogoAnswer | None:
        """The stored picture; None when it is gone.

        Raises:
            StoreError: the store did not answer, or not in time.
        """
        reading = self._tiers.picture(domain)
        if reading is None:
            raise StoreUnavailable("too many pictures are being read")
        try:
            async with asyncio.timeout(self._longest_s):
                return await asyncio.wrap_future(reading)
        except ObjectNotFound:
            return None
        except TimeoutError as error:
            raise StoreUnavailable("the picture was not read in time") from error

    def _refresh_if_due(self, domain: str) -> None:
        """Begin to fetch an old logo again, for those who ask later."""
        if self._tiers.is_due(domain) and self._in_all.take("").allowed:
            self._tiers.fetched(domain)

    async def _fetched(self, domain: str, scope: Scope, *, forced: bool) -> LogoAnswer | Response:
        """What the providers have; only who begins a fetch is counted, not who waits for it too."""
        under_way = self._tiers.flights.joined(domain)
        if under_way is None and not forced:
            # The fetch may have ended while the store was asked.
            found = self._tiers.remembered(domain)
            if found is not None:
                self._count("failed" if isinstance(found, LogoUnknown) else "memory")
                return found
            for rate in (self._of_client.take(client_of(scope)), self._in_all.look("")):
                if not rate.allowed:
                    return self._limited(rate)
            self._in_all.take("")
        fetch = under_way or self._tiers.fetched(domain, forced=forced)
        if fetch is None:
            self._count("limited")
            text = "Too many logos are being fetched. Try again soon."
            return refused(503, "BUSY", text, {"Retry-After": str(_SOON_S)})
        return await self._landed(domain, fetch)

    async def _landed(self, domain: str, fetch: "Future[LogoAnswer]") -> LogoAnswer:
        """What a fetch has brought, or that it takes longer than a visitor waits."""
        try:
            async with asyncio.timeout(self._longest_s):
                found = await asyncio.wrap_future(fetch)
        except TimeoutError:
            found = self._tiers.remembered(domain) or LogoUnknown(
                504, "The providers are slow; the fetch goes on", _SOON_S
            )
        self._count(_tier_of(found))
        return found

    def _limited(self, rate: RateAnswer) -> Response:
        self._count("limited")
        return too_many(rate, "Too many logos that nobody knew. Try again later.")

    def _count(self, tier: str) -> None:
        self._site.counters.add("datafetch_logo_answers", tier)


def _tier_of(found: LogoAnswer) -> str:
    match found:
        case NoLogoKnown():
            return "none"
        case LogoUnknown():
            return "failed"
        case _:
            return "provider"


def _response(domain: str, found: LogoAnswer, scope: Scope) -> Response:
    about = {"x-logo-domain": domain}
    match found:
        case LogoAt(url, is_stale):
            return Response(None, 301, _headers({**_stale(is_stale=is_stale), "Location": url}))
        case LogoPicture():
            return _picture(found, scope)
        case NoLogoKnown():
            return Response(None, 404, _headers({**about, "x-logo-error": _NO_LOGO}))
        case LogoUnknown(status, reason, retry_s):
            headers = {**about, "x-logo-error": reason, "Cache-Control": "no-store"}
            return Response(None, status, _headers({**headers, "Retry-After": str(retry_s)}))


def _picture(found: LogoPicture, scope: Scope) -> Response:
    etag = f'"{found.version}"'
    headers = _headers({**_stale(is_stale=found.is_stale), "ETag": etag})
    headers["Content-Security-Policy"] = _SVG
    if _has(scope, etag):
        return Response(None, 304, headers)
    headers["Content-Type"] = found.content_type
    if len(found.body) <= _PART:
        return Response(found.body, 200, headers)
    headers["Content-Length"] = str(len(found.body))
    return StreamingResponse(_parts(found.body), 200, headers)


async def _parts(body: bytes) -> AsyncIterator[bytes]:
    """The picture bit by bit: what a slow client has not taken yet is held for each of them."""
    for start in range(0, len(body), _PART):
        yield body[start : start + _PART]


def _stale(*, is_stale: bool) -> dict[str, str]:
    """Headers of a logo that could not be refreshed just now: it is asked for again soon."""
    if not is_stale:
        return {}
    return {"x-logo-error": "The logo could not be refreshed", "Cache-Control": "no-store"}


def _has(scope: Scope, etag: str) -> bool:
    """Whether the client has the picture with this ETag (RFC 9110, 13.1.2)."""
    values = [value for name, value in scope["headers"] if name == b"if-none-match"]
    sent = [part.strip() for part in b",".join(values).decode("latin-1").split(",")]
    return "*" in sent or any(part.removeprefix("W/") == etag for part in sent)


def _headers(more: Mapping[str, str]) -> dict[str, str]:
    """The headers of every answer with a logo, or without one: other sites embed them."""
    return {"Cache-Control": CACHED, "Cross-Origin-Resource-Policy": "cross-origin", **more}
