"""The one error boundary: whatever happens ends as an exit code and, on stderr, in few words.

They are one line that says what happened, and below it, where there is one, a hint what to do; of
settings that are missing or invalid each has a line of its own. No traceback. With `--json` there
is an array on stdout, too.
"""

import os
import sys
import threading
from collections.abc import Callable

from datafetch.cli import streams
from datafetch.cli.signals import signals
from datafetch.errors import ConfigurationError, DatafetchError, ExitCode, Unexpected

# The log is imported where it is needed: `--version` and `--help` need none.


def print_error(error: DatafetchError) -> None:
    """Print on stderr what happened and what the user can do."""
    from datafetch.redaction import redact

    if isinstance(error, ConfigurationError):
        streams.say("datafetch: settings are missing or invalid:")
        for problem in error.problems:
            streams.say(f"  - {redact(problem)}")
    else:
        streams.say(f"datafetch: {redact(str(error))}")
    if error.hint:
        streams.say(f"  {redact(error.hint)}")


def expected(error: Exception) -> DatafetchError:
    """The error as one of ours; of any other the traceback is logged, with `--verbose` only.

    Without it there is nothing to log: what the error says is printed, once.
    """
    if isinstance(error, DatafetchError):
        return error
    _log_unexpected(error, "unexpected_error", traceback_only=True)
    return Unexpected.of(error)


def call(command: Callable[[], None], *, as_json: bool) -> None:
    """Call a command and exit the process, with the command's own code or that of its error.

    An error that comes out of the command is printed without a traceback: what happened, and what
    to do. With `as_json` a command that ends badly before it has printed its results, as after wrong
    usage, prints an empty array.
    """
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable
    try:
        command()
        code: object = ExitCode.OK
    except SystemExit as leaving:
        # click makes an error of a reader that has had enough
        gone = streams.is_left_by_reader(leaving.__context__)
        code = ExitCode.OK if gone else leaving.code
    except KeyboardInterrupt:
        code = ExitCode.SIGINT
    except Exception as error:  # noqa: BLE001 - the one boundary
        failure = streams.lost_by(error) or expected(error)
        if signals.code is None:  # else it is what the stop has broken
            print_error(failure)
        code = failure.exit_code
    if (stopped := signals.code) is not None:
        code = stopped
    if code not in (None, ExitCode.OK):
        print_nothing(as_json=as_json)
    streams.finish()
    if stopped is not None:
        os._exit(stopped)
    sys.exit(code if isinstance(code, int | str) else ExitCode.OK)


def print_nothing(*, as_json: bool) -> None:
    """Print the empty array of a command that ends without results, if there should be one."""
    if not as_json or streams.has_shown():
        return
    try:
        streams.show("[]")
    except streams.OutputLost as error:
        print_error(error)


# Errors in places where nobody can catch them: threads, and objects that are being removed.


def _log_thread(happened: "threading.ExceptHookArgs") -> None:
    if isinstance(happened.exc_value, Exception):
        _log_unexpected(happened.exc_value, "thread_failed")


def _log_unraisable(happened: "sys.UnraisableHookArgs") -> None:
    if isinstance(happened.exc_value, Exception):
        _log_unexpected(happened.exc_value, "removal_failed", harmless=True)


def _log_unexpected(
    error: Exception, event: str, *, harmless: bool = False, traceback_only: bool = False
) -> None:
    import logging

    from datafetch.logs import LOGGER_NAME

    if not logging.getLogger().handlers:
        return  # before the log is set up, Python would write to stderr in its own form
    log = logging.getLogger(LOGGER_NAME)
    if traceback_only and not log.isEnabledFor(logging.DEBUG):
        return
    log.log(
        logging.DEBUG if harmless else logging.ERROR,
        event,
        extra={"error": str(Unexpected.of(error))},
        exc_info=error,
    )
