"""What the guide to serving shows is taken by the programs that it is for, and does what the guide says."""

import http.client
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from tests.fakes.world import World
from tests.processes import ROOT, clean_environment
from tests.programs import program
from tests.web.support import Server, bearer, served

GUIDE = (ROOT / "datafetch" / "guides" / "serve.md").read_text(encoding="utf-8")
SECRET, TOKEN = "the-cron-secret-of-this-test", "the-metrics-token-of-this-test"
SETTINGS = {
    "DATAFETCH_STORE": "file:./store",
    "BOOKMARK_CRON_REFRESH_SECRET": SECRET,
    "DATAFETCH_METRICS_TOKEN": TOKEN,
}
HOST = "data.example.com"
VISITOR = "127.0.0.2"
"""Another address of this machine than that of the proxy."""


def snippet(name: str) -> str:
    """The code below a mark of the guide."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```\n", GUIDE, re.DOTALL)
    assert found is not None, name
    return found[1]


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    """A snippet with this machine's places in the place of the guide's, each of which is there."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


# ------------------------------------------------------------------- files that are read


def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` reads every line of it."""
    programs = tmp_path / "site" / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "datafetch").symlink_to("/bin/true")
    unit = tmp_path / "datafetch-serve.service"
    unit.write_text(replaced(snippet("systemd"), ("/opt/site", str(tmp_path / "site"))))
    done = subprocess.run(
        [program("systemd-analyze"), "verify", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if "datafetch" in line] == []


def test_the_unit_is_as_closed_as_those_of_the_jobs() -> None:
    """What keeps the printed units of jobs in bounds is in this one, too."""
    from datafetch.cli.schedule_systemd import _SERVICE

    bounds = _SERVICE.partition("ReadWritePaths={writable}\n")[2].splitlines()
    assert len(bounds) > 10
    assert set(bounds) <= set(snippet("systemd").splitlines())


def test_prometheus_takes_the_lines(tmp_path: Path) -> None:
    """`promtool check config` finds no fault, and the series keep their own label `job`."""
    (tmp_path / "token").write_text(TOKEN)
    text = replaced(
        snippet("prometheus"), ("/etc/prometheus/datafetch-token", str(tmp_path / "token"))
    )
    (tmp_path / "prometheus.yml").write_text(text)
    done = subprocess.run(
        [program("promtool"), "check", "config", "prometheus.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert yaml.safe_load(text)["scrape_configs"][0]["honor_labels"] is True


def test_the_container_is_described_as_compose_wants_it(tmp_path: Path) -> None:
    """Its schema takes the file, and the server of it listens where the port is published."""
    (tmp_path / "compose.yaml").write_text(snippet("compose"))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"),
            "compose.yaml",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    fetcher = yaml.safe_load(snippet("compose"))["services"]["fetcher"]
    assert fetcher["command"] == "serve --host 0.0.0.0"
    assert "CRAWLER_ALLOWED_INTERNAL_HOSTNAMES=fetcher" in GUIDE


def test_the_tunnel_ends_with_a_rule_for_all_else() -> None:
    """A list of rules whose last one is for some hosts only is refused."""
    rules = yaml.safe_load(snippet("cloudflared"))["ingress"]
    assert rules[0] == {"hostname": HOST, "service": "http://127.0.0.1:8080"}
    assert ["hostname" in rule for rule in rules] == [True, False]


# --------------------------------------------------------------------- a running server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The server of a folder without anything in it, which trusts a proxy of this machine."""
    (tmp_path / "site").mkdir()
    with served(tmp_path / "site", DATAFETCH_TRUSTED_PROXIES="127.0.0.1", **SETTINGS) as running:
        yield running


QUICK = {
    "DATAFETCH_STORE": "file:./store",
    "GITHUB_STATS_PENDING_DELAY_MS": "1",
    "LOGO_BATCH_DELAY_MS": "0",
    "S3_CDN_URL": "https://cdn.example.org",
}


def typed(lines: str, folder: Path, **variables: str) -> list[tuple[str, str]]:
    """What lines of curl ask for when a shell runs them: each path, and how it was answered."""
    lines = re.sub(
        r"^curl ",
        r"curl -sS -o answer -w '%{http_code} %{url_effective}\\n' ",
        lines,
        flags=re.MULTILINE,
    )
    done = subprocess.run(
        ["sh", "-euc", lines],
        cwd=folder,
        env=clean_environment(PATH=f"{Path(program('curl')).parent}:/usr/bin:/bin", **variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = [line.split() for line in done.stdout.splitlines()]
    return [(re.sub(r"^http://[^/]+", "", url), code) for code, url in told]


def last_run(server: Server, job: str) -> dict[str, Any]:
    """The last run of a job by `GET /api/status`, asked again at each event until there is one."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with closing(link):
        link.request("GET", "/api/events")
        with link.getresponse() as events:
            for line in iter(events.readline, b""):
                if line.startswith(b"data:"):
                    jobs = {each["job"]: each for each in server.get("/api/status").json["jobs"]}
                    if jobs[job]["lastRun"] is not None:
                        return dict(jobs[job]["lastRun"])
    raise AssertionError("the events ended")


def test_the_lines_of_curl_are_answered(tmp_path: Path) -> None:
    """Each of them, by a server whose jobs have all that they need."""
    with World(3, 1, 1) as world:
        settings = {**world.environment(), **QUICK, **SETTINGS}
        world.google.icons["example.com"] = next(iter(world.google.icons.values()))
        with served(tmp_path, **settings) as server:
            answers = typed(
                snippet("run: ask"), tmp_path, SITE=server.url, SECRET=SECRET, TOKEN=TOKEN
            )
            assert server.end() == 143
    # While the run of logos has its lock, the picture itself is sent.
    logo = answers.pop(5)
    assert logo in [("/api/logo?domain=example.com", code) for code in ("200", "301")]
    assert answers == [
        ("/api/bookmarks/refresh", "200"),
        ("/api/bookmarks/refresh", "200"),
        ("/api/github-activity/refresh", "200"),
        ("/api/logos/refresh", "200"),
        ("/api/opengraph/refresh", "200"),
        ("/api/status", "200"),
        ("/healthz", "200"),
        ("/readyz", "200"),
        ("/metrics", "200"),
    ]


def test_the_lines_of_the_readme_refresh_the_bookmarks(tmp_path: Path) -> None:
    """The run that they start does its work, and its end shows in what the second line asks for."""
    section = (ROOT / "README.md").read_text().partition("\n## Endpoints\n")[2]
    lines = section.partition("```sh\n")[2].partition("```")[0]
    with World(3, 1, 1) as world:
        settings = {**world.environment(), **QUICK, "BOOKMARK_CRON_REFRESH_SECRET": SECRET}
        with served(tmp_path, **settings) as server:
            here = replaced(lines, ("http://127.0.0.1:8080", server.url))
            answers = typed(here, tmp_path, BOOKMARK_CRON_REFRESH_SECRET=SECRET)
            run = last_run(server, "bookmarks")
    assert answers == [("/api/bookmarks/refresh", "200"), ("/api/status", "200")]
    assert (run["status"], run["exitCode"]) == ("succeeded", 0)
    assert (tmp_path / "store/json/bookmarks/index-dev.json").is_file()


def test_the_container_is_healthy_while_the_server_answers(tmp_path: Path, server: Server) -> None:
    """The line of the health check ends with 0 then, and not with 0 when nobody listens."""
    test = yaml.safe_load(snippet("compose"))["services"]["fetcher"]["healthcheck"]["test"]
    assert test[:3] == ["CMD", "python", "-c"]

    def ask() -> int:
        code = replaced(test[3], (":8080", f":{server.port}"))
        return subprocess.run(
            [sys.executable, "-c", code], env=clean_environment(), capture_output=True, check=False
        ).returncode

    assert ask() == 0
    for probe in yaml.safe_load(snippet("probes")).values():
        assert server.get(probe["httpGet"]["path"]).status == 200
    server.end()
    assert ask() != 0


@dataclass(frozen=True)
class Proxy:
    """A real proxy before the server, with a certificate of its own."""

    port: int
    trust: ssl.SSLContext


class VisitorLink(http.client.HTTPSConnection):
    """A visitor's connection to the proxy: by the guide's name, from another address of this machine."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(HOST, timeout=60)
        self._proxy = proxy

    def connect(self) -> None:
        """Connect, without asking anybody where the name leads to."""
        at = ("127.0.0.1", self._proxy.port)
        plain = socket.create_connection(at, 60, source_address=(VISITOR, 0))
        self.sock = self._proxy.trust.wrap_socket(plain, server_hostname=HOST)


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    assert isinstance(port, int)
    return port


@contextmanager
def running(command: list[str], ready: str, **variables: str) -> Iterator[None]:
    """A program, from the line on stderr that says that it listens until the end of the block."""
    with subprocess.Popen(
        command, env=clean_environment(**variables), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if ready in line:
                break
        else:
            raise AssertionError(said)
        rest = threading.Thread(target=process.stderr.read)
        rest.start()
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)
            rest.join()


def certified(folder: Path) -> tuple[Path, Path, ssl.SSLContext]:
    """A certificate with its key for the guide's host, and who trusts it."""
    authority = trustme.CA()
    issued = authority.issue_cert(HOST)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    return chain, key, trust


@contextmanager
def nginx(folder: Path, server: Server) -> Iterator[Proxy]:
    """A real nginx with the guide's lines."""
    chain, key, trust = certified(folder)
    port = free_port()
    lines = replaced(
        snippet("nginx"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("127.0.0.1:8080", f"127.0.0.1:{server.port}"),
        ("/etc/ssl/data.example.com.pem", str(chain)),
        ("/etc/ssl/data.example.com.key", str(key)),
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log stderr notice;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{own}{lines}}}\n"
    )
    command = [program("nginx"), "-c", str(folder / "nginx.conf")]
    with running(command, "start worker process "):
        yield Proxy(port, trust)


@contextmanager
def caddy(folder: Path, server: Server) -> Iterator[Proxy]:
    """A real Caddy with the guide's lines, and a certificate that it does not have to fetch."""
    chain, key, trust = certified(folder)
    port = free_port()
    lines = replaced(
        snippet("caddy"),
        ("data.example.com {", f"{HOST}:{port} {{\n    tls {chain} {key}"),
        ("127.0.0.1:8080", f"127.0.0.1:{server.port}"),
    )
    (folder / "Caddyfile").write_text(
        f"{{\nadmin off\nauto_https disable_redirects\ndefault_bind 127.0.0.1\n}}\n{lines}"
    )
    command = [program("caddy"), "run", "--config", str(folder / "Caddyfile")]
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with running(command, "serving initial configuration", **home):
        yield Proxy(port, trust)


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> Iterator[Proxy]:
    """Each of the proxies that the guide has lines for."""
    (tmp_path / "proxy").mkdir()
    with request.param(tmp_path / "proxy", server) as started:
        yield started


def test_a_proxy_tells_whose_request_it_is(proxy: Proxy, server: Server) -> None:
    """Not what the client claims, nor the proxy's own address: limits are for each client."""
    link = VisitorLink(proxy)
    headers = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "http",
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"https://{HOST}",
        "Host": HOST,
    }
    link.request("POST", "/login", "secret=wrong", headers)
    assert link.getresponse().status == 401
    assert server.await_event("login_refused")["client"] == VISITOR
    link.close()


def test_a_log_in_through_a_proxy_is_for_https_only(proxy: Proxy) -> None:
    """The cookie is for HTTPS alone, because the proxy said that it was asked so."""
    link = VisitorLink(proxy)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Host": HOST}
    link.request("POST", "/login", f"secret={SECRET}", form | {"Origin": f"https://{HOST}"})
    answer = link.getresponse()
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert answer.headers["Set-Cookie"].startswith("__Host-")
    assert "; Secure" in answer.headers["Set-Cookie"]
    link.close()


def test_events_come_through_a_proxy_at_once(proxy: Proxy) -> None:
    """The first one is here while the answer is still open: it is not held back."""
    link = VisitorLink(proxy)
    link.request("GET", "/api/events", headers=bearer(TOKEN))
    answer = link.getresponse()
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    lines = iter(answer.readline, b"")
    assert any(line.startswith(b"data:") for line in lines)
    link.close()


def test_what_is_too_large_is_refused_through_a_proxy(proxy: Proxy) -> None:
    """A body over 64 KiB is a plain refusal there too, not an error of the proxy."""
    link = VisitorLink(proxy)
    link.request("POST", "/login", b"x" * 66_000)
    assert link.getresponse().status == 413
    link.close()


def test_caddy_takes_the_lines_as_they_stand(tmp_path: Path) -> None:
    """With the name of the host as it is in the guide."""
    (tmp_path / "Caddyfile").write_text(snippet("caddy"))
    done = subprocess.run(
        [program("caddy"), "validate", "--config", str(tmp_path / "Caddyfile")],
        env=clean_environment(HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
