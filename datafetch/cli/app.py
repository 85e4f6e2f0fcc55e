"""The Typer application: commands and global options."""

import sys

import typer

from datafetch.cli import jobs
from datafetch.cli.options import (
    EnvFile,
    GlobalOptions,
    LogFormatOption,
    Quiet,
    Verbose,
    Version,
)
from datafetch.runtime.memory import hold_collector

app = typer.Typer(
    name="datafetch",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # rich costs more than all the rest of the start-up, and pipes do not show its colours
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def global_options(
    context: typer.Context,
    *,
    verbose: Verbose = False,
    quiet: Quiet = False,
    log_format: LogFormatOption = None,
    env_file: EnvFile = None,
    version: Version = False,
) -> None:
    """Keep the data behind a site fresh: bookmarks, GitHub activity, logos, OpenGraph previews."""
    del version  # its callback has printed it
    context.obj = GlobalOptions(verbose, quiet, log_format, env_file)


jobs.register(app)


def with_bare_restore(arguments: list[str]) -> list[str]:
    """Add 1, the newest backup, after a `--restore` without a number: Typer wants a value."""
    expanded = []
    for place, argument in enumerate(arguments):
        expanded.append(argument)
        following = arguments[place + 1 : place + 2]
        if argument == "--restore" and not (following and following[0].isdigit()):
            expanded.append("1")
    return expanded


def main() -> None:
    """Run the command and exit; errors that it does not expect come out."""
    hold_collector()
    app(with_bare_restore(sys.argv[1:]))
