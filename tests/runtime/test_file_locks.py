"""File locks: held by one, waited for, and refused where a file system keeps none."""

import errno
import fcntl
import warnings
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from datafetch.runtime.file_locks import held
from tests.support import refuse


def test_one_holds_a_lock_and_the_next_has_it_after(tmp_path: Path) -> None:
    """The second waits no longer than it was told; when the first has ended it gets the lock."""
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    with held(first, 0), pytest.raises(Timeout), held(second, 0):
        pass
    with held(second, 0):
        assert second.is_locked


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_place_that_keeps_no_locks_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A file that stood for a lock would be left by a killed process, and keep everybody out."""
    refuse(monkeypatch, fcntl, "flock", number)
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # filelock's, of the file that stands for the lock
            with pytest.raises(OSError, match=r".") as caught, held(FileLock(tmp_path / "l"), 0):
                pass
        assert caught.value.errno == number


def test_a_lock_that_cannot_be_given_back_does_not_undo_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of the work counts, and work that was done is done."""
    with held(FileLock(tmp_path / "lock"), 0):
        refuse(monkeypatch, fcntl, "flock", errno.EIO)
    monkeypatch.undo()
