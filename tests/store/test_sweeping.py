"""Temporary files that nobody finished are removed after a day, and nothing else is."""

import os
import re
from contextlib import nullcontext
from pathlib import Path

import pytest

from datafetch.errors import StoreUnavailable
from datafetch.store.sweeping import Sweeper, leftovers, remove_abandoned
from tests.support import START, unprivileged_folder

HOUR_S = 3600
LEFT = ".datafetch-0123456789abcdef"
MARK = ".datafetch-swept"


def swept(folder: Path) -> None:
    """Sweep one folder."""
    Sweeper(folder).sweep(folder, START)


def left(path: Path, *, hours: float, now: float) -> Path:
    """A file that was last written to so many hours before `now`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    os.utime(path, (now - hours * HOUR_S,) * 2)
    return path


def test_what_a_killed_run_left_is_swept_after_a_day(tmp_path: Path) -> None:
    """Temporary files of killed runs filled the folder; those of a live writer stay."""
    old = left(tmp_path / LEFT, hours=24.1, now=START)
    young = left(tmp_path / LEFT.replace("0", "f"), hours=23.9, now=START)
    swept(tmp_path)
    assert not old.exists()
    assert young.exists()


@pytest.mark.parametrize(
    "name",
    [
        ".datafetch-lock",
        ".datafetch-0123456789ABCDEF",
        ".datafetch-0123456789abcdef0",
        "x.datafetch-0123456789abcdef",
        "index.json",
    ],
)
def test_nothing_else_is_swept(tmp_path: Path, name: str) -> None:
    """The lock file, objects, and the files of others stay, however old they are."""
    path = left(tmp_path / name, hours=1000, now=START)
    swept(tmp_path)
    assert path.exists()


def test_no_link_is_followed(tmp_path: Path) -> None:
    """A link of that name, or a folder, is somebody's doing: it stays, and what it names stays."""
    elsewhere = left(tmp_path / "elsewhere", hours=1000, now=START)
    (tmp_path / LEFT).symlink_to(elsewhere)
    os.utime(tmp_path / LEFT, (0, 0), follow_symlinks=False)
    folder = tmp_path / LEFT.replace("0", "f")
    folder.mkdir()
    os.utime(folder, (0, 0))
    swept(tmp_path)
    assert (tmp_path / LEFT).is_symlink()
    assert elsewhere.exists()
    assert folder.exists()


def test_a_folder_that_cannot_be_swept_stops_nothing(tmp_path: Path) -> None:
    """A folder that is gone, or one whose files are not ours to remove, is left as it is."""
    swept(tmp_path / "gone")
    with unprivileged_folder() as folder:
        path = left(folder / LEFT, hours=1000, now=START)
        folder.chmod(0o500)
        swept(folder)
        assert path.exists()


def test_what_is_swept_can_be_named(tmp_path: Path) -> None:
    """Who writes files of other names sweeps those."""
    path = left(tmp_path / "x.tmp", hours=25, now=START)
    kept = left(tmp_path / LEFT, hours=25, now=START)
    found = leftovers(tmp_path, re.compile(r"x\.tmp").fullmatch, below=False)
    assert remove_abandoned(found, START) == START
    assert not path.exists()
    assert kept.exists()


def sweep_all(root: Path, *, hours: float = 0) -> None:
    """What the first write of a process does, so many hours after the start."""
    Sweeper(root).sweep_all(START + hours * HOUR_S, nullcontext)


def test_folders_that_get_no_new_file_are_swept_too(tmp_path: Path) -> None:
    """Files of killed runs stayed where nothing was written any more; those of others stay."""
    below = "json/bookmarks/tags/old"
    old = [
        left(tmp_path / place / LEFT, hours=25, now=START)
        for place in (below, "images/logos", "json", "json/datafetch/locks")
    ]
    kept = [
        left(tmp_path / below / LEFT.replace("0", "f"), hours=23, now=START),
        left(tmp_path / below / "index.json", hours=1000, now=START),
        left(tmp_path / "site" / LEFT, hours=1000, now=START),
        left(tmp_path / ".datafetch-lock", hours=1000, now=START),
    ]
    elsewhere = left(tmp_path.parent / "elsewhere" / LEFT, hours=1000, now=START)
    (tmp_path / "json/linked").symlink_to(elsewhere.parent)
    sweep_all(tmp_path)
    assert [path for path in old if path.exists()] == []
    assert all(path.exists() for path in (*kept, elsewhere))


def test_all_is_swept_once_a_day(tmp_path: Path) -> None:
    """To look through all folders takes time: it is done when it is due, and by one process."""
    folder = tmp_path / "json"
    folder.mkdir()
    sweep_all(tmp_path)
    late = left(folder / LEFT, hours=30, now=START)
    sweep_all(tmp_path, hours=23)
    assert late.exists()
    sweep_all(tmp_path, hours=25)
    assert not late.exists()


def test_a_file_is_swept_when_it_is_a_day_old_and_not_later(tmp_path: Path) -> None:
    """One that is too young today is looked at again a day after it was written."""
    young = left(tmp_path / "json" / LEFT, hours=20, now=START)
    sweep_all(tmp_path)
    assert young.exists()
    sweep_all(tmp_path, hours=3)
    assert young.exists()
    sweep_all(tmp_path, hours=5)
    assert not young.exists()


@pytest.mark.parametrize("hours", [-25, 25])
def test_a_mark_from_another_time_is_not_believed(tmp_path: Path, hours: int) -> None:
    """A clock that was a year ahead once would have ended the sweeping for a year."""
    old = left(tmp_path / "json" / LEFT, hours=48, now=START)
    left(tmp_path / MARK, hours=hours, now=START)
    sweep_all(tmp_path)
    assert not old.exists()


def test_a_process_looks_once_a_day(tmp_path: Path) -> None:
    """Whoever writes ten thousand objects does not ask ten thousand times, nor only on its first day."""
    sweeper = Sweeper(tmp_path)
    (tmp_path / "json").mkdir()
    sweeper.sweep_all(START, nullcontext)
    (tmp_path / MARK).unlink()
    old = left(tmp_path / "json" / LEFT, hours=48, now=START)
    sweeper.sweep_all(START + 23 * HOUR_S, nullcontext)
    assert old.exists()
    sweeper.sweep_all(START + 25 * HOUR_S, nullcontext)
    assert not old.exists()


def test_what_cannot_be_swept_is_left_to_another_day(tmp_path: Path) -> None:
    """The object that was written is stored: nothing about old files may fail its write."""
    old = left(tmp_path / "json" / LEFT, hours=48, now=START)

    def busy() -> nullcontext[None]:
        raise StoreUnavailable("the lock is held")

    Sweeper(tmp_path).sweep_all(START, busy)
    assert old.exists()
    with unprivileged_folder() as folder:
        kept = left(folder / "json" / LEFT, hours=48, now=START)
        kept.parent.chmod(0o500)
        folder.chmod(0o500)
        sweep_all(folder)
        assert kept.exists()
        folder.chmod(0o700)
        kept.parent.chmod(0o700)
