"""What job tests need around the thing they test: a clock that is told the time, a context."""

import os
import pkgutil
import random
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, is_dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

from datafetch.clock import CancelToken
from datafetch.job import JobContext, S
from datafetch.logs import bound_logger
from datafetch.models.run import JobName, RunOptions
from datafetch.net.base import HostGate, HttpClient
from datafetch.ops.dead_letters import DeadLetters
from datafetch.runtime.engine import Engine
from datafetch.runtime.progress import Progress
from datafetch.store.base import ObjectStore
from datafetch.store.fenced import Fence, FencedStore
from datafetch.store.keys import Keys
from datafetch.store.public_urls import PublicUrls

START = 1_795_507_200.0
"""2026-11-24T08:00:00Z: midnight in Los Angeles."""


_NOBODY = 65534

LOOPBACK = frozenset({"127.0.0.1", "localhost"})
"""Where the fakes are: allowed as the user's own hosts."""


class AlwaysAlive:
    """The fence of a lease that never ends."""

    def check(self) -> None:
        """Let every write pass."""


@contextmanager
def unprivileged() -> Iterator[None]:
    """As somebody whom permissions hold back, even where the tests run as root."""
    if os.geteuid() == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(os.getuid())


@contextmanager
def unprivileged_folder() -> Iterator[Path]:
    """As `unprivileged`, with a folder of one's own."""
    with tempfile.TemporaryDirectory() as base:
        Path(base).chmod(0o777)
        with unprivileged():
            folder = Path(base) / "folder"
            folder.mkdir()
            try:
                yield folder
            finally:
                folder.chmod(0o700)


@contextmanager
def flushes(look: Callable[[], object]) -> Iterator[list[tuple[str, object]]]:
    """Each call of `os.fsync` and `os.sync` in this thread, with what there was to see before it."""
    seen: list[tuple[str, object]] = []

    def note(_frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and called in (os.fsync, os.sync):
            seen.append((called.__name__, look()))

    sys.setprofile(note)
    try:
        yield seen
    finally:
        sys.setprofile(None)


@dataclass
class FakeClock:
    """A clock that moves only when it is told to, or when somebody sleeps on it."""

    time: float = START
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def advance(self, seconds: float) -> None:
        self.time += seconds


def make_http(
    clock: Any = None,
    *,
    cancel: CancelToken | None = None,
    gate: HostGate | None = None,
    **options: Any,
) -> HttpClient:
    """A real client that may talk to loopback; `options` are those of `NetOptions`."""
    from datafetch.net.client import GuardedClient
    from datafetch.net.options import NetOptions

    options.setdefault("user_agent", "datafetch-test")
    options.setdefault("allow_hosts", LOOPBACK)
    return GuardedClient(
        NetOptions(**options),
        clock=clock or FakeClock(),
        cancel=cancel or CancelToken(),
        rng=random.Random(1),
        gate=gate,
    )


def make_context(
    settings: S,
    store: ObjectStore | Path,
    *,
    job: JobName = JobName.BOOKMARKS,
    options: RunOptions | None = None,
    clock: FakeClock | None = None,
    http: HttpClient | None = None,
    fence: Fence | None = None,
    cdn: str | None = "https://cdn.example.com",
    suffix: str = "-test",
    width: int = 4,
    production: bool = False,
    max_failure_ratio: float = 0.5,
    run_id: str = "run-1",
    allow_hosts: Collection[str] = LOOPBACK,
) -> JobContext[S]:
    """A context on a folder (or any store) as the manager makes it, without a lease."""
    from datafetch.store.local import LocalStore

    the_clock = clock or FakeClock()
    the_store = LocalStore(store) if isinstance(store, Path) else store
    keys = Keys(suffix)
    cancel = CancelToken()

    @contextmanager
    def wait_for_lease(_job: JobName, _seconds: float) -> Iterator[Fence]:
        yield AlwaysAlive()

    return JobContext(
        run_id=run_id,
        options=options or RunOptions(),
        settings=settings,
        store=FencedStore(the_store, fence) if fence else the_store,
        keys=keys,
        urls=PublicUrls(cdn, the_store.url, allow_hosts),
        http=http or make_http(the_clock, cancel=cancel),
        clock=the_clock,
        cancel=cancel,
        engine=Engine(width, cancel),
        dead_letters=DeadLetters.load(the_store, keys, job, the_clock),
        log=bound_logger(job=job.value, run_id=run_id),
        progress=Progress(),
        production=production,
        max_failure_ratio=max_failure_ratio,
        wait_for_lease=wait_for_lease,
    )


def changeable_values(package: ModuleType) -> list[str]:
    """The dataclasses of a package's modules whose fields can be set after they were made."""
    modules = [
        import_module(f"{package.__name__}.{name}")
        for _, name, _ in pkgutil.iter_modules(package.__path__)
    ]
    return [
        f"{module.__name__}.{name}"
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
        if is_dataclass(value) and value.__setattr__ is object.__setattr__
    ]


def refuse(patch: pytest.MonkeyPatch, module: ModuleType, call: str, number: int) -> None:
    """Let a system call fail as odd file systems do, such as `os.fsync` with EINVAL."""

    def refused(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    patch.setattr(module, call, refused)
