"""Answers spoilt at random: whatever a server, a disk or a settings file gives, no run ends in a traceback.

Each seed is one run of a job against upstreams that spoil a share of their answers. What is stored afterwards
can be read, and a run against honest servers heals what is left.
"""

import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from datafetch.clock import CancelToken
from datafetch.environment import load_settings
from datafetch.errors import ConfigurationError
from datafetch.factory import Parts, make_parts
from datafetch.manager import DataFetchManager
from datafetch.models.run import JobName, RunOptions, RunRequest, RunResult
from datafetch.ops.breakers import BreakerBook
from datafetch.ops.leases.store import StoreLeases
from datafetch.runtime.breaker import BreakerPolicy
from datafetch.settings import ENV_NAMES, Settings
from tests.contract.support import open_s3
from tests.fakes.mutations import Mutator, spoilt_body
from tests.fakes.s3 import S3Fake
from tests.fakes.world import World
from tests.support import FakeClock

HOUR = 3600.0
FOUND = (70, 127, 146, 161)
"""Seeds that ended a run in a traceback once: a year of -1, and half a surrogate pair."""

SEEDS = sorted({*range(int(os.environ.get("MUTATION_SEEDS", "16"))), *FOUND})
"""`MUTATION_SEEDS=1000` before the test command tries more; one that breaks something goes to `FOUND`."""


@pytest.fixture(scope="module")
def small_world() -> Iterator[World]:
    """One world for all runs of this module, healed after each."""
    with World(bookmarks=12, domains=4, repositories=3) as world:
        yield world


class Runner:
    """Runs jobs in this process, with the parts that the command makes, on a clock that jumps."""

    def __init__(self, settings: Settings, parts: Parts, clock: FakeClock) -> None:
        self.settings = settings
        self.parts = parts
        self.clock = clock

    def run(self, job: JobName, **options: Any) -> RunResult:
        """One run, three days after the last, so that everything is due and no breaker is open."""
        self.clock.advance(72 * HOUR)
        parts = replace(self.parts, cancel=CancelToken())
        return DataFetchManager(self.settings, parts).run(RunRequest(job, RunOptions(**options)))


@pytest.fixture
def runner(tmp_path: Path, small_world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    """A runner on an empty folder."""
    for name, value in small_world.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATAFETCH_STORE", f"file:{tmp_path}/store")
    monkeypatch.setenv("DATAFETCH_RETRY_MAX_SECONDS", "1")
    monkeypatch.setenv("DATAFETCH_MAX_SHRINK_RATIO", "1")
    monkeypatch.setenv("LOGO_BATCH_DELAY_MS", "0")
    clock = FakeClock()
    settings = load_settings(None)
    parts = make_parts(settings, clock, CancelToken())
    yield Runner(settings, parts, clock)
    parts.http.close()
    for app in small_world.apps.values():
        app.heal()


def _spoil(world: World, seed: int, share: float) -> Callable[[], int]:
    """Let every upstream spoil this share of its answers; returns how to count them."""
    mutators = []
    for number, app in enumerate(world.apps.values()):
        mutators.append(Mutator(seed * 10 + number, share))
        app.inject(mutators[-1].action)
    return lambda: sum(mutator.spoilt for mutator in mutators)


def _check(result: RunResult, *codes: int) -> None:
    """A result as users may see it: no error of Python's own, and one of these exit codes."""
    assert "unexpected" not in (result.error or ""), (result.operation, result.error)
    assert result.exit_code in (0, 1, *codes), result


def _all_json_reads(folder: Path) -> None:
    for path in folder.rglob("*.json"):
        json.loads(path.read_bytes())


@pytest.mark.parametrize("seed", SEEDS)
def test_no_answer_of_an_upstream_ends_in_a_traceback(
    seed: int, tmp_path: Path, small_world: World, runner: Runner
) -> None:
    """Spoilt answers cost what they spoil; the next run, with honest servers, succeeds in every job."""
    jobs = (JobName.BOOKMARKS, JobName.OPENGRAPH, JobName.GITHUB, JobName.LOGOS)
    if seed % 2:  # every other time there is something good to lose
        for job in jobs:
            assert runner.run(job).exit_code == 0
    spoilt = _spoil(small_world, seed, 0.5)
    for _ in range(3):
        for job in jobs:
            _check(runner.run(job))
    assert spoilt() > 0
    _all_json_reads(tmp_path / "store")
    for app in small_world.apps.values():
        app.heal()
    for job in jobs:
        healed = runner.run(job, force=True, allow_shrink=True)
        assert healed.exit_code == 0, (job, healed.error)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_answer_of_a_bucket_ends_in_a_traceback(
    seed: int, small_world: World, runner: Runner, s3_fake: S3Fake
) -> None:
    """A store whose answers are spoilt fails the run or not; the next run finds a store that it can heal."""
    with closing(open_s3(s3_fake, max_retries=0, clock=runner.clock)) as store:
        keys, policy = runner.parts.keys, BreakerPolicy(3, 60)
        runner.parts = replace(
            runner.parts,
            store=store,
            breakers=BreakerBook(store, keys, runner.clock, policy),
            leases=StoreLeases(store, keys, runner.clock, lambda _: 300),
        )
        assert runner.run(JobName.BOOKMARKS).exit_code == 0
        before = _count(s3_fake)
        spoilt = Mutator(seed, 0.15)
        s3_fake.app.inject(spoilt.action)
        for _ in range(4):
            _check(runner.run(JobName.BOOKMARKS), 75)  # a lease that could not be given back
        assert spoilt.spoilt > 0
        s3_fake.app.heal()
        s3_fake.delete("json/datafetch/locks/bookmarks-dev.json")  # instead of waiting for its end
        healed = runner.run(JobName.BOOKMARKS, force=True)
        assert healed.exit_code == 0, healed.error
        assert _count(s3_fake) == before == 12


def _count(fake: S3Fake) -> int:
    stored = fake.get("json/bookmarks/bookmarks-dev.json")
    assert stored is not None
    return len(json.loads(stored.body))


_JUNK = (
    *(
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"NaN",
        b"9" * 5000,
        b"[" * 30_000,
        b'"\\ud800"',
    ),
    *(
        b'{"version":1}',
        b'{"version":"1","pages":[]}',
        b"[null]",
        b'[{"id":null}]',
        b"<html>",
        b"\x00" * 100,
    ),
)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_file_of_a_folder_ends_in_a_traceback(seed: int, tmp_path: Path, runner: Runner) -> None:
    """Files that were spoilt, lost, or are folders and dead links now cost a clear error at most."""
    rng = random.Random(seed)
    jobs = (JobName.BOOKMARKS, JobName.OPENGRAPH, JobName.GITHUB, JobName.LOGOS)
    for job in jobs:
        assert runner.run(job).exit_code == 0
    files = sorted(path for path in (tmp_path / "store").rglob("*.*") if path.is_file())
    for path in rng.sample(files, min(len(files), rng.choice((1, 3, 20)))):
        _spoil_file(rng, path)
    for job in jobs:
        _check(runner.run(job))
    for job in jobs:
        _check(runner.run(job, force=True, allow_shrink=True))


def _spoil_file(rng: random.Random, path: Path) -> None:
    whole = path.read_bytes()
    kind = rng.choice(("junk", "json", "cut", "lost", "folder", "link", "bytes"))
    if kind == "junk":
        path.write_bytes(rng.choice(_JUNK))
    elif kind in ("json", "bytes"):
        path.write_bytes(spoilt_body(rng, whole))
    elif kind == "cut":
        path.write_bytes(whole[: rng.randint(0, len(whole))])
    else:
        path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "link":
            path.symlink_to(path.parent / "nothing")


_FILES_A_BLOCK = 80
_NAMES = [name for names in ENV_NAMES.values() for name in names]
_WORDS = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1e400",
        "9" * 400,
        "true",
        "yes",
        "nein",
        "production",
        "s3://",
        "s3:// /x",
        "file:",
    ),
    *(
        "https://[",
        "http://\x7f/",
        "https://user:pa ss@host/",
        "\ud800",
        "é",
        "a\x00b",
        "${HOME}",
        "'",
        '"',
        "#",
    ),
    *(
        "/",
        "//",
        "..",
        "C:\\x",
        "x" * 9000,
        "Name: value",
        "a/b",
        "*/*",
        "0 0 * * *",
        "\u202e",
        "1,2",
        "[]",
        "{}",
    ),
)


@pytest.mark.parametrize("block", range(len(SEEDS)))
def test_no_settings_file_ends_in_a_traceback(block: int, tmp_path: Path) -> None:
    """Whatever a `.env` holds, its settings are read or each problem is a sentence with a name."""
    for seed in range(_FILES_A_BLOCK * block, _FILES_A_BLOCK * (block + 1)):
        try:
            _try_settings_file(random.Random(seed), tmp_path)
        except Exception as error:
            error.add_note(f"the file of seed {seed}")
            raise


def _try_settings_file(rng: random.Random, tmp_path: Path) -> None:
    lines = []
    for _ in range(rng.randint(1, 12)):
        quote = rng.choice(("", "", "'", '"', "`"))
        name = rng.choice(("", "export ", " ")) + rng.choice((*_NAMES, "NOT_OURS", "1=", "é"))
        lines.append(
            f"{name}{rng.choice(('=', ' = ', ':', '', '=='))}{quote}{rng.choice(_WORDS)}{quote}"
        )
    body = rng.choice(("\n", "\r\n", "\r")).join(lines).encode("utf-8", "surrogatepass")
    (tmp_path / ".env").write_bytes(rng.choice((b"", b"\xef\xbb\xbf", b"\xff\xfe")) + body)
    problems: tuple[str, ...] = ()
    try:
        settings = load_settings(tmp_path / ".env")
        make_parts(settings, FakeClock(), CancelToken()).http.close()
    except ConfigurationError as error:
        problems = error.problems
    assert all(0 < len(problem) < 500 for problem in problems), problems
