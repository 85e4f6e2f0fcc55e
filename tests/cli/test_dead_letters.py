"""`datafetch dead-letters` as a command: list, show, retry, drop."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from datafetch.cli.dead_letters_text import list_lines, show_lines
from datafetch.cli.paper import Paper
from datafetch.ops.dead_letters import letter_id
from tests.fakes import faults
from tests.fakes.world import World
from tests.ops.overviews import NOW, at
from tests.ops.test_letter_choice import letter
from tests.processes import datafetch
from tests.terminals import in_a_terminal

STORE = {"DATAFETCH_STORE": "file:./store"}
LETTERS = Path("store/json/datafetch/dead-letters")
SNAPSHOTS = Path(__file__).parents[1] / "data" / "dead-letters"


def stored(job: str, item: str, error: str, **more: Any) -> dict[str, Any]:
    """A letter as it is stored; it failed an hour ago."""
    hour_ago = round((time.time() - 3600) * 1000)
    made = {
        "id": letter_id(job, item),
        "job": job,
        "item": item,
        "attempts": 2,
        "firstFailedAt": hour_ago,
        "lastFailedAt": hour_ago,
        "nextAttemptAt": hour_ago + 4 * 3600_000,
        "errorType": "TransientError",
        "error": error,
        "permanent": False,
    }
    return made | more


def store(folder: Path, job: str, *letters: dict[str, Any]) -> None:
    """Store the letters of a job."""
    path = folder / LETTERS / f"{job}-dev.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({one["id"]: one for one in letters}))


def kept(folder: Path, job: str) -> set[str]:
    """The items that have a letter."""
    found = json.loads((folder / LETTERS / f"{job}-dev.json").read_text())
    return {one["item"] for one in found.values()}


PAGE = stored("opengraph", "https://a.example/1", "https://a.example/1: status 500")
GONE = stored(
    "opengraph",
    "https://b.example/gone",
    "https://b.example/gone: status 404",
    nextAttemptAt=None,
    errorType="Missing",
    permanent=True,
)
LOGO = stored(
    "logos", "c.example", "https://c.example/: no answer", firstFailedAt=1_700_000_000_000
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of three dead letters of two jobs."""
    store(tmp_path, "opengraph", PAGE, GONE)
    store(tmp_path, "logos", LOGO)
    return tmp_path


def test_hosts_and_errors_come_first(site):
    """27 letters were 7 hosts: what to mend is seen before the items are."""
    done = datafetch("dead-letters", cwd=site, **STORE)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "3 dead letters of 3 hosts, 1 not tried again by a run"
    assert lines[2] == "opengraph: 2"
    assert lines[3].startswith("  a.example: TransientError: status 500; next ")
    assert lines[4] == f"    {PAGE['id']}  https://a.example/1"
    assert "2 tries, since " in lines[5]
    assert "  retry: datafetch dead-letters retry opengraph" in lines


def test_json_is_an_array_of_letters_as_they_are_stored(site):
    """Programs get the contract's fields."""
    done = datafetch("dead-letters", "list", "opengraph", "--json", cwd=site, **STORE)
    assert json.loads(done.out) in ([PAGE, GONE], [GONE, PAGE])
    done = datafetch("dead-letters", "list", "--older-than", "90d", "--json", cwd=site, **STORE)
    assert json.loads(done.out) == [LOGO]


def test_nothing_waits(tmp_path):
    """An empty store is good news, told as such."""
    done = datafetch("dead-letters", "list", cwd=tmp_path, **STORE)
    assert (done.code, done.out.strip()) == (
        0,
        "no dead letters: nothing that failed waits to be tried again",
    )
    done = datafetch("dead-letters", "list", "--json", cwd=tmp_path, **STORE)
    assert json.loads(done.out) == []
    assert not (tmp_path / "store").exists()


def test_show_tells_all_of_one(site):
    """The beginning of an id is enough."""
    done = datafetch("dead-letters", "show", PAGE["id"][:6], cwd=site, **STORE)
    assert done.code == 0
    for text in (PAGE["item"], "TransientError: https://a.example/1: status 500", PAGE["id"]):
        assert text in done.out


@pytest.mark.parametrize("action", ["show", "retry", "drop"])
def test_an_id_that_is_none_changes_nothing(site, action):
    """It is said, with what to type, and the exit code is 1."""
    done = datafetch("dead-letters", action, "ffffffffffff", cwd=site, **STORE)
    assert done.code == 1
    assert "there is no dead letter ffffffffffff" in done.err
    assert "datafetch dead-letters list" in done.err
    assert kept(site, "opengraph") == {PAGE["item"], GONE["item"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("drop",), "drop needs to know which dead letters"),
        (("retry",), "retry needs to know which dead letters"),
        (("show",), "show needs the id"),
        (("drop", "--all", "logos"), "--all stands alone"),
        (("drop", "--all", "--limit", "3"), "--limit is for list"),
        (("logos",), "did you mean list logos?"),
        (("list", "logo"), "there is no job 'logo': did you mean logos?"),
    ],
)
def test_wrong_usage_changes_nothing(site, arguments, said):
    """Nothing is dropped or tried by accident."""
    done = datafetch("dead-letters", *arguments, cwd=site, **STORE)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert kept(site, "logos") == {LOGO["item"]}


def test_drop_forgets_what_was_chosen(site):
    """By id, job, age, or all; a dry run shows what would go."""
    done = datafetch("dead-letters", "drop", GONE["id"], "--dry-run", cwd=site, **STORE)
    assert (done.code, kept(site, "opengraph")) == (0, {PAGE["item"], GONE["item"]})
    assert "1 dead letter would be dropped" in done.out
    done = datafetch("dead-letters", "drop", GONE["id"], cwd=site, **STORE)
    assert (done.code, kept(site, "opengraph")) == (0, {PAGE["item"]})
    done = datafetch("dead-letters", "drop", "--older-than", "90d", "--json", cwd=site, **STORE)
    assert (json.loads(done.out), kept(site, "logos")) == ([LOGO], set())
    datafetch("dead-letters", "drop", "--all", cwd=site, **STORE)
    assert kept(site, "opengraph") == set()
    done = datafetch("dead-letters", "drop", "--all", cwd=site, **STORE)
    assert (done.code, done.out.strip()) == (0, "no dead letter fits: nothing was dropped")


def test_letters_that_cannot_be_read_are_said_and_stay(site):
    """Looking writes nothing, and other jobs' letters are shown."""
    path = site / LETTERS / "logos-dev.json"
    path.write_text("{")
    done = datafetch("dead-letters", cwd=site, **STORE)
    assert (done.code, done.out.splitlines()[0].split(" of ")[0]) == (0, "2 dead letters")
    assert "json/datafetch/dead-letters/logos-dev.json cannot be read" in done.err
    assert path.read_text() == "{"
    assert [one.name for one in path.parent.iterdir() if "corrupt" in one.name] == []


def test_retry_tries_what_was_chosen_at_once(tmp_path):
    """Neither the time of the next attempt nor "gone" is waited for; other items are not asked."""
    world = World(bookmarks=6, domains=6, repositories=1)
    with world:
        site = {**world.environment(), **STORE}
        assert datafetch("bookmarks", cwd=tmp_path, **site).code == 0
        world.sites.inject(faults.reply(404, b"gone"))
        datafetch("refresh-opengraph", cwd=tmp_path, **site)
        failed = {item for item in kept(tmp_path, "opengraph") if item.startswith("https://")}
        assert failed
        world.sites.heal()
        world.clear_logs()
        (first, *others) = sorted(failed)
        number = letter_id("opengraph", first)
        done = datafetch("dead-letters", "retry", number, "--json", cwd=tmp_path, **site)
        assert (done.code, done.result("opengraph")["itemsFailed"]) == (0, 0)
        assert {item for item in kept(tmp_path, "opengraph") if item in failed} == set(others)
        done = datafetch("dead-letters", "retry", "--all", cwd=tmp_path, **site)
        assert (done.code, kept(tmp_path, "opengraph")) == (0, set())
        done = datafetch("dead-letters", "retry", "--all", "--json", cwd=tmp_path, **site)
        assert (done.code, json.loads(done.out)) == (0, [])


def test_a_retry_of_a_job_that_runs_is_locked_out(site):
    """It is a run like any other: with the job's lock."""
    lock = site / "store/json/datafetch/locks/logos-dev.json"
    lock.parent.mkdir(parents=True)
    soon = round((time.time() + 300) * 1000)
    held = {
        "owner": "other",
        "host": "elsewhere",
        "pid": 7,
        "boot": "b",
        "started": 1,
        "runId": "r",
        "acquiredAt": soon - 300_000,
        "expiresAt": soon,
        "ttlMs": 300_000,
        "token": 3,
    }
    lock.write_text(json.dumps(held))
    done = datafetch("dead-letters", "retry", "logos", cwd=site, **STORE)
    assert done.code == 75
    assert kept(site, "logos") == {LOGO["item"]}


def test_it_is_pleasant_on_a_terminal(site):
    """In colours, and in as many columns as there are."""
    done = in_a_terminal("dead-letters", cwd=site, environment=STORE)
    assert "\x1b[1m3 dead letters of 3 hosts" in done.raw
    plain = in_a_terminal("dead-letters", cwd=site, environment={**STORE, "NO_COLOR": "1"})
    assert "\x1b[" not in plain.raw


def many() -> list[Any]:
    """Letters as a site has them after a bad night."""
    page = "https://www.long-host-name.example/articles/a-rather-long-title-{}"
    dead = [
        letter(
            page.format(number),
            f"{page.format(number)}: no answer within 15 s, tried 3 times",
            attempts=number % 3,
            first_failed_at=at(30),
            last_failed_at=at(2),
            next_attempt_at=at(-2 - number // 5),
        )
        for number in range(7)
    ]
    gone = letter(
        "https://b.example/gone",
        "https://b.example/gone: status 404",
        error_type="Missing",
        permanent=True,
        first_failed_at=at(50),
        last_failed_at=at(50),
        next_attempt_at=None,
    )
    due = letter(
        "c.example",
        "https://c.example/favicon.ico: connection refused",
        job="logos",
        first_failed_at=at(5),
        last_failed_at=at(5),
        next_attempt_at=at(1),
    )
    return [*dead, gone, due]


@pytest.mark.parametrize("width", [80, 160])
def test_the_list_as_a_picture(width):
    """Groups, items with tries and times, what is folded, and what to type; no line too long."""
    lines = list_lines(many(), NOW, Paper(width))
    assert max(map(len, lines)) <= width
    assert lines == (SNAPSHOTS / f"list-{width}.txt").read_text("utf-8").splitlines()


def test_a_letter_as_a_picture():
    """All that is known of one, and what to type."""
    lines = show_lines(many()[-1], NOW, Paper(80))
    assert lines == (SNAPSHOTS / "show-80.txt").read_text("utf-8").splitlines()


def test_a_terminal_of_ascii_gets_ascii():
    """Signs that the terminal lacks are not needed."""
    assert "\n".join(list_lines(many(), NOW, Paper(80, signs=False))).isascii()
