"""What an owner reads when the folder of a store cannot be used: which folder, who may not, what to do."""

import errno
import os
from pathlib import Path

import pytest

from datafetch.errors import ConfigurationError, StoreDenied, StoreError, StoreUnavailable
from datafetch.store.folder_errors import check_root, translated
from datafetch.store.local import LocalStore
from tests.support import refuse, unprivileged_folder

ROOT = Path("/srv/store")
KEY = "json/bookmarks/index-test.json"
STATE = "json/datafetch/jobs/bookmarks-test.json"


def told(error: OSError, key: str = "x") -> StoreError:
    """The store's error for one of the file system."""
    with pytest.raises(StoreError) as caught, translated(key, ROOT):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("number", "kind", "hint"),
    [
        (errno.EACCES, StoreDenied, "chown -R"),
        (errno.EPERM, StoreDenied, "chown -R"),
        (errno.EROFS, StoreDenied, "Mount"),
        (errno.ENOSPC, StoreUnavailable, "df -h /srv/store"),
        (errno.EDQUOT, StoreUnavailable, "df -h /srv/store"),
        (errno.EMFILE, StoreUnavailable, "ulimit -n"),
        (errno.EIO, StoreUnavailable, "dmesg"),
        (errno.ESTALE, StoreUnavailable, "mount it anew"),
        (errno.ENOTDIR, StoreUnavailable, "Move /srv/store/a away"),
        (errno.EISDIR, StoreUnavailable, "Move /srv/store/a away"),
        (errno.ENAMETOOLONG, StoreUnavailable, "shorter names"),
        (errno.ENOENT, StoreUnavailable, "disk"),
    ],
)
def test_errors_of_the_disk_are_errors_of_the_store(
    number: int, kind: type[StoreError], hint: str
) -> None:
    """What may not be done is told from what cannot be done now; each has its own way out."""
    error = told(OSError(number, "why", "/srv/store/a"))
    assert type(error) is kind
    assert error.key == "x"
    assert str(error).startswith("x: ")
    assert "why" in str(error)
    assert "/srv/store" in str(error)
    assert hint in error.hint
    assert ("chown" in error.hint) == (number in (errno.EACCES, errno.EPERM))


def test_a_full_disk_names_the_folder() -> None:
    """Whoever has several disks knows which one; the number of files may be what is used up."""
    error = told(OSError(errno.ENOSPC, "No space left on device"))
    assert str(error) == "x: no room in /srv/store: No space left on device"
    assert "df -i /srv/store" in error.hint
    assert "DATAFETCH_STORE" in error.hint


def test_a_file_that_is_being_made_is_called_by_its_folder() -> None:
    """The name of a temporary file says nothing to anybody."""
    error = told(OSError(errno.EIO, "why", "/srv/store/json/.datafetch-0123456789abcdef"))
    assert str(error) == "x: /srv/store/json: why"


def test_an_error_without_a_number_says_its_text() -> None:
    """Not every error of a file comes from the operating system."""
    assert str(told(OSError("not readable"))) == "x: /srv/store: not readable"


def test_a_missing_file_passes_where_that_is_asked_for() -> None:
    """Who reads makes an error of its own of it; any other error is translated all the same."""
    with pytest.raises(FileNotFoundError), translated("x", ROOT, missing_passes=True):
        raise FileNotFoundError
    with pytest.raises(StoreUnavailable), translated("x", ROOT, missing_passes=True):
        raise IsADirectoryError


def test_who_may_not_write_is_told_with_the_folder() -> None:
    """A container that runs as another user than the one who made the folder."""
    with unprivileged_folder() as folder:
        store = LocalStore(folder)
        folder.chmod(0o555)
        with pytest.raises(StoreDenied) as caught:
            store.put(KEY, b"1")
        assert f"at {folder}" in str(caught.value)
        assert f"uid {os.geteuid()}" in str(caught.value)
        assert f"chown -R {os.geteuid()} {folder}" in caught.value.hint
        assert "DATAFETCH_STORE" in caught.value.hint
        folder.chmod(0o755)
        store.put(KEY, b"1")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make somebody else's file")
def test_who_may_not_read_the_state_of_another_user_is_told_whose_it_is() -> None:
    """Root ran a job once by hand: the folder belongs to cron's user, and one file of it does not."""
    with unprivileged_folder() as folder:
        store = LocalStore(folder)
        store.put(STATE, b"1")
        (folder / STATE).chmod(0)
        with pytest.raises(StoreDenied) as caught:
            store.get(STATE)
        assert caught.value.hint.startswith(f"Let the user nobody (uid {os.geteuid()}) own ")
        somebody = os.geteuid()
        os.seteuid(os.getuid())
        os.chown(folder / STATE, 0, 0)
        os.seteuid(somebody)
        with pytest.raises(StoreDenied) as caught:
            store.get(STATE)
        assert caught.value.hint.startswith("It belongs to the user root (uid 0): run datafetch as")
        assert f"chown -R {os.geteuid()} {folder}" in caught.value.hint


def test_a_disk_that_is_full_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run, with room again, writes it."""
    root = tmp_path / "store"
    store = LocalStore(root)
    store.put(KEY, b"old")
    with monkeypatch.context() as patch:
        refuse(patch, os, "fsync", errno.ENOSPC)
        with pytest.raises(StoreUnavailable, match=f"no room in {root}"):
            store.put(KEY, b"new")
    assert store.get(KEY).body == b"old"
    store.put(KEY, b"new")
    assert store.get(KEY).body == b"new"


@pytest.mark.parametrize("path", ["/dev/null", "/dev/null/store/deep"])
def test_a_store_that_can_be_no_folder_is_a_wrong_setting(path: str) -> None:
    """It was an error of the run (exit 1), and cron would have tried it again for ever."""
    with pytest.raises(ConfigurationError) as caught:
        LocalStore(Path(path))
    assert "DATAFETCH_STORE: /dev/null is not a folder" in str(caught.value)
    assert caught.value.exit_code == 78


def test_a_file_where_the_store_should_be_is_named_and_left(tmp_path: Path) -> None:
    """Which of the names on the way is wrong is told, not only the whole path."""
    (tmp_path / "file").write_bytes(b"1")
    for wanted in (tmp_path / "file", tmp_path / "file/store"):
        with pytest.raises(ConfigurationError, match=f"{tmp_path}/file is not a folder"):
            check_root(wanted)
    assert (tmp_path / "file").read_bytes() == b"1"


def test_a_folder_that_is_there_or_can_be_made_is_let_through(tmp_path: Path) -> None:
    """Nothing is made by looking."""
    there = tmp_path / "there"
    there.mkdir()
    check_root(there)
    check_root(there / "a/b")
    assert [*there.iterdir()] == []
