"""Looks at URLs and addresses before anything is sent there: no way into private networks."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from datafetch.errors import Refused
from datafetch.net.addresses import is_public, parse_address
from datafetch.urls import DEFAULT_PORTS, Origin, Url, parse, plainly_written, read_host

Resolver = Callable[[str, int], Sequence[str]]
"""Host name and port to addresses; raises OSError when there are none."""

# Names under which clouds and resolvers hand out what is private, whatever they resolve to:
# RFC 6761 (localhost) and the metadata services of Google and Amazon.
_CLOSED_NAMES = frozenset(
    {"localhost", "metadata", "metadata.google.internal", "metadata.goog", "instance-data"}
)
_CLOSED_SUFFIXES = (".localhost", ".metadata.google.internal", ".ec2.internal")

# What a browser would take for name and password, with any slashes and also in what is no URL.
_USER = re.compile(r"\A((?:[^:/\\]*:)?[/\\]*)[^/\\]*@")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_URL = 32 * 1024
_LONGEST_NAME = 253
_LONGEST_LABEL = 63


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
    return _USER.sub(r"\1", _CONTROLS.sub("", base))[:500]


def parse_url(url: str) -> Target:
    """Read a URL in the one way in which it is also sent.

    Raises:
        Refused: it is not http or https, carries credentials, or its host is not valid.
    """
    url = url.strip(" ")
    if len(url) > _LONGEST_URL or _CONTROLS.search(url):
        raise _refused(url, "the URL is too long or holds control characters")
    if url.partition(":")[0].lower() not in DEFAULT_PORTS:
        raise _refused(url, "only http and https are fetched")
    if not plainly_written(url):
        raise _refused(url, "the URL has no plain host")
    read = parse(url)
    if read is None or read.port == 0:
        raise _refused(url, "not a valid URL")
    host = _connectable(read.host, url)
    return Target(_assemble(read, host), read.scheme, host, read.port or DEFAULT_PORTS[read.scheme])


def _assemble(read: Url, host: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    if read.port is not None:
        shown = f"{shown}:{read.port}"
    query = "" if read.query is None else f"?{read.query}"
    return f"{read.scheme}://{shown}{read.path}{query}"


def canonical_host(text: str) -> str:
    """The one spelling of a host: ASCII, lower case, no trailing dot, addresses in full.

    Raises:
        Refused: it is not valid.
    """
    host = read_host(text)
    if host is None:
        raise _refused(text, "not a valid host")
    return _connectable(host, text)


def _connectable(host: str, url: str) -> str:
    """A host that browsers accept, as DNS and sockets take it; DNS has limits of its own."""
    if host.startswith("["):
        return host[1:-1]
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(name) > _LONGEST_NAME or not all(0 < len(label) <= _LONGEST_LABEL for label in labels):
        raise _refused(url, "not a valid host")
    return name


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
