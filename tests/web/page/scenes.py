"""Sites for tests of the status page: made-up overviews and letters, with real sessions and streams.

`python -m tests.web.page.scenes FOLDER` takes pictures of all of them, to be looked at.
"""

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from datafetch.clock import CancelToken
from datafetch.job_run import ProgressMaker
from datafetch.models.run import OPERATIONS, JobName, RunRequest, RunResult, RunStatus
from datafetch.ops.dead_letters import LETTERS, DeadLetter, letter_id
from datafetch.ops.freshness import judge
from datafetch.ops.overview import BreakerView, JobView, Overview
from datafetch.ops.past_runs import PastRun
from datafetch.ops.waiting import waiting_of
from datafetch.store.keys import Keys
from datafetch.web.app import make_app
from datafetch.web.board import StatusBoard
from datafetch.web.runs.background import BackgroundRuns
from datafetch.web.runs.managers import Manager
from datafetch.web.server import make_site
from datafetch.web.site import Site
from tests.job_settings import settings
from tests.ops import overviews
from tests.ops.overviews import NOW, all_fine, at, empty, failing, run, running
from tests.stores import MemoryStore
from tests.support import FakeClock
from tests.web.support import Server, served_here

CRON, TOKEN = "cron-secret-of-the-tests", "token-of-the-tests"
KEYS = Keys("-dev")
_SOON_S = 30


def letter(job: JobName, item: str, error: str, hours_ago: float = 1, **more: object) -> DeadLetter:
    """A dead letter of this item."""
    made = DeadLetter(
        id=letter_id(job, item),
        job=job.value,
        item=item,
        attempts=2,
        first_failed_at=at(hours_ago + 5),
        last_failed_at=at(hours_ago),
        next_attempt_at=at(-3),
        error_type="TransientError",
        error=error,
        permanent=False,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def some_letters() -> list[DeadLetter]:
    """A few letters: one host that does not answer, one link that is gone."""
    slow = [
        letter(
            JobName.OPENGRAPH,
            f"https://slow.example/article/{number}",
            f"https://slow.example/article/{number}: no answer in time",
        )
        for number in range(7)
    ]
    gone = letter(
        JobName.OPENGRAPH,
        "https://gone.example/x",
        "https://gone.example/x: 404",
        next_attempt_at=None,
        error_type="Missing",
        permanent=True,
    )
    logo = letter(
        JobName.LOGOS, "shop.example", "https://icons.duckduckgo.com/ip3/shop.example.ico: 503"
    )
    return [*slow, gone, logo]


HOSTILE = (
    "https://مثال.example/مقالة/طويلة?token=abc",
    "https://sehr-langer-rechnername-ohne-jede-trennstelle-der-umbrochen-werden-muss.example/"
    + "pfad" * 60,
    "https://emoji.example/🦀🔥👩‍👩‍👧‍👦/<script>alert(1)</script>",
    "https://turned.example/\u202egnp.exe",
)
"""Items that long, foreign or hostile sites may have."""


def strange_letters() -> list[DeadLetter]:
    """Letters of all the hostile items, more than are shown of a host, and more hosts than are shown."""
    hosts = [letter(JobName.LOGOS, f"shop-{n}.example", "network down") for n in range(14)]
    return [
        *(letter(JobName.OPENGRAPH, item, f"{item}: no answer in time") for item in HOSTILE),
        *(letter(JobName.OPENGRAPH, f"{HOSTILE[0]}#{n}", f"{HOSTILE[0]}: 503") for n in range(7)),
        *hosts,
    ]


def many_letters() -> list[DeadLetter]:
    """As many letters as a job keeps, of many hosts, with hostile names among them."""
    usual = [
        letter(
            JobName.OPENGRAPH,
            f"https://host-{number % 61}.example/{number}",
            f"https://host-{number % 61}.example/{number}: answered 50{number % 3}",
            hours_ago=number % 90,
        )
        for number in range(5000 - len(HOSTILE))
    ]
    strange = [letter(JobName.OPENGRAPH, item, f"{item}: no answer in time") for item in HOSTILE]
    strange += [
        letter(JobName.OPENGRAPH, f"{item}#{n}", f"{item}: no answer")
        for item in HOSTILE
        for n in range(200)
    ]
    domains = [letter(JobName.LOGOS, f"shop-{n}.example", "network down") for n in range(300)]
    return [*strange, *usual[: 5000 - len(strange)], *domains]


def long_history(job: JobName, count: int = 200) -> list[PastRun]:
    """Many runs with all outcomes, some of them very long."""
    outcomes = (
        *(RunStatus.SUCCEEDED,) * 3,
        *(RunStatus.UNCHANGED,) * 4,
        RunStatus.PARTIAL,
        RunStatus.FAILED,
        RunStatus.CANCELLED,
    )
    return [
        run(
            job,
            hours_ago=0.05 + 2 * number,
            status=outcomes[(number * 7) % len(outcomes)],
            duration_s=(0.8, 12, 14, 90, 9, 11, 3600 if number % 23 == 0 else 13)[number % 7],
            error="answered 502 Bad Gateway" if number % 10 == 7 else "",
            failed=number % 4,
        )
        for number in range(count)
    ]


def healthy(runs: int = 50) -> Overview:
    """All is well, after many runs of each job."""
    made = all_fine()
    return replace(made, jobs=tuple(_with_history(view, runs) for view in made.jobs))


def very_full(runs: int = 200) -> Overview:
    """All that can be: failures, breakers, pauses, open publishes, long names."""
    made = failing()
    jobs = [_with_history(view, runs) for view in made.jobs]
    breakers = tuple(
        BreakerView(f"host-{n}.example", 3 + n, at(n), at(n) + 60_000, n) for n in range(40)
    )
    long = "json/datafetch/history/bookmarks.json cannot be read (Expecting value); the next run keeps it aside and begins anew"
    return replace(
        made, jobs=tuple(jobs), breakers=breakers, open_publishes=("bookmarks",), notes=(long, long)
    )


def _with_history(found: JobView, count: int) -> JobView:
    """The job with more runs before those that it has."""
    if not found.facts.runs:
        return found
    known = list(found.facts.runs)
    older = [one for one in long_history(found.job, count) if one.ended_at < known[-1].began_at]
    facts = replace(found.facts, runs=[*known, *older][:count])
    return replace(found, facts=facts, freshness=judge(facts, NOW))


def with_letters(found: Overview, letters: Iterable[DeadLetter]) -> Overview:
    """The overview with these letters counted."""
    known = list(letters)
    return replace(
        found,
        jobs=tuple(
            replace(view, waiting=waiting_of([x for x in known if x.job == view.job], at(0)))
            for view in found.jobs
        ),
    )


@dataclass
class Scene:
    """A site whose overview the test changes; `asked` has the runs that were asked for."""

    overview: Overview
    letters: list[DeadLetter] = field(default_factory=list)
    failure: Exception | None = None
    looks: int = 0
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    store: MemoryStore = field(default_factory=MemoryStore)
    cancel: CancelToken = field(default_factory=CancelToken)
    asked: list[RunRequest] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def look(self) -> Overview:
        """What the board reads."""
        self.looks += 1
        if self.failure is not None:
            raise self.failure
        return self.overview

    def listeners(self) -> int:
        """How many wait for the site to be stopped: the reader for streams is one of them."""
        return len(self.cancel._listeners)

    def await_runs(self, count: int) -> list[RunRequest]:
        """The runs that were asked for, once they are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.asked) >= count, _SOON_S)
            return list(self.asked)

    def put_letters(self, letters: Iterable[DeadLetter]) -> None:
        """Store these letters in place of those that are stored."""
        self.letters = list(letters)
        for job in JobName:
            kept = {one.id: one for one in self.letters if one.job == job}
            self.store.put(KEYS.dead_letters(job), LETTERS.dump_json(kept, by_alias=True))
        self.overview = with_letters(self.overview, self.letters)

    @contextmanager
    def manager(self, _cancel: CancelToken, progress: ProgressMaker) -> Iterator[Manager]:
        """Makes the manager of one run, which notes what it is asked for."""
        yield _Noting(self, progress)

    def site(self, **variables: str) -> Site:
        """The site, with these settings."""
        made = settings(
            BOOKMARKS_API_URL="http://bookmarks.test",
            BOOKMARKS_LIST_ID="list",
            BOOKMARK_BEARER_TOKEN=SecretStr("token"),
            **{name: SecretStr(value) for name, value in variables.items()},
        )
        board = StatusBoard(self.look, self.clock)
        runs = BackgroundRuns(made, self.clock, self.manager)
        runs.on_change(board.expire)
        whole = make_site(made, self.store, self.clock, self.cancel)
        return replace(whole, board=board, runs=runs)


@dataclass
class _Noting:
    scene: Scene
    progress: ProgressMaker

    def run(self, request: RunRequest) -> RunResult:
        self.progress(request.job.value)
        with self.scene.changed:
            self.scene.asked.append(request)
            self.scene.changed.notify_all()
        return RunResult(OPERATIONS[request.job], RunStatus.SUCCEEDED, run_id="run-1")


@contextmanager
def shown(scene: Scene, **variables: str) -> Iterator[Server]:
    """The scene behind a real socket."""
    scene.put_letters(scene.letters)
    with served_here(make_app(scene.site(**variables))) as server:
        yield server


def scenes() -> dict[str, Scene]:
    """What pictures are taken of."""
    return {
        "healthy": Scene(healthy()),
        "failing": Scene(failing(), some_letters()),
        "empty": Scene(empty()),
        "full": Scene(very_full(), many_letters()),
        "running": Scene(running()),
        "paused": Scene(overviews.paused()),
        "unconfigured": Scene(overviews.not_configured()),
    }


def _take_pictures(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, scene in scenes().items():
            with shown(scene, BOOKMARK_CRON_REFRESH_SECRET=CRON) as server:
                for theme in ("light", "dark"):
                    for width, height, kind in ((390, 844, "phone"), (1280, 900, "desktop")):
                        page = browser.new_page(
                            color_scheme=theme,
                            viewport={"width": width, "height": height},
                        )
                        page.goto(server.url + "/login")
                        if name in ("failing", "full"):
                            page.fill("#secret", CRON)
                            page.click("button")
                        page.goto(server.url)
                        page.screenshot(path=folder / f"{name}-{theme}-{kind}.png", full_page=True)
                        page.close()
        browser.close()


if __name__ == "__main__":
    _take_pictures(Path(sys.argv[1]))
