"""Options that every job command shares, and how their values are read."""

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from datafetch import __version__

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_LOG_FORMATS = ("console", "json")

GLOBAL_PANEL = "Global options"


def parse_age(text: str, option: str = "AGE") -> float:
    """An age such as `30d`, `12h`, `90m` or `45s`, in seconds.

    Raises:
        typer.BadParameter: it is not one.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip().lower())
    if match is None:
        raise typer.BadParameter(
            f"{text!r} is no age; write 45s, 90m, 12h, 30d or 2w", param_hint=option
        )
    return float(match[1]) * _UNITS[match[2]]


def _log_format(value: str | None) -> str | None:
    if value is not None and value not in _LOG_FORMATS:
        raise typer.BadParameter("should be console or json")
    return value


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
    str | None,
    typer.Option(
        "--log-format",
        metavar="console|json",
        help="How logs are written; console on a terminal, json otherwise.",
        callback=_log_format,
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
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON array of results, nothing else.")
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Ignore freshness and change detection; guards stay on."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Read and plan, write nothing, take no lock.")
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=1,
        metavar="N",
        help="Fetch at most so many items; nothing is deleted. Refused in production.",
    ),
]
AllowShrink = Annotated[
    bool, typer.Option("--allow-shrink", help="Accept a dataset that shrank past the guard.")
]
Missing = Annotated[bool, typer.Option("--missing", help="Only what has nothing stored yet.")]
OlderThan = Annotated[
    str | None,
    typer.Option("--older-than", metavar="AGE", help="Only what is older, such as 30d or 12h."),
]


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """Where settings come from and how much is said; valid before and after the command's name."""

    verbose: bool = False
    quiet: bool = False
    log_format: str | None = None
    env_file: Path | None = None

    def over(self, outer: "GlobalOptions") -> "GlobalOptions":
        """These where given, else those given before the command's name."""
        return GlobalOptions(
            verbose=self.verbose or outer.verbose,
            quiet=self.quiet or outer.quiet,
            log_format=self.log_format or outer.log_format,
            env_file=self.env_file or outer.env_file,
        )

    @property
    def verbosity(self) -> int:
        """-1 quiet, 0 normal, 1 verbose."""
        return 1 if self.verbose else -1 if self.quiet else 0


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What every job command takes."""

    json: bool = False
    force: bool = False
    dry_run: bool = False
    limit: int | None = None
    allow_shrink: bool = False


_GLOBAL_TYPES: dict[str, Any] = {
    "verbose": Verbose,
    "quiet": Quiet,
    "log_format": LogFormatOption,
    "env_file": EnvFile,
}
_JOB_TYPES: dict[str, Any] = {
    "force": Force,
    "dry_run": DryRun,
    "limit": Limit,
    "allow_shrink": AllowShrink,
    "json": Json,
}


def with_options(*, job: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the shared options.

    The command is called with its own parameters, `shared` (`GlobalOptions`) and,
    when `job`, `common` (`JobOptions`).
    """
    shared = {**(_JOB_TYPES if job else {"json": Json}), **_GLOBAL_TYPES}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[name])
            for name, parameter in inspect.signature(command).parameters.items()
            if name not in ("shared", "common")
        ]
        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None if name in ("limit", "log_format", "env_file") else False,
                annotation=annotation,
            )
            for name, annotation in shared.items()
        ]
        first = inspect.Parameter(
            "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
        )

        @functools.wraps(command)
        def wrapper(context: typer.Context, **values: Any) -> None:
            given = GlobalOptions(**{name: values.pop(name) for name in _GLOBAL_TYPES})
            outer = context.obj if isinstance(context.obj, GlobalOptions) else GlobalOptions()
            taken = {name: values.pop(name) for name in _JOB_TYPES if name in values}
            command(shared=given.over(outer), common=JobOptions(**taken), **values)

        parameters = [first, *own, *added]
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
        del wrapper.__wrapped__
        return wrapper

    return decorate
