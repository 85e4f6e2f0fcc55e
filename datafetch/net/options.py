"""The options of the HTTP client; `factory.py` makes them from the settings."""

from dataclasses import dataclass

from datafetch.net.proxies import Proxies
from datafetch.urls import Origin


@dataclass(frozen=True, slots=True)
class NetOptions:
    """Options that hold for all requests of an HTTP client.

    Attributes:
        user_agent: the `User-Agent` header of every request.
        width: the most open connections with the same proxy, trust and scheme.
        trusted_origins: the user's own servers. A request with `trust="settings"` may begin at
            one of them although its address is private.
        allow_hosts: hosts whose addresses may be private in every request.
        proxies: which URLs go through a proxy; None to read that from the environment.
    """

    user_agent: str
    width: int = 16
    trusted_origins: frozenset[Origin] = frozenset()
    allow_hosts: frozenset[str] = frozenset()
    proxies: Proxies | None = None
