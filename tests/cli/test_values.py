"""How the values of options are read, and what is said of those that cannot be."""

import os
from pathlib import Path

import pytest
import typer

from datafetch.cli.names import job_name
from datafetch.cli.values import (
    backup_number,
    domain_name,
    item_count,
    log_format,
    parse_age,
    repository,
    settings_file,
    target_folder,
    web_address,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("90m", 5400), ("12h", 43_200), ("30d", 2_592_000), (" 1.5W ", 907_200)],
)
def test_ages_are_read_with_their_unit(text, seconds):
    """`30d` is thirty days, in seconds."""
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["soon", "30", "d", "-1d", "1y", "1d2h", "1e3s", "", "٣d"])
def test_what_is_not_an_age_is_refused(text):
    """A number without a unit, or anything else, is wrong usage, and what would do is said."""
    with pytest.raises(
        typer.BadParameter, match=f"'{text}' is not an age: write 45s, 90m, 12h, 30d or 2w"
    ):
        parse_age(text)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (item_count, "1", 1),
        (item_count, "200", 200),
        (backup_number, "5", 5),
        (repository, "octocat/hello-world", "octocat/hello-world"),
        (repository, "https://github.com/octocat/hello.world", "octocat/hello.world"),
        (repository, "https://github.com/octocat/hello-world.git", "octocat/hello-world"),
        (repository, "https://github.com/octocat/hello-world/", "octocat/hello-world"),
        (domain_name, "example.com", "example.com"),
        (domain_name, "https://www.example.com/about?x", "www.example.com"),
        (domain_name, "http://example.com:8080", "example.com"),
        (web_address, "https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
        (log_format, "json", "json"),
    ],
)
def test_values_are_taken(read, text, value):
    """What people paste is read: the address of a repository, and that of a domain's page, too."""
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (item_count, "0", "'0' is not a number of items: write 1 or more"),
        (item_count, "x", "'x' is not a number of items: write 1 or more"),
        (item_count, "-3", "write 1 or more"),
        (item_count, "1.5", "write 1 or more"),
        (backup_number, "0", "write 1 (the newest) to 5"),
        (backup_number, "6", "write 1 (the newest) to 5"),
        (backup_number, "x", "'x' is not the number of a backup"),
        (repository, "site", "'site' is not a repository: write OWNER/NAME"),
        (repository, "me/bad repo", "write OWNER/NAME"),
        (repository, "https://github.com/me", "write OWNER/NAME"),
        (domain_name, "localhost", "'localhost' is not a domain: write it like example.com"),
        (domain_name, "me@example.com", "write it like example.com"),
        (domain_name, "https://", "write it like example.com"),
        (web_address, "example.com", "write all of it, such as https://example.com/page"),
        (web_address, "ftp://example.com", "'ftp://example.com' is not a web address"),
        (log_format, "xml", "'xml' is not a format of logs: write console or json"),
        (job_name, "githb", "there is no job 'githb': did you mean github?"),
        (job_name, "refresh-opengraph", "did you mean opengraph?"),
        (job_name, "zzz", "jobs are bookmarks, opengraph, github, logos"),
        (job_name, "opengraph,github", "write opengraph github"),
    ],
)
def test_a_wrong_value_is_shown_with_what_would_do(read, text, said):
    """Each message repeats the value and says what to write."""
    with pytest.raises(typer.BadParameter) as refused:
        read(text)
    assert said in str(refused.value)


def test_a_hostile_value_is_shown_short_and_without_control_characters():
    """What was pasted by mistake neither moves the cursor nor fills the screen."""
    with pytest.raises(typer.BadParameter) as refused:
        parse_age("\x1b[2J\n" + "9" * 5000)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


def test_a_settings_file_must_be_a_file(tmp_path, monkeypatch):
    """A path that is not there is named with the folder it was looked for in; a folder is told."""
    monkeypatch.chdir(tmp_path)
    Path("my.env").touch()
    assert settings_file("my.env") == Path("my.env")
    for text, said in (
        ("other.env", f"there is no file 'other.env' in {tmp_path}"),
        (str(tmp_path), f"is a folder: name the file in it, such as {tmp_path / '.env'}"),
        ("my.env/x", "cannot be read: Not a directory"),
        ("a\0b", "cannot be read: "),
    ):
        with pytest.raises(typer.BadParameter) as refused:
            settings_file(text)
        assert said in str(refused.value)


@pytest.mark.timeout(20)
def test_what_is_no_file_holds_no_settings(tmp_path):
    """`--env-file <(command)` is refused with another way, and nobody waits for a writer."""
    os.mkfifo(tmp_path / "pipe")
    for text in (str(tmp_path / "pipe"), "/dev/zero"):
        with pytest.raises(typer.BadParameter) as refused:
            settings_file(text)
        assert f"'{text}' is a pipe or a device, and has to be a file" in str(refused.value)
        assert "set -a; source <(command); set +a" in str(refused.value)
    assert settings_file("/dev/null") == Path("/dev/null")


def test_a_target_must_be_able_to_be_a_folder(tmp_path, monkeypatch):
    """A file in the place of the folder, or above it, is told before anything is fetched."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert target_folder("new/deep") == Path("new/deep")
    assert target_folder(str(tmp_path)) == tmp_path
    for text in ("file", "file/below"):
        with pytest.raises(typer.BadParameter, match="'file' is a file, not a folder"):
            target_folder(text)
    with pytest.raises(typer.BadParameter, match="names no folder"):
        target_folder("")
