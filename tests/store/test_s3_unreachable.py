"""What an owner reads when a server cannot be reached, or does not speak as it is spoken to."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    SSLError,
)

from datafetch.errors import ConfigurationError, StoreError, StoreUnavailable
from datafetch.store.s3 import S3Store
from datafetch.store.s3_place import BucketAddress
from datafetch.store.s3_unreachable import is_lasting, silence
from tests.fakes.base import App, FakeServer, LoopbackServer, Request, Response
from tests.fakes.wire import Connection

KEY = "json/bookmarks/index.json"


class Nothing(App):
    """Has no object."""

    def answer(self, _request: Request) -> Response:
        return Response(404, {"Content-Type": "application/xml"}, b"<Error><Code>x</Code></Error>")


class Counted(LoopbackServer):
    """Counts its connections; over TLS when it has a certificate."""

    def __init__(self, certificate: trustme.LeafCert) -> None:
        super().__init__()
        self.count = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self._context)

    def serve(self, connection: Connection) -> None:
        self.count += 1
        try:
            connection.secure(self._context, f"localhost:{self.port}")
        except OSError:  # the client does not trust us, or speaks no TLS
            return
        while (request := connection.read()) is not None:
            if not connection.write(request, Nothing().answer(request)):
                return


@pytest.fixture(autouse=True)
def no_certificates_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine trusts or goes through has no say."""
    for name in ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


def failed(endpoint: str, **options: Any) -> StoreError:
    """The error of reading an object there, with as many repetitions as in production."""
    given: dict[str, Any] = {"access_key": "a", "secret_key": "b", **options}
    with (
        closing(S3Store("site", endpoint=endpoint, **given)) as store,
        pytest.raises(StoreUnavailable) as caught,
    ):
        store.get(KEY)
    return caught.value


@contextmanager
def secured(host: str = "localhost", **dates: Any) -> Iterator[tuple[Counted, trustme.CA]]:
    """A server over TLS, and the authority of its certificate."""
    authority = trustme.CA()
    with Counted(authority.issue_cert(host, **dates)) as server:
        yield server, authority


def test_a_stranger_among_certificates_is_asked_once_and_named() -> None:
    """Repeating it took seconds and could not help; the variable that does is told."""
    with secured() as (server, _):
        endpoint = f"https://localhost:{server.port}"
        error = failed(endpoint)
        assert f"{endpoint}: its certificate is not accepted" in str(error)
        assert "SSL_CERT_FILE" in error.hint
        assert "private CA" in error.hint
        assert "clock" not in error.hint
        assert server.count == 1


NOW = datetime.now(UTC)
DATES: dict[str, dict[str, datetime]] = {
    "expired": {"not_after": NOW - timedelta(days=1)},
    "not yet valid": {
        "not_before": NOW + timedelta(days=1),
        "not_after": NOW + timedelta(days=2),
    },
}


@pytest.mark.parametrize("dates", DATES.values(), ids=DATES)
def test_a_certificate_of_another_time_is_about_the_clock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dates: dict[str, Any]
) -> None:
    """A machine whose clock stands wrong sees every certificate so."""
    with secured(**dates) as (server, authority):
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        error = failed(f"https://localhost:{server.port}")
        assert "this machine's clock" in error.hint
        assert "SSL_CERT_FILE" not in error.hint
        assert server.count == 1


def test_a_certificate_of_another_host_is_about_the_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The name in the setting is the one to look at."""
    with secured("s3.example.net") as (server, authority):
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        error = failed(f"https://localhost:{server.port}")
        assert "the host in S3_SERVER_URL" in error.hint
        assert server.count == 1
        assert caplog.messages == []  # the library's own warning would tell it once more


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "AWS_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, b"", b"ca"])
def test_a_file_that_holds_no_certificates_is_told_before_the_server_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: bytes | None
) -> None:
    """A mistyped path looked like a server that does not answer, and cost all repetitions."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(name, str(path))
    with pytest.raises(ConfigurationError) as caught:
        failed("https://localhost:9")
    (problem,) = caught.value.problems
    assert problem.startswith(f"{name}: ")
    assert str(path) in problem


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "AWS_CA_BUNDLE"])
def test_certificates_that_cannot_be_loaded_are_told_by_their_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """What is no certificate between the right lines is found by the TLS library only."""
    path = tmp_path / "ca.pem"
    path.write_bytes(b"-----BEGIN CERTIFICATE-----\nx\n")
    monkeypatch.setenv(name, str(path))
    with secured() as (server, _):
        error = failed(f"https://localhost:{server.port}")
        assert f"the certificates of {name} cannot be loaded" in str(error)
        assert name in error.hint
        assert server.count <= 1


def test_the_bundle_of_boto3_is_named_where_it_hides_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Setting SSL_CERT_FILE changes nothing while AWS_CA_BUNDLE is set."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "other.pem"))
    with secured() as (server, _):
        assert "AWS_CA_BUNDLE" in failed(f"https://localhost:{server.port}").hint


class Raw(LoopbackServer):
    """Answers whatever comes with the same bytes, and hangs up."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.count = 0
        self._answer = answer

    def serve(self, connection: Connection) -> None:
        self.count += 1
        connection._sock.recv(64 * 1024)
        connection._sock.sendall(self._answer)


def test_a_port_without_tls_is_told_and_asked_once() -> None:
    """https:// before a port of plain http."""
    with Raw(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n") as server:
        error = failed(f"https://127.0.0.1:{server.port}")
        assert "does not speak TLS" in str(error)
        assert "http:// " in error.hint
        assert "S3_SERVER_URL" in error.hint
        assert server.count == 1


def test_a_port_of_tls_is_told_and_asked_once() -> None:
    """http:// before a port of https, at a server that answers with an alert (RFC 8446, 6)."""
    with Raw(b"\x15\x03\x01\x00\x02\x02\x46") as server:
        error = failed(f"http://127.0.0.1:{server.port}")
        assert "does not answer in plain http" in str(error)
        assert "https:// in S3_SERVER_URL" in error.hint
        assert server.count == 1


def test_a_server_that_hangs_up_may_want_https() -> None:
    """Some close the connection without a word; that may pass, so the hint says "if"."""
    with secured() as (server, _):
        error = failed(f"http://127.0.0.1:{server.port}", max_retries=0)
    assert "hung up" in str(error)
    assert "If this port is for https" in error.hint
    assert "S3_SERVER_URL" in error.hint


def test_a_handshake_that_breaks_off_may_want_http() -> None:
    """Some servers of plain http hang up on a handshake; "SSLError" told nobody which word to change."""
    error = silence(SSLError(endpoint_url="https://s3.example.net", error=EOFError()), address())
    assert error[0].endswith("broke during the TLS handshake")
    assert "If this port is for plain http, write http:// in S3_SERVER_URL" in (error[1] or "")


def test_a_port_where_nobody_listens_is_told() -> None:
    """The server is not started, or the port is another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failed(f"http://127.0.0.1:{port}", max_retries=0)
    assert str(error) == f"{KEY}: nothing listens at http://127.0.0.1:{port} (connection refused)"
    assert "S3_SERVER_URL" in error.hint
    assert "runs" in error.hint


def address(**values: Any) -> BucketAddress:
    """A bucket's address, as `https://s3.example.net` with virtual hosts."""
    given: dict[str, Any] = {
        "label": "s3://site",
        "bucket": "site",
        "prefix": "",
        "endpoint": "https://s3.example.net",
        "addressing": "virtual",
        "region": "us-east-1",
        "from_settings": True,
        "own_keys": True,
        **values,
    }
    return BucketAddress(**given)


def unresolved(host: str, number: int = -2) -> EndpointConnectionError:
    """The client's error for a name that is not there."""
    error = EndpointConnectionError(endpoint_url=f"https://{host}/{KEY}?secret", error="x")
    error.__context__ = socket.gaierror(number, "Name or service not known")
    return error


def test_a_bucket_that_has_no_host_of_its_own_is_told() -> None:
    """Servers with few names have none for each bucket."""
    said, hint = silence(unresolved("site.s3.example.net"), address())
    assert said == "the name site.s3.example.net does not resolve"
    assert hint is not None
    assert "S3_ADDRESSING=path" in hint


def test_a_mistyped_server_is_told() -> None:
    """With the bucket in the path no addressing is at fault."""
    said, hint = silence(unresolved("s3.exmaple.net"), address(addressing="path"))
    assert said == "the name s3.exmaple.net does not resolve"
    assert hint is not None
    assert "S3_SERVER_URL" in hint
    assert "S3_ADDRESSING" not in hint


def test_a_region_that_is_none_is_told() -> None:
    """Amazon's host holds the region, so a mistyped one does not resolve."""
    at = address(endpoint="https://s3.eu-centrl-1.amazonaws.com", from_settings=False)
    _, hint = silence(unresolved("site.s3.eu-centrl-1.amazonaws.com"), at)
    assert hint is not None
    assert "S3_REGION" in hint
    assert "S3_SERVER_URL" not in hint


def test_only_a_name_that_is_not_there_is_given_up_at_once() -> None:
    """A resolver that is busy answers another time."""
    assert is_lasting(unresolved("s3.example.net"))
    assert not is_lasting(unresolved("s3.example.net", number=-3))
    assert not is_lasting(ConnectTimeoutError(endpoint_url="https://s3.example.net"))
    assert not is_lasting(None)


def test_a_proxy_that_does_not_connect_is_told_by_its_variables() -> None:
    """The store's own address may be right."""
    _, hint = silence(ProxyConnectionError(proxy_url="http://user:secret@proxy"), address())
    assert hint is not None
    assert "HTTPS_PROXY" in hint
    assert "NO_PROXY" in hint
    assert "secret" not in hint


@pytest.mark.parametrize(
    ("port", "named"), [(9001, ":9000"), (3902, ":3900"), (3903, ":3900"), (8888, ":8333")]
)
def test_the_port_of_a_console_names_that_of_s3(port: int, named: str) -> None:
    """MinIO, Garage and SeaweedFS have one port for S3 and others beside it."""
    doubt = address(endpoint=f"http://nas.local:{port}").port_doubt()
    assert f"http://nas.local{named}" in doubt


@pytest.mark.parametrize("endpoint", ["http://nas.local:9000", "https://s3.example.net"])
def test_the_port_of_s3_is_not_doubted(endpoint: str) -> None:
    """Other ports say nothing."""
    assert address(endpoint=endpoint).port_doubt() == ""


@pytest.mark.parametrize(
    ("endpoint", "right"),
    [
        ("https://s3.example.net/site", "https://s3.example.net."),
        ("https://s3.example.net/base/site", "https://s3.example.net/base."),
        ("https://site.s3.example.net", "https://s3.example.net."),
        ("https://s3.example.net/minio", "https://s3.example.net."),
    ],
)
def test_an_address_with_too_much_in_it_is_doubted(endpoint: str, right: str) -> None:
    """Providers' pages show addresses with the bucket in them, which the client adds again."""
    doubt = address(endpoint=endpoint).doubt()
    assert doubt.startswith("S3_SERVER_URL")
    assert right in doubt


def test_an_address_without_a_path_is_not_doubted() -> None:
    """Nor is Amazon's own, which nobody wrote."""
    assert address().doubt() == ""
    assert address(endpoint="https://site.s3.amazonaws.com", from_settings=False).doubt() == ""


def test_the_console_of_a_server_is_called_so() -> None:
    """The one mistake that everybody makes: the port that shows a page in the browser."""

    class Console(App):
        def answer(self, _request: Request) -> Response:
            page = b"<!doctype html><html><head><title>MinIO Console</title></head></html>"
            return Response(200, {"Content-Type": "text/html; charset=utf-8"}, page)

    with FakeServer(Console()) as server:
        error = failed(server.url)
        said = str(error)
        assert f"{server.url} does not answer as S3" in said
        assert "HTTP 200" in said
        assert "text/html" in said
        assert "console's port" in error.hint
        assert "S3_SERVER_URL" in error.hint
        assert len(server.app.log.all()) == 1
