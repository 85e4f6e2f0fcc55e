"""What is said of wrong usage: what was typed, what is wrong with it, and what to type instead."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain
from typing import TYPE_CHECKING

import typer

from datafetch.errors import UsageError
from datafetch.models.run import JobName

if TYPE_CHECKING:
    from typer._click import Context, Parameter

# Typer shows only this class of its errors of usage; the others are siblings under the same base.
WrongUsage: type[Exception] = typer.BadParameter.__bases__[0]

_LONGEST_SHOWN = 120
_MOST_NAMED = 3

_COMMANDS_MEANT: Mapping[str, Sequence[str]] = {
    "og": ["refresh-opengraph"],
    "github-activity": ["github"],
    "prefetch": ["prefetch-build", "prefetch-dev"],
    "build": ["prefetch-build"],
    "dev": ["prefetch-dev"],
    "sync": ["bookmarks", "update"],
    "fetch": ["update"],
    "run": ["update", "run-due"],
    "due": ["run-due"],
    "unpause": ["resume"],
    "continue": ["resume"],
    "failed": ["dead-letters"],
    "dlq": ["dead-letters"],
    "retry": ["dead-letters retry"],
    "runs": ["history"],
    "log": ["history"],
    "health": ["status", "doctor"],
    "state": ["status"],
    "all": ["update"],
    "version": ["--version"],
    "completion": ["--install-completion"],
    "migrate": ["guide migrate"],
    "cron": ["guide cron"],
    "docs": ["guide"],
    "man": ["guide"],
}
"""What people type who know jobs and results by name, the old system, or other programs."""

_JOBS_MEANT: Mapping[str, Sequence[str]] = {
    "og": ["opengraph"],
    "github-activity": ["github"],
}

_GUIDES_MEANT: Mapping[str, Sequence[str]] = {
    "crontab": ["cron"],
    "schedule": ["cron"],
    "migration": ["migrate"],
    "old": ["migrate"],
    "bucket": ["stores"],
    "lock": ["stores"],
    "s3": ["stores"],
}

_OPTIONS_MEANT: Mapping[str, Sequence[str]] = {
    "-n": ["--dry-run"],
    "-f": ["--force"],
    "-j": ["--json"],
    "--since": ["--older-than"],
    "--testlimit": ["--limit"],
}

_ITEM_OPTIONS = {"github": "--repo", "logos": "--domain", "refresh-opengraph": "--url"}
_FOLDER_COMMANDS = ("prefetch-build", "prefetch-dev")


def shown(text: str) -> str:
    """What somebody typed, in quotes, on one line and not too long."""
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")


def try_help(path: str) -> str:
    """The hint that leads to the page of a command."""
    return f"Try '{path} --help'."


def _did_you_mean(names: Sequence[str]) -> str:
    return f": did you mean {' or '.join(names)}?" if names else ""


def _like(word: str, known: Iterable[str], meant: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The known names that somebody may have meant, the likeliest first.

    The dashes before options are not compared: all options have them.
    """
    plain = word.lower().replace("_", "-")
    names = {name.lstrip("-"): name for name in known}
    return meant.get(plain) or [
        names[name] for name in get_close_matches(plain.lstrip("-"), list(names), n=2)
    ]


def no_such_command(name: str, known: Collection[str]) -> UsageError:
    """The error for a command that the program does not have."""
    meant = _like(name, known, _COMMANDS_MEANT)
    return UsageError(
        f"there is no command {shown(name)}{_did_you_mean(meant)}", hint=try_help("datafetch")
    )


def no_such_guide(topic: str, known: Collection[str]) -> UsageError:
    """The error for a guide that there is not."""
    meant = _like(topic, known, _GUIDES_MEANT)
    ending = _did_you_mean(meant) if meant else f": guides are {', '.join(known)}"
    return UsageError(f"there is no guide {shown(topic)}{ending}", hint=try_help("datafetch guide"))


def no_such_job(name: str, known: Collection[str]) -> str:
    """What is said of a job that is not known."""
    parts = [part.strip() for part in name.split(",") if part.strip()]
    if len(parts) > 1 and all(part in known for part in parts):
        return f"{shown(name)} is not one job: write {' '.join(parts)}"
    meant = _like(name, known, _JOBS_MEANT)
    ending = _did_you_mean(meant) if meant else f": jobs are {', '.join(known)}"
    return f"there is no job {shown(name)}{ending}"


def too_many(rest: Sequence[str], ctx: "Context") -> UsageError:
    """The error for arguments that a command does not take."""
    command = ctx.command.name or ""
    option = _ITEM_OPTIONS.get(command) or ("--output" if command in _FOLDER_COMMANDS else "")
    taken = [param for param in ctx.command.get_params(ctx) if param.param_type_name == "argument"]
    said = f"{command} takes {'no more than one argument' if taken else 'options only'}"
    meant = f": write {option} {rest[0]}" if option and shown(rest[0]) == repr(rest[0]) else ""
    return UsageError(
        f"{said}, not {shown(rest[0])}{meant}",
        hint=try_help(ctx.command_path),
    )


def explained(error: Exception, arguments: Sequence[str], commands: Collection[str]) -> UsageError:
    """Our error for one that Typer raised.

    Args:
        error: what Typer raised.
        arguments: the whole command line.
        commands: the names of all commands.
    """
    ctx: Context | None = getattr(error, "ctx", None)
    option: str | None = getattr(error, "option_name", None)
    named = next((word for word in arguments if word in commands), None)
    path = f"datafetch {named}" if named else "datafetch"
    hint = try_help(ctx.command_path if ctx else path)
    if option is None:
        return UsageError(_of_value(error), hint=hint)
    if ctx is None:  # the option is known; its value is missing, or it takes none
        takes_none = "does not take" in str(getattr(error, "message", ""))
        said = "takes no value" if takes_none else "needs a value after it"
        return UsageError(f"{option} {said}", hint=hint)
    return _no_such_option(option, ctx, arguments)


def _of_value(error: Exception) -> str:
    """What is wrong with a value, after the option that it was given to."""
    message = str(getattr(error, "message", error)).removeprefix("Value error, ")
    param = getattr(error, "param", None)
    if param is None:
        return "no command is named" if message == "Missing command." else message
    if not message and param.param_type_name == "argument":
        return f"no {param.metavar} is named: write it after the command"
    names = [name for name in param.opts if name.startswith("--")]
    return f"{names[0]}: {message}" if names else message


def _no_such_option(name: str, ctx: "Context", arguments: Sequence[str]) -> UsageError:
    jobs = _jobs_as_options(arguments)
    if _job_of(name) in jobs:
        return UsageError(
            f"there is no option {name}: jobs are named without dashes",
            hint=f"Try 'datafetch update {' '.join(jobs)}'.",
        )
    root = ctx.find_root()
    options = {
        command: _options(known.get_params(ctx))
        for command, known in getattr(root.command, "commands", {}).items()
    }
    hint = try_help(ctx.command_path)
    owners = [command for command, names in options.items() if name in names]
    if ctx is root and owners:
        named = next((word for word in arguments if word in owners), owners[0])
        wanted = f"datafetch {named} {name}"
        return UsageError(f"{name} stands after the command: {wanted}", hint=hint)
    known = _options(ctx.command.get_params(ctx))
    meant = [option for option in _like(name, known, _OPTIONS_MEANT) if option in known]
    if ctx is root and not meant:
        later = list(chain.from_iterable(options.values()))
        meant = [f"{option} after the command" for option in _like(name, later, _OPTIONS_MEANT)]
    if owners and not meant:
        others = [*owners[:_MOST_NAMED], *["others"][: len(owners) - _MOST_NAMED]]
        said = f"{ctx.command.name} has no option {name}: it belongs to {', '.join(others)}"
        return UsageError(said, hint=hint)
    return UsageError(f"there is no option {shown(name)}{_did_you_mean(meant)}", hint=hint)


def _options(params: "Iterable[Parameter]") -> list[str]:
    return [option for param in params for option in param.opts if option.startswith("-")]


def _jobs_as_options(arguments: Sequence[str]) -> list[str]:
    """Jobs that are given like options, as the old updater took them: `--bookmarks --github`."""
    return list(dict.fromkeys(filter(None, map(_job_of, arguments))))


def _job_of(option: str) -> str:
    """The job that is named with dashes before it; empty when the word is none."""
    name = option.removeprefix("--")
    job = _JOBS_MEANT.get(name, [name])[0]
    return job if option != name and job in set(JobName) else ""
