"""Where values stand: the environment, `.env`, and the files that `NAME_FILE` names."""

import os
from pathlib import Path

import pytest

from datafetch.env_file import EnvFile
from datafetch.errors import ConfigurationError
from datafetch.sources import SetValue, Sources
from tests.support import unprivileged

BOTH = ("FIRST", "SECOND")


def secret_in(path: Path | str) -> str:
    """The value of `SECRET` when `SECRET_FILE` names that path."""
    sources = Sources({"SECRET_FILE": str(path)}, EnvFile())
    value = sources.first(("SECRET",), held_by_files=frozenset({"SECRET"}))
    assert value is not None
    return value.text


def problem_of(path: Path | str) -> str:
    """What is said when `SECRET_FILE` names a path that will not do."""
    with pytest.raises(ConfigurationError) as caught:
        secret_in(path)
    (problem,) = caught.value.problems
    return problem


# --------------------------------------------------------------- NAME_FILE


@pytest.mark.parametrize("written", ["s3cret\n", "s3cret\r\n", "\ufeffs3cret", " \t s3cret  \n\n"])
def test_a_secret_is_read_from_its_file_without_white_space_around_it(tmp_path, written):
    """A trailing newline of a mounted secret became part of the password."""
    (tmp_path / "secret").write_text(written)
    assert secret_in(tmp_path / "secret") == "s3cret"


def test_a_secret_is_not_changed_inside(tmp_path):
    """Lines, quotes and dollars of the file are the secret's own."""
    (tmp_path / "secret").write_text("'a\n${b}'\n")
    assert secret_in(tmp_path / "secret") == "'a\n${b}'"


def test_a_secret_behind_links_is_read(tmp_path):
    """Kubernetes mounts each secret as a link to a link."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "token").write_text("s3cret")
    (tmp_path / "token").symlink_to("..data/token")
    assert secret_in(tmp_path / "token") == "s3cret"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"s3cret\xff", "the file is not text in UTF-8"),
        ("s3cret".encode("utf-16-le"), "the file is not text"),
        (b"s" * (64 * 1024 + 1), "the file is larger than 64 KiB"),
    ],
)
def test_a_file_without_a_secret_is_named_by_its_setting(tmp_path, content, said):
    """The sentence has the setting and the trouble, neither the content nor the path."""
    (tmp_path / "secret").write_bytes(content)
    assert problem_of(tmp_path / "secret") == f"SECRET_FILE: {said} (in the environment)"


def test_a_path_without_a_file_is_named_by_its_setting(tmp_path):
    """A path may be the secret itself, set under the wrong name: it is not shown."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    cannot = "SECRET_FILE: the file cannot be read:"
    begins_here = f"; SECRET_FILE holds a path, and this one begins in {tmp_path}"
    where = " (in the environment)"
    assert problem_of("ghp_s3cret") == f"{cannot} No such file or directory{begins_here}{where}"
    assert problem_of(tmp_path) == f"{cannot} Is a directory{where}"
    for place in (tmp_path / "pipe", "/dev/zero"):
        assert problem_of(place).startswith("SECRET_FILE: it names no file but ")
    assert problem_of(tmp_path / "loop") == f"{cannot} Too many levels of symbolic links{where}"
    assert problem_of("x" * 5000) == f"{cannot} File name too long{begins_here}{where}"
    (tmp_path / "secret").write_text("s3cret")
    (tmp_path / "secret").chmod(0)
    with unprivileged():
        assert problem_of(tmp_path / "secret") == f"{cannot} Permission denied{where}"


# -------------------------------------------------------------- which value


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_the_path_may_stand_in_either_place(tmp_path, place):
    """`NAME_FILE` is set like any name."""
    (tmp_path / "secret").write_text("s3cret")
    path = {"SECOND_FILE": str(tmp_path / "secret")}
    sources = (
        Sources(path, EnvFile())
        if place == "environment"
        else Sources({}, EnvFile(".env", values=path))
    )
    assert sources.first(BOTH, held_by_files=frozenset(BOTH)) == SetValue(
        "SECOND_FILE", "s3cret", "in the file that it names"
    )


def test_a_name_goes_before_the_file_of_the_next_name(tmp_path):
    """`NAME_FILE` stands in its own name's place, and a file that does not count is not read."""
    sources = Sources({"SECOND_FILE": "nowhere"}, EnvFile(".env", values={"FIRST": "x"}))
    assert sources.first(BOTH, held_by_files=frozenset(BOTH)) == SetValue("FIRST", "x", "in .env")
    (tmp_path / "secret").write_text("s3cret")
    sources = Sources(
        {"SECOND": "x"}, EnvFile(".env", values={"FIRST_FILE": str(tmp_path / "secret")})
    )
    value = sources.first(BOTH, held_by_files=frozenset(BOTH))
    assert value is not None
    assert value.text == "s3cret"


@pytest.mark.parametrize("name", BOTH)
def test_a_value_and_its_file_are_not_both_set(name):
    """Two places for one secret: after a rotation the old one might count."""
    sources = Sources({name: "x"}, EnvFile(".env", values={f"{name}_FILE": "nowhere"}))
    with pytest.raises(ConfigurationError) as caught:
        sources.first(BOTH, held_by_files=frozenset(BOTH))
    assert caught.value.problems == (
        f"{name} (in the environment) and {name}_FILE (in .env) are both set: keep one of them",
    )


def test_an_empty_name_beside_its_file_is_not_set(tmp_path):
    """Compose files pass on variables that are empty."""
    (tmp_path / "secret").write_text("s3cret")
    variables = {"FIRST": " ", "FIRST_FILE": str(tmp_path / "secret")}
    value = Sources(variables, EnvFile()).first(BOTH, held_by_files=frozenset(BOTH))
    assert value is not None
    assert value.text == "s3cret"


def test_other_names_have_no_file(tmp_path):
    """`CI_FILE` or `NODE_ENV_FILE` of another program is none of ours."""
    sources = Sources({"FIRST_FILE": "nowhere", "SECOND": "x"}, EnvFile())
    value = sources.first(BOTH, held_by_files=frozenset({"SECOND"}))
    assert value == SetValue("SECOND", "x")


def test_a_value_says_where_it_stands():
    """Whoever mends a wrong value in the wrong place sees no change."""
    file = EnvFile("my.env", values={"B": "3", "C": "4"}, lines={"B": 1, "C": 7, "E": 9})
    sources = Sources({"A": "1", "B": " 2 ", "E": "", "F": " "}, file)
    before = "in the environment, which goes before my.env"
    assert [sources.find(name) for name in "ABCDEF"] == [
        SetValue("A", "1", "in the environment"),
        SetValue("B", "2", before),
        SetValue("C", "4", "in my.env, line 7"),
        None,
        None,
        None,
    ]
    empty = {"E": "in my.env, line 9", "F": "in the environment", "D": None}
    assert {name: sources.where_empty(name) for name in "EFD"} == empty


def test_values_are_not_shown(tmp_path):
    """A traceback that prints what was read shows no secret."""
    found = EnvFile(".env", values={"SECRET": "s3cret"})
    assert "s3cret" not in repr(Sources({"X": "s3cret"}, found)) + repr(SetValue("X", "s3cret"))
