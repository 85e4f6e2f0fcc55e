"""A build on a store that others write to: what the tests of prefetch share."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from datafetch.build.job import Prefetch
from datafetch.build.request import PrefetchRequest
from datafetch.github.model import Day, Week
from datafetch.github.rules.published import activity, summary, to_json, weekly_activity
from datafetch.github.rules.stats import RepositoryWeeks, sum_lines
from datafetch.logs import bound_logger
from datafetch.runtime.engine import Engine
from datafetch.store.base import ObjectStore, encode_json
from datafetch.store.keys import Keys
from datafetch.store.public_urls import PublicUrls
from tests.stores import Call, Fault, FaultyStore
from tests.support import FakeClock

KEYS = Keys("-test")
CDN = "https://cdn.example.com"
Files = dict[str, tuple[bytes, int, int]]


@dataclass
class Build:
    """Builds into one folder, from a store that is watched."""

    output: Path
    store: ObjectStore
    clock: FakeClock = field(default_factory=FakeClock)
    keys: Keys = KEYS
    calls: list[Call] = field(default_factory=list)

    def prefetch(
        self,
        *,
        fault: Fault | None = None,
        before: Callable[[Call], None] | None = None,
        full: bool = True,
        max_age_s: float | None = None,
        cdn: str | None = CDN,
        width: int = 1,
        mirror: bool = False,
        dry_run: bool = False,
        after_jobs: bool = False,
    ) -> Prefetch:
        """A prefetch whose requests are written down in `calls`."""
        store = FaultyStore(self.store, fault, before=before)
        self.calls = store.calls
        return Prefetch(
            store,
            self.keys,
            self.clock,
            bound_logger(job="prefetch"),
            PrefetchRequest(
                self.output,
                full=full,
                max_age_s=max_age_s,
                mirror=mirror,
                dry_run=dry_run,
                after_jobs=after_jobs,
            ),
            engine=Engine(width),
            urls=PublicUrls(cdn, store.url),
            max_output_mb=20_000,
        )

    def files(self) -> Files:
        """Content, inode and time of every file, leftovers included."""
        found: Files = {}
        for path in sorted(self.output.rglob("*")):
            if path.is_file():
                status = path.stat()
                name = str(path.relative_to(self.output))
                found[name] = (path.read_bytes(), status.st_ino, status.st_mtime_ns)
        return found

    def contents(self) -> dict[str, bytes]:
        """What stands in the files."""
        return {name: body for name, (body, _, _) in self.files().items()}

    def json(self, name: str) -> Any:
        """A file's content."""
        return json.loads((self.output / name).read_bytes())

    def change(self, key: str, edit: Callable[[Any], Any]) -> None:
        """Edit a stored JSON object in place, or replace it by what `edit` returns."""
        value = json.loads(self.store.get(key).body)
        result = edit(value)
        self.store.put(key, json.dumps(value if result is None else result).encode())


def once(key: str, action: Callable[[], Any], *, method: str = "get") -> Callable[[Call], None]:
    """Does something just before an object is read for the first time."""
    left = [action]

    def before(call: Call) -> None:
        if call == Call(method, key) and left:
            left.pop()()

    return before


def at(number: int, what: str) -> Fault:
    """Misbehaves at the n-th request."""
    return lambda _, count: what if count == number else None


FIRST = date(2025, 11, 25)


def github_objects(contributions: int = 3, added: int = 100) -> dict[str, bytes]:
    """The GitHub aggregates of a small developer, as the job stores them; the activity last."""
    days = [Day(FIRST + timedelta(days=n), contributions, 1) for n in range(30)]
    weeks = (Week(1_790_467_200, added, 10, 2), Week(1_791_072_000, 7, 1, 1))
    repositories = [RepositoryWeeks("octo-dev/web-app", weeks), RepositoryWeeks("octo-dev/x", ())]
    lines = sum_lines(repositories, None)
    count = contributions * len(days)

    def summed(total: int) -> bytes:
        updated = "11/24/2026, 12:00:05 AM PST"
        return encode_json(to_json(summary(lines, contributions=total, updated=updated)))

    return {
        KEYS.github_summary(): summed(count),
        KEYS.github_summary_all_time(): summed(count + 500),
        KEYS.github_weekly(): encode_json(to_json(weekly_activity(repositories))),
        KEYS.github_activity(): encode_json(
            to_json(
                activity(days, trailing=lines, all_time=lines, all_time_contributions=count + 500)
            )
        ),
    }


def put_all(store: ObjectStore, objects: dict[str, bytes]) -> None:
    """Write objects one after the other."""
    for key, body in objects.items():
        store.put(key, body)


def picture(number: int) -> bytes:
    """Bytes that stand for a picture."""
    return f"picture {number}".encode() * 20


def logo_entry(key: str, body: bytes) -> dict[str, Any]:
    """A logo's entry in the manifest."""
    digest = hashlib.sha256(body).hexdigest()
    return {
        "cdnUrl": f"{CDN}/{key}?v={digest[:8]}",
        "key": key,
        "originalSource": "google",
        "contentType": "image/png",
        "bytes": len(body),
        "width": 64,
        "height": 64,
        "sha256": digest,
        "fetchedAt": 1_795_507_200_000,
    }


def logo_key(number: int) -> str:
    """Where the logo of a domain is."""
    return KEYS.logo(f"site{number}.example.com", "google", "png")


def put_logos(build: Build, count: int) -> None:
    """Pictures, then the manifest."""
    manifest = {}
    for number in range(count):
        build.store.put(logo_key(number), picture(number), content_type="image/png")
        entry = logo_entry(logo_key(number), picture(number))
        manifest[f"site{number}.example.com"] = entry
    build.store.put(KEYS.logo_manifest(), json.dumps(manifest).encode())
