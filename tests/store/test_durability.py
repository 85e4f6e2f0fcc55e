"""What a folder store forces to disk."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from datafetch.store.durability import Unsynced, is_durable, sync
from datafetch.store.keys import Keys
from tests.support import flushes, refuse, unprivileged

KEYS = Keys("-dev")


@pytest.mark.parametrize(
    ("key", "durable"),
    [
        (KEYS.bookmarks_index(), True),
        (KEYS.logo_manifest(), True),
        (KEYS.lock("bookmarks"), True),
        (KEYS.publish_journal("github"), True),
        (KEYS.bookmark_page(1), False),
        (KEYS.tag_index("python"), False),
        (KEYS.opengraph_metadata("0" * 64), False),
        (KEYS.logo("example.com", "google", "png"), False),
        (KEYS.corrupt(KEYS.bookmarks_index(), "1"), False),
    ],
)
def test_state_and_commit_objects_are_forced_to_disk(key: str, durable: bool) -> None:
    """What everything else is judged by survives a loss of power; the many pages need not."""
    assert is_durable(key) is durable


def test_files_and_folders_can_be_forced_to_disk(tmp_path: Path) -> None:
    """A new file survives only when its entry in the folder does; what is missing is an error."""
    (tmp_path / "x").write_bytes(b"x")
    sync(tmp_path / "x")
    sync(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "y")


@pytest.mark.parametrize(
    "number", [errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.ENOSYS]
)
def test_a_folder_that_cannot_be_flushed_fails_no_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A folder that cannot sync directories (VirtualBox, old CIFS) failed every write."""
    refuse(monkeypatch, os, "fsync", number)
    sync(tmp_path)
    unsynced = Unsynced()
    unsynced.add(tmp_path / "x")
    unsynced.flush()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_failed_to_flush_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """What did not reach the disk is not reported as written."""
    refuse(monkeypatch, os, "fsync", number)
    (tmp_path / "x").touch()
    for path in (tmp_path / "x", tmp_path):
        with pytest.raises(OSError, match=os.strerror(number)):
            sync(path)


@pytest.mark.parametrize("count", [3, 100])
def test_flushing_does_not_mind_what_was_deleted_meanwhile(tmp_path: Path, count: int) -> None:
    """Pages may be tidied away between their write and the commit that flushes the rest."""
    unsynced = Unsynced()
    for number in range(count):
        path = tmp_path / f"{number}.json"
        path.touch()
        unsynced.add(path)
    unsynced.add(tmp_path / "gone" / "x.json")
    (tmp_path / "0.json").unlink()
    unsynced.flush()
    unsynced.flush()


def test_what_could_not_be_flushed_is_flushed_the_next_time() -> None:
    """A commit object must not appear before what it speaks of, at the second attempt either."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "page.json"
        path.touch(mode=0)
        unsynced = Unsynced()
        unsynced.add(path)
        with unprivileged():
            for _ in range(2):
                with pytest.raises(PermissionError):
                    unsynced.flush()
        path.chmod(0o644)
        unsynced.flush()


@pytest.mark.parametrize(
    ("count", "calls"),
    [(1, ["fsync"] * 2), (64, ["fsync"] * 65), (65, ["sync"]), (200, ["sync"])],
)
def test_many_files_are_flushed_by_one_call(tmp_path: Path, count: int, calls: list[str]) -> None:
    """Up to 64 files are flushed each, then their folder; for more the whole machine is, once."""
    unsynced = Unsynced()
    for number in range(count):
        path = tmp_path / f"{number}.json"
        path.touch()
        unsynced.add(path)
    with flushes(lambda: None) as seen:
        unsynced.flush()
        unsynced.flush()
    assert [call for call, _ in seen] == calls
