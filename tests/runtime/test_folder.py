"""The user's own folder on this machine: where it is, whose it must be, and the locks in it."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from datafetch.errors import ConfigurationError, LeaseHeld, StoreError
from datafetch.runtime.folder import RuntimeFolder
from tests.support import refuse, unprivileged

NOBODY = 65534
NAME = f"datafetch-{os.getuid()}"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The folder that `DATAFETCH_RUNTIME_DIR` names."""
    return tmp_path / "base"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Neither a session nor a setting: the temporary folder is what is left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("TMPDIR", str(temporary))
    return temporary


def test_the_folder_is_made_for_its_user_alone(base: Path) -> None:
    """A folder named after the user, 0700, in the one that the setting names."""
    folder = RuntimeFolder(base).path()
    assert folder == base / NAME
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert RuntimeFolder(base).path() == folder


@pytest.fixture
def volume() -> Iterator[Path]:
    """A folder of its own where everybody may write, as an emptyDir of Kubernetes is."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_a_volume_where_everybody_may_write_will_do(volume: Path) -> None:
    """An emptyDir of Kubernetes is root's, with 0777; what is made in it is ours."""
    with unprivileged():
        folder = RuntimeFolder(volume).path()
        assert folder.name == f"datafetch-{os.geteuid()}"
        assert folder.stat().st_uid == os.geteuid()


def _link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    folder.symlink_to("elsewhere")


def _file(folder: Path) -> None:
    folder.touch()


def _pipe(folder: Path) -> None:
    os.mkfifo(folder)


def _dangling(folder: Path) -> None:
    folder.symlink_to("nowhere")


def _open_to(mode: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        folder.mkdir()
        folder.chmod(mode)

    return make


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (_link, "it is no folder, or a link to one"),
        (_file, "it is no folder, or a link to one"),
        (_pipe, "it is no folder, or a link to one"),
        (_dangling, "it is no folder, or a link to one"),
        (_open_to(0o770), "others may enter it (its mode is 0770, not 0700); chmod 700 "),
        (_open_to(0o702), "others may enter it (its mode is 0702, not 0700); chmod 700 "),
        (_open_to(0o755), "others may enter it (its mode is 0755, not 0700); chmod 700 "),
    ],
)
def test_a_folder_is_not_trusted_for_its_name(
    base: Path, made: Callable[[Path], None], why: str
) -> None:
    """A folder in /tmp was trusted for its name. A pipe in the place of a file hung the run."""
    base.mkdir()
    made(base / NAME)
    with pytest.raises(ConfigurationError) as caught:
        RuntimeFolder(base).path()
    assert why in str(caught.value)
    assert "DATAFETCH_RUNTIME_DIR" in str(caught.value)
    assert caught.value.exit_code == 78


def test_a_folder_that_was_exchanged_meanwhile_is_not_trusted(base: Path, tmp_path: Path) -> None:
    """Where all may write without a sticky bit, it can be taken away while a job runs."""
    folder = RuntimeFolder(base)
    with folder.lock("job.lock"):
        pass
    (base / NAME).rename(tmp_path / "away")
    (base / NAME).symlink_to(tmp_path / "away")
    with pytest.raises(ConfigurationError, match="a link to one"), folder.lock("job.lock"):
        pass
    (base / NAME).unlink()
    with pytest.raises(ConfigurationError, match="No such file"), folder.lock("job.lock"):
        pass


@pytest.mark.timeout(20)
def test_a_lock_that_is_no_file_is_told(base: Path, tmp_path: Path) -> None:
    """What a link leads to is neither emptied nor locked, and nobody waits for a pipe."""
    folder = RuntimeFolder(base)
    (tmp_path / "precious").write_text("precious")
    (folder.path() / "link").symlink_to(tmp_path / "precious")
    (folder.path() / "folder").mkdir()
    for name in ("link", "folder"):
        with pytest.raises(ConfigurationError, match=f"{name} cannot be locked"), folder.lock(name):
            pass
    os.mkfifo(folder.path() / "pipe")
    with folder.lock("pipe"):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make somebody else's folder")
def test_somebody_elses_folder_is_not_trusted(base: Path) -> None:
    """Another user made the folder first, to see and to hold the locks in it."""
    (base / NAME).mkdir(parents=True)
    os.chown(base / NAME, NOBODY, NOBODY)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        RuntimeFolder(base).path()


def test_without_the_setting_it_is_in_the_folder_of_the_session(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`$XDG_RUNTIME_DIR` is where the locks of a user's processes are."""
    session = tmp_path / "session"
    session.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))
    assert RuntimeFolder().path() == session / NAME


@pytest.mark.parametrize("session", ["", "missing", "relative", "/proc/1"])
def test_without_a_session_it_is_in_the_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, nowhere: Path, session: str
) -> None:
    """Cron has no session, or one that ended with the log-out; the specification wants a path."""
    (Path.cwd() / "relative").mkdir()
    named = str(nowhere.parent / session) if session == "missing" else session
    monkeypatch.setenv("XDG_RUNTIME_DIR", named)
    assert RuntimeFolder().path() == nowhere / NAME


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make somebody else's folder")
@pytest.mark.parametrize("name", ["XDG_RUNTIME_DIR", "TMPDIR"])
def test_the_folder_of_another_user_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, nowhere: Path, tmp_path: Path, name: str
) -> None:
    """`su` keeps the variables: root would make its locks where that user may exchange them."""
    session = tmp_path / "theirs"
    session.mkdir()
    os.chown(session, NOBODY, NOBODY)
    monkeypatch.setenv("TEMP", str(nowhere))
    monkeypatch.setenv(name, str(session))
    assert RuntimeFolder().path() == nowhere / NAME
    assert [*session.iterdir()] == []


def test_a_session_that_may_not_be_written_to_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, volume: Path
) -> None:
    """A folder of the session that is read-only, itself or what was made in it: the next one."""
    monkeypatch.setenv("TMPDIR", str(volume))
    with unprivileged():
        name = f"datafetch-{os.geteuid()}"
        for session in (volume / "read-only", volume / "made-read-only"):
            session.mkdir(0o700)
            monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))
        (session / name).mkdir(0o500)
        assert RuntimeFolder().path() == volume / name
        (volume / "read-only").chmod(0o500)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(volume / "read-only"))
        assert RuntimeFolder().path() == volume / name


NOT_WRITABLE = """
import os, sys
from datafetch.errors import ConfigurationError
from datafetch.runtime.folder import RuntimeFolder

def refuse(*_args, **_options):
    raise OSError(30, "Read-only file system")

os.mkdir = refuse
try:
    RuntimeFolder().path()
except ConfigurationError as error:
    print(error.exit_code, error)
"""


def test_a_read_only_root_is_told_what_to_set(tmp_path: Path) -> None:
    """Without a place to write there are no locks: 78, and the setting that names a place."""
    done = subprocess.run(
        [sys.executable, "-c", NOT_WRITABLE], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("78 DATAFETCH_RUNTIME_DIR is missing: ")
    assert "/tmp/datafetch-" in done.stdout
    assert "Read-only file system" in done.stdout


ONLY_TMPDIR = """
import os
from datafetch.runtime.folder import RuntimeFolder

make = os.mkdir

def refuse(path, *args, **options):
    if os.path.dirname(path) in ("/tmp", "/var/tmp", "/usr/tmp"):
        raise OSError(30, "Read-only file system")
    make(path, *args, **options)

os.mkdir = refuse
print(RuntimeFolder().path())
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make somebody else's folder")
def test_the_only_folder_that_may_be_written_to_will_do(volume: Path) -> None:
    """A container whose root is read-only, with a volume of the host's user at TMPDIR."""
    os.chown(volume, NOBODY, NOBODY)
    done = subprocess.run(
        [sys.executable, "-c", ONLY_TMPDIR],
        capture_output=True,
        text=True,
        check=True,
        env={"TMPDIR": str(volume), "PATH": os.environ["PATH"]},
    )
    assert done.stdout == f"{volume / NAME}\n"


def test_a_setting_that_names_no_place_for_a_folder_is_named(tmp_path: Path) -> None:
    """A file in the place of the folder, or one where nothing may be made: 78, by its name."""
    (tmp_path / "file").touch()
    for base in (tmp_path / "file", tmp_path / "file/below", Path("/proc")):
        with pytest.raises(ConfigurationError, match=f"DATAFETCH_RUNTIME_DIR: {base}"):
            RuntimeFolder(base).path()


def test_a_lock_that_is_held_for_too_long_says_by_whom_to_look(base: Path) -> None:
    """Another process of this machine hangs: this run is locked out, and says which file."""
    late = RuntimeFolder(base).lock("job.lock", timeout_s=0)
    with RuntimeFolder(base).lock("job.lock"), pytest.raises(LeaseHeld) as caught, late:
        pass
    assert str(base / NAME / "job.lock") in str(caught.value)
    with RuntimeFolder(base).lock("job.lock", timeout_s=0):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_place_that_keeps_no_locks_is_named(
    base: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """`flock` on NFS without its lock service: one line that names the setting, 78 where it is set."""
    refuse(monkeypatch, fcntl, "flock", number)
    said = r"DATAFETCH_RUNTIME_DIR: .* cannot be locked"
    with pytest.raises(ConfigurationError, match=said), RuntimeFolder(base).lock("job.lock"):
        pass
    with pytest.raises(StoreError, match="cannot be locked") as caught, RuntimeFolder().lock("l"):
        pass
    assert caught.value.exit_code == 1
    assert "DATAFETCH_RUNTIME_DIR" in caught.value.hint


def test_an_error_of_the_work_is_not_taken_for_one_of_the_lock(base: Path) -> None:
    """What fails while the lock is held is told as what it is."""
    with pytest.raises(FileNotFoundError), RuntimeFolder(base).lock("job.lock"):
        raise FileNotFoundError("of the work")
