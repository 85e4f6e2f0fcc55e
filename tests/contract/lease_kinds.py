"""The kinds of leases as a user sets them, each on services of this machine, opened for a test."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from datafetch.clock import CancelToken, Clock, SystemClock
from datafetch.environment import load_settings
from datafetch.factory import Parts, make_parts
from tests.fakes.base import FakeServer, Request
from tests.fakes.faults import answer_lost, reply
from tests.fakes.relay import Relay
from tests.fakes.s3 import ACCESS_KEY_ID, SECRET_ACCESS_KEY, MotoApp, S3Fake
from tests.fakes.tables import TableFake, refused
from tests.redis_servers import RealRedis, real_redis

KINDS = ("folder", "s3", "file", "dynamodb", "redis")
"""`file` is on a folder, `dynamodb` and `redis` on a bucket whose server ignores conditions."""

JOB = "logos"
LOCK = "json/datafetch/locks/logos-test.json"
TTL_S = 300.0
"""The lease's time, unless a test sets another one."""

_PASS_IN_REDIS = """
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left > 0 then redis.call('PEXPIRE', key, math.max(0, left - ARGV[1])) end
end
return 1
"""


@dataclass
class LeaseKind:
    """One kind of leases: the settings that ask for it, and what can happen to its services.

    Attributes:
        name: one of `KINDS`.
        folder: for what belongs to one machine, and for the store if it is a folder.
        settings: what a user sets.
        stored: reads an object of the store; None when it is not there.
        passes: each lets seconds pass at one of the services, without a wait.
        breaks: each takes a service away in a `with` block.
        loses_answer: has the next write of a lease stored, and its answer lost; None where nothing
            lies between a run and its lease.
        refuses_once: has the service refuse the next write of a lease, though nobody else was
            faster; None where that cannot happen.
        forgets: makes the service lose its memory; None where it keeps what it was given.
    """

    name: str
    folder: Path
    settings: dict[str, str]
    stored: Callable[[str], bytes | None]
    passes: list[Callable[[float], None]] = field(default_factory=list)
    breaks: list[Callable[[], AbstractContextManager[object]]] = field(default_factory=list)
    loses_answer: Callable[[], None] | None = None
    refuses_once: Callable[[], None] | None = None
    forgets: Callable[[], None] | None = None

    def environment(self, machine: str = "one", **variables: str) -> dict[str, str]:
        """The settings of a process on a machine; each has a folder for locks of its own."""
        return {
            "DATAFETCH_ENV": "test",
            "DATAFETCH_LOCK_TTL_MS": str(round(TTL_S * 1000)),
            "DATAFETCH_RUNTIME_DIR": str(self.folder / f"machine-{machine}"),
            **self.settings,
            **variables,
        }

    @contextmanager
    def opened(self, machine: str = "one", clock: Clock | None = None) -> Iterator[Parts]:
        """What the real factory makes of the settings, in this process, while the block runs.

        Libraries read some variables only when they are first asked, so they stay until its end.
        """
        environment = self.environment(machine)
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        try:
            parts = make_parts(load_settings(None), clock or SystemClock(), CancelToken())
            with ExitStack() as stack:
                for part in (parts.store, parts.leases):
                    if (close := getattr(part, "close", None)) is not None:
                        stack.callback(close)
                yield parts
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def let_pass(self, seconds: float) -> None:
        """Let time pass for whoever judges the lease's age: nobody has to wait for it."""
        for let_pass in self.passes:
            let_pass(seconds)

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Nothing that keeps leases answers while the block runs."""
        with ExitStack() as stack:
            for breaks in self.breaks:
                stack.enter_context(breaks())
            yield


@contextmanager
def lease_kind(name: str, folder: Path, moto_server: FakeServer) -> Iterator[LeaseKind]:
    """A kind with services of its own; `folder` has to be empty, `moto_server` is of a `MotoApp`."""
    with ExitStack() as stack:
        if name in ("folder", "file"):
            kind = _on_folder(name, folder)
        else:
            bucket = f"bucket-{uuid.uuid4().hex[:12]}"
            fake = stack.enter_context(S3Fake(bucket, server=moto_server))
            kind = _on_bucket(name, folder, fake)
        match name:
            case "file":
                kind.settings["DATAFETCH_LOCK"] = "file"
            case "dynamodb":
                table = TableFake(f"locks-{uuid.uuid4().hex[:12]}", moto_server)
                _with_table(kind, stack.enter_context(table))
            case "redis":
                server = stack.enter_context(real_redis(folder))
                _with_redis(kind, server, stack.enter_context(Relay(server.port)))
        yield kind


def _on_folder(name: str, folder: Path) -> LeaseKind:
    root = folder / "store"

    def stored(key: str) -> bytes | None:
        path = root / key
        return path.read_bytes() if path.exists() else None

    def let_pass(seconds: float) -> None:
        path = root / LOCK
        written_at = path.stat().st_mtime - seconds
        os.utime(path, (written_at, written_at))

    @contextmanager
    def breaks() -> Iterator[None]:
        """The disk is gone, and something else in its place."""
        away = root.rename(folder / "away")
        root.write_bytes(b"")
        try:
            yield
        finally:
            root.unlink()
            away.rename(root)

    settings = {"DATAFETCH_STORE": f"file:{root}"}
    return LeaseKind(name, folder, settings, stored, [let_pass], [breaks])


def _on_bucket(name: str, folder: Path, fake: S3Fake) -> LeaseKind:
    fake.app.dialect = "quoted" if name == "s3" else "ignoring"

    def stored(key: str) -> bytes | None:
        found = fake.get(key)
        return None if found is None else found.body

    def let_pass(seconds: float) -> None:
        if fake.get(LOCK) is not None:
            fake.age(LOCK, seconds)

    kind = LeaseKind(name, folder, fake.environment, stored, [let_pass], [_breaks(fake.app)])
    if name == "s3":

        def lose() -> None:
            fake.app.inject(answer_lost(), is_lock_write, times=1)

        def refuse() -> None:
            fake.app.inject(reply(412, _refusal("PreconditionFailed")), is_lock_write, times=1)

        kind.loses_answer, kind.refuses_once = lose, refuse
    return kind


def _with_table(kind: LeaseKind, table: TableFake) -> None:
    def lose() -> None:
        table.inject(answer_lost(), "PutItem")

    def refuse() -> None:
        table.inject(refused("ConditionalCheckFailedException"), "PutItem")

    # The bucket's keys are another server's.
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
    kind.settings.update(table.environment | keys)
    kind.passes.append(table.let_pass)
    kind.loses_answer, kind.refuses_once = lose, refuse


def _with_redis(kind: LeaseKind, server: RealRedis, relay: Relay) -> None:
    def let_pass(seconds: float) -> None:
        server.tell("EVAL", _PASS_IN_REDIS, "0", str(round(seconds * 1000)))

    def forget() -> None:
        server.tell("FLUSHALL")

    kind.settings["DATAFETCH_LOCK"] = f"redis://127.0.0.1:{relay.port}"
    kind.passes.append(let_pass)
    kind.breaks.append(relay.down)
    kind.loses_answer = relay.lose_answers
    kind.forgets = forget


def _breaks(app: MotoApp) -> Callable[[], AbstractContextManager[object]]:
    @contextmanager
    def breaks() -> Iterator[None]:
        app.inject(reply(503))
        try:
            yield
        finally:
            app.heal()

    return breaks


def is_lock_write(request: Request) -> bool:
    """Whether a request to the store writes the lease's object."""
    return request.method == "PUT" and request.path.endswith(LOCK)


def conflict() -> tuple[int, str]:
    """How S3 answers a conditional write while another one is under way: status and body."""
    return 409, _refusal("ConditionalRequestConflict")


def _refusal(code: str) -> str:
    return f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>injected</Message></Error>'
