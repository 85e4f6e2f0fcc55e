"""Looks at URLs and addresses before anything is sent there: no way into private networks."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote_to_bytes, urlsplit

from datafetch.errors import Refused
from datafetch.net.addresses import is_public, parse_address

Origin = tuple[str, str, int]
"""Scheme, host and port."""

Resolver = Callable[[str, int], Sequence[str]]
"""Host name and port to addresses; raises OSError when there are none."""

DEFAULT_PORTS = {"http": 80, "https": 443}

# Names under which clouds and resolvers hand out what is private, whatever they resolve to:
# RFC 6761 (localhost) and the metadata services of Google and Amazon.
_CLOSED_NAMES = frozenset(
    {"localhost", "metadata", "metadata.google.internal", "metadata.goog", "instance-data"}
)
_CLOSED_SUFFIXES = (".localhost", ".metadata.google.internal", ".ec2.internal")

# https://url.spec.whatwg.org/#forbidden-domain-code-point, of which controls are caught before.
_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20#/:<>?@\[\\\]^|%\x7f]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_URL = 32 * 1024
_LONGEST_NAME = 253
_LONGEST_LABEL = 63
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked: host in its one canonical spelling, no fragment, no credentials."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> Origin:
        """What credentials and trust are bound to."""
        return self.scheme, self.host, self.port


def public_url(url: str) -> str:
    """The URL as it may stand in logs and errors: `scheme://host:port/path`."""
    base = re.split(r"[?#]", url.strip(), maxsplit=1)[0]
    scheme, slashes, rest = base.partition("://")
    authority, slash, path = rest.partition("/")
    text = f"{scheme}{slashes}{authority.rpartition('@')[2]}{slash}{path}"
    return _CONTROLS.sub("", text)[:500]


def parse_url(url: str) -> Target:
    """Read a URL in the one way in which it is also sent.

    Raises:
        Refused: it is not http or https, carries credentials, or its host is not valid.
    """
    url = url.strip(" ")
    if len(url) > _LONGEST_URL or _CONTROLS.search(url):
        raise _refused(url, "the URL is too long or holds control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(url, "not a valid URL") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise _refused(url, "only http and https are fetched")
    if "@" in parts.netloc or "\\" in parts.netloc or not parts.hostname:
        raise _refused(url, "the URL has no plain host")
    if port is not None and not 0 < port <= _LAST_PORT:
        raise _refused(url, "not a valid port")
    host = canonical_host(_host_text(parts.netloc), url)
    port = port or DEFAULT_PORTS[parts.scheme]
    return Target(
        _assemble(parts.scheme, host, port, parts.path, parts.query), parts.scheme, host, port
    )


def _host_text(netloc: str) -> str:
    """The host as it is written; `urlsplit` would change its case by its own rules."""
    if netloc.startswith("["):
        return netloc[: netloc.index("]") + 1]
    return netloc.partition(":")[0]


def _assemble(scheme: str, host: str, port: int, path: str, query: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    if port != DEFAULT_PORTS[scheme]:
        shown = f"{shown}:{port}"
    return f"{scheme}://{shown}{path or '/'}" + (f"?{query}" if query else "")


def canonical_host(host: str, url: str = "") -> str:
    """The one spelling of a host: ASCII, lower case, no trailing dot, addresses in full.

    Raises:
        Refused: it is not valid.
    """
    if host.startswith("["):
        return _address_text(host[1:-1], url) or ""
    if "%" in host:
        host = _decoded(host, url)
    if not host.isascii():
        host = _to_ascii(host, url)
    host = host.lower().removesuffix(".")
    if not host or len(host) > _LONGEST_NAME or _FORBIDDEN_IN_HOST.search(host):
        raise _refused(url, "not a valid host")
    if any(not 0 < len(label) <= _LONGEST_LABEL for label in host.split(".")):
        raise _refused(url, "not a valid host")
    return _address_text(host, url) or host


def _decoded(host: str, url: str) -> str:
    try:
        return unquote_to_bytes(host).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(url, "not a valid host") from error


def _to_ascii(host: str, url: str) -> str:
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise _refused(url, "not a valid host") from error


def _address_text(host: str, url: str) -> str | None:
    try:
        address = parse_address(host)
    except ValueError as error:
        raise _refused(url, "not a valid address") from error
    return None if address is None else str(address)


def check_url(url: str, allow_hosts: Collection[str] = ()) -> Target:
    """Read an absolute URL from data, and check it.

    Raises:
        Refused: not http or https, credentials in it, or as `check_target` says.
    """
    return check_target(parse_url(url), allow_hosts)


def check_target(target: Target, allow_hosts: Collection[str] = ()) -> Target:
    """Refuse what no public site would be; `allow_hosts` are canonical hosts that are exempt.

    Raises:
        Refused: a literal address that is not public, or a name that stands for the machine
            itself or its cloud's metadata.
    """
    if target.host in allow_hosts:
        return target
    host, url = target.host, target.url
    if host in _CLOSED_NAMES or host.endswith(_CLOSED_SUFFIXES):
        raise _refused(url, "the host is not public")
    address = parse_address(host)
    if address is not None and not is_public(address):
        raise _refused(url, "the address is not public")
    return target


def checked_addresses(host: str, port: int, resolve: Resolver) -> Sequence[str]:
    """The addresses of a host, all of them public; connect to these and look up no more.

    Raises:
        Refused: one of them is not public.
        OSError: the name does not resolve.
    """
    addresses = resolve(host, port)
    for text in addresses:
        if not is_public(ip_address(text)):
            raise Refused(f"{host}: the name leads to an address that is not public")
    return addresses


def _refused(url: str, reason: str) -> Refused:
    shown = public_url(url)
    return Refused(f"{shown}: {reason}", url=shown)
