"""`datafetch serve` as a process: where it listens, what it shows to whom, how it ends."""

import json
import signal
import socket

import pytest
from prometheus_client.parser import text_string_to_metric_families

from datafetch.errors import DatafetchError
from datafetch.web.listen import CannotListen, listening
from datafetch.web.server import addresses
from tests.processes import datafetch
from tests.web.support import bearer, served

CLOSED = {"DATAFETCH_METRICS_TOKEN": "tok-metrics-1", "BOOKMARK_CRON_REFRESH_SECRET": "tok-cron-1"}
OPEN_TO_ALL = ("/healthz", "/readyz")
SHOWING = ("/api/status", "/metrics", "/api/events", "/")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server over an empty folder, with the token set."""
    with served(tmp_path_factory.mktemp("served"), **CLOSED) as found:
        yield found


def test_it_lives_and_its_store_answers(server):
    """What balancers and containers ask, without credentials."""
    assert (server.get("/healthz").status, server.get("/healthz").text) == (200, "ok\n")
    assert server.get("/readyz").json == {"status": "ready"}


@pytest.mark.parametrize("path", SHOWING)
def test_the_token_closes_what_shows_hosts_and_errors(server, path):
    """Whoever lacks it gets nothing of it."""
    answer = server.get(path)
    assert answer.status == 401
    assert b"json/" not in answer.body
    assert server.get(path, **bearer("tok-metrics-2")).status == 401


@pytest.mark.parametrize("path", ["/api/status", "/metrics", "/"])
@pytest.mark.parametrize("secret", ["tok-metrics-1", "tok-cron-1"])
def test_the_token_and_the_cron_secret_open_it(server, path, secret):
    """As a bearer, for programs."""
    assert server.get(path, **bearer(secret)).status == 200


def test_the_status_is_the_document_of_the_command(server, tmp_path):
    """`status --json` and the endpoint say the same of the same store."""
    asked = server.get("/api/status", **bearer("tok-metrics-1")).json
    said = json.loads(datafetch("status", "--json", cwd=tmp_path, **CLOSED).out)
    for each in (asked, said):
        del each["at"]
    assert asked.keys() == said.keys()
    assert {job["job"]: job["status"] for job in asked["jobs"]} == {
        job["job"]: job["status"] for job in said["jobs"]
    }


def test_the_metrics_are_prometheus_text(server):
    """A Prometheus reads them; the server's own requests are counted by route, not by path."""
    server.get("/nowhere-1")
    server.get("/nowhere-2")
    text = server.get("/metrics", **bearer("tok-metrics-1")).text
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["datafetch_store_up",] == 1
    assert samples["datafetch_http_requests_total", "other", "404"] >= 2
    assert not any("nowhere" in str(key) for key in samples)


@pytest.mark.parametrize("path", [*OPEN_TO_ALL, *SHOWING, "/nothing", "/api/logo"])
def test_every_answer_has_the_security_headers(server, path):
    """No script but the server's own, no guessing of types, no frames."""
    headers = server.get(path).headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers


def test_a_wrong_path_and_a_wrong_method_are_told_in_json(server):
    """Programs read them."""
    assert server.get("/nothing").json == {
        "status": "error",
        "error": "Not Found.",
        "code": "NOT_FOUND",
    }
    assert server.post("/api/status").status == 405


def test_a_host_header_leads_nowhere(server):
    """No answer repeats the host that a client has written."""
    for path in ("/", "/api/status", "/healthz/", "//evil.example"):
        answer = server.get(path, host="evil.example")
        assert b"evil.example" not in answer.body
        assert "evil.example" not in str(answer.headers)


def test_no_secret_and_no_query_is_logged(tmp_path):
    """Neither one that is right nor one that is wrong, in whichever header or query it came."""
    with served(tmp_path, **CLOSED) as server:
        server.get("/api/status?token=tok-query-1", **bearer("tok-metrics-1"))
        server.ask(
            "/api/bookmarks/refresh?secret=tok-query-2", "POST", headers=bearer("tok-wrong-1")
        )
        server.post("/api/github-activity/refresh", x_refresh_secret="tok-wrong-2")
        server.await_event("request_answered", path="/api/github-activity/refresh")
        server.end()
        log = json.dumps(server.seen)
    for secret in ("tok-metrics-1", "tok-wrong-1", "tok-wrong-2", "tok-query"):
        assert secret not in log


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it(tmp_path, number, code):
    """With the code of the signal, and nothing but its log."""
    with served(tmp_path, **CLOSED) as server:
        assert server.get("/healthz").status == 200
        assert server.end(number) == code
        server.await_event("serve_stopped")


def test_idle_connections_do_not_keep_it(tmp_path):
    """Whoever holds a connection open does not hold the server up."""
    with (
        served(tmp_path, **CLOSED) as server,
        socket.create_connection(("127.0.0.1", server.port)) as idle,
    ):
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(15) == b"HTTP/1.1 200 OK"
        assert server.end() == 143


def test_warnings_of_open_doors(tmp_path):
    """Off this machine without the token; and without the secret that refreshes."""
    with served(tmp_path, "--host", "0.0.0.0") as server:
        open_door = server.await_event("serve_open", level="warning")
        assert "set DATAFETCH_METRICS_TOKEN" in open_door["note"]
        no_secret = server.await_event("serve_without_secret", level="warning")
        assert "without BOOKMARK_CRON_REFRESH_SECRET" in no_secret["note"]
    with served(tmp_path, **CLOSED) as server:
        server.end()
        assert "serve_open" not in json.dumps(server.seen)


def test_a_secret_that_can_be_guessed_is_warned_of(tmp_path):
    """By the name of its setting; of a list each one counts."""
    secrets = {
        "BOOKMARK_CRON_REFRESH_SECRET": "0123456789abcdef,short",
        "DATAFETCH_METRICS_TOKEN": "0123456789abcdef",
        "GITHUB_REFRESH_SECRET": "fifteen-letters",
    }
    with served(tmp_path, **secrets) as server:
        told = server.await_event("serve_short_secret", level="warning")["note"]
    assert told.startswith("BOOKMARK_CRON_REFRESH_SECRET, GITHUB_REFRESH_SECRET: a secret of")
    assert "fifteen" not in told


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path):
    """With what to do, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = datafetch("serve", "--port", str(port), cwd=tmp_path)
    assert done.code == 1
    assert done.err.startswith(f"datafetch: cannot listen at 127.0.0.1, port {port}: ")
    assert "name another --port" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("host", "what"),
    [
        ("no-such-host.invalid", "there is no such host"),
        ("192.0.2.1", "no such address"),
        ("a" * 300, "there is no such host"),
    ],
)
def test_an_address_that_is_not_here_is_told(tmp_path, host, what):
    """A name that nobody knows, and an address of another machine."""
    done = datafetch("serve", "--host", host, "--port", "0", cwd=tmp_path)
    assert done.code == 1
    assert what in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("port", ["70000", "-1", "http", "8080x", "８０８０"])
def test_a_port_that_is_none_is_wrong_usage(tmp_path, port):
    """Exit 2, with what a port is."""
    done = datafetch("serve", f"--port={port}", cwd=tmp_path)
    assert done.code == 2
    assert "is not a port" in done.err


def test_settings_that_are_wrong_stop_it_before_it_listens(tmp_path):
    """All of them are named at once."""
    done = datafetch(
        "serve", cwd=tmp_path, DATAFETCH_TRUSTED_PROXIES="*", LOGO_ON_DEMAND_MAX="many"
    )
    assert done.code == 78
    assert "DATAFETCH_TRUSTED_PROXIES: should be addresses or networks" in done.err
    assert "LOGO_ON_DEMAND_MAX" in done.err


def test_a_store_that_cannot_be_written_is_refused(tmp_path):
    """Runs could store nothing there."""
    store = {"DATAFETCH_STORE": "https://cdn.example.com", "DATAFETCH_ENV": "production"}
    done = datafetch("serve", cwd=tmp_path, **store)
    assert done.code == 78
    assert "read-only" in done.err


def test_without_the_extra_it_says_what_to_install(tmp_path):
    """The base package has no web server."""
    hidden = tmp_path / "hidden" / "starlette"
    hidden.mkdir(parents=True)
    missing = "raise ModuleNotFoundError('No module named starlette', name='starlette')"
    (hidden / "__init__.py").write_text(missing)
    done = datafetch("serve", cwd=tmp_path, PYTHONPATH=str(tmp_path / "hidden"))
    assert done.code == 78
    assert done.err.startswith("datafetch: The libraries that answer requests are not installed")
    assert "pip install 'datafetch[serve]'" in done.err


def test_trusted_proxies_tell_the_client(tmp_path):
    """Of the addresses that a proxy forwards the last one that is no proxy's counts."""
    trusted = {"DATAFETCH_TRUSTED_PROXIES": "127.0.0.1 10.0.0.0/8", **CLOSED}
    with served(tmp_path, **trusted) as server:

        def asked(forwarded: str) -> int:
            return server.post("/api/bookmarks/refresh", x_forwarded_for=forwarded).status

        first = [asked("198.51.100.1, 203.0.113.7, 10.1.2.3") for _ in range(6)]
        assert first[-1] == 429
        assert asked("203.0.113.7, 203.0.113.8") != 429
    with served(tmp_path, **CLOSED) as server:
        statuses = [
            server.post("/api/bookmarks/refresh", x_forwarded_for=f"203.0.113.{n}").status
            for n in range(6)
        ]
        assert statuses[-1] == 429


def test_all_addresses_of_a_host_listen_at_one_port():
    """`localhost` is an address of each family, where the machine has both."""
    sockets = listening("localhost", 0)
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
        assert all(url.startswith("http://") for url in addresses(sockets))
    finally:
        for each in sockets:
            each.close()


def test_what_cannot_be_listened_at_is_an_error_of_ours():
    """With an exit code, and a hint."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CannotListen) as caught:
        listening("127.0.0.1", taken.getsockname()[1])
    assert isinstance(caught.value, DatafetchError)
    assert caught.value.hint
