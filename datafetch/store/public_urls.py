"""The URLs under which visitors load stored objects."""

import re
from collections.abc import Callable, Collection
from functools import cached_property
from typing import NamedTuple

from datafetch.addresses import OwnHosts
from datafetch.urls import parse, written_path


class PublicUrls:
    """Turns keys into the URLs that visitors load, and such URLs back into keys.

    `own_url` makes a key's URL when there is no CDN. URLs are compared by their parsed host, port
    and path, not by scheme and never by how their text begins:
    `https://cdn.example.com.evil.net/` is not `https://cdn.example.com/`.
    """

    def __init__(
        self,
        cdn_base: str | None,
        own_url: Callable[[str], str],
        allow_hosts: Collection[str] = (),
    ) -> None:
        """`allow_hosts` are the intranet hosts that URLs from data may name."""
        self._base = cdn_base.rstrip("/") if cdn_base else None
        self._own_url = own_url
        self._allow_hosts = allow_hosts

    @property
    def has_cdn(self) -> bool:
        """Whether a public base URL is set."""
        return self._base is not None

    @cached_property
    def own_hosts(self) -> OwnHosts:
        """The hosts of pictures that are published whatever their addresses: the user's own.

        Those are the intranet hosts of the settings, and that of the public base URL; without one,
        the store's.
        """
        return OwnHosts.of(self._allow_hosts, self.for_key(""))

    def for_key(self, key: str, version: str | None = None) -> str:
        """The public URL of a key, with `?v={version}` when a version is given."""
        url = f"{self._base}/{key}" if self._base else self._own_url(key)
        return f"{url}?v={version}" if version else url

    def key_of(self, url: str) -> str | None:
        """The key that a public URL names; None for other URLs. The query is ignored."""
        root, place = self._root, _place(url)
        if root is None or place is None or (place.host, place.port) != (root.host, root.port):
            return None
        base_path = root.path.rstrip("/") + "/"
        if not place.path.startswith(base_path) or place.path == base_path:
            return None
        key = place.path.removeprefix(base_path)
        return None if ".." in key.split("/") else key

    @cached_property
    def _root(self) -> "_Place | None":
        return _place(self.for_key(""))


class _Place(NamedTuple):
    """The parts of a URL that are compared: host and port as browsers read them, path as written.

    Attributes:
        host: empty for a path alone.
        port: None for the scheme's default port, since the scheme is not compared.
    """

    host: str
    port: int | None
    path: str


def _place(url: str) -> _Place | None:
    if re.match(r"/(?![/\\])", url):
        return _Place("", None, url.partition("#")[0].partition("?")[0])
    whole = f"https:{url}" if url.startswith("//") else url
    read = parse(whole)
    return None if read is None else _Place(read.host, read.port, written_path(whole))
