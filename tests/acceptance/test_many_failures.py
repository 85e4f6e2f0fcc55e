"""Two thousand pages of which six hundred fail in ten ways: none is forgotten, and all heal."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.base import Action, Answer
from tests.fakes.karakeep import link
from tests.fakes.message import Request, Response
from tests.fakes.sites import Site
from tests.fakes.world import World
from tests.processes import Finished, datafetch

HTML = {"Content-Type": "text/html"}
PAGE = b"<title>A page</title><meta name=description content='Of words.'>"
PAGES, WAYS = 2000, 10
FAILING = 600
_NEWEST = datetime(2025, 9, 1, tzinfo=UTC)
OVER = threading.Event()
SLOT = "%Y-%m-%dT%H-%MZ"
STATE = Path("store/json/datafetch/jobs/opengraph-test.json")
LETTERS = Path("store/json/datafetch/dead-letters/opengraph-test.json")


def lying(_request: Request, _answer: Answer) -> Response:
    """Half a head that promises more than comes."""
    return Response(200, dict(HTML), b"<title>x", declared_length=99_999, ending="close")


def in_a_circle(_request: Request, _answer: Answer) -> Response:
    """A redirect to itself."""
    return Response(302, {"Location": "?again"})


KINDS: tuple[tuple[Action, str, bool], ...] = (
    (faults.held(OVER), "TransientError", False),
    (faults.dropped(), "TransientError", False),
    (lying, "TransientError", False),
    (faults.reply(500, b"", HTML), "TransientError", False),
    (faults.reply(429, b"", {"Retry-After": "3600"}), "RateLimited", False),
    (faults.reply(401, b"", HTML), "Denied", False),
    (faults.reply(200, b"%PDF-1.7", {"Content-Type": "application/pdf"}), "Malformed", False),
    (faults.reply(404, b"", HTML), "Missing", True),
    (faults.reply(410, b"", HTML), "Missing", True),
    (in_a_circle, "Refused", True),
)
"""What a page does, the type of its error, and whether no run tries it again by itself."""


def host_of(number: int) -> str:
    """Each failing page has a host of its own; of the others ten share one."""
    return f"fails{number}.example.org" if number < FAILING else f"fine{number // 10}.example.org"


def url_of(number: int) -> str:
    """The address of a page."""
    return f"http://{host_of(number)}/{number}"


@dataclass
class Site2000:
    """The folder of the site, and the world around it."""

    folder: Path
    world: World
    healthy: bool = False

    def answer(self, request: Request, answer: Answer) -> Response:
        """What the page of a request does today."""
        number = int(request.path.strip("/")) if request.path.strip("/").isdigit() else PAGES
        if number < FAILING and not self.healthy:
            return KINDS[number % WAYS][0](request, answer)
        return faults.reply(200, PAGE, HTML)(request, answer)

    def run(self, *arguments: str) -> Finished:
        """The real command."""
        return datafetch(
            *arguments,
            cwd=self.folder,
            **self.world.environment(),
            DATAFETCH_STORE="file:./store",
            DATAFETCH_ENV="test",
            DATAFETCH_CONCURRENCY="64",
            DATAFETCH_BREAKER_COOLDOWN_SECONDS="0",
            DATAFETCH_RETRY_MAX_SECONDS="1",
            OG_FETCH_TIMEOUT_MS="1000",
            OG_MAX_RETRIES="0",
            S3_BOOKMARKS_CRON="off",
            S3_GITHUB_CRON="off",
            S3_LOGOS_CRON="off",
            S3_OPENGRAPH_CRON="0 * * * *",
        )

    def letters(self) -> dict[str, dict[str, Any]]:
        """The stored letters by their items."""
        stored = json.loads((self.folder / LETTERS).read_text())
        return {letter["item"]: letter for letter in stored.values()}

    def let_a_week_pass(self) -> None:
        """Make all letters due that any run tries again, and the next slot of the job."""
        path = self.folder / LETTERS
        stored = json.loads(path.read_text())
        for letter in stored.values():
            if letter["nextAttemptAt"] is not None:
                letter["nextAttemptAt"] -= 7 * 24 * 3600_000
        path.write_text(json.dumps(stored))
        state_path = self.folder / STATE
        state = json.loads(state_path.read_text())
        state["slots"] = {
            f"{datetime.strptime(name, SLOT).replace(tzinfo=UTC) - timedelta(days=7):{SLOT}}": run
            for name, run in state["slots"].items()
        }
        state["schedule"]["since"] -= 7 * 24 * 3600_000
        state_path.write_text(json.dumps(state))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site2000, Finished]]:
    """The site after a run in which six hundred pages failed."""
    world = World(bookmarks=0, domains=1, repositories=1)
    for number in range(PAGES):
        world.sites.sites[host_of(number)] = Site(host_of(number))
        world.karakeep.add(link(f"b{number}", url_of(number), _NEWEST - timedelta(hours=number)))
    with world:
        it = Site2000(tmp_path_factory.mktemp("many"), world)
        world.sites.inject(it.answer, lambda _request: True)
        assert it.run("bookmarks").code == 0
        yield it, it.run("run-due", "--json")
        OVER.set()


def test_every_failure_is_a_letter(site) -> None:
    """Exit 0, since 30 % is within the budget; each failure has its type, tries and next time."""
    it, done = site
    result = done.result("opengraph")
    assert (done.code, result["status"]) == (0, "partial"), done.err[-2000:]
    assert (result["itemsProcessed"], result["itemsFailed"]) == (PAGES, FAILING)
    letters = it.letters()
    assert set(letters) == {url_of(number) for number in range(FAILING)}
    for number in range(FAILING):
        letter = letters[url_of(number)]
        _, kind, permanent = KINDS[number % WAYS]
        found = (letter["errorType"], letter["permanent"], letter["attempts"])
        assert found == (kind, permanent, 1), letter
        assert (letter["nextAttemptAt"] is None) is permanent
    assert len({letter["error"].partition(": ")[2] for letter in letters.values()}) >= WAYS - 1


def test_the_list_shows_kinds_not_pages(site) -> None:
    """600 letters are read by what is wrong, and what to type stands below."""
    it, _ = site
    listed = it.run("dead-letters", "list", "--json")
    kinds = Counter(letter["errorType"] for letter in json.loads(listed.out))
    assert kinds == Counter(kind for _, kind, _ in KINDS for _ in range(FAILING // WAYS))


def test_one_run_after_the_web_has_healed_empties_them(site) -> None:
    """What waits is tried by one `run-due`; what is gone for good by `retry`."""
    it, _ = site
    it.healthy = True
    it.let_a_week_pass()
    done = it.run("run-due", "--json")
    assert (done.code, done.result("opengraph")["itemsFailed"]) == (0, 0), done.err[-2000:]
    permanent = {url_of(n) for n in range(FAILING) if KINDS[n % WAYS][2]}
    assert set(it.letters()) == permanent
    done = it.run("dead-letters", "retry", "--all", "--json")
    assert (done.code, done.result("opengraph")["itemsFailed"]) == (0, 0), done.err[-2000:]
    assert it.letters() == {}
