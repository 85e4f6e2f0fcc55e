"""Tells which hosts are IP addresses, and which of those are public."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

# https://www.iana.org/assignments/iana-ipv4-special-registry, spelt out because
# `ipaddress.is_global` differs between Python's patch releases.
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
        # Azure's metadata and health service, in a range that is otherwise public.
        "168.63.129.16/32",
    )
)
# https://www.iana.org/assignments/iana-ipv6-special-registry: the ranges within `_GLOBAL_V6`.
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20")
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether the address belongs to the open internet.

    An IPv6 address that carries an IPv4 address (mapped, NAT64, 6to4) is public if that one is.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None:
        return False
    in_nat64 = IPv4Address(address.packed[-4:]) if address in _NAT64 else None
    carried = in_nat64 or address.ipv4_mapped or address.sixtofour
    if carried is not None:
        return is_public(carried)
    return address in _GLOBAL_V6 and not any(address in network for network in _CLOSED_V6)


def address_of(host: str) -> Address | None:
    """Read a host in browsers' spelling (IPv6 in brackets) as an IP address; None for a name."""
    if host.startswith("["):
        return IPv6Address(host[1:-1])
    # Browsers read every host whose last label is a number as IPv4, and spell it as four numbers.
    return IPv4Address(host) if host.rpartition(".")[2].isdigit() else None
