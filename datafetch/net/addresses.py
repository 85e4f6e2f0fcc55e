"""Tells which hosts are IP addresses, and which of those are public."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

from datafetch.urls import read_host

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
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether the address belongs to the open internet.

    An IPv6 address that carries an IPv4 address (mapped, NAT64, 6to4) is as public as that one.
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


def parse_address(host: str) -> Address | None:
    """The IP address that the host of a URL stands for; None when the host is a name.

    Args:
        host: an IPv6 address is written without brackets; an IPv4 address may be decimal,
            octal, hexadecimal or short, as in `0x7f.1`.

    Raises:
        ValueError: the host is not valid, such as `1.2.3.4.5`.
    """
    read = read_host(f"[{host}]" if ":" in host else host)
    if read is None:
        raise ValueError("not a valid host")
    if read.startswith("["):
        return IPv6Address(read[1:-1])
    # Browsers read every host that ends in a number as an IPv4 address; it is written in full now.
    ends_in_number = read.removesuffix(".").rpartition(".")[2].isdigit()
    return IPv4Address(read) if ends_in_number else None
