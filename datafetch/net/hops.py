"""Decides how a redirect is followed: to which URL, and with which headers and body."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from datafetch.models.json import encode_json
from datafetch.net.base import Request
from datafetch.net.guard import check_url, parse_url, public_url
from datafetch.net.options import NetOptions
from datafetch.upstream_errors import Refused
from datafetch.urls import Url, parse

_CREDENTIALS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token", "private-token"}
)
_OF_A_BODY = frozenset({"content-type", "content-length", "content-encoding", "content-language"})

_AS_GET = frozenset({301, 302, 303})
"""Redirects that turn a POST into a GET (RFC 9110, 15.4.2 to 15.4.4)."""


@dataclass(frozen=True, slots=True)
class Hop:
    """What is sent in one exchange, at first or after a redirect.

    Attributes:
        headers: by name in lower case.
        body: sent with POST, or PUT; None for a GET.
        trusted: whether the URL leads to one of the user's own servers, whose address may be
            private.
        private: names of the headers that do not leave this origin (`Request.private_headers`).
        put, keeps_method, hides_path: as in `Request`.
    """

    url: Url
    headers: Mapping[str, str]
    body: bytes | None
    trusted: bool
    private: frozenset[str] = frozenset()
    put: bool = False
    keeps_method: bool = False
    hides_path: bool = False

    @property
    def method(self) -> str:
        """How it is sent."""
        if self.body is None:
            return "GET"
        return "PUT" if self.put else "POST"


def first_hop(request: Request, options: NetOptions) -> Hop:
    """The first exchange of a request.

    Raises:
        Refused: the URL is not valid, or leads to a private address.
    """
    url = parse_url(request.url)
    trusted = request.trust == "settings" and url.origin in options.trusted_origins
    if not trusted:
        check_url(url, options.allow_hosts)
    private = {name.lower(): value for name, value in request.private_headers.items()}
    headers = {name.lower(): value for name, value in request.headers.items()} | private
    if request.validators is not None:
        headers |= {name.lower(): value for name, value in request.validators.headers().items()}
    body = request.body
    if request.json_body is not None:
        body = encode_json(request.json_body)
        headers.setdefault("content-type", "application/json")
    return Hop(
        url,
        headers,
        body,
        trusted,
        frozenset(private),
        put=request.put,
        keeps_method=request.keeps_method,
        hides_path=request.hides_path,
    )


def next_hop(hop: Hop, status: int, location: str, options: NetOptions) -> Hop:
    """The exchange that follows a redirect, as in RFC 9110 (15.4) and browsers.

    A redirect to another origin ends trust and drops the headers with credentials. A later
    redirect back to the first origin does not restore them, because the other origin chose it.

    Args:
        hop: the exchange that was answered by the redirect.
        status: that of the redirect.
        location: its `Location`, which may be relative.
        options: which hosts may have private addresses.

    Raises:
        Refused: the new URL is not valid, or leads to a private address; or the exchange has to
            keep its method, and the redirect would turn it into a GET.
    """
    if hop.keeps_method and hop.body is not None and status in _AS_GET:
        shown = public_url(hop.url.href)
        hint = "Write the address that it leads to in the setting."
        raise Refused(f"{shown}: redirects the {hop.method} with {status}", url=shown, hint=hint)
    found = parse(location, hop.url)
    if found is None:
        shown = public_url(hop.url.href)
        hint = f"See `curl -i {shown}`: its header Location holds no address."
        raise Refused(f"{shown}: redirects to what is no web address", url=shown, hint=hint)
    try:
        url = parse_url(found.href)
        stays = url.origin == hop.url.origin
        if not (stays and hop.trusted):
            check_url(url, options.allow_hosts)
    except Refused as error:
        error.args = (f"{error} (redirected from {public_url(hop.url.href)})",)
        raise
    body = None if status in _AS_GET else hop.body
    secret = frozenset() if stays else _CREDENTIALS | hop.private
    dropped = secret | (_OF_A_BODY if body is None else frozenset())
    headers = {name: value for name, value in hop.headers.items() if name not in dropped}
    return replace(
        hop,
        url=url,
        headers=headers,
        body=body,
        trusted=stays and hop.trusted,
        private=hop.private if stays else frozenset(),
    )
