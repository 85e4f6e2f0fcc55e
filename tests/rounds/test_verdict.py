"""That the rounds see what is wrong: each fault is planted in a sound store, and named."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.rounds.looks import Looks
from tests.rounds.play import open_game
from tests.rounds.verdict import MAPPING, MASTER, Promises, Told, unlike, wrong

KILLED = Told({}, [], {"bookmarks": "run-killed"})
HISTORY = "json/datafetch/history/bookmarks-test.json"
STATE = "json/datafetch/jobs/bookmarks-test.json"
LOCK = "json/datafetch/locks/bookmarks-test.json"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, bytes]]:
    """What the four jobs stored in a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("sound")
    with open_game("folder", folder, 1) as game:
        assert game.begin() == []
        yield game.place.objects()


def changed(objects: dict[str, bytes], key: str, change: Callable[[Any], Any]) -> dict[str, bytes]:
    """The same objects, but for one."""
    return objects | {key: json.dumps(change(json.loads(objects[key]))).encode()}


def said(after: dict[str, bytes], sound: dict[str, bytes], told: Told | None = None) -> str:
    """All that is wrong with the objects, in one text."""
    published = [item["id"] for item in json.loads(sound[MASTER])]
    found = wrong(sound, after, looks=Looks(), published=published, told=told or Told({}, [], {}))
    return "\n".join(found)


def _entry(**fields: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda runs: [{**runs[0], "runId": "run-killed", "error": None, **fields}, *runs]


PLANTED: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "an item is lost": (MASTER, lambda items: items[1:], "lost: "),
    "an item stands twice": (MASTER, lambda items: [*items, items[0]], "stands 2 times"),
    "a bookmark stays": (MASTER, lambda items: [*items, items[0] | {"id": "gone"}], "still pub"),
    "another order": (MASTER, lambda items: items[::-1], "not in the order of the server"),
    "a page lacks an item": (
        "json/bookmarks/pages-test/page-1.json",
        lambda items: items[1:],
        "the pages are not the list",
    ),
    "a lock is held": (LOCK, lambda lock: lock | {"owner": "x"}, "the lock of bookmarks is held"),
    "a job is called running": (STATE, lambda it: it | {"status": "running"}, "is running"),
    "a run stands twice": (HISTORY, lambda runs: [*runs, runs[0]], "2 times in bookmarks's"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_named(name: str, sound: dict[str, bytes]) -> None:
    """A round that cannot see a fault would call every store sound."""
    assert said(sound, sound) == ""
    key, change, sentence = PLANTED[name]
    assert sentence in said(changed(sound, key, change), sound)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("json/datafetch/publish/bookmarks-test.json", "publish/bookmarks-test.json is left"),
        ("json/datafetch/probe/x.json", "probe/x.json is left"),
        (f"{MASTER}.corrupt-20261124T080000Z", "was taken for corrupt"),
    ],
)
def test_what_a_dead_run_left_is_named(key: str, sentence: str, sound: dict[str, bytes]) -> None:
    """Journals, probes and copies of what could not be read."""
    assert sentence in said(sound | {key: b"{}"}, sound)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda runs: runs, "is not in the history"),
        (_entry(status="succeeded"), "was killed, and the history says succeeded"),
        (_entry(status="failed"), "was killed, and the history says failed: None"),
        (_entry(status="failed", error="ended without notice; process 1 on a was gone"), ""),
    ],
    ids=["not told", "told as well", "told without a reason", "told"],
)
def test_a_killed_run_has_to_be_in_the_history_as_failed(
    change: Callable[[Any], Any], sentence: str, sound: dict[str, bytes]
) -> None:
    """A run that was killed is seen, and by its own words."""
    found = said(changed(sound, HISTORY, change), sound, KILLED)
    assert (sentence in found) if sentence else found == ""


def test_a_killed_run_may_have_told_itself(sound: dict[str, bytes]) -> None:
    """What it had written before it was killed is no word of the next run's."""
    after = changed(sound, HISTORY, _entry(status="cancelled", error="stopped by SIGTERM"))
    assert said(after, sound, replace(KILLED, own=frozenset({"run-killed"}))) == ""


def test_a_run_that_ended_well_has_to_be_in_the_history(sound: dict[str, bytes]) -> None:
    """Its result was printed, so nobody may forget it."""
    told = Told({"run-1": "bookmarks"}, [{"runId": "run-1", "status": "succeeded"}], {})
    assert "the run run-1 of bookmarks ended well and is not" in said(sound, sound, told)


def test_slugs_and_tokens_are_never_taken_back(sound: dict[str, bytes]) -> None:
    """A slug that changes breaks links, one that is given again leads elsewhere, a token that falls lets two write."""
    promises = Promises()
    assert [*promises.broken(sound)] == []
    token = json.loads(sound[LOCK])["token"]
    first, second = list(json.loads(sound[MAPPING])["slugs"])[:2]

    def swapped(mapping: Any) -> Any:
        slugs = mapping["slugs"]
        slugs[first]["slug"] = slugs[second]["slug"]
        return mapping

    fallen = changed(changed(sound, MAPPING, swapped), LOCK, lambda lock: lock | {"token": 0})
    told = "\n".join(promises.broken(fallen))
    assert f"the slug of {first} was " in told
    assert f" of {second} was given to {first}" in told
    assert f"the token of bookmarks fell from {token} to 0" in told


def test_two_stores_of_one_world_are_compared(sound: dict[str, bytes]) -> None:
    """What a disturbed store has otherwise than a fresh one is named."""
    assert [*unlike(sound, sound)] == []
    other = changed(sound, MASTER, lambda items: [items[0] | {"title": "Old"}, *items[1:]])
    (fault,) = unlike(other, sound)
    assert "'Old'" in fault


def test_left_files_of_the_store_are_named_and_aged(tmp_path: Path) -> None:
    """Temporary files and a lock that is held are left over; a day later their mending is due."""
    with open_game("folder", tmp_path, 1) as game:
        left = tmp_path / "store/json/.datafetch-0123456789abcdef"
        left.parent.mkdir(parents=True)
        left.touch()
        before = left.stat().st_mtime
        assert game.place.left_over() == ["json/.datafetch-0123456789abcdef"]
        game.place.let_a_day_pass()
        assert before - left.stat().st_mtime > 86_400
        game.place.hang()
        assert ".datafetch-lock is held" in game.place.left_over()
        game.place.mend()
        left.unlink()
        assert game.place.left_over() == []
