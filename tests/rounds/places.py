"""The store of the rounds, a folder or a bucket: what it holds, its moments, and how it is disturbed."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from tests.fakes.base import FakeServer, Request
from tests.fakes.s3 import MotoApp, S3Fake, key_of
from tests.readers import places as stores
from tests.rounds.line import Line
from tests.rounds.looks import LOCKS, ROOT, WATCHED, Looks

TEMPORARY = re.compile(r"\.datafetch-[0-9a-f]{16}|\..+\.[0-9a-f]{16}\.tmp")
"""The names of files that are not in their places yet."""

_A_DAY_AND_MORE_S = 25 * 3600
_BETWEEN_LOOKS_S = 0.002
_SLOW_S = 0.05


class Place(Protocol):
    """A store that is watched and disturbed."""

    looks: Looks

    @property
    def settings(self) -> dict[str, str]:
        """What a program is told to find it."""

    def objects(self) -> dict[str, bytes]:
        """All objects, by key."""

    def arm(self, number: int, fire: Callable[[], None]) -> None:
        """Call `fire` once: before the n-th request from now, or after the n-th change."""

    def hang(self) -> None:
        """Answer nothing until `mend`."""

    def cut(self) -> None:
        """End all connections until `mend`."""

    def slow(self) -> None:
        """Answer late until `mend`."""

    def mend(self) -> None:
        """Answer as ever."""

    def settle(self) -> None:
        """Wait until what ended processes sent has arrived."""

    def left_over(self) -> list[str]:
        """What nobody uses any more: temporary files, uploads without an end, locks of files."""

    def let_a_day_pass(self) -> None:
        """Make all that is left over older than a day."""


def temporary_files(folder: Path) -> list[Path]:
    """The files in a folder, at any depth, that are not in their places."""
    return [path for path in folder.rglob(".*") if TEMPORARY.fullmatch(path.name)]


def age(*paths: Path) -> None:
    """Make files older than a day."""
    when = time.time() - _A_DAY_AND_MORE_S
    for path in paths:
        with suppress(OSError):
            os.utime(path, (when, when))


class FolderPlace:
    """A folder. A thread looks at it all the time."""

    def __init__(self, root: Path) -> None:
        self.looks = Looks()
        self._root = root
        self._store = stores.Folder(root)
        self._armed: tuple[int, Callable[[], None]] | None = None
        self._guard = threading.Lock()
        self._held: FileLock | None = None

    @property
    def settings(self) -> dict[str, str]:
        return {**self._store.settings, "DATAFETCH_ENV": "test"}

    def objects(self) -> dict[str, bytes]:
        return self._store.objects()

    def arm(self, number: int, fire: Callable[[], None]) -> None:
        with self._guard:
            self._armed = (self.looks.changes + number, fire)

    def hang(self) -> None:
        """Whoever writes waits for the lock of the folder, as for a share whose server is away."""
        self._held = FileLock(self._root / ".datafetch-lock", thread_local=False)
        with suppress(Timeout):
            self._held.acquire(timeout=2)

    def cut(self) -> None:
        raise NotImplementedError("a folder has no connections")

    def slow(self) -> None:
        raise NotImplementedError("a folder is as fast as it is")

    def mend(self) -> None:
        if self._held is not None:
            self._held.release(force=True)
            self._held = None

    def settle(self) -> None:
        """A process writes to a folder by itself."""

    def left_over(self) -> list[str]:
        found = [str(path.relative_to(self._root)) for path in temporary_files(self._root)]
        try:
            with FileLock(self._root / ".datafetch-lock").acquire(timeout=0):
                pass
        except Timeout:
            found.append(".datafetch-lock is held")
        return found

    def let_a_day_pass(self) -> None:
        age(*temporary_files(self._root), self._root / ".datafetch-swept")

    @contextmanager
    def open(self) -> Iterator[None]:
        """Look at the folder until the block ends."""
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(_BETWEEN_LOOKS_S):
                self._look()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _look(self) -> None:
        """Look once; what changed while it was read is no state of the folder, and is dropped."""
        versions = self._versions()
        try:
            bodies = {
                key: (self._root / key).read_bytes()
                for key, version in versions.items()
                if key.startswith(WATCHED) and not self.looks.knows(key, version)
            }
        except FileNotFoundError:
            return
        if self._versions() != versions:
            return
        self.looks.see(versions, bodies.__getitem__)
        with self._guard:
            armed = self._armed
            if armed is None or self.looks.changes < armed[0]:
                return
            self._armed = None
        armed[1]()

    def _versions(self) -> dict[str, object]:
        """Which file is which object now; those that are not in their places yet are left out."""
        found: dict[str, object] = {}
        waiting = ["json"]
        while waiting:
            folder = waiting.pop()
            with suppress(OSError), os.scandir(self._root / folder) as entries:
                for entry in entries:
                    key = f"{folder}/{entry.name}"
                    if entry.is_dir():
                        waiting.append(key)
                    elif not entry.name.startswith("."):
                        with suppress(FileNotFoundError):
                            status = entry.stat()
                            found[key] = (status.st_ino, status.st_mtime_ns)
        return found


class BucketPlace:
    """A bucket behind a line. Each state between two writes is looked at."""

    def __init__(self, server: FakeServer, name: str) -> None:
        """`server`, which is that of a `MotoApp`, may be asked for other things, too."""
        self.looks = Looks()
        self.server = server
        self._fake = S3Fake(name, server=server)
        self._store = stores.Bucket(self._fake)
        self._line = Line(server.port)
        self._armed: tuple[int, Callable[[], None]] | None = None
        self._guard = threading.Lock()

    @property
    def settings(self) -> dict[str, str]:
        return {
            **self._fake.environment,
            "S3_SERVER_URL": self._line.url,
            "DATAFETCH_ENV": "test",
        }

    def objects(self) -> dict[str, bytes]:
        with self._app.still():
            return self._store.objects()

    def arm(self, number: int, fire: Callable[[], None]) -> None:
        with self._guard:
            self._armed = (number, fire)

    def hang(self) -> None:
        self._line.hang()

    def cut(self) -> None:
        self._line.cut()

    def slow(self) -> None:
        self._line.slow(_SLOW_S)

    def mend(self) -> None:
        self._line.mend()

    def settle(self) -> None:
        self._line.wait_until_idle()

    def left_over(self) -> list[str]:
        open_uploads = self._fake.open_uploads()
        return [f"{open_uploads} uploads without an end"] if open_uploads else []

    def let_a_day_pass(self) -> None:
        """Nothing of a bucket is younger than a day and yet left over."""

    @contextmanager
    def open(self) -> Iterator[None]:
        """Have the bucket, and look at it, until the block ends."""
        with self._fake, self._line:
            self._app.watch(self._before)
            yield

    @property
    def _app(self) -> MotoApp:
        return self._fake.app

    def _before(self, _index: int, request: Request) -> None:
        if not request.path.startswith(f"/{self._fake.bucket}"):
            return
        if request.method in ("PUT", "DELETE") and key_of(request).startswith((ROOT, LOCKS)):
            with self._app.still():
                self.looks.see(self._fake.etags(*WATCHED), self._read)
        with self._guard:
            if self._armed is None:
                return
            number, fire = self._armed
            self._armed = (number - 1, fire) if number > 1 else None
        if number <= 1:
            fire()

    def _read(self, key: str) -> bytes:
        found = self._fake.get(key)
        assert found is not None, key
        return found.body
