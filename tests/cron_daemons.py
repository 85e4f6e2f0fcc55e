"""Real cron daemons for tests, each with a spool, a /run and a process tree of its own.

They keep crontabs in folders whose names are built in, and most need root for it. So each runs in
a mount namespace where those are other folders, and does not meet the machine's own cron.
"""

import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.programs import find, skip

_UNPACKED = os.environ.get("CRON_DAEMONS", "")
"""A folder with the packages' contents, each in a folder of the package's name."""

_PLACES = ("usr/sbin", "sbin", "usr/bin", "bin")

_APART = (
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"),
    *("--mount-proc", "--"),
)
"""Runs a program with mounts and processes of its own; all of them end with it (unshare(1))."""

_OWN_FOLDERS = """
mkdir -p /var/spool/cron /etc/cron.d
mount --bind "$1/spool" /var/spool/cron
mount --bind "$1/no-lines" /etc/cron.d
test ! -e /etc/crontab || mount --bind /dev/null /etc/crontab
mount -t tmpfs none /run
shift
exec "$@"
"""


@dataclass(frozen=True)
class Kind:
    """A cron daemon.

    Attributes:
        package: what Debian calls it.
        program: its file.
        arguments: so that it stays in the foreground.
        reads_zone: whether the lines below `CRON_TZ` are meant in that zone.
        reads_path: whether commands are found by the crontab's `PATH`.
        is_it: whether a program of that name is this daemon: cronie and busybox share a name.
    """

    package: str
    program: str
    arguments: tuple[str, ...]
    reads_zone: bool
    reads_path: bool
    is_it: Callable[[str], bool] = lambda _path: True


def _says(*arguments: str, word: str) -> Callable[[str], bool]:
    def asked(path: str) -> bool:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
        return word in (done.stdout + done.stderr).split()

    return asked


KINDS = (
    Kind("cron", "cron", ("-f",), reads_zone=False, reads_path=True),
    Kind("bcron", "bcron-start", (), reads_zone=False, reads_path=True),
    Kind(
        "busybox-static",
        "busybox",
        ("crond", "-f", "-c", "/var/spool/cron/crontabs", "-L", "/dev/stderr"),
        reads_zone=False,
        reads_path=False,
        is_it=_says("--list", word="crond"),
    ),
    Kind(
        "cronie",
        "crond",
        ("-n", "-m", "off"),
        reads_zone=True,
        reads_path=True,
        is_it=_says("-V", word="cronie"),
    ),
)


def program_of(kind: Kind) -> str | None:
    """The daemon's file, unpacked or installed; None where it is neither."""
    unpacked = os.pathsep.join(str(Path(_UNPACKED) / kind.package / place) for place in _PLACES)
    installed = os.pathsep.join([f"/{place}" for place in _PLACES])
    for path in (unpacked if _UNPACKED else None, installed):
        found = shutil.which(kind.program, path=path) if path else None
        if found is not None and kind.is_it(found):
            return found
    return None


def refuse_or_skip(kind: Kind) -> None:
    """Skip the test where this daemon cannot run, by its package's name; fail where it has to."""
    reason = _hindrance(kind)
    if reason is not None:
        skip(kind.package, reason)


def usable() -> list[Kind]:
    """The daemons that can run here."""
    return [kind for kind in KINDS if _hindrance(kind) is None]


def _hindrance(kind: Kind) -> str | None:
    if program_of(kind) is None:
        return "it is not installed"
    if os.geteuid() != 0 or not _may_mount():
        return "it needs root, and mounts of its own"
    return None


def _may_mount() -> bool:
    if find("unshare") is None:
        return False
    return subprocess.run([*_APART, "true"], capture_output=True, check=False).returncode == 0


class Daemon:
    """A running daemon with root's crontab; the lines tell by `report` that they ran."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self.said: set[str] = set()
        self._folder = folder
        self._pipe = folder / "said"
        (folder / "spool" / "crontabs").mkdir(parents=True)
        (folder / "no-lines").mkdir()
        os.mkfifo(self._pipe)
        # For reading and writing: a pipe that nobody writes to for a while is not at its end.
        self._reader = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        self._process: subprocess.Popen[bytes] | None = None

    def report(self, word: str) -> str:
        """The end of a crontab's line, which tells that it ran."""
        return f"echo {word} >{self._pipe}"

    def start(self, crontab: str) -> None:
        """Install the crontab and start the daemon."""
        place = self._folder / "spool" / "crontabs" / "root"
        place.write_text(crontab)
        place.chmod(0o600)  # Debian's refuses one that others may write to
        program = program_of(self.kind)
        assert program is not None
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(*_APART, "sh", "-ec", _OWN_FOLDERS, "sh", str(self._folder)),
                    *(program, *self.kind.arguments),
                ],
                env=self._environment(Path(program)),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _environment(self, program: Path) -> Mapping[str, str]:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        if program.name == "bcron-start":  # it looks for its other programs in PATH
            root = program.parents[2]
            environment["PATH"] = f"{program.parent}:{environment['PATH']}"
            environment["BCRON_USER"] = "root"
            environment["LD_LIBRARY_PATH"] = os.pathsep.join(
                {str(file.parent) for file in (root / "usr" / "lib").rglob("libbg.so*")}
                if root != Path("/")
                else ()
            )
        return environment

    def fileno(self) -> int:
        """Where the words come in."""
        return self._reader

    def hear(self) -> None:
        """Take note of the words that have come in."""
        self.said |= set(os.read(self._reader, 65536).decode().split())

    @property
    def log(self) -> str:
        """What the daemon wrote."""
        return (self._folder / "log").read_text(errors="replace")

    def stop(self) -> None:
        """Kill the daemon, and with it all that it started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        os.close(self._reader)


@contextmanager
def side_by_side(folder: Path) -> Iterator[list[Daemon]]:
    """All daemons that can run here, not started yet; stopped at the end."""
    daemons = [Daemon(kind, folder / kind.package) for kind in usable()]
    try:
        yield daemons
    finally:
        for daemon in daemons:
            daemon.stop()


def hear_all(daemons: list[Daemon], done: Callable[[Daemon], bool], most_s: float) -> None:
    """Wait until each daemon's lines have told what is waited for, together at most so long."""
    until = time.monotonic() + most_s
    with selectors.DefaultSelector() as selector:
        for daemon in daemons:
            selector.register(daemon, selectors.EVENT_READ)
        while not all(map(done, daemons)):
            left = until - time.monotonic()
            silent = {daemon.kind.package: daemon.log for daemon in daemons if not done(daemon)}
            assert left > 0, silent
            for key, _ in selector.select(left):
                assert isinstance(key.fileobj, Daemon)
                key.fileobj.hear()
