"""Options that every job command shares, and how their values are read."""

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from datafetch import __version__

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}

GLOBAL_PANEL = "Global options"


def parse_age(text: str) -> float:
    """An age such as `30d`, `12h`, `90m` or `45s`, in seconds.

    Raises:
        typer.BadParameter: the text is no such age.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip().lower())
    if match is None:
        raise typer.BadParameter(f"{text!r} is no age; write 45s, 90m, 12h, 30d or 2w")
    return float(match[1]) * _UNITS[match[2]]


def text_like(pattern: str, problem: str) -> Callable[[str], str]:
    """Make a parser for an option whose values match the pattern.

    For any other text the parser raises `typer.BadParameter`: the text, followed by `problem`.
    """

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise typer.BadParameter(f"{text!r}{problem}")
        return text

    return parse


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"datafetch {__version__}")
        raise typer.Exit


Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Log more.", rich_help_panel=GLOBAL_PANEL)
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Log warnings only; print results only when something failed.",
        rich_help_panel=GLOBAL_PANEL,
    ),
]
LogFormatOption = Annotated[
    Literal["console", "json"] | None,
    typer.Option(
        "--log-format",
        parser=text_like("console|json", ": write console or json"),
        metavar="console|json",
        help="How logs are written; console on a terminal, json otherwise.",
        rich_help_panel=GLOBAL_PANEL,
    ),
]
EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        help="Settings file; .env in the working folder when there is one.",
        exists=True,
        dir_okay=False,
        readable=True,
        rich_help_panel=GLOBAL_PANEL,
    ),
]
Version = Annotated[
    bool,
    typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
]
Missing = Annotated[bool, typer.Option("--missing", help="Only what has nothing stored yet.")]
OlderThan = Annotated[
    float | None,
    typer.Option(
        "--older-than",
        parser=parse_age,
        metavar="AGE",
        help="Only what is older, such as 30d or 12h.",
    ),
]


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """The options for settings file and logs; valid before and after the command's name."""

    verbose: Verbose = False
    quiet: Quiet = False
    log_format: LogFormatOption = None
    env_file: EnvFile = None

    @property
    def verbosity(self) -> int:
        """-1 quiet, 0 normal, 1 verbose."""
        return 1 if self.verbose else -1 if self.quiet else 0


@dataclass(frozen=True, slots=True)
class JobOptions(GlobalOptions):
    """The options that the job commands share, global ones included."""

    force: Annotated[
        bool,
        typer.Option("--force", help="Ignore freshness and change detection; guards stay on."),
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and plan, write nothing, take no lock.")
    ] = False
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=1,
            metavar="N",
            help="Fetch at most so many items; nothing is deleted. Refused in production.",
        ),
    ] = None
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="Accept a dataset that shrank past the guard.")
    ] = False
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON array of results, nothing else.")
    ] = False

    def over(self, outer: GlobalOptions) -> "JobOptions":
        """These options; where one of the global ones is not set, that of `outer` counts."""
        return replace(
            self,
            verbose=self.verbose or outer.verbose,
            quiet=self.quiet or outer.quiet,
            log_format=self.log_format or outer.log_format,
            env_file=self.env_file or outer.env_file,
        )


_GLOBAL = inspect.signature(GlobalOptions).parameters
_ALL = sorted(inspect.signature(JobOptions).parameters.values(), key=lambda p: p.name in _GLOBAL)
"""In the order in which the help shows them: the global ones last."""


def with_options(*, job: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add options to a command: the fields of `JobOptions`, or `--json` and the global ones only.

    The command is called with its own parameters and with `options`, a `JobOptions`. Typer knows
    no groups of options, so it gets a wrapper of the command with a parameter for each option.
    """
    shared = [option for option in _ALL if job or option.name == "json" or option.name in _GLOBAL]

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
