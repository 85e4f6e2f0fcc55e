"""What the folder store does with single files."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from datafetch.errors import PreconditionFailed, StoreDenied, StoreError, StoreUnavailable
from datafetch.store.base import Condition, IfAbsent, IfMatch
from datafetch.store.files import check_condition, make_folder, open_file, translated
from tests.support import flushes

THERE = hashlib.sha256(b"there").hexdigest()


@pytest.mark.parametrize("condition", [None, IfMatch(THERE)])
def test_a_condition_that_holds_is_let_through(tmp_path: Path, condition: Condition) -> None:
    """The ETag of a file is the SHA-256 of its content."""
    (tmp_path / "x").write_bytes(b"there")
    check_condition(condition, "x", tmp_path / "x")


@pytest.mark.parametrize("condition", [IfAbsent(), IfMatch("0" * 64), IfMatch("")])
def test_a_condition_that_does_not_hold_is_refused(tmp_path: Path, condition: Condition) -> None:
    """Nobody overwrites what somebody else wrote meanwhile."""
    (tmp_path / "x").write_bytes(b"there")
    with pytest.raises(PreconditionFailed) as caught:
        check_condition(condition, "x", tmp_path / "x")
    assert caught.value.key == "x"


def test_a_missing_file_meets_only_the_condition_that_it_is_missing(tmp_path: Path) -> None:
    """What was removed meanwhile is a broken condition, not a missing object."""
    check_condition(IfAbsent(), "x", tmp_path / "x")
    check_condition(None, "x", tmp_path / "x")
    with pytest.raises(PreconditionFailed):
        check_condition(IfMatch(THERE), "x", tmp_path / "x")


@pytest.mark.parametrize(
    ("durable", "flushed"), [(True, [["a"], ["a", "a/b"], ["a", "a/b", "a/b/c"]]), (False, [])]
)
def test_a_folder_is_made_with_those_above_it(
    tmp_path: Path, durable: bool, flushed: list[list[str]]
) -> None:
    """Each new one is forced to disk where that is asked for; those that are there stay as they are."""
    root = tmp_path / "root"
    root.mkdir()

    def folders() -> list[str]:
        return sorted(str(path.relative_to(root)) for path in root.rglob("*"))

    with flushes(folders) as seen:
        for _ in range(2):
            make_folder(root / "a/b/c", durable=durable)
    assert folders() == ["a", "a/b", "a/b/c"]
    assert [there for _, there in seen] == flushed


@pytest.mark.parametrize(
    ("number", "kind", "hint"),
    [
        (errno.EACCES, StoreDenied, "owns"),
        (errno.EPERM, StoreDenied, "owns"),
        (errno.EROFS, StoreDenied, "owns"),
        (errno.ENOSPC, StoreUnavailable, "disk"),
        (errno.EIO, StoreUnavailable, "disk"),
        (errno.ENOENT, StoreUnavailable, "disk"),
    ],
)
def test_errors_of_the_disk_are_errors_of_the_store(
    number: int, kind: type[StoreError], hint: str
) -> None:
    """What may not be done is told from what cannot be done now; each has its hint."""
    with pytest.raises(StoreError) as caught, translated("x"):
        raise OSError(number, "why")
    assert type(caught.value) is kind
    assert caught.value.key == "x"
    assert str(caught.value) == "x: why"
    assert hint in caught.value.hint


def test_an_error_without_a_number_says_its_text() -> None:
    """Not every error of a file comes from the operating system."""
    with pytest.raises(StoreUnavailable) as caught, translated("x"):
        raise OSError("not readable")
    assert str(caught.value) == "x: not readable"


def test_a_missing_file_passes_where_that_is_asked_for() -> None:
    """Who reads makes an error of its own of it; any other error is translated all the same."""
    with pytest.raises(FileNotFoundError), translated("x", missing_passes=True):
        raise FileNotFoundError
    with pytest.raises(StoreUnavailable), translated("x", missing_passes=True):
        raise IsADirectoryError


def test_only_files_are_read(tmp_path: Path) -> None:
    """A pipe in the place of a file hung the run."""
    (tmp_path / "file").write_bytes(b"x")
    with open_file(tmp_path / "file") as file:
        assert file.read() == b"x"
    os.mkfifo(tmp_path / "pipe")
    for name, problem in (("pipe", "it is no file"), (".", "Is a directory")):
        with pytest.raises(OSError, match=problem):
            open_file(tmp_path / name)
