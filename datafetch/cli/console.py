"""The log on standard error: its lines for people, what a quiet run keeps back, and the bars' screen."""

import logging
import os
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from datafetch.cli import streams
from datafetch.cli.events import RESULT_EVENTS, Fields, sentence
from datafetch.clock import log_time
from datafetch.errors import UsageError
from datafetch.logs import LOGGER_NAME, JsonFormatter, bound_logger, fields_of
from datafetch.models.setting_problems import UnknownSetting, old_settings
from datafetch.printable import printable
from datafetch.redaction import redact

if TYPE_CHECKING:
    from rich.console import Console

LogFormat = Literal["console", "json"]

_LEVELS = {-1: logging.WARNING, 0: logging.INFO, 1: logging.DEBUG}
_MOST_KEPT = 1000
_NARROWEST = 40
_log = bound_logger()
_ENDS_OF_A_RUN = frozenset({"run_started", "run_finished"})
_DIM, _YELLOW, _RED = "2", "33", "31"


class ConsoleFormatter(logging.Formatter):
    """For people: `2026-11-26 15:32:34Z logos: warning: a.example failed 3 times in a row …`."""

    def __init__(
        self,
        *,
        verbose: bool = False,
        colours: bool = False,
        width: int | None = None,
        run_ids: bool = False,
    ) -> None:
        """Say how to write.

        Args:
            verbose: also the event's name, the fields that its sentence has not, and tracebacks.
            colours: with the colours of terminals.
            width: columns after which a line is continued on the next one, at a word; None for
                one line, however long.
            run_ids: with the last part of the run's id, which `datafetch history` shows, too.
        """
        super().__init__()
        self._verbose = verbose
        self._colours = colours
        self._run_ids = run_ids
        self._width = width if width is None or width >= _NARROWEST else None

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line for people; with `-v` its traceback follows on lines of its own.

        These are indented: a message with a line end in it cannot look like a line of the log.
        """
        fields = fields_of(record)
        trace = fields.pop("traceback", None)  # of a record that another process has made
        event = redact(record.getMessage())
        said = sentence(event, fields)
        moment = log_time(record.created)
        share = f" {fields['shard']}" if "shard" in fields else ""
        job = f"{fields['job']}{share}: " if "job" in fields else ""
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        rest = self._unsaid(event, fields, said.said) if self._verbose else ""
        run = str(fields.get("runId", "")).rpartition("-")[2] if self._run_ids else ""
        rest += f"  [{run}]" if run else ""
        text = self._wrapped(f"{moment} {printable(f'{job}{level}{said.text}{rest}')}")
        if self._colours:
            text = _painted(text, moment, level, record.levelno)
        if record.exc_info:
            trace = redact(self.formatException(record.exc_info))
        if trace and self._verbose:
            text = "\n    ".join([text, *map(printable, str(trace).split("\n"))])
        return text

    def _unsaid(self, event: str, fields: Fields, said: frozenset[str]) -> str:
        """The event's name, and its fields that the sentence has not; the run's id only at its ends."""
        if event == "request":
            return ""
        known = said | ({"job", "shard"} if event in _ENDS_OF_A_RUN else {"job", "shard", "runId"})
        left = [
            f"{key}={value}" for key, value in fields.items() if key not in known and value != ""
        ]
        return f"  [{' '.join([event, *left])}]"

    def _wrapped(self, line: str) -> str:
        if self._width is None or len(line) <= self._width:
            return line
        import textwrap

        return textwrap.fill(
            line,
            self._width,
            subsequent_indent="    ",
            break_long_words=False,  # addresses and keys can be copied whole
            break_on_hyphens=False,
        )


def _painted(text: str, moment: str, level: str, number: int) -> str:
    """The line with its time pale, and the word of its level in yellow or red."""
    shown = streams.painted(moment, _DIM)
    after = text[len(moment) :]
    if level:
        colour = _RED if number >= logging.ERROR else _YELLOW
        after = after.replace(level.strip(), streams.painted(level.strip(), colour), 1)
    return shown + after


@cache
def screen() -> "Console":
    """The one console on stderr, made when bars are first shown; from then on lines go through it."""
    from rich.console import Console

    return Console(stderr=True)


class _Lines(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes lines to stderr; while bars are shown, above them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; what cannot be written is lost."""
        if screen.cache_info().currsize == 0:
            super().emit(record)
            return
        try:
            screen().print(
                self.format(record), markup=False, highlight=False, emoji=False, soft_wrap=True
            )
        except Exception:  # noqa: BLE001 - as in every handler of Python's
            self.handleError(record)


class _LogFile(logging.FileHandler):
    """Appends lines to the file of a name, also when logrotate has moved away the one before."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; where no new file can be made, to the one that was moved away."""
        file = self.stream
        if file is not None and not self._is_in_place(file.fileno()):
            with suppress(OSError):  # the folder is gone, or may not be written any more
                self.stream = self._open()
                file.close()
        super().emit(record)

    def _open(self) -> TextIOWrapper:
        path, opener = self.baseFilename, _without_waiting
        return open(path, "a", encoding=self.encoding, errors=self.errors, opener=opener)

    def _is_in_place(self, descriptor: int) -> bool:
        try:
            there = os.stat(self.baseFilename)  # noqa: PTH116 - a path as logging keeps it
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(descriptor))


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody reads is refused, for which open(2) else waits."""
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
    os.set_blocking(descriptor, True)
    return descriptor


class KeptBack(logging.Handler):
    """Keeps the warnings of a quiet run until it is known whether somebody should see them."""

    def __init__(self, lines: logging.Handler) -> None:
        super().__init__()
        self._lines = lines
        self._kept: deque[logging.LogRecord] = deque(maxlen=_MOST_KEPT)
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning, the newest 1,000 of them; an error is written at once, and what came before."""
        self._lost += len(self._kept) == _MOST_KEPT
        self._kept.append(record)
        if record.levelno >= logging.ERROR:
            self.end(show=True)

    def end(self, *, show: bool) -> None:
        """Write what was kept, or forget it."""
        self.acquire()
        try:
            kept, lost = list(self._kept), self._lost
            self._kept.clear()
            self._lost = 0
        finally:
            self.release()
        if not show:
            return
        if lost:
            about = {"levelno": logging.WARNING, "levelname": "WARNING", "count": lost}
            kept.insert(0, logging.makeLogRecord({"msg": "warnings_left_out", **about}))
        for record in kept:
            self._lines.handle(record)


def default_format() -> LogFormat:
    """Console on a terminal, JSON otherwise."""
    return "console" if sys.stderr.isatty() else "json"


def configure_logging(
    log_format: LogFormat,
    verbosity: int,
    log_file: Path | None = None,
    *,
    as_server: bool = False,
) -> None:
    """Send this process's records to stderr; a record that cannot be written there is lost.

    Where stdout and stderr lead to one place, events that only repeat the printed results are left
    out: from the console format, unless `verbosity` is 1, and from a quiet run in either format,
    whose output somebody gets by mail.

    Args:
        log_format: how a record is written.
        verbosity: -1 warnings only, and only when `end_log` says so or an error comes; 0 normal;
            1 debug, every field, and tracebacks of unexpected errors.
        log_file: a file to which every record is appended as well, also those that a quiet run does
            not show; the file of that name, whichever it is, so that it may be moved meanwhile.
        as_server: the log is all that is printed, so nothing is left out of it or kept back.

    Raises:
        UsageError: the file cannot be opened.
    """
    # Else a full disk or a terminal that went away is a traceback for each line of the log.
    logging.raiseExceptions = False
    lines = _Lines(sys.stderr)
    verbose = verbosity > 0
    if log_format == "json":
        lines.setFormatter(JsonFormatter(with_traceback=verbose))
    else:
        colours, width = streams.uses_colour(sys.stderr), streams.width_of(sys.stderr)
        lines.setFormatter(ConsoleFormatter(verbose=verbose, colours=colours, width=width))
    handler = KeptBack(lines) if verbosity < 0 and not as_server else lines
    repeats = not as_server and not verbose and (log_format == "console" or verbosity < 0)
    if repeats and streams.are_one_place():
        handler.addFilter(lambda record: record.getMessage() not in RESULT_EVENTS)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    level = _LEVELS[max(-1, min(1, verbosity))]
    handler.setLevel(level)
    # What a quiet run does not show still goes to the file, and to the monitor that is sent the log.
    logging.getLogger(LOGGER_NAME).setLevel(min(level, logging.INFO))
    if log_file is not None:
        root.handlers.append(_in_file(log_file, log_format, verbose=verbose))


def _in_file(path: Path, log_format: LogFormat, *, verbose: bool) -> logging.Handler:
    """Appends records to a file, which is made when it is not there.

    Raises:
        UsageError: the file cannot be opened.
    """
    try:
        handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(
            f"--log-file: {printable(str(path))} cannot be written: {error.strerror}",
            hint="Name a file in a folder that is there and may be written to.",
        ) from error
    handler.setFormatter(
        JsonFormatter(with_traceback=verbose)
        if log_format == "json"
        else ConsoleFormatter(verbose=verbose, run_ids=True)
    )
    return handler


def end_log(*, show: bool) -> None:
    """Write the warnings that a quiet run has kept back, or forget them."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, KeptBack):
            handler.end(show=show)


def warn_of_unknown(unknown: Sequence[UnknownSetting]) -> None:
    """Log a warning for each name that is no setting, and one for all those of the old system."""
    for name in unknown:
        if name.instead is None:
            _log.warning(
                "setting_unknown",
                extra={"setting": name.name, "where": name.where, "suggestion": name.suggestion},
            )
    old = [name.name for name in unknown if name.instead is not None]
    if old:
        _log.warning("old_settings", extra={"settings": old, "instead": old_settings(unknown)})
