"""CSV rows, names, and the compact form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.github.model import (
    ConsecutiveWeeks,
    RememberedRepository,
    Repository,
    ScatteredWeeks,
    Week,
)
from datafetch.github.rules.csv import (
    assign_names,
    compact,
    expand,
    format_csv,
    parse_csv,
    plain_name,
    possible_repositories,
    told_apart_name,
)

numbers = st.integers(0, 10**7)
any_weeks = st.lists(
    st.builds(Week, st.integers(0, 3000).map(lambda n: n * 604_800), numbers, numbers, numbers),
    unique_by=lambda week: week.start,
).map(lambda weeks: tuple(sorted(weeks)))


def repository(full_name: str, node: str = "") -> Repository:
    """A public repository."""
    return Repository(node or f"R_{full_name}", full_name, private=False)


def test_rows_have_the_order_of_the_contract() -> None:
    """Rows are `w,a,d,c` by week, without a header."""
    weeks = [Week(1_700_352_000, 5, 6, 7), Week(1_699_747_200, 1, 2, 3)]
    assert format_csv(weeks) == b"1699747200,1,2,3\n1700352000,5,6,7\n"


@given(any_weeks)
def test_a_csv_is_read_as_it_was_written(weeks: tuple[Week, ...]) -> None:
    """Whatever is written comes back the same."""
    assert parse_csv(format_csv(weeks)) == weeks


def test_a_csv_of_another_program_is_read() -> None:
    """A byte-order mark, blank lines and any order of rows are taken; of two rows for a week the later counts."""
    body = b"\xef\xbb\xbf1209600,1,1,1\r\n\n604800, 7,8,9\n1209600,2,3,4\n"
    assert parse_csv(body) == (Week(604_800, 7, 8, 9), Week(1_209_600, 2, 3, 4))


def test_a_row_that_cannot_be_read_is_named() -> None:
    """Whoever has to mend a CSV by hand is told where."""
    with pytest.raises(ValueError, match="row 3 has 3 fields instead of 4"):
        parse_csv(b"604800,1,2,3\n\n1209600,1,2\n")


@given(any_weeks)
def test_the_compact_form_loses_nothing(weeks: tuple[Week, ...]) -> None:
    """Idle weeks and gaps survive the form in which the state keeps them."""
    assert expand(compact(weeks)) == weeks


def test_the_compact_form_is_as_it_is_stored() -> None:
    """The state of earlier runs is read: idle weeks are 0 in a row without gaps, others are named one by one."""
    begin = 604_800
    without_gap = [Week(begin, 1, 2, 3), Week(2 * begin, 0, 0, 0), Week(3 * begin, 0, 0, 4)]
    assert compact(without_gap) == ConsecutiveWeeks(begin, ((1, 2, 3), 0, (0, 0, 4)))
    with_gap = [Week(begin, 1, 2, 3), Week(3 * begin, 0, 0, 0)]
    assert compact(with_gap) == ScatteredWeeks(((begin, 1, 2, 3), (3 * begin, 0, 0, 0)))
    assert compact([]) == ConsecutiveWeeks(0, ())


@pytest.mark.parametrize(
    "body",
    [
        b"week,added,deleted,commits\n",
        b"1,2,3\n",
        b"1,2,3,x\n",
        b"\xff",
        b"1700000000000000,1,1,1\n",
        b"-1,1,1,1\n",
        b"0,9007199254740992,0,1\n",
        b"0,0,0," + b"9" * 4000 + b"\n",
    ],
)
def test_what_is_no_csv_is_refused(body: bytes) -> None:
    """A header, a cut row or bytes that are no text never count as an empty repository."""
    with pytest.raises(ValueError):
        parse_csv(body)


def test_names_are_those_of_stored_csvs() -> None:
    """A name that came out otherwise than before would leave every stored CSV without its repository."""
    assert plain_name("Owner/Repo_x") == "Owner_Repo_x"
    assert told_apart_name("Owner/Repo_x") == "Owner_Repo_x-5181543a"
    assert told_apart_name("owner/repo_X") == "owner_repo_X-5181543a"


def test_case_tells_no_names_apart() -> None:
    """On disks that ignore case, `a_B.csv` is `a_b.csv`: the later repository gets a digest."""
    lower, upper, other = repository("A/b_c"), repository("a_B/c"), repository("a_b/C")
    names = assign_names([upper, lower], [])
    assert names == {lower.identity: "A_b_c", upper.identity: told_apart_name("a_B/c")}
    names = assign_names([lower, other], [RememberedRepository.of(other, "a_b_C")])
    assert names == {lower.identity: told_apart_name("A/b_c"), other.identity: "a_b_C"}
    both = [RememberedRepository.of(lower, "A_b_c"), RememberedRepository.of(other, "a_b_C")]
    names = assign_names([other, lower], both)
    assert names == {lower.identity: "A_b_c", other.identity: told_apart_name("a_b/C")}


def test_names_that_collide_are_told_apart() -> None:
    """Two repositories, `a_b/c` and `a/b_c`, shared one CSV key: the later one gets a digest."""
    first, second = repository("a/b_c"), repository("a_b/c")
    known = RememberedRepository.of(second, "a_b_c")
    names = assign_names([first, second], [known])
    assert names[second.identity] == "a_b_c"
    assert names[first.identity] == told_apart_name("a/b_c") != "a_b_c"


def test_names_stay_when_the_state_is_lost() -> None:
    """A stored CSV with a digest says which of two repositories was the later one."""
    early, late = repository("z_b/c"), repository("z/b_c")
    names = assign_names([early, late], [], stored=["z_b_c", told_apart_name("z_b/c")])
    assert names[late.identity] == "z_b_c"
    assert names[early.identity] == told_apart_name("z_b/c")


def test_a_new_repository_does_not_take_the_csv_of_a_renamed_one() -> None:
    """A former name is not free until the CSV under it is gone."""
    renamed, newcomer = repository("o/new", "R_1"), repository("o/old", "R_2")
    names = assign_names([renamed, newcomer], [RememberedRepository.of(renamed, "o_old")])
    assert names["R_1"] == "o_new"
    assert names["R_2"] == told_apart_name("o/old")


logins = st.text("ab_-", min_size=1, max_size=4)


@given(st.sets(st.tuples(logins, logins), max_size=12), st.data())
def test_names_are_unique_and_stay(pairs: set[tuple[str, str]], data: st.DataObject) -> None:
    """No two repositories share a CSV, and later repositories never take a name away."""
    everyone = [repository(f"{owner}/{name}") for owner, name in sorted(pairs)]
    before = data.draw(st.lists(st.sampled_from(everyone), unique=True)) if everyone else []
    names = assign_names(before, [])
    records = [
        RememberedRepository.of(repository, names[repository.identity]) for repository in before
    ]
    after = assign_names(everyone, records)
    assert len({name.lower() for name in after.values()}) == len(everyone)
    assert {repository.identity: after[repository.identity] for repository in before} == names


@given(logins, logins)
def test_a_repository_is_among_those_that_its_csv_may_belong_to(owner: str, name: str) -> None:
    """Without any state a CSV still leads back to its repository."""
    full_name = f"{owner}/{name}"
    assert full_name in possible_repositories(plain_name(full_name))


def test_the_likeliest_repository_of_a_csv_comes_first() -> None:
    """Logins have hardly ever an underscore; no half of a name is empty."""
    assert possible_repositories("a_b_c") == ["a/b_c", "a_b/c"]
    assert possible_repositories("_a_") == []
    assert possible_repositories("alone") == []
