"""Runs programs side by side as processes of their own: their lines, their signals, their ends.

Each has a process group of its own, so that Ctrl-C on a terminal, which goes to all of a group,
does not reach it a second time beside the signal that is passed on. Its input is empty.
"""

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Self

MOST_OUTPUT = 1_000_000
"""Bytes of standard output that are kept of a process; the rest is read and left out."""

_LONGEST_LINE = 100_000
"""Bytes after which a line of standard error is handed on though it goes on."""

_CHUNK = 65_536
_MOST_LEFT = 4_000_000
"""Bytes that are read at most from the pipe of a process that has ended: more than pipes hold."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Attributes:
        name: what it was started as.
        code: its exit code; when a signal ended it, the signal's number below zero.
        output: what it wrote to standard output, at most `MOST_OUTPUT` bytes.
        duration_s: seconds that it ran.
    """

    name: str
    code: int
    output: bytes
    duration_s: float


@dataclass(frozen=True, slots=True)
class _Child:
    name: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    errors: IO[bytes]
    began: float
    printed: bytearray = field(default_factory=bytearray)
    line: bytearray = field(default_factory=bytearray)
    is_over: threading.Event = field(default_factory=threading.Event)


class Children:
    """The processes that one command has started.

    `start` and `run` are for one thread. `pass_on` and `kill` may be called by any other meanwhile.
    """

    def __init__(self, on_line: Callable[[str, bytes], None]) -> None:
        """`on_line` is given the name of a process, and a line of its standard error without its end."""
        self._on_line = on_line
        self._guard = threading.Lock()
        self._alive: dict[str, _Child] = {}
        self._passed_on = False
        self._selector = selectors.DefaultSelector()
        self._news, self._tell = os.pipe()
        os.set_blocking(self._news, False)
        self._selector.register(self._news, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close what this object has opened itself, once no process is left."""
        self._selector.close()
        with self._guard:
            os.close(self._news)
            os.close(self._tell)

    def start(self, name: str, command: Sequence[str]) -> bool:
        """Start a process in this one's folder and environment; False after a signal was passed on.

        Raises:
            OSError: it could not be started.
        """
        with self._guard:
            if self._passed_on:
                return False
            process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=0,
            )
            assert process.stdout is not None
            assert process.stderr is not None
            child = _Child(name, process, process.stdout, process.stderr, time.monotonic())
            self._alive[name] = child
        for stream in (child.output, child.errors):
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, child)
        threading.Thread(
            target=self._await, args=[child], name=f"child-{name}", daemon=True
        ).start()
        return True

    def run(self, on_end: Callable[[Ended], None]) -> None:
        """Hand on lines until each process has ended, and call `on_end` for each as it ends.

        A process counts as ended when it is gone, whoever else still has its pipes: what it started
        itself and left behind cannot keep this from returning.
        """
        while self._alive:
            for key, _ in self._selector.select():
                if key.data is None:
                    with suppress(BlockingIOError):
                        os.read(self._news, _CHUNK)
                else:
                    self._read(key.data, key.fileobj)
            for child in [*self._alive.values()]:
                if child.is_over.is_set():
                    on_end(self._end(child))

    def pass_on(self, number: int) -> None:
        """Send a signal to each process that is alive; none is started any more."""
        with self._guard:
            self._passed_on = True
            for child in self._alive.values():
                child.process.send_signal(number)

    def kill(self) -> None:
        """End each process that is alive at once, with no chance to tidy up."""
        self.pass_on(signal.SIGKILL)

    # ----------------------------------------------------------------- inside

    def _await(self, child: _Child) -> None:
        child.process.wait()
        with self._guard:  # before it is taken for ended, and all is closed
            child.is_over.set()
            os.write(self._tell, b"\0")

    def _read(self, child: _Child, stream: object, most: int = _CHUNK) -> None:
        """Read what there is, at most so many bytes; at its end the stream is watched no more."""
        source = child.errors if stream is child.errors else child.output
        while most > 0:
            try:
                data = os.read(source.fileno(), min(most, _CHUNK))
            except BlockingIOError:
                return
            if not data:
                self._selector.unregister(source)
                source.close()
                return
            most -= len(data)
            if source is child.errors:
                self._take_lines(child, data)
            else:
                child.printed.extend(data[: MOST_OUTPUT - len(child.printed)])

    def _take_lines(self, child: _Child, data: bytes) -> None:
        child.line.extend(data)
        *lines, rest = child.line.split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], bytearray()
        child.line[:] = rest
        for line in lines:
            self._on_line(child.name, bytes(line))

    def _end(self, child: _Child) -> Ended:
        """Read what a process that is gone has left in its pipes, and close them."""
        for stream in (child.errors, child.output):
            if not stream.closed:
                self._read(child, stream, _MOST_LEFT)
            if not stream.closed:
                self._selector.unregister(stream)
                stream.close()
        if child.line:
            self._on_line(child.name, bytes(child.line))
        with self._guard:
            del self._alive[child.name]
        took_s = time.monotonic() - child.began
        return Ended(child.name, child.process.returncode, bytes(child.printed), took_s)
