"""Refuses URLs and addresses that lead into private networks, before anything is sent there."""

import re
from collections.abc import Callable, Collection, Sequence
from ipaddress import ip_address

from datafetch.addresses import (
    CLOSED_SUFFIXES,
    CLOUD_NAMES,
    address_of,
    is_closed_name,
    is_public,
)
from datafetch.printable import without_unshowable
from datafetch.upstream_errors import Refused
from datafetch.urls import DEFAULT_PORTS, Url, dns_name, parse, plainly_written, read_host

Resolver = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a host name and port; raises OSError when there are none."""

# User name and password as browsers find them, after any kind and number of slashes; also in
# texts that are no valid URLs, so that a password never reaches a log.
_USER = re.compile(r"\A((?:[^:/\\]*:)?[/\\]*)[^/\\]*@")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_URL = 32 * 1024


def public_url(url: str) -> str:
    """The URL as logs and errors may show it: `scheme://host:port/path`."""
    base = re.split(r"[?#]", url.strip(), maxsplit=1)[0]
    return _USER.sub(r"\1", without_unshowable(base))[:500]


def authority(url: str) -> str:
    """The host of a URL, with its port when the URL names one, as logs and errors may show it."""
    return public_url(url).partition("://")[2].partition("/")[0]


def parse_url(url: str) -> Url:
    """Read a URL as it is to be sent: without fragment, and without the dot after a host name.

    Raises:
        Refused: it is not http or https, carries credentials, is not valid, or is spelt so that
            other programs would find another host in it.
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
    name = _connectable(read.host, url)
    host = f"[{name}]" if ":" in name else name
    port = "" if read.port is None else f":{read.port}"
    query = "" if read.query is None else f"?{read.query}"
    return read._replace(href=f"{read.scheme}://{host}{port}{read.path}{query}", host=host)


def canonical_host(text: str) -> str:
    """A host in its one spelling: ASCII, lower case, no trailing dot, no brackets, full IPv4.

    Raises:
        Refused: it is not a valid host.
    """
    host = read_host(text)
    if host is None:
        raise _refused(text, "not a valid host")
    return _connectable(host, text)


def _connectable(host: str, url: str) -> str:
    """Turn a host in browsers' spelling into that of DNS: no brackets and no trailing dot.

    Raises:
        Refused: it is longer than DNS allows, or has an empty label.
    """
    name = dns_name(host)
    if name is None:
        raise _refused(url, "not a valid host")
    return name


def check_url(url: Url, allow_hosts: Collection[str]) -> None:
    """Refuse a URL that names a private host. Nothing is looked up; see `guarded` for that.

    Args:
        url: as `parse_url` returns it.
        allow_hosts: hosts that are never refused, as `canonical_host` spells them.

    Raises:
        Refused: the host is an address that is not public, or a name of the machine itself or
            of its cloud's metadata service.
    """
    host = url.name
    if host in allow_hosts:
        return
    # Such a name is refused whatever it resolves to.
    if is_closed_name(host):
        raise _refused(url.href, "the host is not public", _own_server(host))
    address = address_of(url.host)
    if address is not None and not is_public(address):
        raise _refused(url.href, "the address is not public", _own_server(host))


def guarded(resolve: Resolver, allow_hosts: Collection[str]) -> Resolver:
    """A resolver that raises `Refused` when one of a host's addresses is not public.

    The hosts in `allow_hosts` are not checked. Connect to the addresses that it returns, because
    a second look-up could return others.
    """

    def resolve_guarded(host: str, port: int) -> Sequence[str]:
        addresses = resolve(host, port)
        if host not in allow_hosts and not all(is_public(ip_address(text)) for text in addresses):
            raise Refused(
                f"{host}: the name leads to an address that is not public", hint=_own_server(host)
            )
        return addresses

    return resolve_guarded


def _own_server(host: str) -> str:
    """What to do when a host that is not public is one of the user's own.

    Empty for the metadata services of clouds, which nobody should allow.
    """
    if host.startswith("169.254.") or host in CLOUD_NAMES or host.endswith(CLOSED_SUFFIXES):
        return ""
    return f"If it is a server of your own, name it: DATAFETCH_ALLOW_HOSTS={host}."


def _refused(url: str, reason: str, hint: str | None = None) -> Refused:
    shown = public_url(url)
    return Refused(f"{shown}: {reason}", url=shown, hint=hint)
