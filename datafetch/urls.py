"""The one reader of URLs and hosts: ada-url reads them as browsers do (WHATWG URL Standard).

Whoever must know what a URL says asks here, so that the guard, the client and the names of
what is stored mean the same host, and one page has one name. Only `http` and `https` are
web addresses. The hash of a page's URL is the name of its stored metadata.
"""

import hashlib
import re
from functools import lru_cache
from typing import NamedTuple

from ada_url import join_url, normalize_url, parse_url

MAX_LENGTH = 8192
"""Longer texts are no pages or pictures that anybody meant, in characters."""

_REMEMBERED_LENGTH = 1024
"""Longer texts are read anew each time: what is remembered stays below some megabytes."""

DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]
"""Scheme, host and port."""

_WEB = ("http://", "https://")

# The parts of what a browser wrote: none of them holds the mark that ends it unescaped.
_PARTS = re.compile(
    r"(https?)://(?:[^/@]*@)?(\[[^\]]*\]|[^/:]*)(?::([0-9]+))?(/[^?#]*)(?:\?([^#]*))?(?:#.*)?"
)
_HOST = re.compile(r"https?://(?:[^/@]*@)?(\[[^\]]*\]|[^/:]*)")
_PLAIN = re.compile(r"https?://[^\x00-\x20\x7f/\\?#@]+(?:[/?#]|\Z)", re.IGNORECASE)
_BARE_HOST = re.compile(r"\[[^\]\x00-\x20]*\]|[^\x00-\x20/\\?#@:\[\]]+")
_WRITTEN_PATH = re.compile(r"[^:/\\?#]*:[/\\\t\n\r]*[^/\\?#]*([^?#]*)")


def well_formed(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair, as ECMAScript's `toWellFormed` does.

    JavaScript makes such halves by cutting a text inside an emoji, and they travel in JSON as
    escapes; UTF-8 has no bytes for them.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class Url(NamedTuple):
    """A web address in its parts, each as browsers write it.

    Attributes:
        href: the whole.
        host: a name in ASCII and lower case, an IPv4 address in decimals, or an IPv6 address
            in brackets.
        port: None when it is the scheme's own.
    """

    href: str
    scheme: str
    host: str
    port: int | None
    path: str
    query: str | None

    def __str__(self) -> str:
        """The URL as browsers write it."""
        return self.href

    @property
    def name(self) -> str:
        """The host as DNS and sockets take it: without brackets, and without the root's dot."""
        return _name(self.host)

    @property
    def origin(self) -> Origin:
        """What credentials and trust are bound to."""
        port = DEFAULT_PORTS[self.scheme] if self.port is None else self.port
        return self.scheme, self.name, port


def parse(text: str, base: Url | None = None) -> Url | None:
    """Read a web address as a browser does, a relative one against its base; None when it is none."""
    href = _href(text, None if base is None else base.href)
    found = None if href is None else _PARTS.fullmatch(href)
    if href is None or found is None:
        return None
    scheme, host, port, path, query = found.groups()
    number = None if port is None else int(port)
    return Url(href, scheme, host, number, path, query)


def normalise_url(text: str) -> str | None:
    """The URL as browsers write it, its fragment included; None when it is no web address."""
    return None if len(text) > MAX_LENGTH else _href(text)


def page_address(text: str) -> str | None:
    """The URL that names a page: as browsers write it, without its fragment."""
    href = normalise_url(text)
    return None if href is None else href.partition("#")[0]


def resolve(reference: str, base: str) -> str | None:
    """A reference of a page as an absolute URL; None when that is no web address."""
    return None if len(reference) > MAX_LENGTH else _href(reference, normalise_url(base))


def url_hash(address: str) -> str:
    """The name of a page's metadata: SHA-256 (hex) of its address."""
    return hashlib.sha256(address.encode()).hexdigest()


def without_query(address: str) -> str:
    """The address by which old overrides were named."""
    return address.partition("#")[0].partition("?")[0]


def host_of(address: str) -> str:
    """The host of an address, as a part of a file's name: an IPv6 address without its colons."""
    url = parse(address)
    return "" if url is None else url.host.strip("[]").replace(":", "-")


def host_name(text: str) -> str:
    """The name of the host of a URL of any scheme, as `Url.name` has it; empty without one.

    Browsers leave the hosts of schemes that they do not know as they are; here they are read
    as those of `https` are.
    """
    href = _href(text)
    if href is not None:
        found = _HOST.match(href)
        return "" if found is None else _name(found.group(1))
    try:
        host = parse_url(well_formed(text), ("hostname",))["hostname"]
    except ValueError:
        return ""
    return _name(read_host(host) or "")


def read_host(text: str) -> str | None:
    """A host without a URL around it, as browsers write it; None when it is none.

    `0x7f.1` is 127.0.0.1 to every browser, and so to every guard of addresses.
    """
    if _BARE_HOST.fullmatch(text) is None:
        return None
    href = _href(f"http://{text}/")
    return None if href is None else href.removeprefix("http://").removesuffix("/")


def plainly_written(text: str) -> bool:
    """Whether host and port stand where everybody looks for them.

    Browsers also take `http:host`, `http:///host` and backslashes; other programs read another
    host there, or, before an `@`, in what is a user's name.
    """
    return _PLAIN.match(text) is not None


def written_path(text: str) -> str:
    """The path of an absolute URL as it was written: neither escaped nor its dots walked."""
    found = _WRITTEN_PATH.match(text)
    return "" if found is None else found.group(1)


def _href(text: str, base: str | None = None) -> str | None:
    """The URL as browsers write it; None when it is no web address."""
    if len(text) + len(base or "") > _REMEMBERED_LENGTH:
        return _read(text, base)
    return _read_once(text, base)


def _read(text: str, base: str | None) -> str | None:
    try:
        href = normalize_url(text) if base is None else join_url(base, text)
    except ValueError:
        # A URL is UTF-8 to ada-url, which refuses half a surrogate pair as well.
        mended = well_formed(text)
        return None if mended == text else _href(mended, base)
    return href if href.startswith(_WEB) else None


# The guard, the client and the limits of a host each read the same URL, and every reading lets
# go of the interpreter's lock five times: with 32 threads 1,000 logos took a sixth more CPU.
_read_once = lru_cache(maxsize=2048)(_read)


def _name(host: str) -> str:
    return host.strip("[]").rstrip(".")
