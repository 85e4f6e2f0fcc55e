"""Tells which hosts are public, and which addresses visitors' browsers may be given to load.

A picture in a published object is asked for by the browser of everybody who opens the page. With a
private address in it, a stranger's page would make these browsers ask machines in their own networks.
"""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from datafetch.urls import Url, as_published, parse, read_host

Address = IPv4Address | IPv6Address

# Names of the machine itself (RFC 6761) and of the metadata services of Google and Amazon.
CLOUD_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
_CLOSED_NAMES = CLOUD_NAMES | {"localhost"}
CLOSED_SUFFIXES = (".localhost", ".metadata.google.internal", ".ec2.internal")

# Names that mean something in one network only: multicast DNS (RFC 6762, also the private names of
# its appendix G), homes (RFC 8375), and ICANN's resolution 2024.07.29.06 (`.internal`).
_LOCAL_SUFFIXES = (
    *(".local", ".internal", ".home.arpa"),
    *(".intranet", ".private", ".corp", ".home", ".lan"),
)

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


def is_closed_name(name: str) -> bool:
    """Whether a host (`Url.name`) names the machine itself, or its cloud's metadata service."""
    return name in _CLOSED_NAMES or name.endswith(CLOSED_SUFFIXES)


@dataclass(frozen=True, slots=True)
class OwnHosts:
    """The user's own hosts, which may be published though they are not public.

    Attributes:
        names: hosts at any port, each as `Url.name` writes it.
        authorities: hosts with their ports, each as `Url.authority` writes it.
    """

    names: frozenset[str] = frozenset()
    authorities: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Collection[str], *bases: str | None) -> "OwnHosts":
        """These hosts, and those of the URLs in `bases`, at the ports of the URLs."""
        read = filter(None, map(read_host, names))
        urls = filter(None, (parse(base) for base in bases if base))
        return cls(
            frozenset(host.strip("[]").rstrip(".") for host in read),
            frozenset(url.authority for url in urls),
        )

    def has(self, url: Url) -> bool:
        """Whether a URL leads to one of them."""
        return url.name in self.names or url.authority in self.authorities


NO_HOSTS = OwnHosts()


def for_visitors(value: object, own: OwnHosts) -> str | None:
    """A `publishable` address that visitors' browsers may load without being asked.

    None for every other value: no web address, one with a user or a password, and one whose host
    is not public, unless that is one of the user's own.
    """
    url = parse(value) if isinstance(value, str) else None
    if url is None or not isinstance(value, str) or not may_be_loaded(url, own):
        return None
    return as_published(value, url)


def may_be_loaded(url: Url, own: OwnHosts) -> bool:
    """Whether visitors' browsers may load what is at a URL: see `for_visitors`."""
    return (_is_open(url.host) or own.has(url)) and not url.has_login


# The pictures of a list are at few hosts.
@lru_cache(maxsize=4096)
def _is_open(host: str) -> bool:
    """Whether a host (`Url.host`) is the same server to everybody, as far as its name tells."""
    name = host.strip("[]").rstrip(".")
    if is_closed_name(name) or name.endswith(_LOCAL_SUFFIXES):
        return False
    address = address_of(host)
    if address is not None:
        return is_public(address)
    return "." in name
