"""`run-due` when nothing is due, beside the start of the program alone."""

import argparse
import tempfile
from collections.abc import Iterator
from statistics import median

from benchmarks.measure import Figure, timed
from benchmarks.servers import started

_TIMES = 9


def run_due(_: argparse.Namespace) -> Iterator[Figure]:
    """Into a folder and into a bucket; each beside `datafetch --version`, run in turn with it."""
    with tempfile.TemporaryDirectory() as folder, started("s3") as server:
        stores = {
            "folder": {"DATAFETCH_STORE": f"file:{folder}/store"},
            "bucket": {**server.environment, "DATAFETCH_ENV": "test"},
        }
        for name, store in stores.items():
            environment = {**store, **_all_jobs()}
            for job in ("bookmarks", "github", "logos"):
                timed(["pause", job], folder, environment)
            bare, due = [], []
            for _time in range(_TIMES):
                bare.append(timed(["--version"], folder, environment))
                due.append(timed(["run-due"], folder, environment))
            wall = median(took.wall_s for took in due), median(took.wall_s for took in bare)
            cpu = median(took.cpu_s for took in due), median(took.cpu_s for took in bare)
            yield Figure(
                f"{name}: run-due, nothing due: wall, CPU",
                f"{wall[0]:.2f} s {cpu[0]:.2f} s",
                f"--version {wall[1]:.2f} s {cpu[1]:.2f} s",
            )
            yield Figure(
                f"{name}: run-due against --version: wall, CPU",
                f"{wall[0] / wall[1]:.1f}x {cpu[0] / cpu[1]:.1f}x",
                "wall < 5x",
            )


def _all_jobs() -> dict[str, str]:
    """Settings with which every job is configured; nobody is asked."""
    return {
        "BOOKMARKS_API_URL": "http://127.0.0.1:9",
        "BOOKMARKS_LIST_ID": "list",
        "BOOKMARK_BEARER_TOKEN": "token-token",
        "GITHUB_TOKEN": "token-token",
        "GITHUB_REPO_OWNER": "somebody",
    }
