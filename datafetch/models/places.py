"""The environment that data is for, and the base URLs and origins of upstreams."""

import re
from enum import StrEnum

from datafetch.urls import Origin, parse


class Environment(StrEnum):
    """Which site the data is for; it decides the suffix of the keys."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    TEST = "test"

    @property
    def suffix(self) -> str:
        """What stands in the keys of this environment's objects, before their extension."""
        return {"production": "", "development": "-dev", "test": "-test"}[self.value]


def api_base(url: str) -> str:
    """The bookmark API's base: `/api/v1` is added, or what of it the path does not end in.

    A path that ends in `/api` gets `/v1`; one that ends in `/api/vN` stays.
    """
    base = url.rstrip("/")
    read = parse(base)
    found = None if read is None else re.search(r"/api(/v\d+)?$", read.path)
    if found is None:
        return f"{base}/api/v1"
    return base if found.group(1) else f"{base}/v1"


def origins(*urls: str | None) -> frozenset[Origin]:
    """Scheme, host and port of each URL: trusted origins, which may have internal addresses."""
    found = (parse(url) for url in urls if url)
    return frozenset(url.origin for url in found if url is not None)
