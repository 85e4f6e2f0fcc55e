"""Files of domains are read as what they are, or named as the problem."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from datafetch.errors import ConfigurationError
from datafetch.logos.domain_files import read_domain_files
from datafetch.logos.rules.domains import domains_of

COLUMNS = {"domain", "website", "url", "homepage"}
Write = Callable[[str, str | bytes], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file and returns its path."""

    def write_file(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write_file


def domains(*paths: str) -> list[str]:
    """The domains of the files."""
    return list(domains_of(read_domain_files(paths, COLUMNS)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '["one.example.com", "two.example.com"]'),
        (
            "a.json",
            '[{"name":"x","website":"https://one.example.com/"},{"domain":"two.example.com"}]',
        ),
        (
            "a.json",
            '{"companies":[{"url":"http://one.example.com"}],"domains":["two.example.com"]}',
        ),
        (
            "a.json",
            b'\xef\xbb\xbf[[{"homepage":"one.example.com"}],[[{"website":"two.example.com"}]]]',
        ),
        ("a.csv", "name,Website\nOne,https://one.example.com/a\nTwo,two.example.com\n"),
        ("a.csv", 'domain\r\none.example.com\r\n\r\n"two.example.com"\r\n'),
        ("a.csv", "one.example.com\ntwo.example.com\n"),
        ("a.txt", "# mine\none.example.com\n\n  https://two.example.com/x  \n"),
        ("domains", "one.example.com\ntwo.example.com"),
    ],
)
def test_each_kind_of_file_gives_its_domains(write: Write, name: str, content: str) -> None:
    """JSON, CSV and text, with records or plain, with or without a header, say the same."""
    assert domains(write(name, content)) == ["one.example.com", "two.example.com"]


def test_files_follow_one_another(write: Write) -> None:
    """The order of the setting is the order of the domains."""
    first = write("b.txt", "b.example.com\n")
    second = write("a.json", '["a.example.com","b.example.com"]')
    assert domains(first, second) == ["b.example.com", "a.example.com"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", "{"),
        ("a.json", b"\xff\xfe"),
        ("a.json", "[" * 100_000),
        ("a.json", f'["a.example.com",{"1" * 5000}]'),
        ("a.json", '["a.example.com",NaN]'),
        ("a.json", '["a.example.com",' + "{}," * 200_000 + "{}]"),
        ("a.json", '["a.example.com"]' + " " * 64 * 1024 * 1024),
        ("a.csv", "name,city\nOne,Berlin\n"),
        ("a.csv", b"domain\n\xff\n"),
        ("a.txt", b"one.example.com\n\xff\n"),
    ],
)
def test_a_broken_file_is_a_configuration_error(
    write: Write, name: str, content: str | bytes
) -> None:
    """A file that cannot be read must not make the set of domains smaller without a word."""
    path = write(name, content)
    with pytest.raises(ConfigurationError, match=r"LOGO_DOMAIN_FILES.*a\."):
        read_domain_files([path], COLUMNS)


def test_all_broken_files_are_named_at_once(write: Write, tmp_path: Path) -> None:
    """A missing file, a folder and a broken one are three problems, found before anything is read."""
    good, broken = write("good.txt", "a.example.com"), write("broken.json", "nothing")
    missing = str(tmp_path / "missing.csv")
    with pytest.raises(ConfigurationError) as caught:
        read_domain_files([good, missing, broken, str(tmp_path)], COLUMNS)
    assert len(caught.value.problems) == 3
    assert missing in caught.value.problems[0]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.txt"])
def test_a_pipe_in_the_place_of_a_file_is_named(tmp_path: Path, name: str) -> None:
    """A pipe in the place of a file hung the run."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(ConfigurationError, match=rf"{name}: it is no file but a pipe"):
        read_domain_files([str(tmp_path / name)], COLUMNS)


def test_a_missing_file_is_told_with_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cron runs in another folder: a relative path then leads nowhere, and the message says from where."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        read_domain_files(["data/companies.csv"], COLUMNS)
    assert f"data/companies.csv: there is no such file in {tmp_path}" in str(caught.value)
    with pytest.raises(ConfigurationError) as caught:
        read_domain_files(["/no/such/companies.csv"], COLUMNS)
    assert str(caught.value).endswith("there is no such file")


def test_an_empty_file_has_no_domains(write: Write) -> None:
    """Nothing in it is no mistake."""
    assert domains(write("a.csv", ""), write("a.txt", ""), write("a.json", "[]")) == []


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.txt"])
def test_a_file_of_more_than_64_mib_is_named(tmp_path: Path, name: str) -> None:
    """A file without a line's end, or with a million domains too many, is not taken into memory."""
    with (tmp_path / name).open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    with pytest.raises(ConfigurationError, match=rf"{name}: is larger than 64 MiB"):
        read_domain_files([str(tmp_path / name)], COLUMNS)
