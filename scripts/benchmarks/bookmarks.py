"""Bookmark runs: requests at 10,000 items, time and memory by list length."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure, Timing, timed

from tests.fakes import karakeep
from tests.fakes.base import FakeServer
from tests.fakes.s3 import S3Fake
from tests.fakes.world_data import make_bookmarks, make_hosts

_COUNTED = 10_000


def bookmarks(options: argparse.Namespace) -> Iterator[Figure]:
    """Requests at 10,000 items against S3; time and memory by list length into a folder."""
    yield from _counted()
    sizes = [int(size) for size in options.sizes.split(",")]
    idle = _idle_run()
    per_item: dict[str, list[float]] = {}
    for size in sizes:
        with _server(size) as (_, variables), tempfile.TemporaryDirectory() as folder:
            settings = variables | {"DATAFETCH_STORE": f"file:{folder}/store"}
            first = timed(["bookmarks"], folder, settings)
            full = timed(["bookmarks", "--force"], folder, settings)
            unchanged = timed(["bookmarks"], folder, settings)
            data = Path(folder, "store/json/bookmarks/bookmarks-dev.json").stat().st_size / 2**20
            for name, took in (("first", first), ("full", full)):
                net_cpu = f"CPU over idle per item, {name} sync"
                per_item.setdefault(f"time per item, {name} sync", []).append(took.wall_s / size)
                per_item.setdefault(net_cpu, []).append((took.cpu_s - idle.cpu_s) / size)
                yield Figure(
                    f"{size} items, {name} sync: wall, CPU, peak over idle",
                    f"{took.wall_s:.1f} s {took.cpu_s:.1f} s {took.peak_mib - idle.peak_mib:.0f} MiB",
                    f"dataset {data:.1f} MiB: {(took.peak_mib - idle.peak_mib) / data:.1f}x (≤ 6x)",
                )
            yield Figure(f"{size} items, unchanged run: wall", f"{unchanged.wall_s:.2f} s")
    for name, values in per_item.items():
        yield Figure(
            f"{name}: {sizes[-1]} against {sizes[0]} items",
            f"{values[-1] / values[0]:.2f}x",
            "≤ 1.3x" if name.startswith("time") else "",
        )


def _idle_run() -> Timing:
    """A run that has next to nothing to do: what the process costs by itself."""
    with _server(30) as (_, variables), tempfile.TemporaryDirectory() as folder:
        settings = variables | {"DATAFETCH_STORE": f"file:{folder}/store"}
        timed(["bookmarks"], folder, settings)
        return timed(["bookmarks"], folder, settings)


def _counted() -> Iterator[Figure]:
    """Requests of an unchanged run and of one new bookmark."""
    with _server(_COUNTED) as (app, variables), S3Fake("bench") as s3:
        settings = variables | s3.environment | {"DATAFETCH_ENV": "production"}
        with tempfile.TemporaryDirectory() as folder:
            for case, aim in (
                ("first sync", ""),
                ("unchanged", "≤ 2 API, ≤ 16 store"),
                ("unchanged again", "≤ 2 API, ≤ 16 store"),
                ("one new on top", "≤ 2 API, only what changed"),
            ):
                if case == "one new on top":
                    now = datetime.now(UTC)
                    app.add(karakeep.link("brandnew", "https://new.example.org/a", now))
                app.log.clear()
                s3.app.count_from_here()
                took = timed(["bookmarks"], folder, settings)
                counts = s3.counts()
                detail = " ".join(f"{name} {count}" for name, count in sorted(counts.items()))
                yield Figure(
                    f"{_COUNTED} items, {case}: requests",
                    f"{app.log.count()} API, {sum(counts.values())} store",
                    f"{aim}  ({detail}; {took.wall_s:.1f} s)",
                )


@contextmanager
def _server(size: int) -> Iterator[tuple[Any, dict[str, str]]]:
    """A bookmark server with a list of that length, and the settings that lead to it."""
    app = karakeep.KarakeepApp(make_bookmarks(size, make_hosts(300, 1), 1))
    with FakeServer(app) as server:
        yield (
            app,
            {
                "BOOKMARKS_API_URL": server.url,
                "BOOKMARKS_LIST_ID": karakeep.LIST_ID,
                "BOOKMARK_BEARER_TOKEN": karakeep.TOKEN,
            },
        )
