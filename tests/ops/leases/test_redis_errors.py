"""What a Redis that refuses, is away or is none means: the exit code, and what to do."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme
from pydantic import SecretStr

from datafetch.errors import ConfigurationError, DatafetchError, StoreUnavailable
from datafetch.models.lock_place import RedisPlace
from datafetch.ops.leases.redis_scripts import RELEASE, RENEW, TAKE, UNDO
from datafetch.ops.leases.redis_server import RedisServer
from tests.processes import ROOT
from tests.redis_servers import real_redis

PASSWORD = "h0sh-h0sh-h0sh"
RIGHTS = "+eval +get +set +del +pttl +pexpire +hmget +hset +time"
PAGES_OF_RIGHTS = (
    "datafetch/guides/locks.md",
    "datafetch/ops/leases/redis_errors.py",
)


def _refusal(place: RedisPlace, silence_s: float = 5.0) -> DatafetchError:
    """The error of a run that asks for a lease there."""
    server, keys = RedisServer(place, silence_s), ("datafetch:{x}:lease", "datafetch:{x}:last")
    with pytest.raises(DatafetchError) as caught:
        server.run(TAKE, keys, "me", 1000, "", "")
    assert PASSWORD not in str(caught.value) + caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


class Case(NamedTuple):
    """A real server, how it is asked, and what is said."""

    options: tuple[str, ...]
    login: Mapping[str, object]
    code: int
    said: str
    hint: str


SECRET = {"password": SecretStr(PASSWORD)}

REAL = {
    "wrong password": Case(
        ("--requirepass", "another"), SECRET, 78, "does not accept the user and the password", "%40"
    ),
    "no password": Case(
        ("--requirepass", "another"), {}, 78, "asks for a password", ":PASSWORD@ or USER:PASSWORD@ before the host"
    ),
    "password not wanted": Case(
        (), SECRET, 78, "asks for no password, and one is given", "Leave the password out"
    ),
    "unknown user": Case(
        (), SECRET | {"user": "me"}, 78, "does not accept the user and the password", "Check both"
    ),
    "user without rights": Case(
        ("--user", "me", "on", f">{PASSWORD}", "~datafetch:*", "+get"),
        SECRET | {"user": "me"}, 78, "does not let this user do what locks need", "+eval",
    ),
    "user of other keys": Case(
        ("--user", "me", "on", f">{PASSWORD}", "~other:*", "+@all"),
        SECRET | {"user": "me"}, 78, "does not let this user do what locks need", "~datafetch:*",
    ),
    "user without one right": Case(
        ("--user", "me", "on", f">{PASSWORD}", "~datafetch:*", "+@all", "-time"),
        SECRET | {"user": "me"}, 78, "does not let this user do what locks need", "+time",
    ),
    "no such database": Case((), {"number": 99}, 78, "has no database of that number", "0 to 15"),
    "no scripts": Case(("--rename-command", "EVAL", ""), {}, 78, "does not run scripts", "EVAL"),
    "replica": Case(
        ("--replicaof", "127.0.0.1", "1"), {}, 78, "is a read-only replica", "the primary"
    ),
    "replica without its primary": Case(
        ("--replicaof", "127.0.0.1", "1", "--replica-serve-stale-data", "no"),
        {}, 1, "is a replica that has lost its primary", "the primary",
    ),
    "too few replicas": Case(
        ("--min-replicas-to-write", "1"), {}, 1, "too few replicas", "Look after its replicas"
    ),
    "memory full": Case(("--maxmemory", "1"), {}, 1, "has no memory left", "maxmemory"),
    "cluster that is down": Case(
        ("--cluster-enabled", "yes"), {}, 1, "belongs to a cluster that is down", "Mend it"
    ),
    "database of a cluster": Case(
        ("--cluster-enabled", "yes"), {"number": 1}, 78, "is a node of a cluster", "no cluster"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REAL.values(), ids=REAL)
def test_a_real_server_that_refuses(tmp_path: Path, case: Case) -> None:
    """What a setting has to change for is 78, what may pass by itself 1; the password is not repeated."""
    with real_redis(tmp_path, *case.options) as redis:
        error = _refusal(replace(redis.place, **case.login))  # type: ignore[arg-type]
    assert error.exit_code == case.code
    assert isinstance(error, ConfigurationError if case.code == 78 else StoreUnavailable)
    assert case.said in str(error)
    assert case.hint in error.hint
    assert str(redis.port) in str(error)


def test_rights_that_the_guide_names_are_enough(tmp_path: Path) -> None:
    """A user with no more than them takes a lease, is locked out, renews, gives back and undoes."""
    rights = ["~datafetch:*", *RIGHTS.split(), "+select"]
    with real_redis(tmp_path, "--user", "me", "on", f">{PASSWORD}", *rights) as redis:
        place = replace(redis.place, user="me", password=SecretStr(PASSWORD), number=3)
        server, keys = RedisServer(place), ("datafetch:{x}:lease", "datafetch:{x}:last")
        number, counted, _ = server.run(TAKE, keys, "me", 60_000, "", "{}")
        assert number == 1
        token = bytes(counted).decode()
        assert server.run(TAKE, keys, "other", 60_000, "", "{}")[0] == 0
        assert server.run(RENEW, keys, "me", token, 60_000, "{}", token) == [1]
        assert server.run(RELEASE, keys, "me", token) == [1]
        assert server.run(RENEW, keys, "me", token, 60_000, "{}", token) == [1]
        assert server.run(UNDO, keys, "me") == [1]
        for page in PAGES_OF_RIGHTS:
            assert f"~datafetch:* {RIGHTS}" in (ROOT / page).read_text()


def test_names_that_are_taken_by_something_else(tmp_path: Path) -> None:
    """A list where the lease should be: nothing is removed, and another database is advised."""
    with real_redis(tmp_path) as redis:
        redis.tell("LPUSH", "datafetch:{x}:lease", "theirs")
        error = _refusal(redis.place)
        assert redis.tell("LLEN", "datafetch:{x}:lease") == b"1"
    assert error.exit_code == 78
    assert "holds something else under the names of our locks" in str(error)
    assert "another number" in error.hint


@contextmanager
def _answering(answer: bytes) -> Iterator[RedisPlace]:
    """Something that says the same to every request; nothing at all when the answer is empty."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client, suppress(OSError):
                    while client.recv(65536):
                        client.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield RedisPlace("127.0.0.1", listener.getsockname()[1], password=SecretStr(PASSWORD))
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


ANSWERS = {
    "loading": (
        "-LOADING Redis is loading the dataset in memory",
        1, "is loading its data", "Try again in a minute",
    ),
    "moved": ("-MOVED 3999 10.0.0.7:6381", 78, "is a node of a cluster", "no cluster"),
    "disk full": (
        "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist",
        1, "cannot save its data to disk", "the disk may be full",
    ),
    "busy": (
        "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        1, "held up by another program's script", "SCRIPT KILL",
    ),
    "too old": (
        "-ERR Error running script: Write commands not allowed after non deterministic commands.",
        78, "is older than 5.0", "from 5.0 on",
    ),
    "memory full before 7.0": (
        "-ERR Error running script (call to f_1): @user_script: 2: -OOM command not allowed when used",
        1, "has no memory left", "maxmemory",
    ),
    "replica before 7.0": (
        "-ERR Error running script (call to f_1): @user_script: 2: -READONLY You can't write against",
        78, "is a read-only replica", "the primary",
    ),
    "before users": (
        "-ERR wrong number of arguments for 'auth' command",
        78, "knows no users", "Leave the user out",
    ),
    "protected": (
        "-DENIED Redis is running in protected mode because protected mode is enabled",
        78, "serves its own machine only", "requirepass",
    ),
    "clients": ("-ERR max number of clients reached", 1, "as many clients as it may", "Raise that"),
    "a proxy": (
        f"-ERR unknown command 'EVAL', with args beginning with: '{PASSWORD}'",
        78, "does not run scripts", "not to a proxy",
    ),
    "unheard of": (
        f"-ERR no, said {PASSWORD}\x07, {'never ' * 100}",
        1, "answered: no, said ***", "Check DATAFETCH_LOCK",
    ),
    "a web server": (
        "HTTP/1.1 400 Bad Request", 1, "answered: ", "Check DATAFETCH_LOCK",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "code", "said", "hint"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_a_refusal(answer: str, code: int, said: str, hint: str) -> None:
    """One short line without control characters and without the password that a server repeats."""
    with _answering(f"{answer}\r\n".encode()) as place:
        error = _refusal(place)
    assert error.exit_code == code
    assert said in str(error)
    assert hint in error.hint
    assert str(error).isprintable()
    assert len(str(error)) < 320


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (RedisPlace("127.0.0.1", 1), "cannot be reached: Connection refused"),
        (RedisPlace("no-such-host.invalid"), "cannot be reached: "),
    ],
)
def test_a_server_that_is_not_there(place: RedisPlace, said: str) -> None:
    """A closed port and an unknown host are outages: exit 1, with the address and what to check."""
    error = _refusal(place)
    assert (error.exit_code, isinstance(error, StoreUnavailable)) == (1, True)
    assert f"the Redis that keeps the locks, {place.address}, {said}" in str(error)
    assert "Check DATAFETCH_LOCK, the network, and whether the Redis runs" in error.hint


def test_a_server_that_says_nothing_is_cut_off() -> None:
    """A run that has to end does not wait for Redis; with `for_good` nothing is asked any more."""
    with _answering(b"") as place:
        server = RedisServer(place, silence_s=600)
        errors: list[DatafetchError] = []
        asking = threading.Event()

        def ask() -> None:
            asking.set()
            with pytest.raises(StoreUnavailable, match="because the run ends") as caught:
                server.run(RELEASE, ("a", "b"), "me", 1)
            errors.append(caught.value)

        thread = threading.Thread(target=ask)
        thread.start()
        asking.wait()
        while not errors and thread.is_alive():  # however far the call has come when it is cut
            server.cut()
            thread.join(0.01)
        assert len(errors) == 1
        before = server.is_over
        server.cut(for_good=True)
        assert (before, server.is_over) == (False, True)
        with pytest.raises(StoreUnavailable, match="because the run ends"):
            server.run(RELEASE, ("a", "b"), "me", 1)


def test_a_server_that_says_nothing_is_an_outage() -> None:
    """After its time it has failed, asked twice; a run does not hang."""
    with _answering(b"") as place, pytest.raises(StoreUnavailable) as caught:
        RedisServer(place, silence_s=0.05).run(RELEASE, ("a", "b"), "me", 1)
    assert "did not answer within 0.05 s" in str(caught.value)


TLS = {
    "unknown authority": (
        "stranger", "localhost", "its certificate is not accepted", "Set SSL_CERT_FILE",
    ),
    "another name": (
        "ours", "elsewhere.example.com", "its certificate is not accepted",
        "Check the host in DATAFETCH_LOCK",
    ),
}  # fmt: skip


def _tls_options(folder: Path, authority: trustme.CA, name: str) -> tuple[str, ...]:
    """The options of a server that has a certificate for this name."""
    own = authority.issue_cert(name)
    own.private_key_pem.write_to_path(folder / "key.pem")
    own.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    files = ("--tls-cert-file", str(folder / "cert.pem"), "--tls-key-file", str(folder / "key.pem"))
    return (*files, "--tls-auth-clients", "no", "--tls-ca-cert-file", str(folder / "cert.pem"))


@pytest.mark.parametrize(("signed_by", "name", "said", "hint"), TLS.values(), ids=TLS)
def test_a_handshake_that_fails_is_a_setting(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    signed_by: str,
    name: str,
    said: str,
    hint: str,
) -> None:
    """It fails for good, so it is 78; no connection is made that is not trusted."""
    ours, stranger = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    options = _tls_options(tmp_path, ours if signed_by == "ours" else stranger, name)
    with real_redis(tmp_path, *options, tls=True) as redis:
        error = _refusal(replace(redis.place, host="localhost", tls=True))
    assert error.exit_code == 78
    assert said in str(error)
    assert hint in error.hint


def test_a_port_without_tls_is_told(tmp_path: Path) -> None:
    """A web server gives itself away; a Redis waits for the end of what it takes for a command."""
    with _answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as place:
        error = _refusal(replace(place, tls=True))
    assert error.exit_code == 78
    assert "it does not speak TLS at this port" in str(error)
    assert "redis:// for a port without TLS, else the port of rediss" in error.hint
    with real_redis(tmp_path) as redis:
        error = _refusal(replace(redis.place, tls=True), silence_s=0.2)
    assert error.exit_code == 1
    assert "A port that speaks no TLS needs redis://." in error.hint


def test_a_server_with_tls_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rediss://` takes the certificates of SSL_CERT_FILE; without it the message says that TLS may be meant."""
    ours = trustme.CA()
    ours.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with real_redis(tmp_path, *_tls_options(tmp_path, ours, "localhost"), tls=True) as redis:
        place = replace(redis.place, host="localhost", tls=True)
        answer = RedisServer(place).run(
            TAKE, ("datafetch:{x}:a", "datafetch:{x}:b"), "me", 9, "", ""
        )
        assert answer[0] == 1
        error = _refusal(replace(place, tls=False))
    assert error.exit_code == 1
    assert "A port that speaks TLS only needs rediss://." in error.hint
