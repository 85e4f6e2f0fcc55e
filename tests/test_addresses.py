"""Addresses: every spelling is understood, and only those of the open internet are public."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.addresses import Address, OwnHosts, address_of, for_visitors, is_public
from datafetch.net.guard import parse_url
from datafetch.upstream_errors import Refused


def read(spelling: str) -> Address | None:
    """The address that a URL's host means in this spelling; IPv6 without its brackets."""
    host = f"[{spelling}]" if ":" in spelling else spelling
    return address_of(parse_url(f"http://{host}/").host)


@pytest.mark.parametrize(
    "spelling",
    [
        *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7F.1", "0177.0.0.1"),
        *("017700000001", "0x7f.0x0.0x0.0x1", "127.0.0.1.", "0300.0250.1.1", "192.168.257"),
        *("0", "0x", "10.0.0.1", "100.64.0.1", "100.127.255.254", "169.254.169.254", "172.31.9.9"),
        *("192.0.0.192", "198.18.0.1", "203.0.113.7", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("168.63.129.16", "192.88.99.1"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:a00:1", "::7f00:1", "fe80::1", "fec0::1"),
        *("fd00:ec2::254", "fc00::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b:1::808:808"),
        *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:db8::1", "2001:0:1::1", "3fff::1", "100::1"),
    ],
)
def test_private_addresses_are_not_public(spelling: str) -> None:
    """Private addresses behind bookmark URLs were fetched: however it is spelt, none passes."""
    address = read(spelling)
    assert address is not None
    assert not is_public(address)


@pytest.mark.parametrize(
    "spelling",
    [
        *("8.8.8.8", "134744072", "0x08.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1"),
        *("2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"),
    ],
)
def test_public_addresses_are_public(spelling: str) -> None:
    """The guard does not shut out the internet, nor the neighbours of private networks."""
    address = read(spelling)
    assert address is not None
    assert is_public(address)


@pytest.mark.parametrize("name", ["example.com", "1.example", "0x.example", "a1", "1e3", "xn--4ca"])
def test_names_are_not_addresses(name: str) -> None:
    """What does not end in a number is a name."""
    assert read(name) is None


@pytest.mark.parametrize(
    "spelling",
    [
        "256.1.1.1",
        "1.2.3.4.5",
        "1.2.3.08",
        "1.16777216",
        "4294967296",
        "a.0x1",
        "::1%lo",
        "1::2::3",
    ],
)
def test_broken_addresses_are_not_names(spelling: str) -> None:
    """What is meant as an address and is none is an error, never looked up as a name."""
    with pytest.raises(Refused):
        read(spelling)


@given(st.ip_addresses(v=4))
def test_all_spellings_mean_the_same(address: Any) -> None:
    """Decimal, hexadecimal, octal and short forms are one address."""
    number = int(address)
    spellings = {str(number), hex(number), f"0{number:o}", f"{number >> 24}.{number & 0xFFFFFF}"}
    assert {read(spelling) for spelling in spellings} == {address}


@given(st.ip_addresses(v=4))
def test_an_address_in_disguise_is_judged_as_itself(address: Any) -> None:
    """Mapped, translated or tunnelled, an IPv4 address is as public as it is."""
    number = int(address)
    disguises = [
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1),
    ]
    assert {is_public(disguise) for disguise in disguises} == {is_public(address)}


@given(st.ip_addresses())
def test_nothing_special_is_public(address: Any) -> None:
    """No address that Python knows as private, loopback, link-local or multicast is public."""
    if not address.is_global or address.is_multicast:
        carrier = address.version == 6 and (address.ipv4_mapped or address.sixtofour)
        assert carrier or not is_public(address)


HERE = OwnHosts.of(
    {"nas.local", "10.0.0.7", "[::1]"},
    "http://localhost:9000/bucket/",
    "https://cdn.lan/a",
    None,
    "/x",
)


@pytest.mark.parametrize(
    "address",
    [
        *("http://127.0.0.1/i.png", "http://127.1:8080/", "http://0x7f.1/", "http://2130706433/"),
        *("http://10.0.0.1/i.png", "https://192.168.1.1/", "http://172.16.0.1/", "http:10.0.0.1"),
        *("http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://[::1]/"),
        *(
            "http://metadata.google.internal/",
            "http://metadata/",
            "http://0/",
            "http:\\\\10.0.0.1\\",
        ),
        *("http://localhost/i.png", "http://LOCALHOST./", "http://a.localhost/", "http://0.0.0.0/"),
        *("http://printer.local/", "http://router/", "http://x.internal/", "http://a.home.arpa/"),
        *("http://fritz.lan/", "http://wiki.corp/", "http://wiki.intranet/", "http://x.private/"),
        *("https://user:pass@a.example/i.png", "https://user@a.example/", "http://:x@a.example/"),
        *(
            "javascript:alert(1)",
            "data:image/png;base64,AA",
            "file:///etc/passwd",
            "blob:x",
            "//a.b",
        ),
        *("/i.png", "", None, 5, "http://[::ffff:7f00:1]/", "http://[64:ff9b::a00:1]/"),
    ],
)
def test_what_visitors_browsers_should_not_ask_for(address: object) -> None:
    """A private address in a published picture made the browsers of strangers ask their own networks."""
    assert for_visitors(address, OwnHosts()) is None


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example/i.png",
        "http://8.8.8.8:81/",
        "https://[2606:4700::1]/i",
        "http://a.b./x?y#z",
    ],
)
def test_what_everybody_may_load(address: str) -> None:
    """A public picture is published as it is written."""
    assert for_visitors(address, OwnHosts()) == address


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("http://nas.local:8080/i.png", True),
        ("http://10.0.0.7/i.png", True),
        ("http://[::1]:5000/i.png", True),
        ("http://localhost:9000/bucket/i.png", True),
        ("https://cdn.lan/i.png", True),
        ("http://localhost:9001/i.png", False),
        ("http://localhost/i.png", False),
        ("http://cdn.lan:81/i.png", False),
        ("http://10.0.0.8/i.png", False),
        ("http://user:pass@nas.local/i.png", False),
        ("http://localhost:9000@10.0.0.1/i.png", False),
    ],
)
def test_the_users_own_hosts_may_be_named(address: str, allowed: bool) -> None:
    """A store on this machine keeps its pictures at its own port; others on the machine stay closed."""
    assert (for_visitors(address, HERE) is not None) is allowed
