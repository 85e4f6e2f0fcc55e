"""A folder as a store: safe paths, whole files, conditions between processes, honest errors."""

import errno
import fcntl
import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock

from datafetch.errors import (
    ObjectNotFound,
    ObjectTooLarge,
    PreconditionFailed,
    StoreDenied,
    StoreError,
    StoreUnavailable,
)
from datafetch.store.base import Condition, FilePart, IfAbsent, IfMatch, encode_json
from datafetch.store.local import LocalStore
from tests.support import FakeClock, flushes, refuse, unprivileged, unprivileged_folder

KEY = "json/bookmarks/index-test.json"
LOCK = "json/datafetch/locks/bookmarks-test.json"
PAGE = "json/bookmarks/pages-test/page-1.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> LocalStore:
    """An empty store."""
    return LocalStore(root)


def files_below(folder: Path) -> list[str]:
    """Every file, those of the store's own left out."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".datafetch-lock", ".datafetch-swept", ".gitignore")
    )


def opened(store: LocalStore, key: str) -> bytes:
    """The object read as a file."""
    with store.open(key) as found:
        return b"".join(found.chunks())


def run_python(code: str, *arguments: object) -> "subprocess.Popen[bytes]":
    """Another process."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE
    )


# --------------------------------------------------------------------- paths


def test_an_object_is_the_file_of_its_key(store: LocalStore, root: Path) -> None:
    """People and web servers find objects where their keys say."""
    store.put(KEY, b"{}")
    assert (root / KEY).read_bytes() == b"{}"
    assert files_below(root) == [KEY]


def test_reading_creates_nothing(store: LocalStore, root: Path) -> None:
    """Only a write makes the folder: a status of the wrong folder leaves no trace."""
    assert list(store.list("")) == []
    store.delete(KEY)
    with pytest.raises(ObjectNotFound):
        store.get(KEY)
    assert not root.exists()


def test_its_names_say_the_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder is fixed when the store is opened, and told from others by its real path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("store", target_is_directory=True)
    store = LocalStore(Path("store"))
    assert store.name == f"file:{tmp_path}/store"
    assert LocalStore(Path("link")).identity == store.identity
    monkeypatch.chdir("/")
    store.put(KEY, b"1")
    assert files_below(tmp_path / "store") == [KEY]


def test_files_that_are_no_objects_are_not_listed(store: LocalStore, root: Path) -> None:
    """What a crash or somebody else left behind is never taken for an object."""
    store.put(KEY, b"{}")
    (root / "json/.datafetch-0123456789abcdef").write_bytes(b"half")
    Path(os.fsdecode(os.fsencode(root) + b"/not-utf8-\xff")).write_bytes(b"x")
    (root / "dangling").symlink_to("nowhere")
    assert [info.key for info in store.list("")] == [KEY]


def test_git_leaves_a_store_alone_that_was_made(store: LocalStore, root: Path) -> None:
    """A site that commits everything would have committed each picture and state object, too."""
    store.put(KEY, b"{}")
    assert (root / ".gitignore").read_text() == "*\n"
    assert [info.key for info in store.list("")] == [KEY]
    assert [info.key for info in store.list(".git")] == []
    for call in (store.get, store.head, store.delete, lambda key: store.put(key, b"1")):
        with pytest.raises(StoreError, match="not the key of an object"):
            call(".gitignore")
    assert (root / ".gitignore").read_text() == "*\n"


def test_a_gitignore_of_the_owners_stays(root: Path) -> None:
    """Whoever made the folder says what git does with it; below it the name is one like others."""
    root.mkdir()
    (root / ".gitignore").write_text("images/\n")
    store = LocalStore(root)
    store.put("json/.gitignore", b"{}")
    assert (root / ".gitignore").read_text() == "images/\n"
    assert [info.key for info in store.list("")] == ["json/.gitignore"]


def test_a_folder_that_the_owner_made_gets_no_gitignore(root: Path) -> None:
    """It may be one whose content is to be committed."""
    root.mkdir()
    LocalStore(root).put(KEY, b"{}")
    assert not (root / ".gitignore").exists()


# ------------------------------------------------------------- what it tells


def test_the_etag_is_the_hash_of_the_content(store: LocalStore) -> None:
    """It can be compared with bytes at hand, and needs no place of its own."""
    assert store.put(KEY, b"{}") == hashlib.sha256(b"{}").hexdigest()


def test_a_file_that_somebody_else_changed_has_another_etag(store: LocalStore, root: Path) -> None:
    """What the process remembers of a file ends when the file changes."""
    etag = store.put(KEY, b"ours")
    assert [info.etag for info in store.list("")] == [etag]
    (root / KEY).write_bytes(b"theirs")
    theirs = hashlib.sha256(b"theirs").hexdigest()
    assert [info.etag for info in store.list("")] == [theirs]
    assert store.head(KEY).etag == theirs
    with pytest.raises(PreconditionFailed):
        store.put(KEY, b"mine", condition=IfMatch(etag))


def test_age_goes_by_the_clock_that_stamped_it(root: Path) -> None:
    """A lease in a folder expires by the clock that the store was given."""
    clock = FakeClock()
    store = LocalStore(root, clock)
    store.put(KEY, b"1")
    clock.advance(301)
    found = store.get(KEY)
    assert found.age_s == pytest.approx(301)
    assert found.info.last_modified is not None
    assert found.info.last_modified.timestamp() == pytest.approx(clock.now() - 301)


def test_a_file_from_the_future_has_no_negative_age(root: Path) -> None:
    """A clock that was set back makes nothing younger than new."""
    clock = FakeClock()
    store = LocalStore(root, clock)
    store.put(KEY, b"1")
    clock.advance(-50)
    assert store.get(KEY).age_s == 0


# -------------------------------------------------------------------- errors


def test_a_folder_where_an_object_should_be_is_not_a_missing_object(store: LocalStore) -> None:
    """A store error read as "not found" rebuilt a dataset from nothing over good data."""
    store.put("a/b.json", b"1")
    for call in (store.get, partial(opened, store), store.head, store.delete):
        with pytest.raises(StoreUnavailable):
            call("a")
    with pytest.raises(StoreUnavailable):
        store.put("a", b"2")
    with pytest.raises(StoreUnavailable):
        store.put("a", b"2", condition=IfAbsent())
    assert [info.key for info in store.list("")] == ["a/b.json"]


def test_an_object_where_a_folder_should_be_is_not_a_missing_object(store: LocalStore) -> None:
    """The same the other way round."""
    store.put("a", b"1")
    for call in (store.get, partial(opened, store), store.head, store.delete):
        with pytest.raises(StoreUnavailable) as caught:
            call("a/b.json")
        assert caught.value.key == "a/b.json"
    with pytest.raises(StoreUnavailable):
        store.put("a/b.json", b"2")
    with pytest.raises(StoreUnavailable):
        list(store.list("a/"))
    assert store.get("a").body == b"1"


@pytest.fixture
def guarded() -> Iterator[Path]:
    """A store whose files this process, no longer root, may neither read nor write."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        LocalStore(root).put(KEY, b"1")
        (root / KEY).chmod(0)
        (root / KEY).parent.chmod(0o555)
        root.chmod(0o555)
        try:
            with unprivileged():
                yield root
        finally:
            root.chmod(0o755)
            (root / KEY).parent.chmod(0o755)


def test_what_may_not_be_read_or_written_is_denied_and_not_missing(guarded: Path) -> None:
    """Wrong permissions are their own error, whose hint speaks of the folder."""
    store = LocalStore(guarded)
    with pytest.raises(StoreDenied) as caught:
        store.get(KEY)
    assert "DATAFETCH_STORE" in caught.value.hint
    with pytest.raises(StoreDenied):
        opened(store, KEY)
    with pytest.raises(StoreDenied):
        list(store.list("json/"))
    with pytest.raises(StoreDenied):
        store.put(KEY, b"2")
    with pytest.raises(StoreDenied):
        store.put("images/x.png", b"2")
    with pytest.raises(StoreDenied):
        store.delete(KEY)


# ---------------------------------------------------------- odd file systems


@pytest.mark.parametrize("key", [KEY, PAGE])
@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES, errno.ENOSYS])
def test_a_folder_that_cannot_set_times_takes_every_write(
    root: Path, monkeypatch: pytest.MonkeyPatch, key: str, number: int
) -> None:
    """A folder that cannot set times (Samba, other owners) failed every write."""
    refuse(monkeypatch, os, "utime", number)
    store = LocalStore(root)
    store.put(key, b"1", condition=IfAbsent())
    store.put(key, b"2")
    assert store.get(key).body == b"2"
    assert files_below(root) == [key]


@pytest.mark.parametrize("can_stamp", [True, False])
def test_the_age_of_a_lock_goes_by_the_clock_of_its_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch, can_stamp: bool
) -> None:
    """A lease on a shared disk was judged by another machine's clock, which stamped the file."""
    if not can_stamp:
        refuse(monkeypatch, os, "utime", errno.EPERM)
    for wrong_by_s in (-86_400, 86_400):
        LocalStore(root, FakeClock(time.time() + wrong_by_s)).put(LOCK, b"1")
        age_s = LocalStore(root, FakeClock(time.time() - wrong_by_s)).get(LOCK).age_s
        assert age_s is not None
        assert 0 <= age_s < 60
    monkeypatch.undo()
    os.utime(root / LOCK, (time.time() - 400,) * 2)
    assert LocalStore(root).get(LOCK).age_s == pytest.approx(400, abs=60)
    assert files_below(root) == [LOCK]


def test_a_lock_that_is_stamped_ahead_has_no_age(root: Path) -> None:
    """A machine that is a day ahead and writes a shared disk directly: 0 s old for a whole day."""
    store = LocalStore(root)
    store.put(LOCK, b"1")
    os.utime(root / LOCK, (time.time() + 86_400,) * 2)
    assert store.get(LOCK).age_s is None


@pytest.mark.parametrize("key", [KEY, LOCK, PAGE])
def test_a_folder_that_cannot_flush_folders_takes_every_write(
    root: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """A folder that cannot sync directories (VirtualBox, old CIFS) failed every write."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store = LocalStore(root)
    store.put(PAGE, b"0")
    store.put(key, b"1")
    assert store.get(key).body == b"1"
    store.delete(key)


def test_a_state_that_did_not_reach_the_disk_was_not_written(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails (EIO) is no odd file system: the old object stays, and the run is told."""
    store.put(KEY, b"old")
    refuse(monkeypatch, os, "fsync", errno.EIO)
    with pytest.raises(StoreUnavailable, match="Input/output error"):
        store.put(KEY, b"new")
    assert store.get(KEY).body == b"old"
    assert files_below(root) == [KEY]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_folder_that_keeps_no_locks_is_named(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """`flock` ENOLCK on NFS was a traceback; now the folder is named, exit 78, nothing is changed."""
    store.put(KEY, b"old")
    refuse(monkeypatch, fcntl, "flock", number)
    for write in (partial(store.put, KEY, b"new"), partial(store.delete, KEY)):
        with pytest.raises(StoreError, match="cannot be locked") as caught:
            write()
        assert caught.value.exit_code == 78
        assert "DATAFETCH_STORE" in caught.value.hint
    assert store.get(KEY).body == b"old"
    assert files_below(root) == [KEY]


class Impatient(FakeClock):
    """A clock by which a minute has gone whenever somebody looks."""

    def monotonic(self) -> float:
        self.time += 61
        return self.time


def test_a_lock_that_another_process_keeps_is_told(root: Path) -> None:
    """A process that hangs with the store's lock: after a minute the others say so, with its file."""
    store = LocalStore(root, Impatient())
    root.mkdir()
    with FileLock(root / ".datafetch-lock"), pytest.raises(StoreUnavailable) as caught:
        store.put(KEY, b"1")
    assert f"another process has held {root}/.datafetch-lock for 60 s" in str(caught.value)
    assert files_below(root) == []
    store.put(KEY, b"1")


def test_a_pipe_in_the_place_of_an_object_is_no_object(store: LocalStore, root: Path) -> None:
    """A pipe in the place of a file hung the run."""
    store.put(KEY, b"1")
    os.mkfifo(root / "json/bookmarks/pipe.json")
    assert [info.key for info in store.list("")] == [KEY]
    for call in (store.get, store.head, partial(opened, store)):
        with pytest.raises(StoreUnavailable, match=r"pipe\.json is a pipe, and should be a file$"):
            call("json/bookmarks/pipe.json")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("key", "mode"),
    [
        ("json/bookmarks/index.json", 0o640),
        ("json/bookmarks/tags/ai/page-1.json", 0o640),
        ("json/github-activity/activity_data.json", 0o640),
        ("images/logos/example_com_google_a379a6f6.png", 0o640),
        ("json/datafetch/jobs/bookmarks.json", 0o600),
        ("json/datafetch/dead-letters/logos.json", 0o600),
        ("json/rate-limit/logo-failed-domains.json", 0o600),
        ("json/github-activity/repo_raw_weekly_stats/o_r.csv", 0o600),
        ("json/bookmarks/bookmarks.json.corrupt-2026-11-24", 0o600),
    ],
)
def test_the_umask_says_who_reads_what_visitors_may_read(
    store: LocalStore, root: Path, key: str, mode: int
) -> None:
    """State names private repositories and what failed: it is for its owner, an old file's too."""
    before = os.umask(0o027)
    try:
        store.put(key, b"1")
        assert stat.S_IMODE((root / key).stat().st_mode) == mode
        (root / key).chmod(0o666)
        store.put(key, b"2")
        assert stat.S_IMODE((root / key).stat().st_mode) == mode
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("folder_mode", "umask", "mode"),
    [
        (0o2775, 0o002, 0o660),
        (0o2770, 0o007, 0o660),
        (0o2775, 0o022, 0o600),
        (0o2750, 0o027, 0o600),
        (0o775, 0o002, 0o600),
    ],
)
def test_a_folder_that_a_group_writes_to_together_shares_its_state(
    store: LocalStore, root: Path, folder_mode: int, umask: int, mode: int
) -> None:
    """Two users of a group run jobs in turn: the second one was locked out by the first one's state."""
    root.mkdir()
    root.chmod(folder_mode)
    before = os.umask(umask)
    try:
        store.put("json/datafetch/jobs/bookmarks.json", b"1")
    finally:
        os.umask(before)
    state = root / "json/datafetch/jobs/bookmarks.json"
    assert stat.S_IMODE(state.stat().st_mode) == mode


@pytest.mark.skipif(os.getuid() != 0, reason="only root writes for others")
def test_state_that_root_writes_is_the_folders_owners() -> None:
    """One run by hand with sudo would lock cron's user out of the lease and the job's state."""
    key = "json/datafetch/jobs/bookmarks.json"
    with unprivileged_folder() as root:
        store, owner = LocalStore(root), os.geteuid()
        store.put(key, b"cron")
        os.seteuid(os.getuid())
        store.put(key, b"sudo")
        os.seteuid(owner)
        assert store.get(key).body == b"sudo"
        assert stat.S_IMODE((root / key).stat().st_mode) == 0o600
        store.put(key, b"cron")
        assert store.get(key).body == b"cron"


def test_a_lock_that_is_no_file_says_what_to_remove(
    store: LocalStore, root: Path, tmp_path: Path
) -> None:
    """What a planted link leads to is neither emptied nor locked; without it the write succeeds."""
    precious, lock = tmp_path / "precious", root / ".datafetch-lock"
    precious.write_text("precious")
    root.mkdir()
    for make, said in (
        (lambda: lock.symlink_to(precious), "is a link"),
        (lock.mkdir, "is a folder, and should be a file"),
    ):
        make()
        with pytest.raises(StoreUnavailable, match=said) as caught:
            store.put(KEY, b"1")
        assert caught.value.hint.startswith(f"Remove {lock};")
        assert precious.read_text() == "precious"
        lock.rmdir() if said.startswith("is a folder") else lock.unlink()
    store.put(KEY, b"1")


def test_what_a_killed_run_left_goes_with_the_next_write_beside_it(
    store: LocalStore, root: Path
) -> None:
    """Temporary files of killed runs filled the folder; they go after a day, with the first write."""
    store.put(KEY, b"1")
    folder = (root / KEY).parent
    old, young = (folder / f".datafetch-{digit * 16}" for digit in "ab")
    for path, hours in ((old, 25), (young, 23)):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - hours * 3600,) * 2)
    LocalStore(root, FakeClock(0)).put(KEY, b"2")
    assert not old.exists()
    assert young.exists()
    assert (root / ".datafetch-lock").exists()


def test_a_killed_process_leaves_its_file_for_a_day_wherever_it_was(
    store: LocalStore, root: Path
) -> None:
    """A folder that gets no new file any more kept half a file, which a site may deploy."""
    store.put("json/bookmarks/tags/gone/page-1.json", b"1")
    store.delete("json/bookmarks/tags/gone/page-1.json")
    path = root / f"json/bookmarks/tags/gone/.datafetch-{'a' * 16}"
    path.write_bytes(b"half")
    os.utime(path, (time.time() - 25 * 3600,) * 2)
    (root / ".datafetch-swept").unlink()
    LocalStore(root, FakeClock(0)).put("json/other.json", b"2")
    assert not path.exists()
    assert [info.key for info in store.list("")] == ["json/other.json"]


# ----------------------------------------------------------- whole or nothing


class Interrupted(io.BytesIO):
    """A body of which the first half is read, and then something happens."""

    def __init__(self, body: bytes, happens: "Happening") -> None:
        super().__init__(body)
        self._happens = happens
        self._reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self._reads += 1
        if self._reads == 2:
            self._happens()
        return super().read(min(4, size or 0))


class Happening:
    """Looks at the store in the middle of a write, and may end it."""

    def __init__(self, store: LocalStore, error: Exception | None = None) -> None:
        self._store = store
        self._error = error
        self.seen: list[bytes] = []

    def __call__(self) -> None:
        self.seen.extend(self._store.get(info.key).body for info in self._store.list(""))
        if self._error is not None:
            raise self._error


def test_a_reader_sees_the_old_object_until_the_new_one_is_whole(store: LocalStore) -> None:
    """In the middle of a write there is one object, the old one."""
    store.put("images/x.png", b"old")
    happening = Happening(store)
    store.put(
        "images/x.png", FilePart(Interrupted(b"new body", happening), 8), content_type="image/png"
    )
    assert happening.seen == [b"old"]
    assert store.get("images/x.png").body == b"new body"


def test_a_write_that_fails_leaves_nothing(store: LocalStore, root: Path) -> None:
    """An error in the middle keeps the old object and takes the half new one away."""
    store.put("images/x.png", b"old")
    source = Interrupted(
        b"new body", Happening(store, RuntimeError("the disk of the source broke"))
    )
    with pytest.raises(RuntimeError):
        store.put("images/x.png", FilePart(source, 8), content_type="image/png")
    assert files_below(root) == ["images/x.png"]
    assert store.get("images/x.png").body == b"old"


def test_a_write_that_is_refused_leaves_nothing(store: LocalStore, root: Path) -> None:
    """What was prepared for a condition that does not hold is taken away."""
    store.put(KEY, b"old")
    with pytest.raises(PreconditionFailed):
        store.put(KEY, b"new", condition=IfAbsent())
    assert files_below(root) == [KEY]


# --------------------------------------------------------------- loss of power


@pytest.mark.parametrize(
    ("key", "flushed"),
    [
        (KEY, [[b"new", b"old"], [b"new"], []]),
        ("json/datafetch/jobs/bookmarks-test.json", [[b"new", b"old"], [b"new"], []]),
        (PAGE, []),
        ("images/x.png", []),
    ],
)
def test_state_and_commits_are_on_disk_before_their_write_is_reported(
    store: LocalStore, root: Path, key: str, flushed: list[list[bytes]]
) -> None:
    """The whole file is flushed before it has its name, and the folder after each change of names."""

    def contents() -> list[bytes]:
        return sorted((root / name).read_bytes() for name in files_below(root))

    store.put(key, b"old")
    with flushes(contents) as seen:
        store.put(key, b"new")
        store.delete(key)
    assert [there for _, there in seen] == flushed


def test_a_commit_object_does_not_appear_before_what_it_speaks_of_is_on_disk() -> None:
    """A page waits for no flush; what was written before a commit object is flushed before it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o777)
        with unprivileged():
            store = LocalStore(root)
            store.put(PAGE, b"1")
            (root / PAGE).chmod(0)  # so that it cannot be opened to be flushed
            store.put("images/x.png", b"2")
            store.put("json/datafetch/jobs/bookmarks-test.json", b"3")
            with pytest.raises(StoreDenied):
                store.put(KEY, b"4")
            assert not (root / KEY).exists()
            (root / PAGE).chmod(0o644)
            store.put(KEY, b"4")


KILLED = """
import io, os, signal, sys
from pathlib import Path
from datafetch.store.base import FilePart
from datafetch.store.local import LocalStore

class Deadly(io.BytesIO):
    def read(self, size=-1):
        if self.tell():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(4)

LocalStore(Path(sys.argv[1])).put("images/x.png", FilePart(Deadly(b"new body"), 8))
"""


def test_a_process_killed_while_writing_leaves_the_old_object(
    store: LocalStore, root: Path
) -> None:
    """After a kill in the middle the object is the old one, and no half one is listed."""
    store.put("images/x.png", b"old")
    process = run_python(KILLED, root)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert [info.key for info in store.list("")] == ["images/x.png"]
    assert store.get("images/x.png").body == b"old"
    store.put("images/x.png", b"next", condition=IfMatch(store.head("images/x.png").etag))
    assert store.get("images/x.png").body == b"next"


# ----------------------------------------------------------------- processes

COUNTER = """
import sys
from pathlib import Path
from datafetch.errors import PreconditionFailed
from datafetch.store.base import IfAbsent, IfMatch, encode_json
from datafetch.store.local import LocalStore

store, done = LocalStore(Path(sys.argv[1])), 0
try:
    store.put("taken", sys.argv[2].encode(), condition=IfAbsent())
    print("won")
except PreconditionFailed:
    print("lost")
while done < 40:
    found = store.get("count.json")
    try:
        store.put("count.json", encode_json(found.json() + 1), condition=IfMatch(found.etag))
        done += 1
    except PreconditionFailed:
        continue
"""


def test_conditions_hold_between_processes(store: LocalStore, root: Path) -> None:
    """Of several processes one creates, and no update on a condition is lost."""
    store.put("count.json", encode_json(0))
    names = ["first", "second", "third"]
    processes = [run_python(COUNTER, root, name) for name in names]
    said = [process.communicate()[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(said) == [b"lost", b"lost", b"won"]
    assert store.get("taken").body == names[said.index(b"won")].encode()
    assert store.get("count.json").json() == 120


@pytest.mark.parametrize("condition", [IfAbsent(), None])
def test_a_write_waits_for_another_process_that_holds_the_lock(
    store: LocalStore, root: Path, condition: Condition
) -> None:
    """Comparing and renaming are one step to everybody else, writes without condition included."""
    root.mkdir()
    with FileLock(root / ".datafetch-lock"):
        writer = threading.Thread(
            target=store.put, args=(KEY, b"1"), kwargs={"condition": condition}
        )
        writer.start()
        writer.join(0.2)
        assert writer.is_alive()
        assert list(store.list("")) == []
    writer.join()
    assert store.get(KEY).body == b"1"


STRAYS = ["a\\b.json", "Thumbs.db", ".DS_Store", "half.tmp", "a b.json", "a\x01\n.json", "x~+"]


@pytest.mark.parametrize("name", STRAYS)
def test_what_others_have_left_is_listed_read_and_removed(
    store: LocalStore, root: Path, name: str
) -> None:
    """A file that we would not have named so is an object like others, until it is tidied."""
    store.put(PAGE, b"[]")
    (root / "json/bookmarks/pages-test" / name).write_bytes(b"stray")
    key = f"json/bookmarks/pages-test/{name}"
    assert {info.key for info in store.list("json/bookmarks/")} == {PAGE, key}
    assert store.get(key).body == opened(store, key) == b"stray"
    assert store.head(key).size == 5
    store.delete(key)
    assert files_below(root) == [PAGE]


def test_a_folder_that_looks_like_a_part_of_a_long_name_is_left_alone(
    store: LocalStore, root: Path
) -> None:
    """Its file is not read under that name, so it is not listed under it either."""
    store.put(PAGE, b"[]")
    (root / "json/odd~+").mkdir()
    (root / "json/odd~+/x.json").write_bytes(b"1")
    assert [info.key for info in store.list("")] == [PAGE]


@pytest.mark.parametrize("inside", [True, False])
def test_a_link_to_a_folder_is_not_followed(
    store: LocalStore, root: Path, tmp_path: Path, *, inside: bool
) -> None:
    """What is stale is removed, and must be neither somebody else's nor a second name of ours."""
    target = root / "json/bookmarks/pages-test" if inside else tmp_path / "theirs"
    store.put(PAGE, b"[]")
    target.mkdir(exist_ok=True)
    (target / "page-1.json").write_bytes(b"theirs")
    (root / "json/bookmarks/tags-test").symlink_to(target)
    key = "json/bookmarks/tags-test/page-1.json"
    assert [info.key for info in LocalStore(root).list("json/")] == [PAGE]
    for call in (store.get, store.head, store.delete, lambda key: store.put(key, b"ours")):
        with pytest.raises(StoreUnavailable, match=r"tags-test is a link") as caught:
            call(key)
        assert "mount --bind" in str(caught.value.hint)
    with pytest.raises(StoreUnavailable, match="is a link"):
        list(store.list("json/bookmarks/tags-test/"))
    assert (target / "page-1.json").read_bytes() == b"theirs"


def test_a_link_to_a_file_outside_is_not_read(
    store: LocalStore, root: Path, tmp_path: Path
) -> None:
    """Nothing from elsewhere is published; to write takes the link away, and leaves what it led to."""
    secret = tmp_path / "secret.json"
    secret.write_bytes(b"secret")
    (root / "json").mkdir(parents=True)
    (root / "json/x.json").symlink_to(secret)
    assert list(store.list("")) == []
    for call in (store.get, store.head):
        with pytest.raises(StoreUnavailable, match=r"x\.json is a link"):
            call("json/x.json")
    store.put("json/x.json", b"ours")
    assert (secret.read_bytes(), store.get("json/x.json").body) == (b"secret", b"ours")


def test_a_link_within_the_folder_is_a_file_like_others(store: LocalStore, root: Path) -> None:
    """Its owner has put it there; removing it leaves what it leads to."""
    store.put(PAGE, b"[1]")
    (root / "json/again.json").symlink_to(root / PAGE)
    assert [info.key for info in store.list("")] == ["json/again.json", PAGE]
    assert store.get("json/again.json").body == b"[1]"
    store.delete("json/again.json")
    assert files_below(root) == [PAGE]


ODD_KEYS = [
    "json/bookmarks/tags-test/aux/index.json",
    "json/bookmarks/tags-test/con./page-1.json",
    "json/bookmarks/by-id-test/NUL.json",
    "json/bookmarks/by-id-test/a:b.json",
]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_name_that_windows_does_not_take_is_stored_under_another(
    store: LocalStore, root: Path, key: str
) -> None:
    """A repository with such a name cannot be checked out there; the key stays what it is."""
    store.put(key, b"1")
    store.put(PAGE, b"[]")
    names = [name for path in files_below(root) for name in path.split("/")]
    assert not {"aux", "con.", "NUL.json", "a:b.json"} & {*names}
    assert [info.key for info in store.list("json/")] == sorted([key, PAGE])
    for prefix in (key, key[:-7], f"{key.rpartition('/')[0]}/"):
        assert [info.key for info in LocalStore(root).list(prefix)] == [key]
    assert store.get(key).body == opened(store, key) == b"1"
    assert store.url(key) == f"/{key}"
    store.put(key, b"2", condition=IfMatch(store.head(key).etag))
    store.delete(key)
    assert [info.key for info in store.list("")] == [PAGE]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_file_of_an_earlier_version_is_found_until_it_is_written_anew(
    store: LocalStore, root: Path, key: str
) -> None:
    """It stood under its plain name; nothing is lost, and nothing is listed twice."""
    old = root / key
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    assert store.get(key).body == opened(store, key) == b"old"
    assert [info.key for info in store.list("")] == [key]
    assert [info.key for info in store.list(f"{key.rpartition('/')[0]}/")] == [key]
    with pytest.raises(PreconditionFailed):
        store.put(key, b"new", condition=IfAbsent())
    store.put(key, b"new", condition=IfMatch(store.head(key).etag))
    assert not old.exists()
    assert store.get(key).body == b"new"
    assert [info.key for info in store.list("")] == [key]
    store.delete(key)
    with pytest.raises(ObjectNotFound):
        store.get(key)


def test_a_file_of_an_earlier_version_is_removed_with_its_object(
    store: LocalStore, root: Path
) -> None:
    """Stale tags go, under whichever name; a version that ran in between has left both."""
    for both in (False, True):
        for key in ODD_KEYS:
            (root / key).parent.mkdir(parents=True, exist_ok=True)
            if both:
                store.put(key, b"new")
            (root / key).write_bytes(b"old")
            assert store.get(key).body == (b"new" if both else b"old")
        assert [info.key for info in store.list("")] == sorted(ODD_KEYS)
        for key in ODD_KEYS:
            store.delete(key)
        assert files_below(root) == []


def test_a_link_under_the_name_of_an_earlier_version_is_not_followed(
    store: LocalStore, root: Path, tmp_path: Path
) -> None:
    """Neither read nor removed: what it leads to is somebody else's."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/index.json").write_bytes(b"theirs")
    (root / "json/bookmarks/tags-test").mkdir(parents=True)
    (root / "json/bookmarks/tags-test/aux").symlink_to(tmp_path / "theirs")
    with pytest.raises(ObjectNotFound):
        store.get(ODD_KEYS[0])
    store.put(ODD_KEYS[0], b"ours")
    assert (tmp_path / "theirs/index.json").read_bytes() == b"theirs"
    assert store.get(ODD_KEYS[0]).body == b"ours"


def test_a_long_name_that_is_written_in_another_way_is_listed_by_its_beginning(
    store: LocalStore,
) -> None:
    """Pieces of such a name tell its key only together."""
    key = f"json/{'a' * 230}:{'b' * 60}/x.json"
    store.put(key, b"1")
    for prefix in ("json/a", key[:236], key[:240], key[:-3]):
        assert [info.key for info in store.list(prefix)] == [key]


def test_what_is_too_large_is_not_read(store: LocalStore, root: Path) -> None:
    """A file of half a gigabyte of zeros, which somebody put there, is not taken into memory."""
    path = root / "json/bookmarks/bookmarks-test.json"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(512 * 2**20 + 1)
    with pytest.raises(ObjectTooLarge, match="larger than 512 MiB"):
        store.get("json/bookmarks/bookmarks-test.json")
    with pytest.raises(ObjectTooLarge), store.open("json/bookmarks/bookmarks-test.json"):
        pass
