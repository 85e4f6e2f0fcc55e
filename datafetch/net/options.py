"""How the HTTP client is to behave, as the settings have it."""

from dataclasses import dataclass

from datafetch.net.proxies import Proxies
from datafetch.urls import Origin


@dataclass(frozen=True, slots=True)
class NetOptions:
    """What the HTTP client is told once, for all its requests.

    Attributes:
        user_agent: the `User-Agent` header of every request.
        width: the most connections of one kind (see `transport.py`) that are open at a time.
        trusted_origins: the user's own servers. A request with `trust="settings"` may begin at
            one of them although its address is private.
        allow_hosts: hosts whose addresses may be private in every request.
        proxies: None for those of the environment.
    """

    user_agent: str
    width: int = 16
    trusted_origins: frozenset[Origin] = frozenset()
    allow_hosts: frozenset[str] = frozenset()
    proxies: Proxies | None = None
