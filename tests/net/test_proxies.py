"""Proxies from the environment: as curl reads them, with secrets kept."""

from typing import Any

import pytest

from datafetch.errors import ConfigurationError
from datafetch.net.guard import parse_url
from datafetch.net.proxies import Proxies


def chosen(url: str, **environment: str) -> str | None:
    """The proxy of a URL under these variables."""
    proxy = Proxies(environment).proxy_for(parse_url(url))
    return None if proxy is None else proxy.url


def test_each_scheme_has_its_proxy() -> None:
    """`HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` count; lower-case names win."""
    both = {"HTTP_PROXY": "http://one:1", "HTTPS_PROXY": "http://two:2"}
    assert chosen("http://a.example/", **both) == "http://one:1"
    assert chosen("https://a.example/", **both) == "http://two:2"
    assert chosen("https://a.example/", https_proxy="http://lower:3", **both) == "http://lower:3"
    assert chosen("https://a.example/", ALL_PROXY="all.example:3128") == "http://all.example:3128"
    assert chosen("https://a.example/") is None


@pytest.mark.parametrize(
    ("entry", "url", "direct"),
    [
        ("*", "http://a.example/", True),
        ("a.example", "http://a.example/", True),
        ("a.example", "http://x.a.example/", True),
        ("a.example", "http://ba.example/", False),
        (".a.example", "http://x.a.example/", True),
        ("*.a.example", "http://x.a.example/", True),
        ("A.Example", "http://a.example/", True),
        ("a.example:8080", "http://a.example:8080/", True),
        ("a.example:8080", "http://a.example/", False),
        ("127.0.0.1", "http://127.0.0.1:9/", True),
        ("127.0.0.1", "http://127.0.0.10/", False),
        ("10.0.0.0/8", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://11.1.2.3/", False),
        ("::1", "http://[::1]/", True),
        ("[::1]:80", "http://[::1]/", True),
        ("[::1]:8080", "http://[::1]:8080/", True),
        ("[::1]:8080", "http://[::1]/", False),
        ("[::1]:8080", "http://[::2]:8080/", False),
        ("[::1]", "http://[::1]:8080/", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/", True),
        ("127.0.0.1:8080", "http://127.0.0.1/", False),
        ("fd00::/8", "http://[fd00::1]/", True),
        (" b.example , a.example ", "http://a.example/", True),
        ("b.example a.example", "http://a.example/", True),
        ("", "http://a.example/", False),
        (",", "http://a.example/", False),
        (".", "http://a.example/", False),
    ],
)
def test_no_proxy_exempts(entry: Any, url: str, direct: Any) -> None:
    """Names with their subdomains, ports, addresses and networks; whole labels only."""
    assert (chosen(url, http_proxy="http://p:1", NO_PROXY=entry) is None) == direct


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("http://[::1]", "http://[::1]:80"),
        ("https://proxy.example", "https://proxy.example:443"),
        ("proxy.example:8080", "http://proxy.example:8080"),
    ],
)
def test_a_proxy_is_found_at_its_host_and_port(value: str, url: str) -> None:
    """An IPv6 address keeps its brackets beside a port; without one the port is the scheme's."""
    assert chosen("http://a.example/", HTTP_PROXY=value) == url


def test_hosts_are_written_as_browsers_write_them() -> None:
    """A proxy with letters beyond ASCII was an unexpected error in every request."""
    assert chosen("http://a.example/", HTTP_PROXY="http://prüfung:80") == "http://xn--prfung-4ya:80"


@pytest.mark.parametrize("port", ["²", "9" * 5000])
def test_a_port_that_is_none_is_no_traceback(port: str) -> None:
    """An entry of NO_PROXY that no URL can match does not keep requests from the proxy."""
    there = chosen("http://a.example/", HTTP_PROXY="http://proxy:1", NO_PROXY=f"a.example:{port}")
    assert there == "http://proxy:1"


def test_a_password_is_not_shown() -> None:
    """Credentials of a proxy are used, and are in no `repr`."""
    proxy = Proxies({"HTTP_PROXY": "http://me:p%40ss@proxy:1"}).proxy_for(parse_url("http://a.b/"))
    assert proxy is not None
    assert proxy.auth == ("me", "p@ss")
    assert "p@ss" not in repr(proxy)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("socks5://me:s3cret@proxy:1", "socks5:// proxies are not supported"),
        ("socks5h://proxy:1", "socks5h:// proxies are not supported"),
        ("http://:1", "http://HOST:PORT"),
        ("http://proxy:x", "http://HOST:PORT"),
        ("http://proxy:0", "http://HOST:PORT"),
        ("a b:1", "http://HOST:PORT"),
        ("http://me:s3cret/@proxy:1", "%2F"),
    ],
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_used_is_a_configuration_error(
    name: str, value: str, said: str
) -> None:
    """It is not ignored, since requests would go out directly: variable and form are named, no password."""
    with pytest.raises(ConfigurationError) as caught:
        Proxies({name: value})
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"{name}: ")
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("entry", ["http://a.example/", "10.0.0.0/99", "a.example;b.example"])
def test_an_entry_that_no_url_can_match_is_a_configuration_error(entry: str) -> None:
    """An exemption that was silently none sent an intranet's requests to the proxy."""
    with pytest.raises(ConfigurationError, match=r"^NO_PROXY: .*commas") as caught:
        Proxies({"NO_PROXY": f"localhost,{entry}"})
    assert entry.partition("/")[0] in str(caught.value)


def test_all_wrong_variables_are_named_at_once() -> None:
    """One look at the message is enough to mend the environment."""
    with pytest.raises(ConfigurationError) as caught:
        Proxies({"HTTPS_PROXY": "http://:1", "HTTP_PROXY": "http://:2", "NO_PROXY": "a/b"})
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
    ]


@pytest.mark.parametrize(
    ("environment", "label"),
    [
        ({"ALL_PROXY": "nonsense"}, "ALL_PROXY (nonsense:80)"),
        ({"https_proxy": "http://me:pass@[::1]:8080"}, "https_proxy ([::1]:8080)"),
    ],
)
def test_a_proxy_is_called_by_its_variable(environment: dict[str, str], label: str) -> None:
    """Messages name the variable as it is spelt in the environment, and the proxy without password."""
    proxy = Proxies(environment).proxy_for(parse_url("https://a.example/"))
    assert proxy is not None
    assert proxy.label == label


def test_a_clients_header_sets_no_proxy() -> None:
    """Under CGI `HTTP_PROXY` is what a client's `Proxy:` header says; it is not believed."""
    assert chosen("http://a.b/", HTTP_PROXY="http://evil:1", REQUEST_METHOD="GET") is None
