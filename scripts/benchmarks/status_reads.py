"""A server that is asked how the jobs are 200 times a second while a job runs, and then by hostile clients."""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from benchmarks.measure import Figure
from benchmarks.servers import domain, started
from benchmarks.serving import Serving, serving

_A_SECOND, _SECONDS, _CONNECTIONS = 200, 30, 20
_DOMAINS = 4000
_SECRET = "secret-of-the-benchmark"  # noqa: S105 - of a server that lives for a minute
_CROWD = 1000


def status_reads(_: argparse.Namespace) -> Iterator[Figure]:
    """Reads at a fixed pace beside a run of the logo job, then floods; each with what it left behind."""
    with (
        started("providers", 0.02, _DOMAINS) as providers,
        tempfile.TemporaryDirectory() as folder,
    ):
        names = Path(folder) / "domains.txt"
        names.write_text("\n".join(domain(number) for number in range(_DOMAINS)), encoding="ascii")
        environment = {
            **providers.environment,
            "S3_CDN_URL": "https://cdn.example.com",
            "LOGO_DOMAIN_FILES": str(names),
            "LOGO_BATCH_SIZE": "100",
            "BOOKMARK_CRON_REFRESH_SECRET": _SECRET,
        }
        with serving(folder, environment) as server:
            asyncio.run(_asked(server, _post("/api/logos/refresh", _SECRET)))
            yield from _paced(server)
            yield from _floods(server)


def _paced(server: Serving) -> Iterator[Figure]:
    asyncio.run(_reads(server, 2))
    before = server.memory_mib(), server.open_files(), server.threads()
    took, statuses = asyncio.run(_reads(server, _SECONDS))
    after = server.memory_mib(), server.open_files(), server.threads()
    run = asyncio.run(_asked(server, _get("/api/status")))[1]
    times = quantiles(took, n=100)
    yield Figure(
        f"{_A_SECOND} reads a second for {_SECONDS} s while a job runs: median, 99 %",
        f"{median(took) * 1000:.1f} ms {times[98] * 1000:.1f} ms",
        f"all answered 200: {dict(statuses)}; job under way at the end: {b'runningSince' in run}",
    )
    yield Figure(
        "  memory, files, threads: before and after",
        f"{before[0]:.0f} → {after[0]:.0f} MiB",
        f"{before[1]} → {after[1]} files, {before[2]} → {after[2]} threads",
    )


def _floods(server: Serving) -> Iterator[Figure]:
    flood = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 90) for number in range(2000))
    large = b"Content-Length: 9999999\r\n"
    before = server.memory_mib()
    for name, request in (
        ("wrong secrets", _post("/api/logos/refresh", "wrong")),
        ("bodies that are too large", _post("/api/bookmarks/refresh", _SECRET, large)),
        ("floods of headers", _get("/healthz", flood)),
        ("event streams that stay idle", _get("/api/events")),
    ):
        began = time.perf_counter()
        statuses = asyncio.run(_crowd(server, request))
        took_s = time.perf_counter() - began
        beside, _ = asyncio.run(_asked(server, _get("/api/status")))
        yield Figure(
            f"{_CROWD} {name} at once",
            f"{took_s:.1f} s",
            f"{dict(statuses)}; then a read of the status: {beside}",
        )
    yield Figure(
        "  memory: before and after the floods",
        f"{before:.0f} → {server.memory_mib():.0f} MiB",
        f"{server.open_files()} files, {server.threads()} threads",
    )


def _get(path: str, more: bytes = b"") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n".encode() + more + b"\r\n"


def _post(path: str, secret: str, more: bytes = b"Content-Length: 0\r\n") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n"
    return head.encode() + more + b"\r\n"


async def _reads(server: Serving, seconds: int) -> tuple[list[float], Counter[int]]:
    """Seconds of each read, and how often there was which status; the pace is kept whatever comes."""
    took: list[float] = []
    statuses: Counter[int] = Counter()
    began = time.perf_counter()

    async def reader(first: int) -> None:
        streams = await asyncio.open_connection("127.0.0.1", server.port)
        for number in range(first, _A_SECOND * seconds, _CONNECTIONS):
            due = began + number / _A_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            status, _ = await _exchanged(*streams, _get("/api/status"))
            took.append(time.perf_counter() - due)
            statuses[status] += 1
        streams[1].close()

    await asyncio.gather(*(reader(first) for first in range(_CONNECTIONS)))
    return took, statuses


async def _asked(server: Serving, request: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        return await _exchanged(reader, writer, request)
    finally:
        writer.close()


async def _crowd(server: Serving, request: bytes) -> Counter[str]:
    """How 1,000 connections are answered that stay open until all have an answer."""
    open_ones: list[asyncio.StreamWriter] = []

    async def one() -> str:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            open_ones.append(writer)
            writer.write(request)
            await writer.drain()
            line = await reader.readline()
        except OSError as error:
            return type(error).__name__
        return line.decode().split()[1] if line else "closed"

    found = Counter(await asyncio.gather(*(one() for _ in range(_CROWD))))
    for writer in open_ones:
        writer.close()
    return found


async def _exchanged(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bytes]:
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next(line for line in lines if line.startswith("content-length:"))
    body = await reader.readexactly(int(length.partition(":")[2]))
    return int(lines[0].split()[1]), body
