"""What the folder store does with single files."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from datafetch.errors import PreconditionFailed
from datafetch.store.base import Condition, IfAbsent, IfMatch
from datafetch.store.files import check_condition, make_folder
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
            make_folder(root / "a/b/c", root, durable=durable)
    assert folders() == ["a", "a/b", "a/b/c"]
    assert [there for _, there in seen] == flushed


def test_git_is_told_to_leave_a_folder_alone_that_is_made(tmp_path: Path) -> None:
    """The store's own folder gets the file, those below it do not."""
    root = tmp_path / "root"
    make_folder(root / "a/b", root, durable=False)
    assert (root / ".gitignore").read_text() == "*\n"
    assert [*root.rglob(".gitignore")] == [root / ".gitignore"]


def test_a_folder_that_was_there_is_left_as_it_was(tmp_path: Path) -> None:
    """The owner may have put the store into a folder of the site, and wants it committed."""
    root = tmp_path / "site"
    root.mkdir()
    make_folder(root / "a", root, durable=False)
    assert [*root.iterdir()] == [root / "a"]


def test_only_one_of_those_that_make_a_folder_at_once_tells_git(tmp_path: Path) -> None:
    """The other finds it there, and goes on."""
    root = tmp_path / "root"
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda n: make_folder(root / str(n), root, durable=False), range(8)):
            pass
    assert len([*root.iterdir()]) == 9


def test_a_file_in_the_place_of_a_folder_is_no_folder(tmp_path: Path) -> None:
    """It is not overwritten, and the folder is not taken for made."""
    (tmp_path / "x").write_bytes(b"1")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        make_folder(tmp_path / "x/y", tmp_path, durable=False)
    assert (tmp_path / "x").read_bytes() == b"1"
