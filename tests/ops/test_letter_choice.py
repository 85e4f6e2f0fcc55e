"""Which dead letters are meant, and how they are grouped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.run import JobName
from datafetch.ops.dead_letters import DeadLetter, letter_id
from datafetch.ops.letter_choice import (
    Choice,
    NoSuchLetter,
    chosen,
    groups,
    items_by_job,
    main_host,
    reason_of,
)

NOW_MS = 1_000_000_000


def letter(item: str, error: str = "", job: str = "opengraph", **more: object) -> DeadLetter:
    """A letter of an item that failed just now."""
    fields: dict[str, object] = {
        "id": letter_id(job, item),
        "attempts": 1,
        "first_failed_at": NOW_MS,
        "last_failed_at": NOW_MS,
        "next_attempt_at": NOW_MS + 3600_000,
        "error_type": "TransientError",
        "permanent": False,
    }
    return DeadLetter(job=job, item=item, error=error, **(fields | more))  # type: ignore[arg-type]


A = letter("https://a.example/1", "https://a.example/1: status 500", last_failed_at=NOW_MS - 5)
B = letter("https://a.example/2", "https://a.example/2: status 500")
C = letter("b.example", "https://icons.example/b: no answer in time", job="logos")
ALL = [A, B, C]


def test_the_newest_failure_comes_first() -> None:
    """What happened last is what somebody looks for."""
    assert [one.id for one in chosen(ALL, Choice(everything=True), NOW_MS)][-1] == A.id


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(), {A.id, B.id, C.id}),
        (Choice(jobs=(JobName.LOGOS,)), {C.id}),
        (Choice(jobs=(JobName.GITHUB,)), set()),
        (Choice(ids=(A.id, C.id[:8])), {A.id, C.id}),
        (Choice(older_than_s=1.0), set()),
        (Choice(older_than_s=0.0), {A.id, B.id, C.id}),
    ],
)
def test_what_is_named_is_meant(choice: Choice, expected: set[str]) -> None:
    """By job, by id or its beginning, by age."""
    assert {one.id for one in chosen(ALL, choice, NOW_MS)} == expected


def test_an_id_that_is_none_is_said() -> None:
    """A typing error does not count as "all is well"."""
    with pytest.raises(NoSuchLetter, match="no dead letter ffffffffffff"):
        chosen(ALL, Choice(ids=("ffffffffffff",)), NOW_MS)


def test_a_beginning_that_fits_two_is_said() -> None:
    """Nothing is dropped that was not meant."""
    twins = [letter("x", id="abc1"), letter("y", id="abc2"), letter("z", id="abc")]
    with pytest.raises(NoSuchLetter, match="abc1, abc2"):
        chosen(twins[:2], Choice(ids=("abc",)), NOW_MS)
    assert [one.item for one in chosen(twins, Choice(ids=("abc",)), NOW_MS)] == ["z"]


def test_one_fault_of_a_host_is_one_group() -> None:
    """27 letters were 7 hosts: the URL before the error does not make it another one."""
    (group,) = groups([A, B])
    assert (group.host, group.reason) == ("a.example", "TransientError: status 500")
    assert [one.id for one in group.letters] == [B.id, A.id]


@pytest.mark.parametrize(
    ("made", "host", "reason"),
    [
        (C, "icons.example", "TransientError: no answer in time"),
        (letter("b.example", "a mistake", job="logos"), "b.example", "TransientError: a mistake"),
        (
            letter("b.example", "icons.example failed 3 times in a row; it", job="logos"),
            "icons.example",
            "TransientError: icons.example failed 3 times in a row; it",
        ),
        (letter("o/r", "GitHub waits", job="github"), "GitHub", "TransientError: GitHub waits"),
        (
            letter("picture of b1", "https://c.example/p.png: status 404", error_type="Missing"),
            "c.example",
            "Missing: status 404",
        ),
        (letter("picture of b1", "cut short"), "no host", "TransientError: cut short"),
        (
            letter("https://a.example/", "a.example failed 3 times", error_type="BreakerOpen"),
            "a.example",
            "not asked, since its host fails",
        ),
    ],
)
def test_host_and_reason(made: DeadLetter, host: str, reason: str) -> None:
    """27 letters were 7 hosts: what counts is who failed, a service of logos or the site itself."""
    assert (main_host(made), reason_of(made)) == (host, reason)


@given(st.lists(st.sampled_from(["a.example", "https://b.example/x", "picture of 1", "::", ""])))
def test_groups_lose_nothing(items: list[str]) -> None:
    """Whatever an item is called, its letter is listed once."""
    letters = [letter(f"{item}{number}", f"{item}: x") for number, item in enumerate(items)]
    found = [one for group in groups(letters) for one in group.letters]
    assert sorted(one.id for one in found) == sorted(one.id for one in letters)


def test_what_the_jobs_are_told_to_do() -> None:
    """Jobs by their order, each with its own items."""
    quarantined = letter("bookmark 7", job="bookmarks")
    assert items_by_job([C, A, quarantined]) == {
        JobName.BOOKMARKS: (quarantined.item,),
        JobName.OPENGRAPH: (A.item,),
        JobName.LOGOS: (C.item,),
    }
    assert list(items_by_job([C, quarantined])) == [JobName.BOOKMARKS, JobName.LOGOS]
