"""Files of a build take their places together, or stay as they were."""

import errno
import os
import time
from pathlib import Path

import pytest

from datafetch.build.write import Staging, translated
from datafetch.errors import DatafetchError, OutputRefused
from tests.support import refuse


def names(folder: Path) -> list[str]:
    """Every file below, leftovers included."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_nothing_takes_its_place_before_the_commit(tmp_path: Path) -> None:
    """Until all files are ready, readers of the folder see the old ones."""
    (tmp_path / "a").write_bytes(b"old")
    with Staging(tmp_path) as staging:
        assert staging.add("a", b"new")
        assert staging.add("deep/b", b"new")
        assert (tmp_path / "a").read_bytes() == b"old"
        assert not (tmp_path / "deep/b").exists()
        assert staging.commit() == 2
    assert names(tmp_path) == ["a", "deep/b"]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "deep/b").read_bytes() == b"new"


def test_equal_bytes_are_not_written(tmp_path: Path) -> None:
    """A file that is the same keeps its inode and its time."""
    (tmp_path / "a").write_bytes(b"same")
    before = (tmp_path / "a").stat()
    with Staging(tmp_path) as staging:
        assert not staging.add("a", b"same")
        assert staging.commit() == 0
    after = (tmp_path / "a").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_is_not_committed_leaves_nothing(tmp_path: Path) -> None:
    """An error half-way removes what was made ready."""
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(RuntimeError), Staging(tmp_path) as staging:
        staging.add("a", b"new")
        raise RuntimeError
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_file_that_cannot_be_made_ready_spares_the_others(tmp_path: Path) -> None:
    """When the second of two files has no place, the first is not written either."""
    (tmp_path / "b").mkdir()
    with pytest.raises(DatafetchError, match="b cannot be written"), Staging(tmp_path) as staging:
        staging.add("a", b"new")
        staging.add("b", b"new")
    assert names(tmp_path) == []


def test_cleared_files_are_forgotten(tmp_path: Path) -> None:
    """Reading again begins with nothing made ready."""
    with Staging(tmp_path) as staging:
        staging.add("a", b"new")
        staging.clear()
        assert staging.commit() == 0
    assert names(tmp_path) == []
    with Staging(tmp_path, dry_run=True) as staging:
        staging.add("a", b"new")
        staging.clear()
        assert staging.commit() == 0


def test_files_may_be_read_by_whoever_may_read_new_files(tmp_path: Path) -> None:
    """A build that runs as another user reads them: the umask decides, not a temporary's mode."""
    (tmp_path / "plain").write_bytes(b"")
    with Staging(tmp_path) as staging:
        staging.add("a", b"new")
        staging.commit()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EDQUOT, "Free some space"),
        (errno.EACCES, "permissions"),
    ],
)
def test_a_full_disk_is_told_from_a_missing_permission(
    tmp_path: Path, number: int, advice: str
) -> None:
    """Nobody looks for permissions while the disk is full."""
    refused = pytest.raises(DatafetchError, match=r"a\.json cannot be written: ")
    with refused as caught, translated(tmp_path / "a.json"):
        raise OSError(number, os.strerror(number))
    assert advice in caught.value.hint
    assert "--output" in caught.value.hint


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    """`--dry-run` writes nothing: not even the folder is made."""
    folder = tmp_path / "generated"
    with Staging(folder, dry_run=True) as staging:
        assert staging.add("a/b.json", b"[]")
        assert staging.commit() == 1
    assert not folder.exists()


def test_what_a_killed_build_left_goes_after_a_day(tmp_path: Path) -> None:
    """Temporary files of killed builds filled the folder; files of others, and of live ones, stay."""
    hours_old = {
        ".index.json.0123456789abcdef.tmp": 25,
        ".page.json.0123456789abcdef.tmp": 23,
        ".datafetch-0123456789abcdef": 25,
        ".datafetch-fedcba9876543210": 23,
        ".datafetch-mirror-logos.json": 25,
        ".mine.tmp": 25,
        "index.json.0123456789abcdef.tmp": 25,
    }
    for name, hours in hours_old.items():
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - hours * 3600,) * 2)
    with Staging(tmp_path) as staging:
        staging.add("a", b"new")
        staging.commit()
    gone = {".index.json.0123456789abcdef.tmp", ".datafetch-0123456789abcdef"}
    assert names(tmp_path) == sorted({*hours_old, "a"} - gone)


def test_a_folder_that_cannot_be_flushed_takes_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that cannot force files to disk is one to build on; one that fails is not."""
    refuse(monkeypatch, os, "fsync", errno.EINVAL)
    with Staging(tmp_path) as staging:
        staging.add("a", b"new")
        assert staging.commit() == 1
    refuse(monkeypatch, os, "fsync", errno.EIO)
    with Staging(tmp_path) as staging, pytest.raises(DatafetchError, match="Input/output error"):
        staging.add("a", b"newer")
    assert names(tmp_path) == ["a"]


@pytest.mark.timeout(20)
def test_a_pipe_in_the_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    """A pipe hung the build for ever: nobody writes to it, and it has no end."""
    os.mkfifo(tmp_path / "a")
    with pytest.raises(DatafetchError, match="a cannot be written: it is no file"):
        Staging(tmp_path).add("a", b"new")
    assert (tmp_path / "a").is_fifo()


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_build_larger_than_a_run_may_write_leaves_the_folder_as_it_was(
    tmp_path: Path, dry_run: bool
) -> None:
    """The files that differ are counted together; past the limit none of them takes its place."""
    (tmp_path / "a").write_bytes(b"s" * 900_000)
    with Staging(tmp_path, max_output_mb=1, dry_run=dry_run) as staging:
        staging.add("a", b"s" * 900_000)
        staging.add("b", b"n" * 600_000)
        staging.clear()
        staging.add("b", b"n" * 600_000)
        with pytest.raises(OutputRefused):
            staging.add("c", b"n" * 600_000)
    assert names(tmp_path) == ["a"]
