"""Real Redis servers for tests, on loopback, without anything on disk; skipped where there is none."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from datafetch.models.lock_place import RedisPlace
from tests.programs import program


class RealRedis:
    """A server that can be stopped, started again on the same port, and told anything."""

    def __init__(self, folder: Path, *options: str, tls: bool = False) -> None:
        self._program = program("redis-server")
        self._folder = folder
        self._options = options
        self.port = _free_port()
        self._ports = ("0", "--tls-port", str(self.port)) if tls else (str(self.port),)
        self.process: subprocess.Popen[str] | None = None

    @property
    def place(self) -> RedisPlace:
        """As the setting names it."""
        return RedisPlace("127.0.0.1", self.port)

    @property
    def url(self) -> str:
        """The value of the setting."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self.process = subprocess.Popen(
            [
                *(self._program, "--port", *self._ports, "--bind", "127.0.0.1", "--save", ""),
                *("--appendonly", "no", "--dir", str(self._folder), *self._options),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        told = ""
        for line in self.process.stdout:
            told += line
            if "eady to accept connections" in line:
                return
        raise AssertionError(f"redis-server did not start: {told}")

    def stop(self) -> None:
        """Kill it: all that it knew is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def tell(self, *words: str, first: bool = False) -> bytes:
        """Send a command past our own client; returns its answer, or the `first` of several."""
        with (
            socket.create_connection(("127.0.0.1", self.port)) as link,
            link.makefile("rb") as file,
        ):
            link.sendall(_command(words))
            if first and file.readline() == b"*0\r\n":
                return b""
            return _answer(file.readline(), file.read)

    def find(self, pattern: str) -> str:
        """The name of a key; empty when there is none."""
        return self.tell("KEYS", pattern, first=True).decode()


@contextmanager
def real_redis(folder: Path, *options: str, tls: bool = False) -> Iterator[RealRedis]:
    """A running server, which speaks `tls` or not; `options` are those of the program."""
    server = RealRedis(folder, *options, tls=tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    assert isinstance(port, int)
    return port


def _command(words: tuple[str, ...]) -> bytes:
    parts = [f"*{len(words)}\r\n"] + [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    return "".join(parts).encode()


def _answer(line: bytes, read: Callable[[int], bytes]) -> bytes:
    kind, rest = line[:1], line[1:].rstrip()
    assert kind != b"-", rest.decode()
    if kind != b"$":
        return rest
    length = int(rest)
    return b"" if length < 0 else read(length + 2)[:-2]
