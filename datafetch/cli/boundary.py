"""The one error boundary: whatever happens ends as one line, an exit code and, if asked for, JSON."""

import sys
import threading
from collections.abc import Callable

from datafetch.cli import streams
from datafetch.errors import ConfigurationError, DatafetchError, ExitCode, Unexpected

# The log is imported where it is needed: `--version` and `--help` need none.


def print_error(error: DatafetchError) -> None:
    """Print on stderr what happened and what the user can do."""
    from datafetch.logs import redact

    if isinstance(error, ConfigurationError):
        streams.say("datafetch: settings are missing or invalid:")
        for problem in error.problems:
            streams.say(f"  - {redact(problem)}")
    else:
        streams.say(f"datafetch: {redact(str(error))}")
    if error.hint:
        streams.say(f"  {redact(error.hint)}")


def expected(error: Exception) -> DatafetchError:
    """The error as one of ours; the traceback of any other is logged, for `--verbose`."""
    if isinstance(error, DatafetchError):
        return error
    _log_unexpected(error)
    return Unexpected.of(error)


def call(command: Callable[[], None], *, as_json: bool) -> None:
    """Call a command and exit the process, with the command's own code or that of its error.

    An error that comes out of the command is printed without a traceback: what happened, and what
    to do. With `as_json` a command that
    ends badly before it has printed its results, as after wrong usage, prints an empty array.
    """
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable
    try:
        command()
        code: object = ExitCode.OK
    except SystemExit as leaving:
        code = leaving.code
    except KeyboardInterrupt:
        code = ExitCode.SIGINT
    except Exception as error:  # noqa: BLE001 - the one boundary
        failure = expected(error)
        print_error(failure)
        code = failure.exit_code
    if as_json and code not in (None, ExitCode.OK) and not streams.has_shown():
        _print_empty_array()
    streams.finish()
    sys.exit(code if isinstance(code, int | str) else ExitCode.OK)


def _print_empty_array() -> None:
    try:
        streams.show("[]")
    except streams.OutputLost as error:
        print_error(error)


# Errors in places where nobody can catch them: threads, and objects that are being removed.


def _log_thread(happened: "threading.ExceptHookArgs") -> None:
    if isinstance(happened.exc_value, Exception):
        _log_unexpected(happened.exc_value)


def _log_unraisable(happened: "sys.UnraisableHookArgs") -> None:
    if isinstance(happened.exc_value, Exception):
        _log_unexpected(happened.exc_value, harmless=True)


def _log_unexpected(error: Exception, *, harmless: bool = False) -> None:
    import logging

    from datafetch.logs import LOGGER_NAME

    if not logging.getLogger().handlers:
        return  # before the log is set up, Python would write to stderr in its own form
    logging.getLogger(LOGGER_NAME).log(
        logging.DEBUG if harmless else logging.ERROR,
        "unexpected_error",
        extra={"error": str(Unexpected.of(error))},
        exc_info=error,
    )
