"""Asks for logos: Google's and DuckDuckGo's favicon services, and the sites themselves."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeGuard
from urllib.parse import quote

from datafetch.errors import (
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
from datafetch.logos.model import Candidate, LogoSource
from datafetch.logos.site_icons import icon_links
from datafetch.net.base import (
    KIB,
    MIB,
    Download,
    HttpClient,
    Request,
    RetryPolicy,
    Validators,
)
from datafetch.runtime.limits import PerHost
from datafetch.urls import host_name

if TYPE_CHECKING:
    from datafetch.pictures.images import Picture

SERVICES: Mapping[LogoSource, str] = {
    "google": "https://www.google.com/s2/favicons?domain={domain}&sz=256",
    "ddg": "https://icons.duckduckgo.com/ip3/{domain}.ico",
}
"""Addresses of the services; neither is documented by its owner."""

UPSTREAMS: Mapping[LogoSource, str] = {"google": "google", "ddg": "ddg", "direct": "site"}
"""Under which name the requests are counted."""

PICTURE_LIMIT = 10 * MIB
_PAGE_LIMIT = 512 * KIB
_NAMED_ICONS = 4
"""Icons of a page that are tried; pages name dozens, of which the largest are worth it."""

_PER_SITE = 2
"""Requests to one site at once: the subdomains of a bookmarked host may all lead to it."""

_TIMEOUT_S = 10.0
_TOTAL_S = 30.0
_SERVICE_TRIES = 3
_SITE_TRIES = 2


class Pacer(Protocol):
    """Keeps the pauses between batches of requests to one provider."""

    def wait(self) -> None:
        """Return when the next item may be asked for.

        Raises:
            Cancelled: the run was asked to stop.
        """
        ...


@dataclass(frozen=True, slots=True)
class Offer:
    """A picture that a provider has; its file stands at its start and wants to be closed."""

    candidate: Candidate
    content_type: str
    extension: str
    etag: str | None
    download: Download

    @property
    def file(self) -> BinaryIO:
        """The picture's bytes."""
        return self.download.file

    def close(self) -> None:
        """Let go of the file."""
        self.download.close()


@dataclass(frozen=True, slots=True)
class NotModified:
    """What the validator names is still what the provider has."""

    source: LogoSource


@dataclass(frozen=True, slots=True)
class Nothing:
    """The provider answered, and has no picture here.

    Attributes:
        picture: what a service sent along, which is no logo of anybody.
    """

    source: LogoSource
    reason: str
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class Fault:
    """The provider did not answer: what it has is unknown."""

    source: LogoSource
    error: UpstreamError


Reply = Offer | NotModified | Nothing | Fault


class LogoProviders:
    """The providers, each with its own pace."""

    def __init__(
        self, http: HttpClient, pacers: Mapping[LogoSource, Pacer], retry_max_s: float
    ) -> None:
        self._http = http
        self._pacers = pacers
        self._retry_max_s = retry_max_s
        self._sites = PerHost(_PER_SITE)

    def ask(self, source: LogoSource, domain: str, etag: str | None = None) -> Iterator[Reply]:
        """What a provider has for a domain, one reply for each request that it takes.

        With the ETag of the stored logo the requests are conditional. Requests are made as
        replies are taken: whoever has seen enough stops. Every `Offer` wants to be closed.

        Raises:
            Cancelled: the run was asked to stop.
        """
        self._pacers[source].wait()
        if source == "direct":
            yield from self._ask_site(domain, etag)
        else:
            yield self._picture(source, SERVICES[source].format(domain=quote(domain)), etag)

    def _ask_site(self, domain: str, etag: str | None) -> Iterator[Reply]:
        """The site's own icons; many sites answer at `www.` only."""
        unreachable: list[Fault] = []
        for origin in (f"https://{domain}", f"https://www.{domain}"):
            first = self._picture("direct", f"{origin}/apple-touch-icon.png", etag)
            if not _is_unreachable(first):
                yield first
                yield from self._ask_page(origin, etag)
                return
            unreachable.append(first)
        # Where the site's own host is not asked for a while, that `www.` is none says little.
        closed = isinstance(unreachable[0].error, BreakerOpen)
        yield unreachable[0 if closed else -1]

    def _ask_page(self, origin: str, etag: str | None) -> Iterator[Reply]:
        """The icons that the site's first page names, then the one at the usual place."""
        usual = f"{origin}/favicon.ico"
        request = Request(
            url=f"{origin}/",
            trust="data",
            upstream=UPSTREAMS["direct"],
            headers={"Accept": "text/html,application/xhtml+xml"},
            limit=_PAGE_LIMIT,
            truncate=True,
            stop_after=b"<body",
            timeout_s=_TIMEOUT_S,
            total_s=_TOTAL_S,
            retry=self._retries("direct"),
        )
        try:
            with self._place(request):
                page = self._http.fetch(request)
        except TransientError as error:
            yield Fault("direct", error)
        except UpstreamError as error:
            yield Nothing("direct", str(error))
        else:
            tried = {f"{origin}/apple-touch-icon.png", usual}
            links = (link for link in icon_links(page.body, page.url) if link.url not in tried)
            for link in islice(links, _NAMED_ICONS):
                yield self._picture("direct", link.url, etag)
        yield self._picture("direct", usual, etag)

    def _picture(self, source: LogoSource, url: str, etag: str | None) -> Reply:
        request = Request(
            url=url,
            trust="data",
            upstream=UPSTREAMS[source],
            headers={"Accept": "image/*"},
            limit=PICTURE_LIMIT,
            validators=Validators(etag) if etag else None,
            missing_body=source != "direct",
            timeout_s=_TIMEOUT_S,
            total_s=_TOTAL_S,
            retry=self._retries(source),
        )
        try:
            with self._place(request):
                download = self._http.download(request)
        except Missing as error:
            # A service sends its generic globe along with a 404: that is "none".
            return Nothing(source, str(error), error.body)
        except TooLarge as error:
            return Nothing(source, str(error))
        except (Denied, Rejected, Refused, Malformed) as error:
            # From a site this is its answer. A service that refuses every request is no
            # evidence that all those domains have no logo.
            return Nothing(source, str(error)) if source == "direct" else Fault(source, error)
        except UpstreamError as error:
            return Fault(source, error)
        if download.not_modified:
            download.close()
            return NotModified(source)
        return self._inspected(source, download)

    def _inspected(self, source: LogoSource, download: Download) -> Reply:
        try:
            candidate, picture = candidate_of(
                download.file, source, download.url, download.size, download.sha256
            )
        except Refused as error:
            download.close()
            return Nothing(source, str(error))
        except Malformed as error:
            download.close()
            # Sites answer any path with a page; a service that does has another problem.
            return Nothing(source, str(error)) if source == "direct" else Fault(source, error)
        except BaseException:
            download.close()
            raise
        etag = download.validators.etag
        return Offer(candidate, picture.content_type, picture.extension, etag, download)

    def _place(self, request: Request) -> AbstractContextManager[None]:
        """A place at the request's site; the services have their pace."""
        if request.upstream != UPSTREAMS["direct"]:
            return nullcontext()
        return self._sites.slot(host_name(request.url))

    def _retries(self, source: LogoSource) -> RetryPolicy:
        tries = _SITE_TRIES if source == "direct" else _SERVICE_TRIES
        return RetryPolicy(attempts=tries, total_s=self._retry_max_s)


def candidate_of(
    file: BinaryIO, source: LogoSource, url: str, size: int, sha256: str
) -> "tuple[Candidate, Picture]":
    """The candidate that a picture of `size` bytes is, and what `inspect` says of it.

    Raises:
        Malformed, Refused: it is none, as `inspect` says.
    """
    from datafetch.pictures.images import inspect
    from datafetch.pictures.looks import inspect_with_spread

    spread = b""
    if source in SERVICES:
        picture, spread = inspect_with_spread(file)
    else:
        picture = inspect(file)
    candidate = Candidate(
        source=source,
        url=url,
        format=picture.format,
        width=picture.width,
        height=picture.height,
        size=size,
        sha256=sha256,
        spread=spread,
    )
    return candidate, picture


def _is_unreachable(reply: Reply) -> TypeGuard[Fault]:
    """Whether nobody answered at all, so that other paths of the host need not be tried."""
    return isinstance(reply, Fault) and reply.error.status is None
