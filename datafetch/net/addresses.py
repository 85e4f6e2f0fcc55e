"""Judges addresses: numbers written as browsers read them, and which of them are public."""

import ipaddress
import re
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

# https://www.iana.org/assignments/iana-ipv4-special-registry, spelt out because the
# answers of `ipaddress` differ between Python's patch releases.
_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        # Azure answers machines' metadata and health questions here, on a public number.
        "168.63.129.16/32",
    )
)
# https://www.iana.org/assignments/iana-ipv6-special-registry, within global unicast.
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20")
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_V4_PARTS = 4
_BYTE = 256
_LOW_32 = 0xFFFFFFFF


def is_public(address: Address) -> bool:
    """Whether the address is one of the open internet.

    Of IPv6 forms that carry an IPv4 address (mapped, NAT64, 6to4) the carried one is judged.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None:
        return False
    carried = _carried(address)
    if carried is not None:
        return is_public(carried)
    return address in _GLOBAL_V6 and not any(address in network for network in _CLOSED_V6)


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & _LOW_32)
    if address in _SIX_TO_FOUR:
        return IPv4Address((int(address) >> 80) & _LOW_32)
    return None


def parse_address(host: str) -> Address | None:
    """The address that a URL's host spells, None when it is a name.

    IPv6 stands without brackets. IPv4 may be decimal, octal, hexadecimal or short, as
    https://url.spec.whatwg.org/#concept-ipv4-parser reads it.

    Raises:
        ValueError: it is meant as an address and is none.
    """
    if ":" in host:
        address = IPv6Address(host)
        if address.scope_id is not None:
            raise ValueError("zones have no meaning in URLs")
        return address
    parts = host.split(".")
    if parts[-1] == "" and len(parts) > 1:
        parts.pop()
    if not _NUMBER.fullmatch(parts[-1]):
        return None
    return _parse_v4(parts)


def _parse_v4(parts: list[str]) -> IPv4Address:
    if len(parts) > _V4_PARTS:
        raise ValueError("too many parts")
    *heads, tail = [_number(part) for part in parts]
    if any(head >= _BYTE for head in heads):
        raise ValueError("a part is too large")
    if tail >= _BYTE ** (_V4_PARTS + 1 - len(parts)):
        raise ValueError("the last part is too large")
    for place, head in enumerate(heads):
        tail += head * _BYTE ** (_V4_PARTS - 1 - place)
    return IPv4Address(tail)


def _number(part: str) -> int:
    if not _NUMBER.fullmatch(part):
        raise ValueError("not a number")
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    if len(part) > 1 and part[0] == "0":
        return int(part, 8)
    return int(part)
