"""Hosts as browsers write them: international names, IPv4 in all its spellings, IPv6 compressed."""

import ipaddress
import re
from urllib.parse import unquote_to_bytes

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
