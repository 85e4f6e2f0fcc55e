"""Logo runs: memory by number of domains, time against latency, requests of an unchanged run."""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.measure import ROOT, Figure, Timing, timed
from benchmarks.servers import Server, domain, started

from datafetch.store.base import ObjectStore, encode_json
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from datafetch.store.s3 import S3Store
from tests.fakes.providers import GOOGLE_HOST

_FEW, _MANY = 100, 10_000
_LOGOS, _LATENCY_S, _WIDTH = 1000, 0.04, 32
_ROUNDS = 3
_KEYS = Keys("-dev")
_UNPACED = {"LOGO_BATCH_SIZE": "1000", "LOGO_BATCH_DELAY_MS": "0", "DATAFETCH_ENV": "development"}


def logos(_: argparse.Namespace) -> Iterator[Figure]:
    """Memory into a folder and into a bucket, then what latency costs."""
    yield from _memory("folder")
    yield from _memory("bucket")
    yield from _latency()


def _memory(kind: str) -> Iterator[Figure]:
    peaks: dict[str, dict[int, list[Timing]]] = {"first run": {}, "unchanged run": {}}
    # Which threads meet at which moment moves a single peak by some megabytes.
    for count in (_FEW, _FEW, _FEW, _MANY):
        with (
            started("providers", domains=count) as providers,
            started("s3") as s3,
            tempfile.TemporaryDirectory() as folder,
        ):
            settings = providers.environment | _UNPACED
            if kind == "bucket":
                settings |= s3.environment
                seed(_bucket(s3), count)
            else:
                settings |= {"DATAFETCH_STORE": f"file:{folder}/store"}
                seed(LocalStore(Path(folder, "store")), count)
            for taken in peaks.values():
                taken.setdefault(count, []).append(timed(["logos"], folder, settings))
    for name, taken in peaks.items():
        few = median(one.peak_mib for one in taken[_FEW])
        (many,) = taken[_MANY]
        yield Figure(
            f"{kind}, {name}: peak of {_FEW}, of {_MANY} domains",
            f"{few:.1f} {many.peak_mib:.1f} MiB",
            f"{many.peak_mib / few - 1:+.1%} (≤ 10 %)  ({many.wall_s:.1f} s)",
        )


def _latency() -> Iterator[Figure]:
    """Whole processes against what the round trips alone take, reckoned and measured; the middle of three."""
    ideal = _LOGOS * 2 * _LATENCY_S / _WIDTH
    rounds = [_first_and_unchanged() for _ in range(_ROUNDS)]
    first = sorted((one.first for one in rounds), key=lambda took: took.wall_s)
    middle = first[len(first) // 2]
    net = median((one.first.wall_s - one.idle.wall_s) / ideal for one in rounds)
    bare = median(one.bare_s for one in rounds)
    beside = median(one.first.wall_s / one.bare_s for one in rounds)
    yield Figure(
        f"{_LOGOS} logos at {_LATENCY_S * 1000:.0f} ms, {_WIDTH} at once: wall (from, to), CPU",
        f"{middle.wall_s:.2f} s ({first[0].wall_s:.2f}, {first[-1].wall_s:.2f}) {middle.cpu_s:.2f} s",
        f"{middle.wall_s / ideal:.2f}x of {ideal:.1f} s (≤ 1.5x), {net:.2f}x over a run for one",
    )
    yield Figure(
        "the same requests by bare threads, just before: wall",
        f"{bare:.2f} s",
        f"the run took {beside:.2f}x of it (≤ 1.5x)",
    )
    for case, asked, aim in (
        ("first run", rounds[-1].asked_first, ""),
        ("unchanged run", rounds[-1].asked_again, "0, ≤ 16"),
    ):
        yield Figure(f"{case}: requests upstream, to the store", f"{asked[0]} {asked[1]}", aim)


@dataclass(frozen=True)
class _Round:
    """What one round of runs took and asked for, upstream and of the store.

    Attributes:
        idle: a run for one logo.
        bare_s: seconds of the requests alone, see `benchmarks.bare`.
        first: a run for all the others.
    """

    idle: Timing
    bare_s: float
    first: Timing
    asked_first: tuple[int, int]
    asked_again: tuple[int, int]


def _first_and_unchanged() -> _Round:
    with (
        started("providers", _LATENCY_S, _LOGOS) as providers,
        started("s3", _LATENCY_S) as s3,
        tempfile.TemporaryDirectory() as folder,
    ):

        def asked() -> tuple[int, int]:
            return sum(providers.counts().values()), sum(s3.counts().values())

        settings = providers.environment | s3.environment | _UNPACED
        settings["DATAFETCH_CONCURRENCY"] = str(_WIDTH)
        seed(_bucket(s3), 1)
        idle = timed(["logos"], folder, settings)
        seed(_bucket(s3), _LOGOS)
        bare_s = _bare_s(settings)
        asked()
        first = timed(["logos"], folder, settings)
        asked_first = asked()
        timed(["logos"], folder, settings)
        return _Round(idle, bare_s, first, asked_first, asked())


def _bare_s(settings: dict[str, str]) -> float:
    targets = "".join(f"/s2/favicons?domain={domain(at)}&sz=256\n" for at in range(_LOGOS))
    command = [sys.executable, "-m", "benchmarks.bare", GOOGLE_HOST, str(_WIDTH)]
    variables = {**os.environ, **settings, "PYTHONPATH": str(ROOT / "scripts")}
    start = time.perf_counter()
    subprocess.run(command, input=targets, text=True, env=variables, check=True)
    return time.perf_counter() - start


def _bucket(s3: Server) -> ObjectStore:
    settings = s3.environment
    return S3Store(
        settings["S3_BUCKET"],
        endpoint=settings["S3_SERVER_URL"],
        access_key=settings["S3_ACCESS_KEY_ID"],
        secret_key=settings["S3_SECRET_ACCESS_KEY"],
    )


def seed(store: ObjectStore, count: int) -> None:
    """Bookmarks of so many domains, as a sync leaves them: list, mapping and index."""
    urls = [f"https://{domain(number)}/a/page/of/some/length" for number in range(count)]
    checksum = hashlib.sha256(str(count).encode()).hexdigest()
    slugs = {
        f"b{number:023d}": {
            "id": f"b{number:023d}",
            "slug": f"{domain(number).replace('.', '-')}-a-page-of-some-length",
            "url": url,
            "title": f"A title as long as titles are, number {number}",
        }
        for number, url in enumerate(urls)
    }
    mapping = {
        "version": "1.0.0",
        "generated": "2026-11-24T08:00:00.000Z",
        "count": count,
        "checksum": checksum,
        "slugs": slugs,
        "reverseMap": {entry["slug"]: entry["id"] for entry in slugs.values()},
    }
    items = [{**entry, "summary": "words " * 200} for entry in slugs.values()]
    store.put(_KEYS.bookmarks(), encode_json(items))
    store.put(_KEYS.slug_mapping(), encode_json(mapping))
    store.put(_KEYS.bookmarks_index(), json.dumps({"count": count, "checksum": checksum}).encode())
