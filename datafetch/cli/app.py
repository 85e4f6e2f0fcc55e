"""The Typer application: commands and global options."""

import sys

import typer

from datafetch.cli import completion, jobs, usage
from datafetch.cli.examples import epilog_of
from datafetch.cli.help import HelpGroup
from datafetch.cli.options import (
    EnvFile,
    GlobalOptions,
    LogFile,
    LogFormatOption,
    Quiet,
    Verbose,
    Version,
)
from datafetch.runtime.memory import hold_collector

_NAME = "datafetch"

app = typer.Typer(
    name=_NAME,
    cls=HelpGroup,
    epilog=epilog_of(""),
    pretty_exceptions_enable=False,
    # help and errors are written by `help.py` and `usage.py`: rich would cost more than all else
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def global_options(
    context: typer.Context,
    *,
    verbose: Verbose = False,
    quiet: Quiet = False,
    log_format: LogFormatOption = None,
    log_file: LogFile = None,
    env_file: EnvFile = None,
    version: Version = False,
) -> None:
    """Keep the data behind a site fresh: bookmarks, GitHub activity, logos, OpenGraph previews.

    Settings come from the environment, and from .env in the working folder.
    """
    del version  # its callback has printed it
    context.obj = GlobalOptions(verbose, quiet, log_format, log_file, env_file)


jobs.register(app)


_WHEN_BARE = {"--restore": "1", "--watch": "5"}
"""Options that may stand without a value, and what that means: the newest backup, each 5 seconds."""


def with_bare_values(arguments: list[str]) -> list[str]:
    """Add the value to an option that stands without one: Typer wants a value."""
    expanded = []
    for place, argument in enumerate(arguments):
        expanded.append(argument)
        following = arguments[place + 1 : place + 2]
        if argument in _WHEN_BARE and (not following or following[0].startswith("-")):
            expanded.append(_WHEN_BARE[argument])
    return expanded


def main() -> None:
    """Run the command and exit; errors that it does not expect come out.

    Raises:
        UsageError: the command line cannot be read; nothing was run.
    """
    hold_collector()
    if completion.is_asked():
        completion.answer(lambda: app(prog_name=_NAME))
    arguments = with_bare_values(sys.argv[1:]) or ["--help"]
    try:
        code = app(arguments, prog_name=_NAME, standalone_mode=False)
    except usage.WrongUsage as error:
        raise usage.explained(error, arguments, jobs.NAMES) from None
    sys.exit(code)
