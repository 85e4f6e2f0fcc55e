"""What a `.env` file says: its values, their lines, and what cannot be read."""

import os
from pathlib import Path

import pytest

from datafetch.env_file import EnvFile, read_env_file
from tests.support import unprivileged


def lines(tmp_path: Path, text: str) -> EnvFile:
    """What is read of a file with this text; `SECRET` is the one name of a secret."""
    file = tmp_path / "site.env"
    file.write_text(text)
    return read_env_file(file, lambda name, _: name == "SECRET")


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
    assert found.lines == {"A": 1, "B": 2, "C": 3, "D": 4, "E": 5, "E2": 6, "F": 8}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('A=1\n\n\nB="s3cret\nC=2\n', 4, 'the quote " is left open'),
        ("A=1\nexport B='it's3cret'\nC=2\n", 2, "the quote ' is left open, or text follows"),
        ("if s3cret; then\nA=1\nC=2\n", 1, "no `=`; write NAME=value"),
        ("A=1\nB: https://s3cret.example\nC=2\n", 2, "no `=`; write NAME=value"),
        ("A=1\nset B=s3cret\nC=2\n", 2, "before `=` stands more than a name"),
        ("A=1\nghp/s3cret\nC=2\n", 2, "no `=`; write NAME=value"),
        ("A=1\r\nB=s3cret\0y\r\nC=2\r\n", 2, "a zero byte"),
        ("A=1\r\rB s3cret\rC=2\r", 3, "no `=`; write NAME=value"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_once_with_its_number(
    tmp_path, caplog, text, line, said
):
    """A setting on a line with an open quote was not there, and a library's log line counted it wrong."""
    found = lines(tmp_path, text)
    (problem,) = found.problems
    assert problem.startswith(f"{tmp_path / 'site.env'}, line {line}: ")
    assert said in problem
    assert "s3cret" not in problem
    assert found.values == {"A": "1", "C": "2"}
    assert caplog.records == []


def test_each_unreadable_line_is_told(tmp_path):
    """Whoever mends the first line does not find the next one only then."""
    places = [text.partition(":")[0] for text in lines(tmp_path, "A='\nB=1\nC d\n").problems]
    assert places == [f"{tmp_path / 'site.env'}, line {number}" for number in (1, 3)]


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    """Editors on Windows put one before the first name."""
    assert lines(tmp_path, "\ufeffA=1\n").values == {"A": "1"}


def test_the_place_of_a_value_has_its_line(tmp_path):
    """Whoever mends a value in a long file finds it at once; a value of several lines by its first."""
    found = lines(tmp_path, "# ours\n\nexport A='x\ny'\r\nB=2\n\nB=3\n")
    assert found.values == {"A": "x\ny", "B": "3"}
    assert (found.where("A"), found.where("B")) == (
        f"in {tmp_path / 'site.env'}, line 3",
        f"in {tmp_path / 'site.env'}, line 7",
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("A=1\n".encode("utf-16"), "UTF-16, as PowerShell writes it: save it as UTF-8"),
        (b"A=1\n# caf\xe9\n", "line 2: is not a text file in UTF-8 from here on; save it as UTF-8"),
        (b"\xff", "line 1: is not a text file in UTF-8"),
    ],
)
def test_a_file_in_another_encoding_says_where_and_what_to_do(tmp_path, content, said):
    """A comment in latin-1 refused the whole file, and nobody knew which line it was."""
    file = tmp_path / "site.env"
    file.write_bytes(content)
    found = read_env_file(file, lambda *_: False)
    (problem,) = found.problems
    assert problem.startswith(str(file))
    assert said in problem
    assert found.is_there


def test_whether_a_file_was_read_is_known(tmp_path, monkeypatch):
    """What is missing is searched where the file would be, in the folder from the root on."""
    found = read_env_file(Path(".env"), lambda *_: False)
    assert (found.label, found.path, found.is_there) == (".env", tmp_path / ".env", False)
    (tmp_path / ".env").write_text("A=1")
    assert read_env_file(Path(".env"), lambda *_: False).is_there
    assert read_env_file(None, lambda *_: False) == EnvFile()


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


@pytest.mark.timeout(20)
def test_a_device_in_place_of_the_file_is_not_taken_for_no_file(tmp_path):
    """A mistyped path went unseen, and a job ran without its settings; /dev/null has none."""
    (tmp_path / ".env").symlink_to("/dev/zero")
    found = read_env_file(tmp_path / ".env", lambda *_: False)
    assert found.problems == (f"{tmp_path / '.env'} is a device; it has to be a file",)
    found = read_env_file(Path("/dev/null"), lambda *_: False)
    assert (found.is_there, found.values, found.problems) == (True, {}, ())


def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path):
    """Cron's user may not read a `.env` of root's: a traceback, or a run without settings."""
    (tmp_path / ".env").write_text("A=1")
    (tmp_path / ".env").chmod(0)
    with unprivileged():
        found = read_env_file(tmp_path / ".env", lambda *_: False)
    (problem,) = found.problems
    assert problem.startswith(f"{tmp_path / '.env'} cannot be read: Permission denied; ")


def test_a_file_without_end_is_not_read(tmp_path):
    """Every read has a limit; a `.env` is not larger than 1 MiB."""
    found = lines(tmp_path, "A=1\n" + "#" * 1024 * 1024)
    assert found.problems == (f"{tmp_path / 'site.env'} is larger than 1 MiB",)
    assert found.values == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=x\n" + "A=${A}${A}\n" * 40, 21),
        ("\nB=" + "${" * 101, 2),
        ("B=" + "${C:-" * 200_000 + ":}", 1),
    ],
    ids=["doubled", "many", "nested"],
)
def test_references_that_grow_without_end_are_a_problem(tmp_path, text, line):
    """Forty lines that double a value filled the memory, and `${` again and again took minutes."""
    found = lines(tmp_path, text)
    assert found.problems
    assert "single quotes" in found.problems[0]
    assert found.problems[0].startswith(f"{tmp_path / 'site.env'}, line {line}: ")
    assert sum(map(len, found.values.values())) <= 1024 * 1024


def test_a_hundred_references_are_replaced(tmp_path):
    """More than anybody writes into one value."""
    assert lines(tmp_path, "A=x\nB=" + "${A}" * 100).values["B"] == "x" * 100


def test_a_file_of_more_lines_than_anybody_writes_is_refused(tmp_path):
    """A mebibyte of tiny lines took seconds at every start."""
    assert lines(tmp_path, "A\n" * 10_000).problems == ()
    (problem,) = lines(tmp_path, "A\n" * 10_001).problems
    assert "more than 10,000 lines" in problem
