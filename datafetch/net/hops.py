"""Decides how a redirect is followed: where to, by which method, and with what."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from datafetch.errors import Refused
from datafetch.models.json import compact_json
from datafetch.net.base import Request
from datafetch.net.guard import Target, check_target, parse_url, public_url
from datafetch.urls import Origin, parse

_CREDENTIALS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token", "private-token"}
)
_OF_A_BODY = frozenset({"content-type", "content-length", "content-encoding", "content-language"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say about hosts.

    Attributes:
        trusted_origins: may be private, for the first hop of `trust="settings"`.
        allow_hosts: canonical hosts that URLs from data may name though they are private.
    """

    trusted_origins: frozenset[Origin]
    allow_hosts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hop:
    """One exchange: a request, or what a redirect made of it."""

    target: Target
    method: str
    headers: Mapping[str, str]
    body: bytes | None
    trusted: bool
    """Whether the address is the user's own and therefore not looked at."""


def first_hop(request: Request, rules: Rules) -> Hop:
    """The request as it is sent first.

    Raises:
        Refused: the guard does not let it pass.
    """
    target = parse_url(request.url)
    trusted = request.trust == "settings" and target.origin in rules.trusted_origins
    if not trusted:
        check_target(target, rules.allow_hosts)
    headers = {name.lower(): value for name, value in request.headers.items()}
    if request.validators is not None:
        headers |= {name.lower(): value for name, value in request.validators.headers().items()}
    body = None
    if request.json_body is not None:
        body = compact_json(request.json_body).encode()
        headers.setdefault("content-type", "application/json")
    return Hop(target, request.method.upper(), headers, body, trusted)


def next_hop(hop: Hop, status: int, location: str, rules: Rules) -> Hop:
    """Where a redirect leads, as RFC 9110, 15.4 and browsers follow it.

    What leaves an origin is from then on guarded as data, and its credentials stay behind,
    even when it comes back: where it comes back to is another's choice.

    Raises:
        Refused: the guard does not let it pass.
    """
    url = _resolve(hop.target.url, location)
    target = parse_url(url)
    stays = target.origin == hop.target.origin
    if not (stays and hop.trusted):
        check_target(target, rules.allow_hosts)
    headers = dict(hop.headers)
    if not stays:
        headers = {name: value for name, value in headers.items() if name not in _CREDENTIALS}
    moved = replace(hop, target=target, headers=headers, trusted=stays and hop.trusted)
    return _as_get(moved) if _becomes_get(hop.method, status) else moved


def _becomes_get(method: str, status: int) -> bool:
    if status == 303:  # noqa: PLR2004 - RFC 9110, 15.4.4
        return method != "HEAD"
    return status in (301, 302) and method == "POST"


def _as_get(hop: Hop) -> Hop:
    headers = {name: value for name, value in hop.headers.items() if name not in _OF_A_BODY}
    return replace(hop, method="GET", headers=headers, body=None)


def _resolve(base: str, location: str) -> str:
    found = parse(location, parse(base))
    if found is None:
        shown = public_url(base)
        raise Refused(f"{shown}: redirects to what is no web address", url=shown)
    return found.href
