"""Upstreams and a store on loopback, in processes of their own: they share no interpreter with what is measured.

    python -m benchmarks.servers providers|s3 LATENCY_S [DOMAINS]

A server prints the settings that lead to it as a line of JSON. For every empty line that it reads
it prints how many requests it had since the line before, by name; for a name, when each request of
that name came, in seconds. It ends with its input.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.bucket import Bucket
from benchmarks.measure import ROOT

from tests.fakes.base import Answer, App, FakeServer, Request, Response
from tests.fakes.providers import (
    DUCKDUCKGO_HOST,
    GOOGLE_HOST,
    DuckDuckGoIconsApp,
    GoogleFaviconsApp,
    Icon,
)
from tests.fakes.proxy import ForwardProxy
from tests.fakes.sites import Site, SitesApp

_SIZES = (64, 128, 180, 256)
_AT_SITE_EVERY, _AT_DDG_EVERY = 20, 10

Counts = Callable[[], dict[str, int]]
Times = Callable[[str], list[float]]


def domain(number: int) -> str:
    """The name of a domain."""
    return f"site{number:05d}.com"


class Server:
    """The other end: a server that was started, and what it says."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.environment: dict[str, str] = self._line()

    def counts(self) -> dict[str, int]:
        """Requests since the last call, by name."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        counts: dict[str, int] = self._line()
        return counts

    def times(self, name: str) -> list[float]:
        """When each request of that name came, in seconds, since the server began."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        times: list[float] = self._line()
        return times

    def _line(self) -> "dict[str, str] | dict[str, int] | object":
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def started(kind: str, latency_s: float = 0, domains: int = 0) -> Iterator[Server]:
    """A server while the block runs; see above."""
    command = [sys.executable, "-m", "benchmarks.servers", kind, str(latency_s), str(domains)]
    path = os.pathsep.join([str(ROOT), str(ROOT / "scripts")])
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
    )
    with process:
        yield Server(process)
        assert process.stdin is not None
        process.stdin.close()


def main() -> None:
    """Serve until the input ends."""
    kind, latency_s, domains = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    with ExitStack() as stack:
        make = _s3 if kind == "s3" else _providers
        environment, counts, times = make(stack, latency_s, domains)
        print(json.dumps(environment), flush=True)
        for line in sys.stdin:
            name = line.strip()
            print(json.dumps(times(name) if name else counts()), flush=True)


def _s3(stack: ExitStack, latency_s: float, _: int) -> tuple[dict[str, str], Counts, Times]:
    app = Bucket()
    times = _watched({"s3": app}, latency_s)
    server = stack.enter_context(FakeServer(app))

    def counts() -> dict[str, int]:
        found = Counter(request.method for request in app.log.all())
        app.log.clear()
        return dict(found)

    return app.environment(server.url), counts, times


def _providers(
    stack: ExitStack, latency_s: float, domains: int
) -> tuple[dict[str, str], Counts, Times]:
    """With latency all logos are at Google; without, some are at DuckDuckGo or at the sites only."""
    google, ddg = GoogleFaviconsApp(), DuckDuckGoIconsApp()
    sites = SitesApp(())
    for number in range(domains):
        icon = Icon(_SIZES[number % len(_SIZES)])
        if not latency_s and number % _AT_SITE_EVERY == 0:
            own = {"/apple-touch-icon.png": icon}
            sites.sites[domain(number)] = Site(domain(number), icons=own)
        else:
            at = ddg if not latency_s and number % _AT_DDG_EVERY == 1 else google
            at.icons[domain(number)] = icon
    apps: dict[str, App] = {GOOGLE_HOST: google, DUCKDUCKGO_HOST: ddg}
    named: dict[str, App] = {"google": google, "ddg": ddg, "sites": sites}
    times = _watched(named, latency_s)
    proxy = ForwardProxy(lambda host: apps.get(host) or (sites if sites.knows(host) else None))
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    environment = {
        "HTTPS_PROXY": stack.enter_context(proxy).url,
        "NO_PROXY": "127.0.0.1",
        "SSL_CERT_FILE": str(proxy.write_bundle(Path(folder))),
    }

    def counts() -> dict[str, int]:
        asked = {name: app.log.count() for name, app in named.items()}
        for app in named.values():
            app.log.clear()
        return asked

    return environment, counts, times


def _watched(apps: Mapping[str, App], latency_s: float) -> Times:
    """Have each app note when it is asked, and answer late; what they have noted."""
    noted: dict[str, list[float]] = {name: [] for name in apps}
    start = time.monotonic()

    def watch(app: App, times: list[float]) -> None:
        def answered(request: Request, answer: Answer) -> Response:
            times.append(time.monotonic() - start)
            if latency_s:
                time.sleep(latency_s)
            return answer(request)

        app.inject(answered)

    for name, app in apps.items():
        watch(app, noted[name])
    return lambda name: noted[name]


if __name__ == "__main__":
    main()
