"""`GET /api/logo` of a server: the time of a hit in memory, and the fetches that a crowd causes."""

import argparse
import asyncio
import http.client
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from statistics import median, quantiles

from benchmarks.measure import Figure
from benchmarks.servers import domain, started
from benchmarks.serving import serving

_HITS, _CROWD = 5000, 1000
_KNOWN, _UNKNOWN = domain(2), domain(3)  # both at the first service

_CDN = {"S3_CDN_URL": "https://cdn.example.com"}


def logo_requests(_: argparse.Namespace) -> Iterator[Figure]:
    """One connection asks for a known logo again and again, and 1,000 ask for an unknown one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * _CROWD)), hard))
    with (
        started("providers", domains=4) as providers,
        tempfile.TemporaryDirectory() as folder,
        serving(folder, {**providers.environment, **_CDN}) as server,
    ):
        yield _of_hits("redirects", server.port)
        providers.counts()
        began = time.perf_counter()
        answers = asyncio.run(_crowd(server.port))
        took_s = time.perf_counter() - began
        asked = providers.counts()
        yield Figure(
            f"{_CROWD} connections at once for one unknown logo: wall, requests",
            f"{took_s:.2f} s {sum(asked.values())}",
            f"1 request to a provider; answers {dict(answers)}",
        )
    with (
        started("providers", domains=4) as providers,
        tempfile.TemporaryDirectory() as folder,
        serving(folder, providers.environment) as server,
    ):
        yield _of_hits("pictures", server.port)


def _of_hits(kind: str, port: int) -> Figure:
    times, statuses = _hits(port)
    ends = quantiles(times, n=100)
    return Figure(
        f"{_HITS} hits in memory ({kind}), one connection: median, 99 %",
        f"{median(times) * 1000:.2f} ms {ends[98] * 1000:.2f} ms",
        f"median < 2 ms; answers {dict(statuses)}",
    )


def _hits(port: int) -> tuple[list[float], Counter[int]]:
    """Seconds of each request after the first, and how often there was which status."""
    times, statuses = [], Counter[int]()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(_HITS + 1):
        began = time.perf_counter()
        connection.request("GET", f"/api/logo?domain={_KNOWN}")
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - began)
        statuses[answer.status] += 1
    connection.close()
    return times[1:], statuses


async def _crowd(port: int) -> Counter[str]:
    """How often there was which status."""

    async def visit() -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /api/logo?domain={_UNKNOWN} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await writer.drain()
        line = await reader.readline()
        writer.close()
        return line.decode().split()[1]

    return Counter(await asyncio.gather(*(visit() for _ in range(_CROWD))))
