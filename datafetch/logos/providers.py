"""Asks for logos: Google's and DuckDuckGo's favicon services, and the sites themselves."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from hashlib import sha256
from io import BytesIO
from typing import Protocol, TypeGuard
from urllib.parse import quote

from datafetch.logos.model import LogoSource
from datafetch.logos.replies import (
    Fault,
    NoPicture,
    PictureUnchanged,
    ProviderReply,
    reply_with,
    url_of,
)
from datafetch.logos.site_icons import ICON_PATH, TOUCH_PATH, holds_its_head, icons_to_try
from datafetch.net.base import (
    KIB,
    MIB,
    Download,
    HttpClient,
    Request,
    Validators,
)
from datafetch.pages.charset import decode_page
from datafetch.pictures.data_urls import is_data_url, read_data_url
from datafetch.runtime.limits import PerHost
from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import (
    BreakerOpen,
    Denied,
    Malformed,
    Missing,
    Refused,
    Rejected,
    TooLarge,
    TransientError,
    UpstreamError,
)
from datafetch.urls import host_name, parse

SERVICES: Mapping[LogoSource, str] = {
    "google": "https://www.google.com/s2/favicons?domain={domain}&sz=256",
    "duckduckgo": "https://icons.duckduckgo.com/ip3/{domain}.ico",
}
"""Addresses of the services; neither is documented by its owner."""

UPSTREAMS: Mapping[LogoSource, str] = {"google": "google", "duckduckgo": "ddg", "direct": "site"}
"""The name under which the requests to a provider are counted."""

PICTURE_LIMIT = 10 * MIB
_PAGE_LIMIT = 512 * KIB
_PER_SITE = 2
"""At most so many requests to one site at once: all its subdomains may lead to it."""

_TIMEOUT_S = 10.0
_TOTAL_S = 30.0
_SERVICE_TRIES = 3
_SITE_TRIES = 2


class Pacer(Protocol):
    """Makes the pauses between batches of requests to one provider."""

    def wait(self) -> None:
        """Return when the next item may be asked for.

        Raises:
            Cancelled: the run was asked to stop.
        """
        ...


class LogoProviders:
    """The providers, each with its own pace."""

    def __init__(
        self,
        http: HttpClient,
        pacers: Mapping[LogoSource, Pacer],
        retry_max_s: float,
        *,
        total_s: float = _TOTAL_S,
    ) -> None:
        """`total_s`: the seconds that one request may take; `retry_max_s`: all its retries."""
        self._total_s = total_s
        self._http = http
        self._pacers = pacers
        self._retry_max_s = retry_max_s
        self._sites = PerHost(_PER_SITE)

    def through(self, http: HttpClient) -> "LogoProviders":
        """The same providers, asked through another client; both share the limit of requests to one site."""
        other = copy(self)
        other._http = http  # noqa: SLF001 - one of its own kind
        return other

    def ask(
        self, source: LogoSource, domain: str, etag: str | None = None
    ) -> Iterator[ProviderReply]:
        """Ask a provider for a domain's logo; yields a reply for each picture requested.

        With `etag`, that of the stored logo, the requests are conditional. Each is sent only when
        its reply is taken, so a caller may stop early. Each `Offer` has to be closed.

        Raises:
            Cancelled: the run was asked to stop.
        """
        self._pacers[source].wait()
        if source == "direct":
            yield from self._ask_site(domain, etag)
        else:
            yield self._picture(source, SERVICES[source].format(domain=quote(domain)), etag)

    def _ask_site(self, domain: str, etag: str | None) -> Iterator[ProviderReply]:
        """The site's own icons, at its domain, or at `www.` when nobody answers there."""
        unreachable: list[Fault] = []
        for origin in (f"https://{domain}", f"https://www.{domain}"):
            first = self._picture("direct", origin + TOUCH_PATH, etag)
            if not _is_unreachable(first):
                yield first
                yield from self._ask_page(origin, url_of(first), etag)
                return
            unreachable.append(first)
        # When an open breaker kept the domain itself from being asked, that is the fault to tell.
        not_asked = isinstance(unreachable[0].error, BreakerOpen)
        yield unreachable[0 if not_asked else -1]

    def _ask_page(self, origin: str, touch: str, etag: str | None) -> Iterator[ProviderReply]:
        """The icons of the site's first page: those that it names, and those at the usual places.

        Args:
            origin: where the site was asked for its touch icon.
            touch: the address that answered to that.
            etag: as in `ask`.
        """
        request = Request(
            url=f"{origin}/",
            trust="data",
            upstream=UPSTREAMS["direct"],
            headers={"Accept": "text/html,application/xhtml+xml"},
            limit=_PAGE_LIMIT,
            truncate=True,
            stop_after=b"<body",
            enough=holds_its_head,
            timeout_s=min(_TIMEOUT_S, self._total_s),
            total_s=self._total_s,
            retry=self._retries("direct"),
        )
        asked = {origin + TOUCH_PATH, touch}
        moved = False
        try:
            with self._place(request):
                page = self._http.fetch(request)
        except TransientError as error:
            yield Fault("direct", error)
        except UpstreamError as error:
            yield NoPicture("direct", str(error))
        else:
            html = decode_page(page.body, page.headers.get("content-type", ""))
            for url in icons_to_try(html, page.url, frozenset(asked)):
                asked.add(url)
                yield self._inline(url) if is_data_url(url) else self._picture("direct", url, etag)
            # Where each address of the site leads to another origin, its icon was asked for there.
            moved = _same_origin(touch, page.url) and not _same_origin(touch, origin)
        usual = origin + ICON_PATH
        if usual not in asked and not moved:
            yield self._picture("direct", usual, etag)

    def _inline(self, url: str) -> ProviderReply:
        """The picture that stands in the page itself, in a `data:` URL."""
        try:
            body = read_data_url(url).body
        except (Malformed, TooLarge) as error:
            return NoPicture("direct", str(error))
        digest = sha256(body).hexdigest()
        return reply_with("direct", Download(200, "", {}, BytesIO(body), len(body), digest))

    def _picture(self, source: LogoSource, url: str, etag: str | None) -> ProviderReply:
        request = Request(
            url=url,
            trust="data",
            upstream=UPSTREAMS[source],
            headers={"Accept": "image/*"},
            limit=PICTURE_LIMIT,
            validators=Validators(etag) if etag else None,
            error_body=source != "direct",
            timeout_s=min(_TIMEOUT_S, self._total_s),
            total_s=self._total_s,
            retry=self._retries(source),
        )
        try:
            with self._place(request):
                download = self._http.download(request)
        except Missing as error:
            # A service may send its generic picture with the 404: it has no logo.
            return NoPicture(source, str(error), error.body, error.url)
        except TooLarge as error:
            return NoPicture(source, str(error))
        except (Denied, Rejected, Refused, Malformed) as error:
            # A site that refuses has no logo for us. A service may refuse every request, whatever
            # the domain is.
            return NoPicture(source, str(error)) if source == "direct" else Fault(source, error)
        except UpstreamError as error:
            return Fault(source, error)
        if download.not_modified:
            download.close()
            return PictureUnchanged(source)
        return reply_with(source, download)

    def _place(self, request: Request) -> AbstractContextManager[object]:
        """One of the `_PER_SITE` places of a site; requests to services are paced instead."""
        if request.upstream != UPSTREAMS["direct"]:
            return nullcontext()
        return self._sites.slot(host_name(request.url))

    def _retries(self, source: LogoSource) -> RetryPolicy:
        tries = _SITE_TRIES if source == "direct" else _SERVICE_TRIES
        return RetryPolicy(attempts=tries, total_s=self._retry_max_s)


def _same_origin(url: str, other: str) -> bool:
    first, second = parse(url), parse(other)
    return first is not None and second is not None and first.origin == second.origin


def _is_unreachable(reply: ProviderReply) -> TypeGuard[Fault]:
    """Whether the host did not answer at all, so that its other paths are not tried."""
    return isinstance(reply, Fault) and reply.error.status is None
