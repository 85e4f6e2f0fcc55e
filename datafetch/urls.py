"""Reads all URLs and hosts of the package, with ada-url, as browsers do (WHATWG URL Standard).

With one reader, the guard and the client see the same host in a URL, and each page has one name in
the store. A web address is a URL whose scheme is `http` or `https`.
"""

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from ada_url import join_url, normalize_url, parse_url

MAX_LENGTH = 8192
"""Characters; a longer text is not taken for the address of a page or a picture."""

_REMEMBERED_LENGTH = 1024
"""Characters; the reading of a longer text is not cached, so that the cache stays small."""

DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]
"""Scheme, host and port."""

_WEB = ("http://", "https://")

# Takes apart what ada-url wrote. It has escaped each character that would end a part too early.
_PARTS = re.compile(
    r"(https?)://(?:[^/@]*@)?(\[[^\]]*\]|[^/:]*)(?::([0-9]+))?(/[^?#]*)(?:\?([^#]*))?(?:#.*)?"
)
_PLAIN = re.compile(r"https?://[^\x00-\x20\x7f/\\?#@]+(?:[/?#]|\Z)", re.IGNORECASE)
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|\s\Z")
_LONGEST_NAME = 253
_LONGEST_LABEL = 63
_BARE_HOST = re.compile(r"\[[^\]\x00-\x20]*\]|[^\x00-\x20/\\?#@:\[\]]+")
# User and password of a URL of any scheme. The last `@` before the path ends them.
_LOGIN = re.compile(r"//([^\s/?#]*)@")
# Browsers escape each `@` in a user or a password.
_WRITTEN_LOGIN = re.compile(r"\A(https?://)[^/?#@]*@")
_WRITTEN_PATH = re.compile(r"[^:/\\?#]*:[/\\\t\n\r]*[^/\\?#]*([^?#]*)")


def well_formed(text: str) -> str:
    """The text with U+FFFD for each lone half of a surrogate pair, as JavaScript's `toWellFormed`.

    JavaScript leaves such a half when it cuts a text inside an emoji, and JSON carries it as an
    escape. UTF-8 cannot encode it.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class Url(NamedTuple):
    """A web address and its parts, each as browsers write it.

    Attributes:
        href: the whole address.
        host: a name in ASCII and lower case, an IPv4 address in decimals, or an IPv6 address
            in brackets.
        port: None for the default port of the scheme.
        query: without its `?`; None when there is no `?`.
    """

    href: str
    scheme: str
    host: str
    port: int | None
    path: str
    query: str | None

    @property
    def name(self) -> str:
        """The host as DNS and sockets take it: without brackets and without a trailing dot."""
        return _name(self.host)

    @property
    def authority(self) -> str:
        """The host, with its port unless that is the scheme's own."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def has_login(self) -> bool:
        """Whether it carries a user or a password."""
        return "@" in self.href and _WRITTEN_LOGIN.match(self.href) is not None

    @property
    def origin(self) -> Origin:
        """Scheme, host name and port: credentials and trust hold for one origin only."""
        port = DEFAULT_PORTS[self.scheme] if self.port is None else self.port
        return self.scheme, self.name, port


def parse(text: str, base: Url | None = None) -> Url | None:
    """Read a web address; None when the text is not one.

    Args:
        text: an address, or a reference relative to `base` when that is given.
        base: the address of the page in which the text stands.
    """
    href = _href(text, None if base is None else base.href)
    found = None if href is None else _PARTS.fullmatch(href)
    if href is None or found is None:
        return None
    scheme, host, port, path, query = found.groups()
    number = None if port is None else int(port)
    return Url(href, scheme, host, number, path, query)


def normalise_url(text: str) -> str | None:
    """A web address as browsers write it, with its fragment; None when the text is not one."""
    return None if len(text) > MAX_LENGTH else _href(text)


def publishable(value: object) -> str | None:
    """A web address that readers may be given; None when the value is not an absolute one.

    It stays as it is written where all programs read it alike, else it is written as browsers do.
    User and password are left out: they are not for everybody who reads what is published.
    """
    url = parse(value) if isinstance(value, str) else None
    return None if url is None or not isinstance(value, str) else as_published(value, url)


def as_published(value: str, url: Url) -> str | None:
    """What `publishable` gives for an address that was read as this URL."""
    if not url.name:
        return None
    plain = value.startswith(_WEB) and plainly_written(value) and not _ODD.search(value)
    return well_formed(value) if plain else without_login(url.href)


def clean_address(value: object) -> str | None:
    """A `publishable` address as browsers write it."""
    found = publishable(value)
    url = parse(found) if found is not None else None
    return None if url is None else url.href


def without_login(href: str) -> str:
    """The address without user and password; `href` has to be written as `Url.href` is."""
    return _WRITTEN_LOGIN.sub(r"\1", href)


def page_address(text: str) -> str | None:
    """The address of a page: without fragment, user and password; None for no web address."""
    href = normalise_url(text)
    return None if href is None else without_login(href.partition("#")[0])


def resolve(reference: str, base: str) -> str | None:
    """The absolute address of a link on the page at `base`; None when it is not a web address."""
    return None if len(reference) > MAX_LENGTH else _href(reference, normalise_url(base))


def url_hash(address: str) -> str:
    """SHA-256 of a page's address, in hex: the name of the page's stored metadata."""
    return hashlib.sha256(address.encode()).hexdigest()


def without_query(address: str) -> str:
    """An address without query and fragment; old OpenGraph files are named by it."""
    return address.partition("#")[0].partition("?")[0]


def host_of(address: str) -> str:
    """The host of an address as a part of a file name: hyphens stand for the colons of IPv6."""
    url = parse(address)
    return "" if url is None else url.host.strip("[]").replace(":", "-")


def host_name(text: str) -> str:
    """The host of a URL of any scheme, as `Url.name` writes it; empty for a URL without a host.

    Browsers do not normalise the hosts of schemes that they do not know; here these are read like
    the hosts of web addresses.
    """
    url = parse(text)
    if url is not None:
        return url.name
    try:
        host = parse_url(well_formed(text), ("hostname",))["hostname"]
    except ValueError:
        return ""
    return _name(read_host(host) or "")


def read_host(text: str) -> str | None:
    """A host without a URL around it, as browsers write it; None when the text is no host.

    IPv4 addresses are written in full: browsers read `0x7f.1` as 127.0.0.1.
    """
    if _BARE_HOST.fullmatch(text) is None:
        return None
    href = _href(f"http://{text}/")
    return None if href is None else href.removeprefix("http://").removesuffix("/")


def dns_name(host: str) -> str | None:
    """A host in browsers' spelling as DNS takes it: without brackets and without a trailing dot.

    None when a label is empty or longer than 63 bytes, or the name longer than 253 (RFC 1035,
    2.3.4).
    """
    if host.startswith("["):
        return host[1:-1]
    name = host.removesuffix(".")
    fits = len(name) <= _LONGEST_NAME and all(
        0 < len(label) <= _LONGEST_LABEL for label in name.split(".")
    )
    return name if fits else None


def plainly_written(text: str) -> bool:
    """Whether all programs would read the same host in a URL.

    Browsers also take `http:host`, `http:///host` and backslashes, in which other programs find
    another host. Before an `@`, a user can look like a host.
    """
    return _PLAIN.match(text) is not None


def has_password(text: str) -> bool:
    """Whether an address with a password stands in a text, whatever its scheme."""
    return any(":" in login for login in _LOGIN.findall(text))


def passwords_in(text: str) -> Iterator[str]:
    """All that must be masked because of addresses with a password in a text.

    For each address: the password as it is written and as it is meant (`%40` is `@`), the password
    with the user before it, which is sent in Base64, and the whole address.
    """
    for word in text.split():
        logins = [login for login in _LOGIN.findall(word) if ":" in login]
        for login in logins:
            password = login.partition(":")[2]
            yield from (password, unquote(password), f"{login}@", unquote(login))
        if logins:
            yield word


def written_path(text: str) -> str:
    """The path of an absolute URL as it was written: not escaped, and with its `.` and `..`."""
    found = _WRITTEN_PATH.match(text)
    return "" if found is None else found.group(1)


def _href(text: str, base: str | None = None) -> str | None:
    """A web address as browsers write it; None when the text is not one."""
    if len(text) + len(base or "") > _REMEMBERED_LENGTH:
        return _read(text, base)
    return _read_once(text, base)


def _read(text: str, base: str | None) -> str | None:
    try:
        href = normalize_url(text) if base is None else join_url(base, text)
    except ValueError:
        # ada-url encodes the text as UTF-8, which cannot hold half a surrogate pair.
        mended = well_formed(text)
        return None if mended == text else _href(mended, base)
    return href if href.startswith(_WEB) else None


# The guard, the client and the limits for a host each read the same URL, and each reading
# releases the interpreter's lock five times: 1,000 logos in 32 threads took a sixth more CPU.
_read_once = lru_cache(maxsize=2048)(_read)


def _name(host: str) -> str:
    return host.strip("[]").rstrip(".")
