"""Files are opened, and nothing else that stands in their place."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from datafetch.regular_files import NotAFile, may_be_endless, open_regular

pytestmark = pytest.mark.timeout(20)


def test_a_file_is_read_also_behind_a_link(tmp_path: Path) -> None:
    """Kubernetes mounts files behind links."""
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"x" * 100_000


def test_what_is_no_file_is_said_and_not_waited_for(tmp_path: Path) -> None:
    """A pipe in the place of a file hung the run, and /dev/zero filled the memory."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "socket"))
        for path, kind in (
            (tmp_path / "pipe", "a pipe"),
            (tmp_path / "link", "a pipe"),
            (tmp_path / "socket", "a socket or a device"),
            (Path("/dev/zero"), "a device"),
        ):
            with pytest.raises(NotAFile) as caught:
                open_regular(path)
            assert (caught.value.kind, caught.value.filename) == (kind, str(path))
            assert caught.value.strerror == f"it is no file but {kind}"


def test_what_is_a_folder_or_missing_keeps_its_error(tmp_path: Path) -> None:
    """Whoever opens a file tells a missing one from one that cannot be read."""
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")


def test_a_refused_file_is_closed(tmp_path: Path) -> None:
    """Else each attempt would keep a pipe open, until no file can be opened."""
    os.mkfifo(tmp_path / "pipe")
    before = len([*Path("/dev/fd").iterdir()])
    for _ in range(3):
        with pytest.raises(NotAFile):
            open_regular(tmp_path / "pipe")
    assert len([*Path("/dev/fd").iterdir()]) == before


LEASING = """
import fcntl, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
file = open(sys.argv[1], "r+b")
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
signal.sigwait({signal.SIGIO})
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_a_file_that_a_file_server_has_leased_is_waited_for(tmp_path: Path) -> None:
    """Samba and NFS lease what their clients write, and give it back when somebody opens it."""
    (tmp_path / "file").write_bytes(b"1")
    command = [sys.executable, "-c", LEASING, str(tmp_path / "file")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"leased\n"
        with open_regular(tmp_path / "file") as file:
            assert file.read() == b"1"
    assert server.returncode == 0


def test_a_library_is_kept_from_what_never_ends(tmp_path: Path) -> None:
    """Files, folders and what is missing are left to it, and so is /dev/null, an empty file."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    assert may_be_endless(tmp_path / "pipe")
    assert may_be_endless(Path("/dev/zero"))
    for path in (tmp_path / "file", tmp_path, tmp_path / "none", Path("/dev/null"), Path("a\0b")):
        assert not may_be_endless(path)
