"""Starts the server of `datafetch serve` for tests: as a real process, or on a thread of this one."""

import http.client
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from datafetch.web.listen import listening
from datafetch.web.protocol import TimedProtocol
from tests.processes import clean_environment, command_line

_LONGEST_S = 60


@dataclass(frozen=True)
class Answer:
    """What the server answered; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


@dataclass
class Server:
    """A server at a port of this machine; `log` has the lines that it has logged, in a process."""

    port: int
    process: "subprocess.Popen[str] | None" = None
    log: "Queue[dict[str, Any]]" = field(default_factory=Queue)
    seen: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; redirects are not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_LONGEST_S)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, fields, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Ask with GET; `_` in the name of a header stands for `-`."""
        return self.ask(path, headers=_named(headers))

    def post(self, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Ask with POST; `_` in the name of a header stands for `-`."""
        return self.ask(path, "POST", body, _named(headers))

    def await_event(self, event: str, **fields: object) -> dict[str, Any]:
        """Wait for a line of the log with this event and these fields, unless it has come already."""
        for line in self.seen:
            if _fits(line, event, fields):
                return line
        while True:
            try:
                line = self.log.get(timeout=_LONGEST_S)
            except Empty:
                raise AssertionError(f"no {event} in the log: {self.seen}") from None
            self.seen.append(line)
            if _fits(line, event, fields):
                return line

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal to the process, and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(_LONGEST_S)


def bearer(secret: str) -> dict[str, str]:
    """The header that brings a secret, for `get` and `post`."""
    return {"authorization": f"Bearer {secret}"}


@contextmanager
def served(folder: Path, *arguments: str, **variables: str) -> Iterator[Server]:
    """`datafetch serve` as a process of its own, at a free port, in this folder."""
    process = subprocess.Popen(
        command_line("--log-format", "json", "--verbose", "serve", "--port", "0", *arguments),
        cwd=folder,
        env=clean_environment(**variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    server = Server(0, process)
    reading = threading.Thread(target=_read_log, args=[process, server.log], daemon=True)
    reading.start()
    try:
        url = server.await_event("serve_listening")["url"]
        server.port = int(url.rpartition(":")[2])
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(_LONGEST_S)
        reading.join(_LONGEST_S)


@contextmanager
def served_here(
    app: ASGIApp, protocol: type[TimedProtocol] = TimedProtocol, **options: Any
) -> Iterator[Server]:
    """An application behind a real socket, its loop on a thread of this process.

    `options` are uvicorn's.
    """
    sockets = listening("127.0.0.1", 0)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        **options,
    )
    server = uvicorn.Server(config)
    loop = threading.Thread(target=server.run, args=[sockets], daemon=True)
    port = sockets[0].getsockname()[1]
    loop.start()
    try:
        yield Server(port)
    finally:
        server.should_exit = server.force_exit = True
        loop.join(_LONGEST_S)


def _read_log(process: "subprocess.Popen[str]", log: "Queue[dict[str, Any]]") -> None:
    assert process.stderr is not None
    with process.stderr as lines:
        for line in lines:
            try:
                log.put(json.loads(line))
            except ValueError:
                log.put({"event": "", "text": line.rstrip(os.linesep)})


def _fits(line: Mapping[str, Any], event: str, fields: Mapping[str, object]) -> bool:
    return line["event"] == event and all(line.get(name) == v for name, v in fields.items())


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
