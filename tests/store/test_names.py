"""Every name in a folder store can be checked out on Windows, and leads back to its key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.store.names import file_name, segment_of

ODD = [
    ("aux", "~61ux"),
    ("AUX", "~41UX"),
    ("con.json", "~63on.json"),
    ("nul .tar.gz", "~6eul .tar.gz"),
    ("prn", "~70rn"),
    ("com1", "~63om1"),
    ("LPT9.txt", "~4cPT9.txt"),
    ("com²", "~63om²"),
    ("CONIN$", "~43ONIN$"),
    ("a:b", "a~3ab"),
    ('<>"|?*', "~3c~3e~22~7c~3f~2a"),
    ("a\x01\x1f", "a~01~1f"),
    ("c++.", "c++~2e"),
    ("etc...", "etc..~2e"),
    ("a ", "a~20"),
    ("con ", "~63on~20"),
    ("a~b:", "a~7eb~3a"),
]
PLAIN = [
    *("console", "aux-in", "auxiliary", "nula", "com", "com0", "lpt", "my-con", "conin", ".con"),
    *(
        "index.json",
        "日本語",
        "a b",
        " a",
        "c++",
        "~",
        "~61",
        "~6",
        "a~3Ab",
        "~zz",
        "x~+",
        "100~00",
    ),
]


@pytest.mark.parametrize(("segment", "name"), ODD)
def test_what_windows_takes_for_no_name_is_written_in_another_way(segment: str, name: str) -> None:
    """A repository with a tag `aux` could not be checked out there; the key is read back from the name."""
    assert file_name(segment) == name
    assert segment_of(name) == segment


@pytest.mark.parametrize("segment", PLAIN)
def test_all_other_names_are_the_keys(segment: str) -> None:
    """What stands in a folder is found by its key with any program."""
    assert file_name(segment) == segment
    assert segment_of(segment) == segment


def test_what_only_looks_like_another_way_is_not_taken_for_it() -> None:
    """Two keys never have one file, however their names were chosen."""
    assert file_name("~61ux") == "~7e61ux"
    assert file_name("~7e61ux") == "~7e7e61ux"
    assert segment_of("~7e61ux") == "~61ux"


TEXT = st.one_of(
    st.sampled_from([segment for segment, _ in ODD] + [name for _, name in ODD] + PLAIN),
    st.text("~67e1auxconAUX.: *\x01²", min_size=1, max_size=12),
    st.text(min_size=1, max_size=50),
)


@given(st.sets(TEXT, min_size=1, max_size=20))
def test_each_key_has_a_name_of_its_own_and_back(segments: set[str]) -> None:
    """Whatever the keys are, no two of them share a name, and each is read back."""
    assert len({file_name(segment) for segment in segments}) == len(segments)
    assert {segment_of(file_name(segment)) for segment in segments} == segments


@given(TEXT)
def test_a_name_that_we_did_not_write_is_its_own_key(name: str) -> None:
    """Either a name was written by us for its key, or it is the key itself: none is lost."""
    segment = segment_of(name)
    assert segment == name or file_name(segment) == name


def test_a_long_name_of_somebody_else_costs_little() -> None:
    """A name that could be taken apart thousands of times is left alone."""
    name = "~" + "7e" * 50_000
    assert segment_of(name) == name
    assert file_name(name) == name
