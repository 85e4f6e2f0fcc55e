"""Where values stand: the environment, `.env`, and the files that `NAME_FILE` names."""

import os
from pathlib import Path

import pytest

from datafetch.errors import ConfigurationError
from datafetch.sources import EnvFile, SetValue, Sources, read_env_file
from tests.support import unprivileged

BOTH = ("FIRST", "SECOND")


def lines(tmp_path: Path, text: str) -> EnvFile:
    """What is read of a file with this text; `SECRET` is the one name of a secret."""
    file = tmp_path / "site.env"
    file.write_text(text)
    return read_env_file(file, lambda name, _: name == "SECRET")


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


# ------------------------------------------------------------------- .env


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("NAME=${OTHER}/x", "other/x"),
        ('NAME="${OTHER}/x"', "other/x"),
        ("NAME=${HERE}", "above"),
        ("NAME=${NOWHERE}.", "."),
        ("NAME=${NOWHERE:-there}", "there"),
        ("NAME=$OTHER", "$OTHER"),
        ("NAME='${OTHER}/x'", "${OTHER}/x"),
        ("export NAME='${OTHER}/x'", "${OTHER}/x"),
        ("\n\n  NAME = '${OTHER}/x'  # comment", "${OTHER}/x"),
        ("'NAME'='a\nb${OTHER}'", "a\nb${OTHER}"),
    ],
)
def test_references_are_replaced_except_in_single_quotes(monkeypatch, tmp_path, line, expected):
    """`${x}` in single quotes was replaced, as no shell does; elsewhere it stands for what x is."""
    monkeypatch.setenv("OTHER", "other")
    monkeypatch.setenv("HERE", "of the shell")
    assert lines(tmp_path, f"HERE=above\n{line}\n").values["NAME"] == expected


@pytest.mark.parametrize("line", ["SECRET=a${b}$c${d:-e}", 'SECRET="a${b}$c${d:-e}"'])
def test_a_secret_is_left_as_it_is(tmp_path, line):
    """A password with `${b}` in it lost these letters, and the server refused it."""
    assert lines(tmp_path, line).values == {"SECRET": "a${b}$c${d:-e}"}


def test_what_is_a_secret_is_asked_of_the_value_too(tmp_path):
    """An address with a password is a secret under any name."""
    file = tmp_path / "site.env"
    file.write_text("LOCK=redis://:a${b}@r.example\nLOCKS=${b}redis://r.example\n")
    found = read_env_file(file, lambda _, text: ":a$" in text)
    assert found.values == {"LOCK": "redis://:a${b}@r.example", "LOCKS": "redis://r.example"}


def test_white_space_and_what_is_empty_are_dropped(tmp_path):
    """Quotes keep white space for a shell; a setting never has any around it."""
    found = lines(tmp_path, "A=\"  x y \\n\"\nB='   '\nC=\nD\nE=z\t\nE2='\u00a0z'\nF=1\nF=\n")
    assert found.values == {"A": "x y", "E": "z", "E2": "z"}
    assert found.problems == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('A=1\n\n\nB="open\nC=2\n', 4),
        ("A=1\nB='it's'\nC=2\n", 2),
        ("if true; then\nA=1\nC=2\n", 1),
        ("A=1\r\nB=x\0y\r\nC=2\r\n", 2),
    ],
)
def test_a_line_that_cannot_be_read_is_told_once_with_its_number(tmp_path, caplog, text, line):
    """A setting on a line with an open quote was not there, and a library's log line counted it wrong."""
    found = lines(tmp_path, text)
    name = tmp_path / "site.env"
    assert found.problems == (f"{name}, line {line}: should be NAME=value; is a quote left open?",)
    assert found.values == {"A": "1", "C": "2"}
    assert caplog.records == []


def test_each_unreadable_line_is_told(tmp_path):
    """Whoever mends the first line does not find the next one only then."""
    places = [text.partition(":")[0] for text in lines(tmp_path, "A='\nB=1\nC d\n").problems]
    assert places == [f"{tmp_path / 'site.env'}, line {number}" for number in (1, 3)]


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    """Editors on Windows put one before the first name."""
    assert lines(tmp_path, "\ufeffA=1\n").values == {"A": "1"}


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir])
def test_no_file_or_a_folder_has_no_lines(tmp_path, make):
    """`.env` is optional, and some call the folder of a Python environment so."""
    make(tmp_path / ".env")
    assert read_env_file(tmp_path / ".env", lambda *_: False).values == {}
    assert read_env_file(tmp_path / ".env", lambda *_: False).problems == ()


def test_a_pipe_in_place_of_the_file_does_not_hang(tmp_path):
    """A pipe in the place of a file hung the run."""
    os.mkfifo(tmp_path / ".env")
    found = read_env_file(tmp_path / ".env", lambda *_: False)
    assert found.problems == (f"{tmp_path / '.env'} is a pipe; it has to be a file",)


def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path):
    """Cron's user may not read a `.env` of root's: a traceback, or a run without settings."""
    (tmp_path / ".env").write_text("A=1")
    (tmp_path / ".env").chmod(0)
    with unprivileged():
        found = read_env_file(tmp_path / ".env", lambda *_: False)
    assert found.problems == (f"{tmp_path / '.env'} cannot be read: Permission denied",)


def test_a_file_without_end_is_not_read(tmp_path):
    """Every read has a limit; a `.env` is not larger than 1 MiB."""
    found = lines(tmp_path, "A=1\n" + "#" * 1024 * 1024)
    assert found.problems == (f"{tmp_path / 'site.env'} is larger than 1 MiB",)
    assert found.values == {}


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
    assert problem_of(tmp_path / "secret") == f"SECRET_FILE: {said}"


def test_a_path_without_a_file_is_named_by_its_setting(tmp_path):
    """A path may be the secret itself, set under the wrong name: it is not shown."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    cannot = "SECRET_FILE: the file cannot be read:"
    assert problem_of("ghp_s3cret") == f"{cannot} No such file or directory"
    assert problem_of(tmp_path) == f"{cannot} Is a directory"
    assert problem_of(tmp_path / "pipe") == "SECRET_FILE: it names no file"
    assert problem_of("/dev/zero") == "SECRET_FILE: it names no file"
    assert problem_of(tmp_path / "loop") == f"{cannot} Too many levels of symbolic links"
    assert problem_of("x" * 5000) == f"{cannot} File name too long"
    (tmp_path / "secret").write_text("s3cret")
    (tmp_path / "secret").chmod(0)
    with unprivileged():
        assert problem_of(tmp_path / "secret") == f"{cannot} Permission denied"


# -------------------------------------------------------------- which value


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_the_path_may_stand_in_either_place(tmp_path, place):
    """`NAME_FILE` is set like any name."""
    (tmp_path / "secret").write_text("s3cret")
    path = {"SECOND_FILE": str(tmp_path / "secret")}
    sources = (
        Sources(path, EnvFile()) if place == "environment" else Sources({}, EnvFile(".env", path))
    )
    assert sources.first(BOTH, held_by_files=frozenset(BOTH)) == SetValue(
        "SECOND_FILE", "s3cret", "in the file that it names"
    )


def test_a_name_goes_before_the_file_of_the_next_name(tmp_path):
    """`NAME_FILE` stands in its own name's place, and a file that does not count is not read."""
    sources = Sources({"SECOND_FILE": "nowhere"}, EnvFile(".env", {"FIRST": "x"}))
    assert sources.first(BOTH, held_by_files=frozenset(BOTH)) == SetValue("FIRST", "x", "in .env")
    (tmp_path / "secret").write_text("s3cret")
    sources = Sources({"SECOND": "x"}, EnvFile(".env", {"FIRST_FILE": str(tmp_path / "secret")}))
    value = sources.first(BOTH, held_by_files=frozenset(BOTH))
    assert value is not None
    assert value.text == "s3cret"


@pytest.mark.parametrize("name", BOTH)
def test_a_value_and_its_file_are_not_both_set(name):
    """Two places for one secret: after a rotation the old one might count."""
    sources = Sources({name: "x"}, EnvFile(".env", {f"{name}_FILE": "nowhere"}))
    with pytest.raises(ConfigurationError) as caught:
        sources.first(BOTH, held_by_files=frozenset(BOTH))
    assert caught.value.problems == (f"{name} and {name}_FILE are both set: keep one of them",)


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
    sources = Sources({"A": "1", "B": " 2 "}, EnvFile("my.env", {"B": "3", "C": "4"}))
    before = "in the environment, which goes before my.env"
    assert [sources.find(name) for name in "ABCD"] == [
        SetValue("A", "1"),
        SetValue("B", "2", before),
        SetValue("C", "4", "in my.env"),
        None,
    ]


def test_values_are_not_shown(tmp_path):
    """A traceback that prints what was read shows no secret."""
    found = lines(tmp_path, "SECRET=s3cret")
    assert "s3cret" not in repr(Sources({"X": "s3cret"}, found)) + repr(SetValue("X", "s3cret"))
