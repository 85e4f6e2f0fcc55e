"""Temporary files of the folder store: filled, stamped, and swept when nobody finished them."""

import os
import re
from pathlib import Path

import pytest

from datafetch.store.temporary import fill, stamp, sweep, temporary_in, time_in
from tests.support import START, refuse, unprivileged_folder

HOUR_S = 3600
LEFT = ".datafetch-0123456789abcdef"


def left(path: Path, *, hours: float, now: float) -> Path:
    """A file that was last written to so many hours before `now`."""
    path.write_bytes(b"half")
    os.utime(path, (now - hours * HOUR_S,) * 2)
    return path


def test_what_a_killed_run_left_is_swept_after_a_day(tmp_path: Path) -> None:
    """Temporary files of killed runs filled the folder; those of a live writer stay."""
    old = left(tmp_path / LEFT, hours=24.1, now=START)
    young = left(tmp_path / LEFT.replace("0", "f"), hours=23.9, now=START)
    sweep(tmp_path, START)
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
    sweep(tmp_path, START)
    assert path.exists()


def test_no_link_is_followed(tmp_path: Path) -> None:
    """A link of that name, or a folder, is somebody's doing: it stays, and what it names stays."""
    elsewhere = left(tmp_path / "elsewhere", hours=1000, now=START)
    (tmp_path / LEFT).symlink_to(elsewhere)
    os.utime(tmp_path / LEFT, (0, 0), follow_symlinks=False)
    folder = tmp_path / LEFT.replace("0", "f")
    folder.mkdir()
    os.utime(folder, (0, 0))
    sweep(tmp_path, START)
    assert (tmp_path / LEFT).is_symlink()
    assert elsewhere.exists()
    assert folder.exists()


def test_a_folder_that_cannot_be_swept_stops_nothing(tmp_path: Path) -> None:
    """A folder that is gone, or one whose files are not ours to remove, is left as it is."""
    sweep(tmp_path / "gone", START)
    with unprivileged_folder() as folder:
        path = left(folder / LEFT, hours=1000, now=START)
        folder.chmod(0o500)
        sweep(folder, START)
        assert path.exists()


def test_what_is_swept_can_be_named(tmp_path: Path) -> None:
    """Who writes files of other names sweeps those."""
    path = left(tmp_path / "x.tmp", hours=25, now=START)
    kept = left(tmp_path / LEFT, hours=25, now=START)
    sweep(tmp_path, START, re.compile(r"x\.tmp").fullmatch)
    assert not path.exists()
    assert kept.exists()


def test_the_time_of_a_folder_is_ours_where_we_set_the_times(tmp_path: Path) -> None:
    """Files are stamped by the store's clock, which then tells their age; nothing is left behind."""
    folder = tmp_path / "folder"
    folder.mkdir()
    assert time_in(folder, START) == START
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("number", [1, 13, 38, 95], ids=os.strerror)
def test_the_time_of_a_folder_is_its_own_where_we_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """On a share whose server stamps the files, a lease was judged by another clock than that."""
    refuse(monkeypatch, os, "utime", number)
    folder = tmp_path / "folder"
    folder.mkdir()
    path = temporary_in(folder)
    made_at = fill(path, [b"x"], durable=False).made_at
    assert not stamp(path, START)
    path.unlink()
    assert 0 <= time_in(folder, START) - made_at < 60
    assert [*folder.iterdir()] == []


def test_the_time_of_a_folder_that_is_read_only_is_ours() -> None:
    """Who may only read has no other clock to go by."""
    with unprivileged_folder() as folder:
        folder.chmod(0o500)
        assert time_in(folder, START) == START
