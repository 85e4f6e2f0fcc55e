"""The user's own folder on this machine, and the file locks in it.

The locks keep processes of one machine from doing something at the same time. The folder is in
`DATAFETCH_RUNTIME_DIR`, else in `$XDG_RUNTIME_DIR`, else in the folder for temporary files.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from datafetch.errors import ConfigurationError, DatafetchError, LeaseHeld, StoreError
from datafetch.runtime.file_locks import held

SETTING = "DATAFETCH_RUNTIME_DIR"

_TEMPORARY_NAMES = ("TMPDIR", "TEMP", "TMP")
_TEMPORARY_FOLDERS = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - what is made there is checked
"""Where Python's `tempfile` looks. It goes on to the working folder, which we do not: runs that
start in two folders would not see each other's locks."""

_ACCESS_BY_EFFECTIVE_USER = os.access in os.supports_effective_ids
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ROOT = 0


class RuntimeFolder:
    """The folder `datafetch-{uid}`, which is this user's and which nobody else may enter.

    It is found, or made, when it is first needed: a command that takes no lock needs none.
    """

    def __init__(self, base: Path | None = None) -> None:
        """`base` is what the setting names; it is made if it is not there. None: not set."""
        self._base = base
        self._path: Path | None = None

    def path(self) -> Path:
        """The folder; it is made if it is not there.

        Raises:
            ConfigurationError: it cannot be made or written to, or what is there is a link, no
                folder, somebody else's, or others may enter it.
        """
        if self._path is None:
            self._path = self._named(self._base) if self._base is not None else self._default()
        # Each time: where all may write, somebody could have put another one in its place.
        return _trusted(self._path)

    @contextmanager
    def lock(self, name: str, timeout_s: float = 60.0) -> Iterator[None]:
        """Hold the file lock of this name in the `with` block; wait for it `timeout_s` at most.

        Raises:
            LeaseHeld: another process holds it for longer.
            ConfigurationError: see `path`; or the setting names a place that keeps no locks.
            StoreError: the default folder is in a place that keeps no locks.
        """
        path = self.path() / name
        with ExitStack() as holding:
            try:
                holding.enter_context(held(FileLock(path, thread_local=False), timeout_s))
            except Timeout as error:
                raise LeaseHeld(
                    f"another process on this machine has held {path} for {timeout_s:g} s",
                    hint=f"See which one: fuser {path}. When it has ended, try again.",
                ) from error
            except OSError as error:
                raise self._not_lockable(path, error) from error
            yield

    # ------------------------------------------------------------------ steps

    def _named(self, base: Path) -> Path:
        folder = base / _name()
        try:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(folder)
        except OSError as error:
            raise ConfigurationError([f"{SETTING}: {folder}: {_reason(error)}"]) from error
        return folder

    def _default(self) -> Path:
        tried = []
        for base in _bases():
            folder = base / _name()
            try:
                _make(folder)
            except OSError as error:
                tried.append(f"{folder}: {_reason(error)}")
            else:
                return folder
        raise ConfigurationError(
            [f"{SETTING} is missing: there is no folder for locks ({'; '.join(tried)})"]
        )

    def _not_lockable(self, path: Path, error: OSError) -> DatafetchError:
        problem = f"{path} cannot be locked: {_reason(error)}"
        if self._base is not None:
            return ConfigurationError([f"{SETTING}: {problem}; name a folder on a local disk"])
        return StoreError(problem, hint=f"Set {SETTING} to a folder on a local disk.")


def _name() -> str:
    return f"datafetch-{os.geteuid()}"


def _bases() -> Iterator[Path]:
    """The folders in which ours may be when the setting names none, the best one first."""
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    # XDG Base Directory Specification: it is absolute and owned by the user. `su` leaves that of
    # another user in the environment; cron sets none, or one that is gone since the log-out.
    if Path(session).is_absolute() and _belongs(Path(session), os.geteuid()):
        yield Path(session)
    values = filter(None, (os.environ.get(name, "") for name in _TEMPORARY_NAMES))
    named = [folder for folder in map(Path, dict.fromkeys(values)) if folder.is_absolute()]
    # `su` leaves TMPDIR in the environment, too. Its owner could exchange what we make in it, so it
    # comes last: it may be a container's only folder that can be written to. What the setting names
    # is believed: whoever set it knows whose folder it is.
    safe = [folder for folder in named if _belongs(folder, _ROOT, os.geteuid())]
    yield from safe
    yield from map(Path, _TEMPORARY_FOLDERS)
    yield from (folder for folder in named if folder not in safe)


def _belongs(folder: Path, *users: int) -> bool:
    try:
        return folder.stat().st_uid in users
    except OSError:
        return False


def _make(folder: Path) -> None:
    """Make the folder unless something of that name is there.

    Raises:
        OSError: it cannot be made, or it is a folder of ours that cannot be written to.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    writable = os.access(folder, os.W_OK | os.X_OK, effective_ids=_ACCESS_BY_EFFECTIVE_USER)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not writable:
        raise PermissionError("it cannot be written to")


def _trusted(folder: Path) -> Path:
    """The folder, if it is one to trust: in a place where all may write, a name proves nothing.

    Raises:
        ConfigurationError: it is not.
    """
    try:
        found = folder.lstat()
    except OSError as error:
        raise ConfigurationError([f"{SETTING}: {folder}: {_reason(error)}"]) from error
    advice = f"remove it, or set {SETTING} to a folder that is yours"
    if not stat.S_ISDIR(found.st_mode):
        problem = "it is no folder, or a link to one"
    elif found.st_uid != os.geteuid():
        problem = f"it belongs to another user ({found.st_uid})"
    elif found.st_mode & _OTHERS:
        problem = f"others may enter it (its mode is {stat.S_IMODE(found.st_mode):04o}, not 0700)"
        advice = f"chmod 700 {folder}, when all that is in it is yours; else {advice}"
    else:
        return folder
    raise ConfigurationError([f"{SETTING}: {folder} cannot be trusted: {problem}; {advice}"])


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
