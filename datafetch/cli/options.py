"""Options that every job command shares, and how their values are read."""

import functools
import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from datafetch import __version__
from datafetch.cli import completion
from datafetch.cli.help import COMMON_PANEL, GLOBAL_PANEL
from datafetch.cli.values import (
    item_count,
    log_file,
    log_format,
    parse_age,
    settings_file,
    share,
    time_limit,
    waiting_time,
)
from datafetch.errors import UsageError
from datafetch.models.shard import Shard


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"datafetch {__version__}")
        raise typer.Exit


Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Log more: each request, ids of runs, tracebacks.",
        rich_help_panel=GLOBAL_PANEL,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Print nothing unless something fails (exit code neither 0 nor 75): for cron.",
        rich_help_panel=GLOBAL_PANEL,
    ),
]
LogFormatOption = Annotated[
    Literal["console", "json"] | None,
    typer.Option(
        "--log-format",
        parser=log_format,
        autocompletion=completion.log_formats,
        metavar="FORMAT",
        help="How logs are written: console or json (default: console on a terminal, else json).",
        rich_help_panel=GLOBAL_PANEL,
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        "--log-file",
        parser=log_file,
        metavar="PATH",
        help="Append the log to this file as well, all of it, also with --quiet.",
        rich_help_panel=GLOBAL_PANEL,
    ),
]
EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        parser=settings_file,
        metavar="PATH",
        help="File of settings (default: .env in the working folder, if there is one).",
        rich_help_panel=GLOBAL_PANEL,
    ),
]
Version = Annotated[
    bool,
    typer.Option(
        "--version", "-V", help="Print the version.", callback=_show_version, is_eager=True
    ),
]
Missing = Annotated[bool, typer.Option("--missing", help="Only what has nothing stored yet.")]
OlderThan = Annotated[
    float | None,
    typer.Option(
        "--older-than",
        parser=parse_age,
        autocompletion=completion.ages,
        metavar="AGE",
        help="Only what is older, such as 12h or 30d.",
    ),
]

ShareOption = Annotated[
    Shard | None,
    typer.Option(
        "--shard",
        parser=share,
        metavar="I/N",
        help="Only the I-th of N shares of the items, such as 2/4: for several machines, one share "
        "each.",
    ),
]


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """The options for settings file and logs; valid before and after the command's name."""

    verbose: Verbose = False
    quiet: Quiet = False
    log_format: LogFormatOption = None
    log_file: LogFile = None
    env_file: EnvFile = None

    @property
    def settings_file(self) -> Path:
        """The file of settings, which need not be there."""
        return self.env_file or Path(".env")

    @property
    def verbosity(self) -> int:
        """-1 quiet, 0 normal, 1 verbose."""
        return 1 if self.verbose else -1 if self.quiet else 0


@dataclass(frozen=True, slots=True)
class JobOptions(GlobalOptions):
    """The options that the job commands share, global ones included."""

    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Ignore freshness and change detection, write equal objects again; guards stay on.",
            rich_help_panel=COMMON_PANEL,
        ),
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Read and plan, but write nothing and take no lock.",
            rich_help_panel=COMMON_PANEL,
        ),
    ] = False
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            parser=item_count,
            autocompletion=completion.counts,
            metavar="N",
            help="Fetch at most N items (1 or more) and delete nothing. Refused in production.",
            rich_help_panel=COMMON_PANEL,
        ),
    ] = None
    allow_shrink: Annotated[
        bool,
        typer.Option(
            "--allow-shrink",
            help="Accept a dataset that shrank past the guard (by more than a fifth, unless "
            "DATAFETCH_MAX_SHRINK_RATIO says otherwise).",
            rich_help_panel=COMMON_PANEL,
        ),
    ] = False
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait",
            parser=waiting_time,
            autocompletion=completion.waiting_times,
            metavar="SECONDS",
            help="Wait so long, at most, while another run has the job's lock (default: 0, then exit "
            "code 75).",
            rich_help_panel=COMMON_PANEL,
        ),
    ] = None
    scheduled: Annotated[
        bool,
        typer.Option(
            "--scheduled",
            help="For cron: do nothing if the newest slot of the job's schedule was run already, or "
            "is being run.",
            rich_help_panel=COMMON_PANEL,
        ),
    ] = False
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            parser=time_limit,
            autocompletion=completion.time_limits,
            metavar="SECONDS",
            help="Stop the whole command cleanly after so long, all jobs and waits included.",
            rich_help_panel=COMMON_PANEL,
        ),
    ] = None
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON array of results on stdout, and nothing else.",
            rich_help_panel=COMMON_PANEL,
        ),
    ] = False

    def over(self, outer: GlobalOptions) -> "JobOptions":
        """These options; where one of the global ones is not set, that of `outer` counts.

        Raises:
            UsageError: more and less is to be logged.
        """
        if (self.verbose or outer.verbose) and (self.quiet or outer.quiet):
            raise UsageError(
                "--verbose and --quiet exclude each other", hint="Give one of them, or neither."
            )
        return replace(
            self,
            verbose=self.verbose or outer.verbose,
            quiet=self.quiet or outer.quiet,
            log_format=self.log_format or outer.log_format,
            log_file=self.log_file or outer.log_file,
            env_file=self.env_file or outer.env_file,
        )


_GLOBAL = inspect.signature(GlobalOptions).parameters
_OF_BUILDS = {"dry_run", "json", *_GLOBAL}
_ALL = sorted(inspect.signature(JobOptions).parameters.values(), key=lambda p: p.name in _GLOBAL)
"""In the order in which the help shows them: the global ones last."""


def with_options(
    *, job: bool, dry_run: bool = True, also: Collection[str] = (), but: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add options to a command: all fields of `JobOptions`, or those that a build knows as well.

    Without `dry_run`, for commands that write nothing, those of a build save `--dry-run`. `also`
    names fields that the command knows beyond those of a build, `but` those that it does not know.

    The command is called with its own parameters and with `options`, a `JobOptions`. Typer knows
    no groups of options, so it gets a wrapper of the command with a parameter for each option.
    """
    known = {*_OF_BUILDS, *also} - (set() if dry_run else {"dry_run"})
    shared = [option for option in _ALL if (job or option.name in known) and option.name not in but]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command, assigned=("__name__", "__doc__"))
        def wrapper(context: typer.Context, **values: Any) -> None:
            options = JobOptions(**{option.name: values.pop(option.name) for option in shared})
            command(options.over(context.obj), **values)

        context, _ = inspect.signature(wrapper, follow_wrapped=False).parameters.values()
        _, *own = inspect.signature(command).parameters.values()
        added = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in shared]
        parameters = [context, *own, *added]
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
        return wrapper

    return decorate
