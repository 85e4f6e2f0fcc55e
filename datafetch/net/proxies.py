"""Reads from the environment which URLs go through which proxy."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from datafetch.errors import ConfigurationError
from datafetch.urls import DEFAULT_PORTS, Url, read_host


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """A forward proxy. Its `repr` does not show the password.

    Attributes:
        auth: user name and password; None when the proxy needs neither.
    """

    scheme: str
    host: str
    port: int
    auth: tuple[str, str] | None = None

    @property
    def url(self) -> str:
        """The proxy's URL without user name and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"ProxyAddress({self.url})"


class Proxies:
    """Proxies as curl and others read them: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`.

    A variable in lower case takes precedence over the same one in upper case. An entry of
    `NO_PROXY` is a host (with all its subdomains), an address, either of these with a port, a
    network such as `10.0.0.0/8`, or `*` for all.

    Args:
        environment: the variables; None for those of the process.

    Raises:
        ConfigurationError: the URL of a proxy is not valid, or not http or https.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        found = os.environ if environment is None else environment
        every = _read(found, "ALL_PROXY")
        # In CGI a client's `Proxy:` header turns up as HTTP_PROXY (CVE-2016-5385).
        plain = (
            found.get("http_proxy", "") if "REQUEST_METHOD" in found else _read(found, "HTTP_PROXY")
        )
        self._by_scheme = {
            "http": _parse("HTTP_PROXY", plain or every),
            "https": _parse("HTTPS_PROXY", _read(found, "HTTPS_PROXY") or every),
        }
        self._exempt = [
            entry for part in _read(found, "NO_PROXY").split(",") if (entry := part.strip().lower())
        ]

    def proxy_for(self, url: Url) -> ProxyAddress | None:
        """The proxy that a URL goes through; None to connect to its host directly."""
        proxy = self._by_scheme[url.scheme]
        if proxy is None or any(_matches(entry, url) for entry in self._exempt):
            return None
        return proxy


def _read(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name.lower()) or environment.get(name) or ""


def _parse(name: str, value: str) -> ProxyAddress | None:
    value = value.strip()
    if not value:
        return None
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port
    except ValueError as error:
        raise ConfigurationError([f"{name}: not a valid URL"]) from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ConfigurationError([f"{name}: only proxies at http:// and https:// are supported"])
    host = read_host(f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname)
    if host is None:
        raise ConfigurationError([f"{name}: not a valid URL"])
    auth = None
    if parts.username is not None:
        auth = (unquote(parts.username), unquote(parts.password or ""))
    return ProxyAddress(parts.scheme, host.strip("[]"), port or DEFAULT_PORTS[parts.scheme], auth)


def _matches(entry: str, url: Url) -> bool:
    if entry == "*":
        return True
    host, port = _split_port(entry)
    if port.isdigit() and port.lstrip("0") != str(url.origin[2]):
        return False
    try:
        return ip_address(url.name) in ip_network(host, strict=False)
    except ValueError:
        name = host.removeprefix("*").lstrip(".")
        return bool(name) and (url.name == name or url.name.endswith(f".{name}"))


def _split_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        return host, rest[1:]
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, port
    return entry, ""
