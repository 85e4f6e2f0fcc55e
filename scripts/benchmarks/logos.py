"""Logo runs: memory by number of domains, time against latency, requests of an unchanged run."""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.measure import Figure, Timing, timed
from benchmarks.servers import Server, domain, started

from datafetch.store.base import ObjectStore, encode_json
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from datafetch.store.s3 import S3Store

_FEW, _MANY = 100, 10_000
_LOGOS, _LATENCY_S, _WIDTH = 1000, 0.04, 32
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
                _seed(_bucket(s3), count)
            else:
                settings |= {"DATAFETCH_STORE": f"file:{folder}/store"}
                _seed(LocalStore(Path(folder, "store")), count)
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
    ideal = _LOGOS * 2 * _LATENCY_S / _WIDTH
    with (
        started("providers", _LATENCY_S, _LOGOS) as providers,
        started("s3", _LATENCY_S) as s3,
        tempfile.TemporaryDirectory() as folder,
    ):
        settings = providers.environment | s3.environment | _UNPACED
        settings["DATAFETCH_CONCURRENCY"] = str(_WIDTH)
        _seed(_bucket(s3), 1)
        idle = timed(["logos"], folder, settings)
        _seed(_bucket(s3), _LOGOS)
        for server in (providers, s3):
            server.counts()
        for case in ("first run", "unchanged run"):
            took = timed(["logos"], folder, settings)
            upstream, store = (sum(server.counts().values()) for server in (providers, s3))
            if case == "first run":
                net = (took.wall_s - idle.wall_s) / ideal
                yield Figure(
                    f"{_LOGOS} logos at {_LATENCY_S * 1000:.0f} ms, {_WIDTH} at once: wall, CPU",
                    f"{took.wall_s:.2f} s {took.cpu_s:.2f} s",
                    f"{took.wall_s / ideal:.2f}x of {ideal:.1f} s (≤ 1.5x), {net:.2f}x over a run for one",
                )
            aim = "0, ≤ 16" if case == "unchanged run" else ""
            yield Figure(f"{case}: requests upstream, to the store", f"{upstream} {store}", aim)


def _bucket(s3: Server) -> ObjectStore:
    settings = s3.environment
    return S3Store(
        settings["S3_BUCKET"],
        endpoint=settings["S3_SERVER_URL"],
        access_key=settings["S3_ACCESS_KEY_ID"],
        secret_key=settings["S3_SECRET_ACCESS_KEY"],
    )


def _seed(store: ObjectStore, count: int) -> None:
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
