"""Decides how a redirect is followed: to which URL, with which method, headers and body."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from datafetch.errors import Refused
from datafetch.models.json import compact_json
from datafetch.net.base import Request
from datafetch.net.guard import Target, check_target, parse_url, public_url
from datafetch.net.options import NetOptions
from datafetch.urls import parse

_CREDENTIALS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token", "private-token"}
)
_OF_A_BODY = frozenset({"content-type", "content-length", "content-encoding", "content-language"})


@dataclass(frozen=True, slots=True)
class Hop:
    """What is sent in one exchange: the request itself, or what a redirect made of it.

    Attributes:
        target: the URL to ask.
        method: in upper case.
        headers: by name in lower case.
        body: None for a request without a body.
        trusted: whether the URL names a server of the user's own, whose address may be private.
    """

    target: Target
    method: str
    headers: Mapping[str, str]
    body: bytes | None
    trusted: bool


def first_hop(request: Request, options: NetOptions) -> Hop:
    """What is sent first for a request.

    Raises:
        Refused: the URL is not valid, or leads to a private address.
    """
    target = parse_url(request.url)
    trusted = request.trust == "settings" and target.origin in options.trusted_origins
    if not trusted:
        check_target(target, options.allow_hosts)
    headers = {name.lower(): value for name, value in request.headers.items()}
    if request.validators is not None:
        headers |= {name.lower(): value for name, value in request.validators.headers().items()}
    body = None
    if request.json_body is not None:
        body = compact_json(request.json_body).encode()
        headers.setdefault("content-type", "application/json")
    return Hop(target, request.method.upper(), headers, body, trusted)


def next_hop(hop: Hop, status: int, location: str, options: NetOptions) -> Hop:
    """What is sent next after a redirect, as RFC 9110, 15.4 says and browsers do it.

    A redirect to another origin ends trust and drops the headers with credentials. Later
    redirects do not bring them back, not even one to the first origin: a stranger chose it.

    Args:
        hop: what was sent last.
        status: that of the redirect.
        location: its `Location`, which may be relative.
        options: which origins and hosts may be private.

    Raises:
        Refused: the new URL is not valid, or leads to a private address.
    """
    url = parse(location, parse(hop.target.url))
    if url is None:
        shown = public_url(hop.target.url)
        raise Refused(f"{shown}: redirects to what is no web address", url=shown)
    target = parse_url(url.href)
    stays = target.origin == hop.target.origin
    if not (stays and hop.trusted):
        check_target(target, options.allow_hosts)
    becomes_get = _becomes_get(hop.method, status)
    dropped = (frozenset() if stays else _CREDENTIALS) | (
        _OF_A_BODY if becomes_get else frozenset()
    )
    moved = replace(
        hop,
        target=target,
        headers={name: value for name, value in hop.headers.items() if name not in dropped},
        trusted=stays and hop.trusted,
    )
    return replace(moved, method="GET", body=None) if becomes_get else moved


def _becomes_get(method: str, status: int) -> bool:
    if status == 303:  # noqa: PLR2004 - RFC 9110, 15.4.4
        return method != "HEAD"
    return status in (301, 302) and method == "POST"
