"""Who counts, who is asked, what an answer is worth."""

from dataclasses import replace
from typing import Any

import pytest

from datafetch.github.model import (
    Barrier,
    RememberedRepository,
    Repository,
    Status,
    Week,
)
from datafetch.github.rules.csv import compact, told_apart_name
from datafetch.github.rules.roster import (
    Entry,
    LookedUp,
    Roster,
    asking_order,
    build_roster,
    is_settled,
    name_them,
    strays,
)

BUSY = (Week(0, 3, 1, 2), Week(604_800, 0, 0, 0))
WITHOUT_LINES = (Week(0, 0, 0, 7),)
A = Repository("R_a", "o/a", private=False, pushed_at="2026-01-01T00:00:00Z")
B = Repository("R_b", "o/b", private=False, pushed_at="2026-01-01T00:00:00Z")


def known(repository: Repository, csv: str, **more: Any) -> RememberedRepository:
    """What is remembered of a repository whose CSV is complete."""
    fresh = RememberedRepository.of(repository, csv)
    return replace(fresh, **{"status": Status.COMPLETE, "pushed_at": repository.pushed_at, **more})


DONE = known(A, "o_a", etag="etag", weeks=compact(BUSY))


def roster(
    *discovered: Repository,
    found: dict[str, Repository] | None = None,
    records: tuple[RememberedRepository, ...] = (),
    stored: dict[str, str] | None = None,
    hidden: dict[str, Barrier] | None = None,
    excluded: frozenset[str] = frozenset(),
) -> Roster:
    """A roster in which all that was discovered is counted."""
    return build_roster(
        discovered,
        LookedUp(found or {}, hidden or {}),
        {record.csv: record for record in records},
        stored or {},
        counted={repository.identity for repository in discovered},
        excluded=excluded,
    )


def only(result: Roster) -> Entry:
    """Its single entry."""
    (entry,) = result.entries
    return entry


def test_forks_are_left_out_with_their_csvs() -> None:
    """A fork counts nowhere, even when an older system stored its CSV."""
    fork = replace(B, fork=True)
    assert roster(A, fork, stored={"o_b": "e"}).entries == (Entry(A, "o_a"),)
    assert roster(A, found={"o/b": fork}, stored={"o_b": "e"}).entries == (Entry(A, "o_a"),)


def test_a_stored_csv_counts_when_github_lists_its_repository_no_more() -> None:
    """GitHub lists only recent repositories: one with a CSV is looked up and stays."""
    assert strays([A], {}, ["o_a", "o_b"]) == {"o_b": ["o/b"]}
    entries = roster(A, found={"o/b": B}, stored={"o_a": "1", "o_b": "2"}).entries
    assert [(e.repository.full_name, e.stored, e.counted) for e in entries] == [
        ("o/b", "o_b", False),
        ("o/a", "o_a", True),
    ]


def test_the_csv_of_a_deleted_repository_counts() -> None:
    """A deleted repository is not asked, its lines stay, and its name is taken for private."""
    entry = only(roster(stored={"o_b": "2"}))
    assert entry.gone
    assert not entry.counted
    assert entry.stored == "o_b"
    assert entry.repository.private
    assert is_settled(entry, 0)


def test_the_name_of_a_deleted_repository_used_again_is_not_the_old_one() -> None:
    """The CSV of a deleted repository is not mixed with a stranger of the same name."""
    record = known(B, "o_b", etag="2")
    stranger = replace(B, id="R_other")
    entry = only(roster(found={"o/b": stranger}, records=(record,), stored={"o_b": "2"}))
    assert entry.gone
    assert entry.repository == B


def test_a_renamed_repository_keeps_its_lines_under_its_new_name() -> None:
    """The former CSV counts until there is one under the present name, and is not settled."""
    renamed = replace(A, full_name="o/new")
    entry = only(roster(renamed, records=(DONE,), stored={"o_a": "etag"}))
    assert (entry.csv, entry.stored, entry.remembered_weeks) == ("o_new", "o_a", BUSY)
    assert not is_settled(entry, 0)


def test_a_former_csv_is_dropped_once_there_is_a_new_one() -> None:
    """Lines of a renamed repository are never counted twice, with or without state."""
    renamed = replace(A, full_name="o/new")
    both = {"o_a": "etag", "o_new": "2"}
    result = roster(renamed, records=(DONE,), stored=both)
    assert (only(result).stored, result.replaced) == ("o_new", ("o_a",))
    result = roster(renamed, found={"o/a": renamed}, stored=both)
    assert (only(result).stored, result.replaced) == ("o_new", ("o_a",))


def test_of_two_former_csvs_the_newer_one_stays() -> None:
    """A repository renamed twice kept the CSV of its first name, and the later one was deleted."""
    record = known(replace(A, full_name="o/b"), "o_b", etag="2")
    renamed = replace(A, full_name="o/c")
    both = {"o_a": "1", "o_b": "2"}
    result = roster(renamed, found={"o/a": renamed}, records=(record,), stored=both)
    assert (only(result).stored, only(result).etag, result.replaced) == ("o_b", "2", ("o_a",))


def test_collisions_keep_apart_what_is_stored() -> None:
    """The CSV of `a_b/c` is not taken for that of `a/b_c`."""
    old, new = Repository("R_1", "a_b/c"), Repository("R_2", "a/b_c")
    entries = roster(old, new, records=(known(old, "a_b_c"),), stored={"a_b_c": "1"}).entries
    assert {(e.repository.id, e.csv, e.stored) for e in entries} == {
        ("R_1", "a_b_c", "a_b_c"),
        ("R_2", told_apart_name("a/b_c"), None),
    }


EXCLUDED = frozenset({"o/b", "acme/*"})


def test_excluded_repositories_count_nowhere() -> None:
    """Listed, remembered, or known by their CSV only: they have no entry, whatever the case."""
    record = known(B, "o_b", etag="2")
    stored = {"o_a": "1", "o_b": "2", "acme_x": "3"}
    acme = Repository("R_x", "Acme/X")
    assert only(roster(A, B, acme, stored=stored, excluded=EXCLUDED)).repository == A
    result = roster(A, records=(record,), stored=stored, excluded=EXCLUDED)
    assert only(result).repository == A
    assert result.replaced == ()
    assert strays([A], {}, stored, EXCLUDED) == {"o_b": [], "acme_x": []}
    assert strays([A], {"o_b": record}, stored, EXCLUDED) == {"acme_x": []}


def test_what_is_remembered_of_an_excluded_repository_stays() -> None:
    """When it is let in again, its lines are there without a request."""
    record = known(B, "o_b", etag="2")
    result = roster(A, B, records=(record,), stored={"o_b": "2"}, excluded=EXCLUDED)
    assert result.excluded == (record,)


def test_the_csv_of_an_excluded_repository_is_not_given_to_another_one() -> None:
    """`a_b/c` is excluded and its CSV stays: `a/b_c` gets a name of its own."""
    old, new = Repository("R_1", "a_b/c"), Repository("R_2", "a/b_c")
    excluded = frozenset({"a_b/c"})
    record, stored = known(old, "a_b_c"), {"a_b_c": "1"}
    entry = only(roster(new, records=(record,), stored=stored, excluded=excluded))
    assert (entry.csv, entry.stored) == (told_apart_name("a/b_c"), None)
    assert roster(stored=stored, excluded=excluded).entries == (), "nobody else is found for it"
    found = {"a/b_c": new}
    assert only(roster(found=found, stored=stored, excluded=excluded)).repository == new


def test_a_repository_that_was_renamed_into_an_excluded_name_is_excluded() -> None:
    """The name that GitHub gives now decides."""
    record = known(replace(B, full_name="o/old"), "o_old", etag="2")
    stored = {"o_old": "2"}
    assert roster(B, records=(record,), stored=stored, excluded=EXCLUDED).entries == ()
    found = {"o/old": B}
    assert roster(found=found, records=(record,), stored=stored, excluded=EXCLUDED).entries == ()


def test_a_hidden_repository_is_not_gone() -> None:
    """GitHub does not show it: its CSV counts, and it is not asked for."""
    record = known(B, "o_b", etag="2")
    for records in ((), (record,)):
        entry = only(roster(stored={"o_b": "2"}, records=records, hidden={"o/b": Barrier.SAML}))
        assert (entry.barrier, entry.gone, entry.stored) == (Barrier.SAML, False, "o_b")
        assert is_settled(entry, 0)


SETTLED = Entry(A, "o_a", DONE, "o_a", "etag")


@pytest.mark.parametrize(
    ("entry", "settled"),
    [
        (SETTLED, True),
        (replace(SETTLED, repository=replace(A, pushed_at="2026-02-01T00:00:00Z")), False),
        (replace(SETTLED, etag="other"), False),
        (replace(SETTLED, stored=None, etag=None), False),
        (replace(SETTLED, remembered=None), False),
        (replace(SETTLED, remembered=replace(DONE, status=Status.PENDING)), False),
        (replace(SETTLED, remembered=replace(DONE, status=Status.FAILED)), False),
        (Entry(A, "o_a", known(A, "o_a", status=Status.NONE)), True),
    ],
)
def test_only_what_was_pushed_to_is_asked(entry: Entry, settled: bool) -> None:
    """Repositories whose push has not moved since their CSV was complete are not asked."""
    assert is_settled(entry, 0) == settled


def test_unavailable_statistics_are_asked_for_weekly() -> None:
    """What GitHub could not say it may say later, but it is not asked every day."""
    record = replace(DONE, status=Status.UNAVAILABLE, asked_at=1000)
    entry = replace(SETTLED, remembered=record)
    week_ms = 7 * 24 * 3600 * 1000
    assert is_settled(entry, 1000 + week_ms - 1)
    assert not is_settled(entry, 1000 + week_ms)


def test_what_failed_before_is_asked_first() -> None:
    """Pending repositories of the last run come first, then those without any CSV."""
    fresh, stored, failed = Entry(A, "o_a"), replace(SETTLED, repository=B), Entry(A, "o_c")
    failed = replace(failed, repository=Repository("R_c", "o/c"))
    order = asking_order([stored, fresh, failed], lambda name: name == "o/c")
    assert order == [failed, fresh, stored]


def test_private_repositories_are_counted_not_named() -> None:
    """Names of private repositories never appear in results."""
    secret = Repository("R_s", "o/secret", private=True)
    assert name_them([B, secret, A]) == "o/a, o/b, a private repository"
    assert name_them([secret, replace(secret, id="R_t")]) == "2 private repositories"
