"""Reads from the environment which URLs go through which proxy."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from datafetch.errors import ConfigurationError
from datafetch.urls import DEFAULT_PORTS, Url, read_host

# Not as one address: what stands before an @ in an address is cut out of every message.
_FORM = "its form is http://HOST:PORT, with `USER:PASSWORD@` before HOST where it wants them"
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """A forward proxy. Its `repr` does not show the password.

    Attributes:
        auth: user name and password; None when the proxy needs neither.
        name: the variable that names the proxy, such as `HTTPS_PROXY`.
    """

    scheme: str
    host: str
    port: int
    auth: tuple[str, str] | None = None
    name: str = ""

    @property
    def authority(self) -> str:
        """Host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The proxy's URL without user name and password."""
        return f"{self.scheme}://{self.authority}"

    @property
    def label(self) -> str:
        """What messages call the proxy: `HTTPS_PROXY (proxy.example:3128)`."""
        return f"{self.name} ({self.authority})"

    def __repr__(self) -> str:
        return f"ProxyAddress({self.url})"


class Proxies:
    """Proxies as curl and others read them: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`.

    A variable in lower case takes precedence over the same one in upper case. An entry of
    `NO_PROXY` is a host (with all its subdomains), an address, either of these with a port, a
    network such as `10.0.0.0/8`, or `*` for all. Commas or spaces stand between entries.

    Args:
        environment: the variables; None for those of the process.

    Raises:
        ConfigurationError: the URL of a proxy is not valid, or not http or https; an entry of
            `NO_PROXY` is a URL, or no network. It names all such variables.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        found = os.environ if environment is None else environment
        every = _read(found, "ALL_PROXY")
        # In CGI a client's `Proxy:` header turns up as HTTP_PROXY (CVE-2016-5385).
        in_cgi = "REQUEST_METHOD" in found
        plain = (
            _Variable("http_proxy", found.get("http_proxy", "").strip())
            if in_cgi
            else _read(found, "HTTP_PROXY")
        )
        problems: list[str] = []
        self._by_scheme = {
            "http": _parse(plain if plain.value else every, problems),
            "https": _parse(
                secure if (secure := _read(found, "HTTPS_PROXY")).value else every, problems
            ),
        }
        exempt = _read(found, "NO_PROXY")
        self._exempt = [entry for entry in re.split(r"[,\s]+", exempt.value.lower()) if entry]
        problems += [
            f"{exempt.name}: {entry[:_SHOWN].rpartition('@')[2]}: an entry is a host, an address or a "
            "network such as 10.0.0.0/8, and commas stand between entries"
            for entry in self._exempt
            if not _can_match(entry)
        ]
        if problems:
            raise ConfigurationError(list(dict.fromkeys(problems)))

    def proxy_for(self, url: Url) -> ProxyAddress | None:
        """The proxy that a URL goes through; None to connect to its host directly."""
        proxy = self._by_scheme[url.scheme]
        if proxy is None or any(_matches(entry, url) for entry in self._exempt):
            return None
        return proxy


class _Variable(NamedTuple):
    """A variable of the environment as it is spelt there; its value is empty when it is not set."""

    name: str
    value: str


def _read(environment: Mapping[str, str], name: str) -> _Variable:
    lower = environment.get(name.lower())
    if lower:
        return _Variable(name.lower(), lower.strip())
    return _Variable(name, (environment.get(name) or "").strip())


def _parse(variable: _Variable, problems: list[str]) -> ProxyAddress | None:
    """The proxy that a variable names; None when it names none, or has a problem, which is added."""
    name, value = variable
    if not value:
        return None
    if "://" in value and (kind := value.partition("://")[0].lower()) not in DEFAULT_PORTS:
        scheme = kind if kind.isalnum() else "such"
        problems.append(f"{name}: {scheme}:// proxies are not supported, only HTTP ones; {_FORM}")
        return None
    proxy = _address(name, value)
    if proxy is None:
        escaped = " (in a password write @, : and / as %40, %3A and %2F)" if "@" in value else ""
        problems.append(f"{name}: not the address of a proxy; {_FORM}{escaped}")
    return proxy


def _address(name: str, value: str) -> ProxyAddress | None:
    """The proxy at an address, which may lack its scheme; None when it is no address."""
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or port == 0:
        return None
    host = read_host(f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname)
    if host is None:
        return None
    auth = None
    if parts.username is not None:
        auth = (unquote(parts.username), unquote(parts.password or ""))
    return ProxyAddress(
        parts.scheme, host.strip("[]"), port or DEFAULT_PORTS[parts.scheme], auth, name
    )


def _can_match(entry: str) -> bool:
    """Whether an entry of `NO_PROXY` has a form that some URL can match."""
    if "://" in entry or ";" in entry:
        return False
    if "/" not in entry:
        return True
    try:
        ip_network(entry, strict=False)
    except ValueError:
        return False
    return True


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
