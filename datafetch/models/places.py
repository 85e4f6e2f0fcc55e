"""Where things are: the environment that data is for, and the addresses of upstreams."""

import re
from enum import StrEnum
from urllib.parse import urlsplit


class Environment(StrEnum):
    """Which site the data is for; it decides the suffix of the keys."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    TEST = "test"

    @property
    def suffix(self) -> str:
        """What keys end in."""
        return {"production": "", "development": "-dev", "test": "-test"}[self.value]


def api_base(url: str) -> str:
    """The bookmark API's base: `/api/v1` is added unless the path ends in `/api` or `/api/vN`."""
    base = url.rstrip("/")
    return base if re.search(r"/api(/v\d+)?$", urlsplit(base).path) else f"{base}/api/v1"


def origins(*urls: str | None) -> frozenset[tuple[str, str, int]]:
    """Scheme, host and port of each URL: what the guard trusts for the first hop."""
    found = set()
    for url in urls:
        if url:
            parts = urlsplit(url)
            port = parts.port or {"https": 443}.get(parts.scheme, 80)
            found.add((parts.scheme, (parts.hostname or "").lower(), port))
    return frozenset(found)
