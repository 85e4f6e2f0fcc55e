"""Two stores are alike when they differ in times and runs only; every other difference is found."""

import json
from pathlib import Path

import pytest

from tests.alike import differences, in_folder

KEY = "json/image-data/logos/manifest.json"
OWN = "json/datafetch/datasets/opengraph.json"


def stored(value: object, key: str = KEY) -> dict[str, bytes]:
    """A store with one object of JSON."""
    return {key: json.dumps(value).encode()}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"fetchedAt": 1}, {"fetchedAt": 2}),
        ({"a": "2026-11-28T00:11:42.743Z"}, {"a": "2026-11-28T00:12:42Z"}),
        ({"a": 1_795_824_702_743}, {"a": 1_795_824_703_743}),
        ({"etag": '"a"'}, {"etag": '"b"'}),
        (
            {"run": "0192d0a2-0000-7000-8000-000000000000"},
            {"run": "0192d0a2-0000-7000-8000-000000000001"},
        ),
    ],
)
def test_times_and_runs_are_no_difference(one: object, two: object) -> None:
    """They differ between any two runs."""
    assert differences(stored(one), stored(two)) == []


@pytest.mark.parametrize(
    ("one", "two", "said"),
    [
        ({"a": 1}, {"a": 2}, f"{KEY}.a: '1' and '2'"),
        ({"a": {"b": [1]}}, {"a": {"b": [1, 2]}}, f"{KEY}.a.b: 1 and 2 values"),
        ({"a": 1}, {"b": 1}, f"{KEY}: other keys -a +b"),
        ({"a": 1, "b": 1}, {"b": 1, "a": 1}, f"{KEY}: other keys in order"),
        ({"fetchedAt": None}, {"fetchedAt": 2}, f"{KEY}.fetchedAt: None and 2"),
        ([True], [1], None),
        ({"a": "1"}, {"a": "2"}, f"{KEY}.a: '1' and '2'"),
    ],
)
def test_every_other_difference_is_found(one: object, two: object, said: str | None) -> None:
    """With the place where it is."""
    assert differences(stored(one), stored(two)) == ([said] if said else [])


def test_keys_and_bytes_are_compared() -> None:
    """An object that only one store has, and one that is not JSON."""
    picture = {"images/a.png": b"\x89PNG 1"}
    assert differences({}, picture) == ["images/a.png: only in the second"]
    assert differences(picture, {}) == ["images/a.png: only in the first"]
    assert differences(picture, {"images/a.png": b"\x89PNG 2"}) == ["images/a.png: other bytes"]


def test_our_own_records_have_no_order() -> None:
    """Which thread was first says nothing; records of runs are not compared at all."""
    assert differences(stored({"a": 1, "b": 1}, OWN), stored({"b": 1, "a": 1}, OWN)) == []
    assert differences(stored({"a": 1}, OWN), stored({"a": 2}, OWN)) == [f"{OWN}.a: '1' and '2'"]
    for length in (16, 32, 64):
        hashes = stored(["a" * length], OWN), stored(["b" * length], OWN)
        assert differences(*hashes) == []
    assert differences(stored(["a" * 64]), stored(["b" * 64])) != []
    assert (
        differences(
            {"json/datafetch/jobs/logos.json": b"{}", "json/datafetch/backup/a.json": b"[]"}, {}
        )
        == []
    )


def test_a_folder_is_read_without_times_in_its_keys(tmp_path: Path) -> None:
    """A backup is named by the time at which it was made."""
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "2026-11-28T00-11-42.743Z.json").write_bytes(b"1")
    assert in_folder(tmp_path) == {"backup/TIME.json": b"1"}
