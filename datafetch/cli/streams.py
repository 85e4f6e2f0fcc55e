"""Standard output and standard error: closed, full or gone, they never end a command in a traceback.

A reader that has had enough (`datafetch … | head -1`) and an output that was closed on purpose
(`>&-`) change nothing. Results that could not be written for another reason, such as a full disk,
are a failure. What cannot be written to standard error is lost.
"""

import io
import os
import sys
import threading
from contextlib import suppress
from typing import TextIO

from datafetch.errors import DatafetchError

_NAMES = ("stdin", "stdout", "stderr")
_USUAL_COLUMNS = 80


class OutputLost(DatafetchError):
    """The results could not be written to standard output."""

    hint = "The exit code and the log tell how it went. See where the output goes to."


def open_missing() -> None:
    """Give a standard stream that is closed a place where nothing is read, and all is lost.

    Python starts without the object then, so that any use of it fails. And the next file that is
    opened would get its number: what some library writes to standard error would go there.
    """
    for number, name in enumerate(_NAMES):
        if getattr(sys, name) is not None:
            continue
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor != number:
            os.dup2(descriptor, number)
            os.close(descriptor)
        stream = os.fdopen(number, "r" if name == "stdin" else "w", closefd=False)
        setattr(sys, name, stream)


def uses_colour(stream: TextIO) -> bool:
    """Whether to write colours to a stream: help, results and logs all ask this.

    A stream that is a terminal, and not a dumb one, has colours. `NO_COLOR` (no-color.org) takes
    them away, also where something asks for them; then `FORCE_COLOR` (force-color.org) and
    `CLICOLOR_FORCE` give them to pipes too, and `CLICOLOR=0` takes them away
    (bixense.com/clicolors). A variable that is empty is not set.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return os.environ.get("CLICOLOR") != "0" and can_redraw(stream)


def can_redraw(stream: TextIO) -> bool:
    """Whether a stream is a terminal that obeys commands, such as those of a progress bar."""
    return os.environ.get("TERM") not in ("dumb", "unknown") and stream.isatty()


def can_show(signs: str, stream: TextIO) -> bool:
    """Whether the encoding of a stream has these signs."""
    try:
        signs.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def painted(text: str, code: str) -> str:
    """The text in a colour or weight of terminals: `31` red, `32` green, `33` yellow, `2` pale."""
    return f"\x1b[{code}m{text}\x1b[0m"


def width_of(stream: TextIO) -> int | None:
    """The columns of a terminal, or those that `COLUMNS` says; None for what is no terminal."""
    if not stream.isatty():
        return None
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_COLUMNS
    except (OSError, ValueError):  # it went away, or has no number
        return _USUAL_COLUMNS


def are_one_place() -> bool:
    """Whether stdout and stderr lead to one place: one terminal, one file, one pipe (`2>&1`, cron)."""
    try:
        first, second = (os.fstat(stream.fileno()) for stream in (sys.stdout, sys.stderr))
    except (OSError, ValueError):
        return False
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


_shown = threading.Event()
_left = threading.Event()


def has_shown() -> bool:
    """Whether this process has written a result to standard output, or tried to."""
    return _shown.is_set()


def is_read() -> bool:
    """Whether standard output still has a reader; False once `show` has met a closed pipe."""
    return not _left.is_set()


def begin_to_show() -> None:
    """Note that a result is going to standard output; letters that it cannot show become `?`.

    The work is done: such a letter must not make the command fail.
    """
    _shown.set()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def show(text: str) -> None:
    """Write a text and a line end to standard output, at once.

    Raises:
        OutputLost: it could not be written, though somebody is there to read it.
    """
    begin_to_show()
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up(sys.stdout)
        _left.set()
    except (OSError, ValueError) as error:  # ValueError: somebody has closed it
        _give_up(sys.stdout)
        reason = getattr(error, "strerror", None) or str(error)
        raise _lost(reason) from error


def _lost(reason: str) -> OutputLost:
    return OutputLost(f"the results could not be written to standard output: {reason}")


def lost_by(error: BaseException) -> OutputLost | None:
    """The error to tell when somebody else's write to standard output failed; None when none did.

    The parser of the command line prints help and version by itself. What it could not write
    still waits, and fails again. Nothing more is written then.
    """
    if not isinstance(error, OSError):
        return None
    try:
        sys.stdout.flush()
    except OSError as again:
        _give_up(sys.stdout)
        return _lost(again.strerror or str(again))
    return None


def is_left_by_reader(error: BaseException | None) -> bool:
    """Whether a write failed because who reads standard output has had enough (`| head`)."""
    return isinstance(error, BrokenPipeError)


def say(text: str) -> None:
    """Write a text as one line to standard error, if that can be written to."""
    from datafetch.printable import printable  # help and version need it not

    try:
        sys.stderr.write(f"{printable(text)}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        _give_up(sys.stderr)


def finish() -> None:
    """Write what is still waiting; what cannot be written is lost.

    Python tries once more at its end. A failure there is shown as an ignored exception, and
    changes the exit code to 120.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            _give_up(stream)


def _give_up(stream: TextIO) -> None:
    """Let everything go nowhere that is, or will be, written to the stream."""
    # Python's documentation, "Note on SIGPIPE" in the module `signal`
    with suppress(OSError, ValueError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)
