"""URLs and hosts as browsers write them, so that one page has one name: the WHATWG URL Standard.

Only `http` and `https` are known; everything else is no page. The hash of a page's URL is
the name of its stored metadata.
"""

import hashlib
import ipaddress
import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

MAX_LENGTH = 8192
"""Longer texts are no URLs that anybody meant, in characters."""

_PORTS = {"http": 80, "https": 443}
_TOP_PORT = 65535
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_EDGES = "".join(map(chr, range(0x21)))
_INVISIBLE = str.maketrans("", "", "\t\n\r")
_AUTHORITY_END = re.compile(r"[/\\?#]")
_ESCAPED_DOT = re.compile(r"%2e", re.IGNORECASE)

# Percent-encode sets of the standard, for special schemes.
_FRAGMENT_SET = frozenset(' "<>`')
_QUERY_SET = frozenset(" \"#<>'")
_PATH_SET = frozenset(' "#<>?^`{}')
_USERINFO_SET = _PATH_SET | frozenset("/:;=@[\\]|")


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


class PageUrl(NamedTuple):
    """A URL in its parts, each as browsers write it; `port` only when it is not the scheme's own."""

    scheme: str
    userinfo: str
    host: str
    port: int | None
    path: str
    query: str | None
    fragment: str | None

    def __str__(self) -> str:
        """The URL as browsers write it."""
        text = f"{self.scheme}://{self.userinfo}{self.host}"
        if self.port is not None:
            text += f":{self.port}"
        text += self.path
        if self.query is not None:
            text += f"?{self.query}"
        return text if self.fragment is None else f"{text}#{self.fragment}"


def parse(text: str, base: PageUrl | None = None) -> PageUrl | None:
    """Read a URL as a browser does, a relative one against its base; None when it is none."""
    if len(text) > MAX_LENGTH:
        return None
    text = well_formed(text).strip(_EDGES).translate(_INVISIBLE)
    text, fragment = _cut(text, "#")
    named = _SCHEME.match(text)
    if named is None:
        url = None if base is None else _relative(text, base)
    else:
        scheme, rest = named.group(1).lower(), text[named.end() :]
        if scheme not in _PORTS:
            return None
        if base is not None and base.scheme == scheme and not rest.startswith("//"):
            url = _relative(rest, base)
        else:
            url = _absolute(scheme, rest.lstrip("/\\"))
    if url is None or fragment is None:
        return url
    return url._replace(fragment=_encode(fragment, _FRAGMENT_SET))


def normalise_url(text: str) -> str | None:
    """The URL as browsers write it, its fragment included; None when it is no web address."""
    url = parse(text)
    return None if url is None else str(url)


def page_address(text: str) -> str | None:
    """The URL that names a page: as browsers write it, without its fragment."""
    url = parse(text)
    return None if url is None else str(url._replace(fragment=None))


def resolve(reference: str, base: str) -> str | None:
    """A reference of a page as an absolute URL; None when that is no web address."""
    parsed_base = parse(base)
    url = parse(reference, parsed_base)
    return None if url is None else str(url)


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


# -------------------------------------------------------------------- parsing


def _absolute(scheme: str, rest: str) -> PageUrl | None:
    """A URL from what stands after its scheme and slashes."""
    end = _AUTHORITY_END.search(rest)
    authority = rest[: end.start()] if end else rest
    tail = rest[len(authority) :]
    userinfo, at, host_port = authority.rpartition("@")
    found = _host_and_port(host_port, scheme)
    if found is None:
        return None
    host, port = found
    path, query = _path_and_query(tail)
    return PageUrl(scheme, _userinfo(userinfo) if at else "", host, port, _tidy(path), query, None)


def _relative(text: str, base: PageUrl) -> PageUrl | None:
    if text[:1] in ("/", "\\") and text[1:2] in ("/", "\\"):
        return _absolute(base.scheme, text.lstrip("/\\"))
    path, query = _path_and_query(text)
    if path[:1] in ("/", "\\"):
        return base._replace(path=_tidy(path), query=query, fragment=None)
    if path:
        folder = base.path[: base.path.rindex("/") + 1]
        return base._replace(path=_tidy(folder + path), query=query, fragment=None)
    return base._replace(query=base.query if query is None else query, fragment=None)


def _path_and_query(text: str) -> tuple[str, str | None]:
    path, query = _cut(text, "?")
    return path, None if query is None else _encode(query, _QUERY_SET)


def _cut(text: str, mark: str) -> tuple[str, str | None]:
    before, found, after = text.partition(mark)
    return before, after if found else None


def _userinfo(text: str) -> str:
    user, colon, password = text.partition(":")
    user, password = _encode(user, _USERINFO_SET), _encode(password, _USERINFO_SET)
    if not (user or password):
        return ""
    return f"{user}:{password}@" if colon and password else f"{user}@"


def _host_and_port(text: str, scheme: str) -> tuple[str, int | None] | None:
    in_brackets = text.rpartition("]")
    name, colon, digits = in_brackets[2].rpartition(":")
    if not colon:
        name, digits = in_brackets[2], ""
    host = host_in_browsers(in_brackets[0] + in_brackets[1] + name)
    if host is None:
        return None
    if not digits:
        return host, None
    if not (digits.isascii() and digits.isdigit()) or len(digits.lstrip("0")) > len("65535"):
        return None
    port = int(digits)
    if port > _TOP_PORT:
        return None
    return host, None if port == _PORTS[scheme] else port


def _tidy(path: str) -> str:
    """The path with its dot segments walked, percent-encoded, beginning with a slash."""
    segments = path.replace("\\", "/").removeprefix("/").split("/")
    walked: list[str] = []
    for at, segment in enumerate(segments):
        dots = _ESCAPED_DOT.sub(".", segment)
        last = at == len(segments) - 1
        if dots == "..":
            del walked[-1:]
        elif dots != ".":
            walked.append(_encode(segment, _PATH_SET))
            continue
        if last:
            walked.append("")
    return "/" + "/".join(walked)


def _encode(text: str, unsafe: frozenset[str]) -> str:
    """Percent-encode what the set names, controls, and everything beyond ASCII, as UTF-8."""
    if text.isascii() and text.isprintable() and unsafe.isdisjoint(text):
        return text
    return "".join(
        character
        if "\x20" <= character <= "\x7e" and character not in unsafe
        else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


# ---------------------------------------------------------------------- hosts

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f#%/:<>?@\[\\\]^|]")
"""Forbidden domain code points of the URL Standard."""

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_IPV4_BYTES = 4
_BYTE = 256
_MAX_DIGITS = 64
"""Python refuses to read endless numbers; no address needs so many digits."""


def host_in_browsers(text: str) -> str | None:
    """The host as browsers write it; None when it cannot be one.

    `0x7f.1` is 127.0.0.1 to every browser, and so to every guard of addresses.
    """
    if text.startswith("["):
        return _ipv6(text)
    decoded = unquote_to_bytes(text).decode("utf-8", "replace") if "%" in text else text
    name = _domain(decoded)
    if not name or _FORBIDDEN.search(name):
        return None
    return _ipv4(name) if _ends_in_number(name) else name


def _ipv6(text: str) -> str | None:
    if not text.endswith("]") or "%" in text:
        return None
    try:
        address = ipaddress.IPv6Address(text[1:-1])
    except ValueError:
        return None
    # `str` writes mapped addresses with dots, browsers write them in hex.
    mapped = address.ipv4_mapped
    if mapped is None:
        return f"[{address.compressed}]"
    high, low = divmod(int(mapped), 0x10000)
    return f"[::ffff:{high:x}:{low:x}]"


def _domain(text: str) -> str | None:
    """The name in ASCII, lower case (UTS #46, not transitional, lenient as browsers are)."""
    if text.isascii() and "xn--" not in text.lower():
        return text.lower()
    import idna

    try:
        mapped = idna.uts46_remap(text, std3_rules=False, transitional=False)
        return ".".join(_label(label) for label in mapped.split("."))
    except (idna.IDNAError, UnicodeError, IndexError):
        return None


def _label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def _ends_in_number(name: str) -> bool:
    labels = name.split(".")
    if labels[-1] == "" and len(labels) > 1:
        labels.pop()
    return _NUMBER.fullmatch(labels[-1]) is not None


def _ipv4(name: str) -> str | None:
    """The address in dotted decimals; the last number fills all bytes that are left."""
    labels = name.removesuffix(".").split(".")
    if len(labels) > _IPV4_BYTES:
        return None
    numbers = [number for label in labels if (number := _number(label)) is not None]
    if len(numbers) < len(labels):
        return None
    *leading, last = numbers
    if any(number >= _BYTE for number in leading) or last >= _BYTE ** (5 - len(labels)):
        return None
    high = sum(number * _BYTE ** (3 - place) for place, number in enumerate(leading))
    return str(ipaddress.IPv4Address(high + last))


def _number(label: str) -> int | None:
    """A part of an address: decimal, octal after a 0, hex after 0x."""
    if _NUMBER.fullmatch(label) is None or len(label) > _MAX_DIGITS:
        return None
    try:
        if label[:2] in ("0x", "0X"):
            return int(label[2:] or "0", 16)
        return int(label, 8 if label[0] == "0" else 10)
    except ValueError:
        return None
