"""A folder as a full object store: atomic replacement, conditional writes, content hashes as ETags.

Visitors may read an object where they could in a bucket: the umask says who may read its file. The
others, such as the state of jobs, are for their owner alone, or for a group that shares the folder.

An object is a file; its ETag is the SHA-256 of its content. Readers need no lock, since a file
is only ever replaced as a whole. Writers prepare their file beside the old one without a lock.
They take the store's lock only to check the condition and rename the file, so that of two
writers with the same condition (threads or processes) one wins.
"""

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from datafetch.clock import Clock, SystemClock
from datafetch.errors import ObjectNotFound
from datafetch.regular_files import open_regular
from datafetch.runtime.file_locks import held
from datafetch.store.base import (
    JSON_TYPE,
    Condition,
    FilePart,
    ObjectInfo,
    OpenedObject,
    StoredObject,
    check_stored,
)
from datafetch.store.durability import Unsynced, is_durable, sync
from datafetch.store.files import (
    check_condition,
    check_folder,
    check_link,
    make_folder,
    old_place_of,
    place_of,
    remove_file,
)
from datafetch.store.folder_errors import check_root, held_too_long, lock_failed, translated
from datafetch.store.keys import LOCKS_PREFIX, is_commit, is_public
from datafetch.store.last_look import look_again
from datafetch.store.paths import (
    RESERVED,
    check_prefix,
    content_type_of,
    folder_of,
    is_its_place,
    old_folder_of,
    path_of,
    path_of_found,
    walk,
)
from datafetch.store.streams import Window
from datafetch.store.sweeping import ABANDONED_AFTER_S, Sweeper
from datafetch.store.temporary import fill, stamp, temporary_in, time_in

_LOCK_TIMEOUT_S = 60.0
_LOCK_POLL_S = 0.005

_STAMPS_APART_S = 1.0
"""Seconds by which the times of two files may contradict their order: some disks keep whole ones."""

_Fingerprint = tuple[int, int, int]


class LocalStore:
    """Objects as files under `root`, which is created by the first write.

    `clock` sets the files' times and tells their age, so that the two agree. Lock objects keep the
    time that the file system gave them, and it tells their age, too: on a shared disk the clocks
    of two machines may differ, and a lock that seems too old is taken from a run that is alive.
    """

    def __init__(self, root: Path, clock: Clock | None = None) -> None:
        """Look whether `root` can be a folder; nothing is made yet.

        Raises:
            ConfigurationError: it is something else, such as a file, or in such a thing.
        """
        self._root = Path(os.path.realpath(root.expanduser()))
        check_root(self._root)
        self._clock = clock or SystemClock()
        self._unsynced = Unsynced()
        # The file lock is for other processes. It polls, so threads wait for a mutex instead.
        self._mutex = threading.Lock()
        self._lock_path = self._root / f"{RESERVED}lock"
        self._file_lock = FileLock(self._lock_path)
        self._sweeper = Sweeper(self._root)
        self._real: set[Path] = set()
        self._etags: dict[str, tuple[_Fingerprint, str]] = {}

    def __repr__(self) -> str:
        return f"LocalStore({str(self._root)!r})"

    @property
    def name(self) -> str:
        """See `ObjectStore.name`."""
        return f"file:{self._root}"

    @property
    def identity(self) -> str:
        """See `ObjectStore.identity`."""
        return self.name

    # ---------------------------------------------------------------- reading

    def get(self, key: str) -> StoredObject:
        """See `ObjectStore.get`.

        Raises:
            ObjectNotFound: there is no such file.
        """
        path = place_of(self._root, key)
        with self._reading(key, path), open_regular(path) as file:
            status = os.fstat(file.fileno())
            check_stored(key, status.st_size)
            body = file.read()
        info = self._info(key, status, hashlib.sha256(body).hexdigest())
        if key.startswith(LOCKS_PREFIX):
            return StoredObject(info, body, age_s=_measured_age_s(path.parent, status.st_mtime))
        return StoredObject(info, body, age_s=max(0.0, self._clock.now() - status.st_mtime))

    @contextmanager
    def open(self, key: str) -> Iterator[OpenedObject]:
        """See `ObjectStore.open`: the file itself, which a write replaces but never changes.

        Raises:
            ObjectNotFound: there is no such file.
        """
        path = place_of(self._root, key)
        with self._reading(key, path):
            file = open_regular(path)
        with file:
            with translated(key, self._root):
                status = os.fstat(file.fileno())
                check_stored(key, status.st_size)
                etag = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
            yield OpenedObject(self._info(key, status, etag), file)

    def head(self, key: str) -> ObjectInfo:
        """See `ObjectStore.head`.

        Raises:
            ObjectNotFound: there is no such file.
        """
        path = place_of(self._root, key)
        with self._reading(key, path):
            status, etag = self._etag_of(key, path)
        return self._info(key, status, etag)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`; only folders that can hold such keys are read.

        Files whose names are not UTF-8 are left alone, and so are links to folders, and links to
        files outside the store (see `walk`).
        """
        segments = check_prefix(prefix)
        base = "".join(f"{segment}/" for segment in segments)
        folders = (folder_of(self._root, segments), old_folder_of(self._root, segments))
        found: list[tuple[str, Path]] = []
        with translated(prefix, self._root):
            for folder in filter(None, folders):
                self._check_folder(folder)
                found += walk(self._root, folder, base, prefix)
        found.sort()
        for key, path in found:
            if not is_its_place(self._root, key, path):
                continue
            try:
                with translated(key, self._root, missing_passes=True):
                    status, etag = self._etag_of(key, path)
            except FileNotFoundError:  # deleted since the folder was read
                continue
            yield self._info(key, status, etag)

    # ---------------------------------------------------------------- writing

    def put(
        self,
        key: str,
        body: bytes | FilePart,
        *,
        content_type: str = JSON_TYPE,  # noqa: ARG002 - a folder keeps none
        cache_control: str | None = None,  # noqa: ARG002
        condition: Condition = None,
    ) -> str:
        """See `ObjectStore.put`."""
        parts = [body] if isinstance(body, bytes) else Window(key, body).pieces()
        return self._write(key, parts, condition)

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        path = path_of_found(self._root, key)
        with translated(key, self._root):
            if not self._root.exists():
                return
            self._check_folder(path.parent)
            with self._exclusive(key):
                look_again()
                places = filter(None, (path, old_place_of(self._root, key)))
                removed = [remove_file(place) for place in places]
                if not any(removed):
                    return
            self._etags.pop(key, None)
            if is_durable(key):
                sync(path.parent)

    def url(self, key: str) -> str:
        """See `ObjectStore.url`."""
        return f"/{key}"

    def close(self) -> None:
        """Nothing is held open."""

    # ------------------------------------------------------------------ steps

    def _write(self, key: str, parts: Iterable[bytes], condition: Condition) -> str:
        path = path_of(self._root, key)
        durable = is_durable(key)
        with translated(key, self._root):
            self._check_folder(path.parent)
            make_folder(path.parent, self._root, durable=durable)
            temporary = temporary_in(path.parent)
            try:
                filled = fill(temporary, parts, durable=durable, private=not is_public(key))
                if is_commit(key):
                    self._unsynced.flush()
                now = self._clock.now()
                # Others may sweep a file whose time is a day old, but only under the lock. Where
                # the clocks agree the time is set before it: every writer waits for the lock.
                agree = abs(now - filled.made_at) < ABANDONED_AFTER_S / 2
                is_stamped = not key.startswith(LOCKS_PREFIX)
                if agree and is_stamped:
                    stamp(temporary, now)
                with self._exclusive(key):
                    check_condition(condition, key, place_of(self._root, key))
                    if is_stamped and not agree:
                        stamp(temporary, now)
                    look_again()
                    temporary.replace(path)
                    if old := old_place_of(self._root, key):
                        old.unlink(missing_ok=True)
                    self._sweeper.sweep(path.parent, filled.made_at)
            except BaseException:
                with suppress(OSError):  # the error that is raised says more
                    temporary.unlink(missing_ok=True)
                raise
            self._etags.pop(key, None)
            if durable:
                sync(path.parent)
            else:
                self._unsynced.add(path)
        self._sweeper.sweep_all(filled.made_at, lambda: self._exclusive(key))
        return filled.etag

    @contextmanager
    def _exclusive(self, key: str) -> Iterator[None]:
        """Hold the store's lock in the `with` block; `key` is what is written.

        Raises:
            StoreUnavailable: somebody else holds it for too long.
            LockingNotSupported: the file system keeps no locks.
        """
        until = self._clock.monotonic() + _LOCK_TIMEOUT_S
        if not self._mutex.acquire(timeout=_LOCK_TIMEOUT_S):
            raise held_too_long(key, self._lock_path, _LOCK_TIMEOUT_S)
        with ExitStack() as holding:
            holding.callback(self._mutex.release)
            left = max(0.0, until - self._clock.monotonic())
            try:
                holding.enter_context(held(self._file_lock, left, _LOCK_POLL_S))
            except Timeout as error:
                raise held_too_long(key, self._lock_path, _LOCK_TIMEOUT_S) from error
            except OSError as error:
                raise lock_failed(key, self._lock_path, error) from error
            yield

    def _check_folder(self, folder: Path) -> None:
        """See `check_folder`; a folder is looked at once."""
        if folder not in self._real:
            check_folder(self._root, folder)
            self._real.add(folder)

    @contextmanager
    def _reading(self, key: str, path: Path) -> Iterator[None]:
        try:
            with translated(key, self._root, missing_passes=True):
                self._check_folder(path.parent)
                check_link(self._root, path)
                yield
        except FileNotFoundError as error:
            raise ObjectNotFound(f"{key} is not in {self.name}", key=key) from error

    def _etag_of(self, key: str, path: Path) -> tuple[os.stat_result, str]:
        """The file's status and ETag; the ETag of a file with the same fingerprint is remembered.

        A write makes a new file, whose inode and time of change differ from the old one's.
        Conditions are checked by reading the file, and not by a remembered ETag.
        """
        status = path.stat()
        fingerprint = (status.st_ino, status.st_ctime_ns, status.st_size)
        known = self._etags.get(key)
        if known is not None and known[0] == fingerprint:
            return status, known[1]
        with open_regular(path) as file:
            status = os.fstat(file.fileno())
            etag = hashlib.file_digest(file, "sha256").hexdigest()
        self._etags[key] = (status.st_ino, status.st_ctime_ns, status.st_size), etag
        return status, etag

    @staticmethod
    def _info(key: str, status: os.stat_result, etag: str) -> ObjectInfo:
        return ObjectInfo(
            key=key,
            etag=etag,
            size=status.st_size,
            last_modified=datetime.fromtimestamp(status.st_mtime, UTC),
            content_type=content_type_of(key),
        )


def _measured_age_s(folder: Path, written_at: float) -> float | None:
    """Seconds since a file in the folder was written, both times by the file system's clock.

    None when the two times make no sense together: on disks that several machines write directly,
    each stamps files by its own clock.
    """
    now = time_in(folder)
    if now is None or written_at - now > _STAMPS_APART_S:
        return None
    return max(0.0, now - written_at)
