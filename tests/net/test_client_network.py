"""The client and the network: redirects, checked addresses, names that change, proxies, TLS."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore2
import pytest

from datafetch.errors import ConfigurationError
from datafetch.net.proxies import Proxies
from datafetch.ops.breakers import BreakerBook
from datafetch.runtime.breaker import BreakerPolicy
from datafetch.runtime.retry import RetryPolicy
from datafetch.store.keys import Keys
from datafetch.upstream_errors import BreakerOpen, CannotConnect, Refused, TransientError
from tests.fakes import faults
from tests.fakes.base import FakeServer
from tests.fakes.proxy import ForwardProxy
from tests.fakes.wire import Connection
from tests.net.upstreams import Echo, FakeNetwork, Raw, ask, client, told
from tests.stores import MemoryStore
from tests.support import FakeClock

PUBLIC = "93.184.215.14"
OTHER_PUBLIC = "2606:4700::1111"


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Any]:
    """A proxy behind which every host is that upstream."""
    with ForwardProxy(lambda _host: echo) as proxy:
        yield proxy


@pytest.fixture
def trusted(proxy: ForwardProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proxies:
    """The environment that leads through the proxy and trusts its certificates."""
    monkeypatch.setenv("SSL_CERT_FILE", str(proxy.write_bundle(tmp_path)))
    return Proxies({"HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url, "NO_PROXY": "127.0.0.1"})


# ------------------------------------------------------------------ redirects


def test_redirects_are_followed(echo: Echo, server: FakeServer) -> None:
    """A relative redirect resolves against the URL it came from; the final URL is told."""
    echo.inject(faults.redirect("../c?d=1#e", 301), "/a/b/x", times=1)
    with client() as http:
        answer = http.fetch(ask(f"{server.url}/a/b/x"))
    assert answer.url == f"{server.url}/a/c?d=1"
    assert told(answer)["target"] == "/a/c?d=1"


@pytest.mark.parametrize("by_redirect", [False, True])
@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("☃.net", "xn--n3h.net"),
        ("straße.de", "xn--strae-oqa.de"),
        ("ＥＸＡＭＰＬＥ。com.", "example.com"),
        ("exam\u00adple.com", "example.com"),
        ("xn--a.com", "xn--a.com"),
    ],
)
def test_a_host_in_any_script_is_asked_under_the_name_that_browsers_use(
    server: FakeServer, echo: Echo, host: str, meant: str, *, by_redirect: bool
) -> None:
    """Guard, resolver and server see one name: `https://☃.net/` could not be asked at all."""
    network: Any = FakeNetwork(server.port, {meant: [[PUBLIC]], "a.example": [[PUBLIC]]})
    url = f"http://{host}/x"
    if by_redirect:
        # Servers write UTF-8, and the fake each character as a byte.
        echo.inject(faults.redirect(url.encode().decode("latin-1")), "/start", times=1)
    with client(network=network) as http:
        answer = http.fetch(ask("http://a.example/start" if by_redirect else url))
    assert answer.url == f"http://{meant}/x"
    assert told(answer)["headers"]["host"] == meant
    assert network.asked[-1] == meant


def test_a_redirect_loop_ends(echo: Echo, server: FakeServer) -> None:
    """At most so many redirects are followed."""
    echo.inject(faults.redirect("/again"))
    with client() as http, pytest.raises(Refused, match="more than 5 redirects") as caught:
        http.fetch(ask(server.url, max_redirects=5))
    assert f"the last to {server.url}/again" in str(caught.value)
    assert "browser" in caught.value.hint
    assert echo.log.count() == 6


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/x",
        "http://2130706434/",
        "http://[::1]/",
        "file:///etc/passwd",
        "http://localhost/",
    ],
)
def test_a_redirect_to_a_private_address_is_refused(
    echo: Echo, server: FakeServer, location: str
) -> None:
    """Private addresses behind redirects were fetched; the message says who sent us there."""
    echo.inject(faults.redirect(location))
    with client() as http, pytest.raises(Refused) as caught:
        http.fetch(ask(f"{server.url}/from?token=secret"))
    told = str(caught.value)
    assert f"{server.url}/from: redirects" in told or f"(redirected from {server.url}/from)" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    "location",
    [
        "http://xn--a/",
        "http://a..b/",
        "http://[",
        "http://a:b/",
        "http://.xn--zca.\\",
        "http://é\ud800/",
    ],
)
def test_an_odd_redirect_is_refused(server: FakeServer, echo: Echo, location: str) -> None:
    """What cannot be read as a URL is refused, whatever the libraries below make of it."""
    target = location.encode("utf-8", "surrogatepass")
    head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + target + b"\r\n\r\n"
    network: Any = FakeNetwork(server.port, {"xn--a": [["10.0.0.1"]]})
    with Raw(lambda: iter([head])) as raw:
        network.port = raw.port
        network.names["a.example"] = [[PUBLIC]]
        with client(network=network) as http, pytest.raises(Refused):
            http.fetch(ask("http://a.example/"))


def test_a_token_is_not_carried_to_another_host(echo: Echo, server: FakeServer) -> None:
    """Credentials go to the first origin only."""
    with FakeServer(Echo()) as other, client() as http:
        echo.inject(faults.redirect(f"{other.url}/there"))
        answer = http.fetch(ask(server.url, headers={"Authorization": "Bearer t", "X-A": "b"}))
    sent = told(answer)["headers"]
    assert "authorization" not in sent
    assert sent["x-a"] == "b"


def test_a_private_api_of_the_settings_is_reached(echo: Echo, server: FakeServer) -> None:
    """An own server on a private address works without being allowed for data."""
    origin = frozenset({("http", "127.0.0.1", server.port)})
    with client(trusted_origins=origin, allow_hosts=frozenset()) as http:
        assert http.fetch(ask(server.url, trust="settings")).status == 200
        with pytest.raises(Refused):
            http.fetch(ask(server.url))
        echo.inject(faults.redirect("http://127.0.0.1:1/"))
        with pytest.raises(Refused):
            http.fetch(ask(server.url, trust="settings"))


# ---------------------------------------------------------- addresses of names


def test_the_address_that_was_checked_is_connected_to(server: FakeServer) -> None:
    """A name that changes its address between check and connect gains nothing: it is asked once."""
    network: Any = FakeNetwork(server.port, {"rebind.example": [[PUBLIC], ["127.0.0.1"]]})
    with client(network=network) as http:
        answer = http.fetch(ask("http://rebind.example/x"))
    assert told(answer)["headers"]["host"] == "rebind.example"
    assert (network.asked, network.dialled) == (["rebind.example"], [PUBLIC])


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::ffff:169.254.169.254"]]
)
def test_a_name_of_a_private_address_is_refused(server: FakeServer, addresses: Any) -> None:
    """Names lead into private networks as well as numbers do; nothing is connected to."""
    network: Any = FakeNetwork(server.port, {"inside.example": [addresses]})
    with client(network=network) as http, pytest.raises(Refused, match="not public"):
        http.fetch(ask("http://inside.example/"))
    assert network.dialled == []


def test_an_allowed_name_may_be_private(server: FakeServer) -> None:
    """`DATAFETCH_ALLOW_HOSTS` names an intranet host, in any spelling."""
    network: Any = FakeNetwork(server.port, {"wiki.internal": [["10.0.0.1"]]})
    with client(network=network, allow_hosts=frozenset({"Wiki.Internal."})) as http:
        http.fetch(ask("http://wiki.internal/"))
    assert network.dialled == ["10.0.0.1"]


def test_trusted_connections_are_not_lent_to_data(server: FakeServer) -> None:
    """A kept connection to the user's own private server does not carry a bookmark's URL."""
    network: Any = FakeNetwork(server.port, {"own.example": [["10.0.0.1"]]})
    origin = frozenset({("http", "own.example", 80)})
    with client(network=network, trusted_origins=origin) as http:
        http.fetch(ask("http://own.example/api", trust="settings"))
        with pytest.raises(Refused):
            http.fetch(ask("http://own.example/admin"))


def test_a_dead_address_is_not_the_end(server: FakeServer) -> None:
    """Of several addresses the next is tried when one does not answer."""
    network: Any = FakeNetwork(server.port, {"two.example": [[OTHER_PUBLIC, PUBLIC]]})
    reachable = network.dial

    def dial(address: Any, port: int, timeout: float | None) -> Any:
        stream = reachable(address, port, timeout)
        if address == OTHER_PUBLIC:
            stream.close()
            raise httpcore2.ConnectError("nobody there")
        return stream

    network.dial = dial
    with client(network=network) as http:
        assert http.fetch(ask("http://two.example/")).status == 200
    assert network.dialled == [OTHER_PUBLIC, PUBLIC]


def test_a_name_that_does_not_resolve_is_a_fault(server: FakeServer) -> None:
    """No address is a fault that may pass, and says so."""
    network: Any = FakeNetwork(server.port, {})

    def resolve(host: str, port: int) -> None:
        raise OSError("no such name")

    network.resolve = resolve
    with client(network=network) as http, pytest.raises(TransientError):
        http.fetch(ask("http://nowhere.example/"))


# --------------------------------------------------------------- proxy and TLS


def test_a_proxy_of_the_environment_is_used(proxy: ForwardProxy, trusted: Proxies) -> None:
    """`HTTPS_PROXY`, `HTTP_PROXY` and `SSL_CERT_FILE` work: names are left to the proxy, itself private."""
    with client(proxies=trusted, allow_hosts=frozenset()) as http:
        for url in ("https://site.example/a", "http://plain.example/b"):
            asked = told(http.fetch(ask(url)))
            assert asked["headers"]["host"] in url
    assert set(proxy.connects) == {"site.example", "plain.example"}


def test_what_was_prepared_is_not_loaded_again(
    proxy: ForwardProxy, trusted: Proxies, tmp_path: Path
) -> None:
    """The certificates are read while the store answers, so that the first request need not."""
    with client(proxies=trusted) as http:
        http.prepare()
        (tmp_path / "ca.pem").unlink()
        assert http.fetch(ask("https://site.example/a")).status == 200
    assert set(proxy.connects) == {"site.example"}


def test_who_is_not_ready_says_so_when_asked(
    echo: Echo, server: FakeServer, monkeypatch: pytest.MonkeyPatch, trusted: Proxies
) -> None:
    """Certificates that are not there stop the requests that need them, and no others."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with client(proxies=trusted) as http:
        http.prepare()
        http.fetch(ask(server.url))
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE: there is no file /nowhere/ca"):
            http.fetch(ask("https://site.example/"))
    http.prepare()
    assert echo.log.count() == 1


def test_a_page_that_was_left_keeps_its_connection(
    echo: Echo, proxy: ForwardProxy, trusted: Proxies
) -> None:
    """After the head of a short page its picture comes over the same connection, not a new handshake."""
    echo.inject(faults.reply(200, "<title>x</title><body>" + "words " * 999), times=2)
    with client(proxies=trusted) as http:
        head = http.fetch(ask("https://site.example/", stop_after=b"<body"))
        assert head.body == b"<title>x</title><body"
        assert len(http.fetch(ask("https://site.example/", limit=99, truncate=True)).body) == 99
        assert told(http.fetch(ask("https://site.example/a.png")))["target"] == "/a.png"
    assert proxy.connects["site.example"] == 1


def test_no_proxy_is_direct(server: FakeServer, proxy: ForwardProxy, trusted: Proxies) -> None:
    """A host of `NO_PROXY` is asked without the proxy."""
    with client(proxies=trusted) as http:
        http.fetch(ask(server.url))
    assert not proxy.connects


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://[::1]/", "http://0x7f.1/", "https://localhost/"]
)
def test_a_proxy_is_not_asked_for_private_addresses(
    proxy: ForwardProxy, trusted: Proxies, url: str
) -> None:
    """With a proxy, literal private addresses are refused before it hears of them."""
    with client(proxies=trusted, allow_hosts=frozenset()) as http, pytest.raises(Refused):
        http.fetch(ask(url))
    assert not proxy.connects


@pytest.mark.parametrize("trouble", ["untrusted", "wrong-name", "reset", "refused"])
def test_a_connection_that_cannot_be_trusted_carries_nothing(
    echo: Echo, proxy: ForwardProxy, trusted: Proxies, trouble: Any
) -> None:
    """A stranger's certificate, one for another name, and a proxy that fails, are faults."""
    proxy.trouble["site.example"] = trouble
    with client(proxies=trusted) as http, pytest.raises(TransientError):
        http.fetch(ask("https://site.example/"))
    assert echo.log.count() == 0


def test_a_certificate_belongs_to_the_name(
    proxy: ForwardProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected to a checked number, TLS still asks for and verifies the name."""
    monkeypatch.setenv("SSL_CERT_FILE", str(proxy.write_bundle(tmp_path)))
    served = Echo()

    class Tls(Raw):
        def serve(self, connection: Connection) -> None:
            try:
                connection.secure(proxy._context("site.example"), "site.example")
            except OSError:
                return
            while (request := connection.read()) is not None:
                connection.write(request, served.handle(request))

    with Tls(lambda: iter(())) as tls:
        names = {"site.example": [[PUBLIC]], "other.example": [[PUBLIC]]}
        network: Any = FakeNetwork(tls.port, names)
        with client(network=network) as http:
            assert http.fetch(ask("https://site.example/")).status == 200
            with pytest.raises(TransientError, match="certificate"):
                http.fetch(ask("https://other.example/"))
    assert served.log.count() == 1


@pytest.mark.parametrize(
    ("trouble", "said"),
    [("untrusted", "SSL_CERT_FILE"), ("wrong-name", "Check the host")],
)
def test_a_certificate_that_is_not_accepted_is_tried_once(
    proxy: ForwardProxy, trusted: Proxies, trouble: Any, said: str
) -> None:
    """Another try cannot pass; the hint says what to do, and the host's breaker does not hide it."""
    proxy.trouble["site.example"] = trouble
    gate = BreakerBook(MemoryStore(), Keys("-test"), FakeClock(), BreakerPolicy(1, 60))
    with client(proxies=trusted, gate=gate) as http:
        for tries in (1, 2):
            with pytest.raises(CannotConnect, match="certificate is not accepted") as caught:
                http.fetch(ask("https://site.example/x?token=secret", retry=RetryPolicy()))
            assert said in caught.value.hint
            assert str(caught.value).startswith("https://site.example/x: ")
            assert proxy.connects["site.example"] == tries


def test_tls_at_a_port_without_it_is_tried_once() -> None:
    """`https://` in place of `http://` is no outage."""

    class Plain(Raw):
        def serve(self, connection: Connection) -> None:
            connection._sock.recv(1024)
            connection._sock.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    with (
        Plain(lambda: iter(())) as plain,
        client() as http,
        pytest.raises(CannotConnect, match="does not speak TLS") as caught,
    ):
        http.fetch(ask(f"https://127.0.0.1:{plain.port}/", retry=RetryPolicy()))
    assert http.counts()["site"]["requests"] == 1
    assert "http://" in caught.value.hint


WANTS_PASSWORD = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_is_named(scheme: str) -> None:
    """407 comes from the proxy, for both schemes; it is asked once, and its password is not shown."""
    with Raw(lambda: iter([WANTS_PASSWORD])) as raw:
        name = f"{scheme.upper()}_PROXY"
        proxies = Proxies({name: f"http://me:p4ssw0rd@127.0.0.1:{raw.port}"})
        with client(proxies=proxies) as http, pytest.raises(CannotConnect) as caught:
            http.fetch(ask(f"{scheme}://site.example/", retry=RetryPolicy()))
    assert str(caught.value).startswith(f"{name} (127.0.0.1:{raw.port}): ")
    assert "407" in str(caught.value)
    assert "p4ssw0rd" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_down_is_blamed_and_not_the_site(scheme: str) -> None:
    """Its own breaker opens, those of the sites stay closed; its variable is named."""
    gate = BreakerBook(MemoryStore(), Keys("-test"), FakeClock(), BreakerPolicy(2, 60))
    proxies = Proxies({"ALL_PROXY": "http://127.0.0.1:1"})
    with client(proxies=proxies, gate=gate) as http:
        for site in ("a.example", "b.example"):
            with pytest.raises(
                TransientError, match=r"^ALL_PROXY \(127.0.0.1:1\): no conn"
            ) as caught:
                http.fetch(ask(f"{scheme}://{site}/"))
            assert "refused" in str(caught.value)
            assert "ALL_PROXY" in caught.value.hint
        with pytest.raises(BreakerOpen, match=r"^127.0.0.1 failed 2 times"):
            http.fetch(ask(f"{scheme}://c.example/"))


def test_a_proxy_whose_name_does_not_resolve_is_blamed(server: FakeServer) -> None:
    """`HTTPS_PROXY=nonsense` looked like an outage of every site."""
    network: Any = FakeNetwork(server.port, {})

    def resolve(host: str, port: int) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    network.resolve = resolve
    proxies = Proxies({"HTTPS_PROXY": "nonsense"})
    with client(network=network, proxies=proxies) as http, pytest.raises(TransientError) as caught:
        http.fetch(ask("https://site.example/"))
    assert str(caught.value) == "HTTPS_PROXY (nonsense:80): its name does not resolve"
    assert "Check HTTPS_PROXY" in caught.value.hint
    assert "site.example" not in caught.value.hint
