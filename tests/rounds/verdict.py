"""What is wrong with a store after a round, and its healing, in sentences; nothing when all is well."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.readers import Site, refusals
from tests.rounds.looks import LOCKS, Looks, tags_by_id

STATE = "json/datafetch/"
MASTER = "json/bookmarks/bookmarks-test.json"
MAPPING = "json/bookmarks/slug-mapping-test.json"
JOBS = ("bookmarks", "github", "logos", "opengraph")
GOOD = ("succeeded", "unchanged", "partial")
KILLED = "ended without notice"

Objects = Mapping[str, bytes]


@dataclass
class Promises:
    """What a store has said so far and must never take back.

    Attributes:
        slugs: of each bookmark that ever had one.
        tokens: the fencing token of each job's lock.
        unlinked: bookmarks that are not published, because they have no web address.
    """

    slugs: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    unlinked: frozenset[str] = frozenset()

    def broken(self, objects: Objects) -> Iterator[str]:
        """What was taken back; what is new is a promise from now on."""
        taken = {slug: key for key, slug in self.slugs.items()}
        for key, entry in _json(objects, MAPPING)["slugs"].items():
            slug = entry["slug"]
            if self.slugs.setdefault(key, slug) != slug:
                yield f"the slug of {key} was {self.slugs[key]} and is {slug}"
            if taken.setdefault(slug, key) != key:
                yield f"the slug {slug} of {taken[slug]} was given to {key}"
        for job in JOBS:
            token = _json(objects, f"{LOCKS}{job}-test.json")["token"]
            if token < self.tokens.get(job, 0):
                yield f"the token of {job} fell from {self.tokens[job]} to {token}"
            self.tokens[job] = token


@dataclass(frozen=True)
class Told:
    """What is known of the runs of a round, healing included.

    Attributes:
        begun: ids of the runs that had their lease, by the log, with their jobs.
        results: what the runs printed.
        left: ids of the runs that the jobs' states called running before the healing, by job.
        own: ids of the runs that were in the history before the healing: in their own words.
    """

    begun: Mapping[str, str]
    results: Sequence[Mapping[str, Any]]
    left: Mapping[str, str]
    own: frozenset[str] = frozenset()


def states(objects: Objects) -> dict[str, Mapping[str, Any]]:
    """The state of each job that has one."""
    keys = {job: f"{STATE}jobs/{job}-test.json" for job in JOBS}
    return {job: json.loads(objects[key]) for job, key in keys.items() if key in objects}


def running(objects: Objects) -> dict[str, str]:
    """The runs that the jobs' states call running, by job."""
    return {
        job: state["id"] for job, state in states(objects).items() if state["status"] == "running"
    }


def recorded(objects: Objects) -> frozenset[str]:
    """The ids of the runs in the history of any job."""
    keys = [key for key in objects if key.startswith(f"{STATE}history/")]
    return frozenset(run["runId"] for key in keys for run in _json(objects, key))


def wrong(
    before: Objects, after: Objects, *, looks: Looks, published: Sequence[str], told: Told
) -> Iterator[str]:
    """What is wrong after a round that was healed.

    Args:
        before: what was stored before the round.
        after: what is stored now.
        looks: what readers saw in between.
        published: ids of the bookmarks that the server has and that have a web address, in its
            order.
        told: what the runs said.
    """
    yield from looks.faults
    yield from looks.lacking(tags_by_id(before.get(MASTER)), tags_by_id(after.get(MASTER)))
    yield from refusals(after, Site("-test"))
    yield from _lists(after, published)
    yield from _rest(after)
    for job in JOBS:
        yield from _history(job, _json(after, f"{STATE}history/{job}-test.json"), told)
        yield from _at_rest(job, after)


def _lists(after: Objects, published: Sequence[str]) -> Iterator[str]:
    """Nothing lost, nothing doubled, all in the order of the server."""
    ids = [item["id"] for item in _json(after, MASTER)]
    yield from (f"{key} stands {count} times in the list" for key, count in _doubled(ids))
    if lost := set(published) - set(ids):
        yield f"lost: {', '.join(sorted(lost))}"
    if more := set(ids) - set(published):
        yield f"still published: {', '.join(sorted(more))}"
    if not lost and not more and ids != list(published):
        yield "the list is not in the order of the server"


def _rest(after: Objects) -> Iterator[str]:
    """Nothing that a run leaves only when it does not end."""
    for key in after:
        if key.startswith((f"{STATE}publish/", f"{STATE}probe/")):
            yield f"{key} is left"
        if ".corrupt-" in key:
            yield f"{key} was taken for corrupt"


def _history(job: str, runs: list[Any], told: Told) -> Iterator[str]:
    """Each run once; those that were killed as failed."""
    yield from (
        f"{key} stands {n} times in {job}'s history"
        for key, n in _doubled(run["runId"] for run in runs)
    )
    entries = {run["runId"]: run for run in runs}
    ended = {result["runId"] for result in told.results if result["status"] in GOOD}
    for key in sorted(it for it, of in told.begun.items() if of == job and it in ended):
        if key not in entries:
            yield f"the run {key} of {job} ended well and is not in the history"
    gone = told.left.get(job)
    if gone is None:
        return
    entry = entries.get(gone)
    if entry is None:
        yield f"the run {gone} of {job} was running when it was killed, and is not in the history"
    elif gone not in told.own and (
        entry["status"] != "failed" or KILLED not in (entry["error"] or "")
    ):
        yield f"the run {gone} of {job} was killed, and the history says {entry['status']}: {entry['error']}"


def _at_rest(job: str, after: Objects) -> Iterator[str]:
    """No lock is held, and no state says that a run is under way."""
    lock = _json(after, f"{LOCKS}{job}-test.json")
    if lock["owner"] is not None:
        yield f"the lock of {job} is held by {lock['runId']}"
    state = _json(after, f"{STATE}jobs/{job}-test.json")
    if state["status"] != "completed":
        yield f"the state of {job} is {state['status']}: {state['error']}"


def _doubled(keys: Iterable[str]) -> list[tuple[str, int]]:
    return [(key, count) for key, count in Counter(keys).items() if count > 1]


def _json(objects: Objects, key: str) -> Any:
    return json.loads(objects[key])


def figures(objects: Objects) -> dict[str, Any]:
    """What two stores of one world must have alike, however they came to it.

    Times, slugs (which remember those that were there before) and what is kept of bookmarks that
    are gone are left out.
    """
    told: dict[str, Any] = {
        key: body
        for key, body in objects.items()
        if key.startswith("json/github-activity/repo_raw_weekly_stats-test/")
    }
    for name in ("github_stats_summary", "github_stats_summary_all_time"):
        summary = _json(objects, f"json/github-activity/{name}-test.json")
        told[name] = {key: value for key, value in summary.items() if "Pacific" not in key}
    for name in ("activity_data", "aggregated_weekly_activity"):
        told[name] = _json(objects, f"json/github-activity/{name}-test.json")
    for item in _json(objects, MASTER):
        shown = ("url", "title", "description", "tags", "ogImage", "ogTitle")
        told[item["id"]] = {name: item.get(name) for name in shown}
    hosts = {item["domain"] for item in _json(objects, MASTER)}
    logos = _json(objects, "json/image-data/logos/manifest-test.json")
    told["logos"] = {host: entry["sha256"] for host, entry in logos.items() if host in hosts}
    return told


def unlike(ours: Objects, fresh: Objects) -> Iterator[str]:
    """Where a store that was disturbed differs from one that was made at once."""
    mine, theirs = figures(ours), figures(fresh)
    for name in sorted(mine.keys() | theirs.keys()):
        if mine.get(name) != theirs.get(name):
            yield f"{name} is {_short(mine.get(name))} and would be {_short(theirs.get(name))} in a fresh store"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}…"
