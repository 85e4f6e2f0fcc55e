"""URLs from data: read in one way only, and refused when they lead where no public site is."""

from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.net.base import Request
from datafetch.net.guard import canonical_host, guarded, parse_url, public_url
from datafetch.net.hops import first_hop
from datafetch.net.options import NetOptions
from datafetch.upstream_errors import Refused
from datafetch.urls import Url


def passed(url: str, allow_hosts: frozenset[str] = frozenset()) -> Url:
    """The URL that is sent for one from data, when the guard lets it pass."""
    options = NetOptions("agent", allow_hosts=allow_hosts)
    return first_hop(Request(url=url, trust="data", upstream="site"), options).url


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://Example.COM", "https://example.com/"),
        ("HTTPS://example.com.:443/a?b#c", "https://example.com/a?b"),
        ("http://example.com:80/", "http://example.com/"),
        ("http://example.com:8080?x", "http://example.com:8080/?x"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://ｅｘａｍｐｌｅ。com/", "https://example.com/"),
        ("https://%65xample.com/", "https://example.com/"),
        ("https://foo_bar.example/", "https://foo_bar.example/"),
        ("https://[2606:4700:0::1111]/", "https://[2606:4700::1111]/"),
        ("https://[2606:4700::1111]:8080/", "https://[2606:4700::1111]:8080/"),
        ("https://[2606:4700::1111]:443/", "https://[2606:4700::1111]/"),
        ("http://134744072/", "http://8.8.8.8/"),
        (" https://example.com/ ", "https://example.com/"),
    ],
)
def test_a_url_has_one_spelling(written: Any, meant: Any) -> None:
    """Hosts are compared and connected to in one canonical form."""
    assert passed(written).href == meant


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://x/",
            "javascript:alert(1)",
            "//x/",
            "",
        ),
        *(
            "http://",
            "http:///x",
            "http:example.com",
            "https://user@example.com/",
            "https://a:b@c.com/",
        ),
        *("https://good.com\\@10.0.0.1/", "https://good.com\\.evil.com/", "http://a b.com/"),
        *("http://exa\tmple.com/", "http://example.com/\r\nX: y", "http://example.com:0/"),
        *(
            "http://example.com:99999/",
            "http://example.com:x/",
            "http://[::1",
            "http://[fe80::1%25eth0]/",
        ),
        *(
            "http://a..b/",
            f"http://{'a' * 64}.com/",
            f"http://{'a.' * 130}com/",
            "http://1.2.3.4.5/",
        ),
        *(
            "http://%31%32%37.0.0.1/",
            "http://127.0.0.1%2f.example.com/",
            "http://%ff.com/",
            "http://xn--a\u0301/",
        ),
        "http://example.com/" + "x" * 40_000,
    ],
)
def test_tricks_are_refused(url: str) -> None:
    """No credentials, no second reading of the host, no other scheme."""
    with pytest.raises(Refused):
        passed(url)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.1", "[::1]", "[::ffff:10.0.0.1]"),
        *("localhost", "LOCALHOST.", "a.localhost", "metadata.google.internal", "metadata"),
        *("169.254.169.254", "[fd00:ec2::254]", "１２７.0.0.1", "127。0。0。1", "[64:ff9b::a00:1]"),
        *("instance-data.ec2.internal", "100.100.100.200", "ⓛocalhost"),
    ],
)
def test_private_hosts_are_refused(host: str) -> None:
    """Private addresses behind bookmark URLs were fetched, metadata services among them."""
    with pytest.raises(Refused, match="not public"):
        passed(f"http://{host}/latest")


def test_intranet_hosts_can_be_allowed() -> None:
    """`DATAFETCH_ALLOW_HOSTS` exempts those hosts, in every spelling, and no others."""
    allowed = frozenset({"10.0.0.1", "localhost"})
    assert passed("http://10.1/x", allowed).name == "10.0.0.1"
    assert passed("http://LOCALHOST:3000/", allowed).port == 3000
    with pytest.raises(Refused):
        passed("http://10.0.0.2/", allowed)
    with pytest.raises(Refused):
        passed("http://a.localhost/", allowed)


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("Wiki.Internal.", "wiki.internal"),
        ("[::1]", "::1"),
        ("[0:0::1]", "::1"),
        ("127.1", "127.0.0.1"),
    ],
)
def test_an_allowed_host_has_one_spelling(host: str, meant: str) -> None:
    """Hosts of the settings are compared in the form in which those of URLs are."""
    assert canonical_host(host) == meant


@pytest.mark.parametrize("text", ["[::1]:8080", "::1", "a.example:8080", "a..b", "a" * 64, ""])
def test_a_host_with_a_port_is_no_host(text: str) -> None:
    """An allowed host that could match nothing is told, not passed over in silence."""
    with pytest.raises(Refused, match="not a valid host"):
        canonical_host(text)


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"]])
def test_one_private_address_spoils_a_name(addresses: Any) -> None:
    """A name that leads into the private network, be it only sometimes, is refused."""
    with pytest.raises(Refused, match="not public"):
        guarded(lambda _host, _port: addresses, frozenset())("example.com", 443)


def test_an_allowed_name_may_lead_anywhere() -> None:
    """A resolver that guards lets the addresses of an allowed host pass, and of no other."""
    resolve = guarded(lambda _host, _port: ["10.0.0.1"], frozenset({"wiki.internal"}))
    assert resolve("wiki.internal", 80) == ["10.0.0.1"]
    with pytest.raises(Refused, match="not public"):
        resolve("x.wiki.internal", 80)


def test_nothing_secret_is_shown() -> None:
    """Tokens and query strings stood in logs: of a URL only scheme, host and path are shown."""
    shown = public_url("https://user:pw@example.com:8443/path?token=1#frag")
    assert shown == "https://example.com:8443/path"
    with pytest.raises(Refused) as caught:
        passed("https://user:pw@example.com/path?token=1")
    assert "pw" not in str(caught.value)
    assert "token" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https:user:pw@example.com/a@b", "https:example.com/a@b"),
        ("https:\\\\user:pw@example.com/", "https:\\\\example.com/"),
        ("https:/\t/user:pw@example.com/", "https://example.com/"),
        ("https://user:p@w@example.com", "https://example.com"),
        ("user:pw@example.com", "user:example.com"),
        ("https://example.com/@me", "https://example.com/@me"),
        ("https://example.com/\x9b2J\u202e\u2028\x85\ufeffa\U000e0041", "https://example.com/2Ja"),
        ("javascript:\u2066alert\u2069", "javascript:alert"),
    ],
)
def test_a_password_is_not_shown_in_any_spelling(url: str, shown: str) -> None:
    """What browsers take for a password is one also where others see no user."""
    assert public_url(url) == shown


@given(
    st.text(max_size=60),
    st.sampled_from(["", "http://", "https://", "http://[", "//", "http:\\\\"]),
)
def test_any_text_is_read_or_refused(text: str, start: Any) -> None:
    """Whatever stands in a bookmark, the answer is a URL or `Refused`, never a crash."""
    try:
        found = passed(start + text)
    except Refused:
        return
    again = parse_url(found.href)
    assert again == found


@given(st.text(alphabet="abc.:/@\\#?%[]0127xé。\t ", max_size=30))
def test_the_sender_reads_the_host_as_the_guard_did(text: str) -> None:
    """A URL that passes leads httpx2 to the very host and port that were checked."""
    try:
        found = passed("http://" + text)
    except Refused:
        return
    try:
        sent = httpx2.URL(found.href)
    except httpx2.InvalidURL:
        return
    assert (sent.scheme, sent.raw_host.decode(), sent.port or 80) == found.origin


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://10.0.0.1/x", "DATAFETCH_ALLOW_HOSTS=10.0.0.1"),
        ("http://localhost/", "DATAFETCH_ALLOW_HOSTS=localhost"),
        ("http://169.254.169.254/", ""),
        ("http://metadata.google.internal/", ""),
    ],
)
def test_a_refused_host_says_how_an_own_server_is_allowed(url: str, hint: str) -> None:
    """Who runs a wiki in the intranet learns the setting; nobody is told to allow a cloud's metadata."""
    with pytest.raises(Refused) as caught:
        passed(url)
    assert hint in caught.value.hint
    assert bool(caught.value.hint) == bool(hint)
