"""What shells offer for the values of options and arguments, on the tabulator key.

Nothing is asked over the network, nothing is logged, and where there is nothing to offer the shell
offers files. Names of what is stored are read from a folder store only.
"""

import io
import os
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

from datafetch.errors import ConfigurationError
from datafetch.models.run import JobName, RunStatus

if TYPE_CHECKING:
    from datafetch.store.keys import Keys

Offer = str | tuple[str, str]
"""A value, or a value and what it means."""

VARIABLE = "_DATAFETCH_COMPLETE"
"""Holds what a shell asks for while it completes; Typer's name for it."""

_MOST_OFFERED = 200
_MOST_READ = 10_000
_MOST_BYTES = 16_000_000
_BREAKS = (":", "=")
_OFFERED = re.compile(r"[^\s\"'`$\\]+")
_BASH_OFFERED = re.compile(r"[^\s\"'`$\\;&|<>()!]+")


def is_asked() -> bool:
    """Whether a shell has started this process to complete a line."""
    return bool(os.environ.get(VARIABLE))


def _shell() -> str:
    """The name of the shell that asks."""
    return os.environ.get(VARIABLE, "").rpartition("_")[2]


def _when_asked(offers: Callable[..., list[Offer]]) -> Callable[..., list[Offer]] | None:
    """The function; None while no shell asks, so that Typer need not read its signature at each start."""
    return offers if is_asked() else None


@_when_asked
def log_formats() -> list[Offer]:
    """Values of `--log-format`."""
    return [("console", "lines for people"), ("json", "one JSON object a line")]


@_when_asked
def ages() -> list[Offer]:
    """Usual ages."""
    return [("12h", "half a day"), ("1d", "a day"), ("7d", "a week"), ("30d", "a month")]


@_when_asked
def moments() -> list[Offer]:
    """Times to come, in Pacific time."""
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    from datafetch.clock import PACIFIC

    today = datetime.now(ZoneInfo(PACIFIC)).date()
    days = {1: "tomorrow", 7: "in a week", 30: "in a month"}
    return [(f"{today + timedelta(days=days_on)}", text) for days_on, text in days.items()]


@_when_asked
def counts() -> list[Offer]:
    """Usual numbers of items."""
    return ["10", "50", "100"]


@_when_asked
def statuses() -> list[Offer]:
    """The statuses that runs in the history can have."""
    return [status.value for status in RunStatus if status is not RunStatus.LOCKED]


@_when_asked
def waiting_times() -> list[Offer]:
    """Usual values of `--wait`."""
    return [("60", "a minute"), ("600", "ten minutes"), ("3600", "an hour")]


@_when_asked
def time_limits() -> list[Offer]:
    """Usual values of `--timeout`."""
    return [("600", "ten minutes"), ("3600", "an hour"), ("21600", "six hours")]


@_when_asked
def backups() -> list[Offer]:
    """Numbers of backups."""
    return [("1", "the newest"), "2", "3", "4", ("5", "the oldest")]


@_when_asked
def letter_actions() -> list[Offer]:
    """What can be done with dead letters."""
    return [
        ("list", "all of them, by host and error"),
        ("show", "one of them, whole"),
        ("retry", "try their items again now"),
        ("drop", "forget them"),
    ]


@_when_asked
def jobs(context: typer.Context) -> list[Offer]:
    """The jobs that are not named yet."""
    named = context.params.get("jobs") or ()
    return [job.value for job in JobName if job not in named and job.value not in named]


@_when_asked
def commands(context: typer.Context) -> list[Offer]:
    """The program's commands."""
    program = context.find_root().command
    assert isinstance(program, TyperGroup)
    return [(name, command.short_help or "") for name, command in program.commands.items()]


@_when_asked
def guides() -> list[Offer]:
    """The topics of the guides."""
    from datafetch.cli.guides import titles

    return list(titles().items())


@_when_asked
def domains(context: typer.Context, incomplete: str) -> list[Offer]:
    """Domains of the stored bookmarks."""
    from datafetch.urls import host_name

    return _some((host_name(page) for page in _pages(context)), incomplete)


@_when_asked
def pages(context: typer.Context, incomplete: str) -> list[Offer]:
    """Addresses of the stored bookmarks."""
    return _some(_pages(context), incomplete)


@_when_asked
def repositories(context: typer.Context, incomplete: str) -> list[Offer]:
    """Repositories whose statistics are stored."""
    folder = _stored(context, lambda keys: keys.github_csv_prefix())
    if folder is None or not folder.is_dir():
        return []
    # `_` cannot stand in an owner's name, so that the first one stands for the slash.
    files = islice(folder.glob("*_*.csv"), _MOST_READ)
    return _some((file.stem.replace("_", "/", 1) for file in files), incomplete)


def _some(values: Iterable[str], incomplete: str) -> list[Offer]:
    fitting = dict.fromkeys(
        value for value in values if value.startswith(incomplete) and _is_offered(value)
    )
    return list(islice(sorted(fitting), _MOST_OFFERED))


def _is_offered(value: str) -> bool:
    """Whether a value from the store can stand in a command line as it is.

    A line end in it would be another value, and shells read quotes, `$` and backticks. Bash alone
    does not quote what it takes: after a `;` or an `&` it would run the rest of an address.
    """
    offered = _BASH_OFFERED if _shell() == "bash" else _OFFERED
    return value.isprintable() and offered.fullmatch(value) is not None


def _pages(context: typer.Context) -> list[str]:
    """The addresses in the slug mapping, which has that of every bookmark."""
    file = _stored(context, lambda keys: keys.slug_mapping())
    if file is None or not file.is_file() or file.stat().st_size > _MOST_BYTES:
        return []
    try:
        from datafetch.models.json import read_json

        mapping = read_json(file.read_bytes())
        slugs = mapping["slugs"] if isinstance(mapping, dict) else {}
        return [str(entry["url"]) for entry in slugs.values() if "url" in entry]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []  # not as we write it: `datafetch bookmarks` repairs it, and says so


def _stored(context: typer.Context, key: "Callable[[Keys], str]") -> Path | None:
    """Where an object lies in the folder store; None when the store is no folder, or not known."""
    from datafetch.environment import load_settings
    from datafetch.models.store_place import FolderPlace
    from datafetch.store.keys import Keys

    named = context.params.get("env_file") or context.find_root().params.get("env_file")
    try:
        settings = load_settings(Path(named or ".env"))
        place = settings.place
    except (ConfigurationError, ValueError):
        return None
    if not isinstance(place, FolderPlace):
        return None
    return Path(place.path).expanduser() / key(Keys(settings.env.suffix))


# ---------------------------------------------------------- what shells ask


def answer(program: Callable[[], object]) -> None:
    """Let Typer answer the shell's question, and exit; whatever goes wrong, nothing is offered."""
    import logging  # `--help` and `--version` need none

    logging.disable(logging.CRITICAL)
    shell = _shell()
    answers, begun, code = io.StringIO(), "", 0
    try:
        begun = _join_words() if shell == "bash" else _option_before_value()
        with redirect_stdout(answers), redirect_stderr(io.StringIO()):
            program()
    except SystemExit as leaving:  # fish takes 1 for "nothing to offer: offer files"
        code = leaving.code if isinstance(leaving.code, int) else 0
    except Exception:  # noqa: BLE001 - a traceback would be written into the user's command line
        code, answers = 1, io.StringIO()
    for line in answers.getvalue().splitlines():
        sys.stdout.write(f"{_fitted(line, begun, shell)}\n")
    sys.stdout.flush()
    sys.exit(code)


def _fitted(line: str, begun: str, shell: str) -> str:
    """A line of Typer's answer, so that it fits what the shell will replace by it."""
    if shell == "bash":
        return line.removeprefix(begun)
    if shell == "zsh":
        return line.replace('"', f'"{begun}', 1)  # each line has one value, the first in quotes
    return f"{begun}{line}" if line else line


def _option_before_value() -> str:
    """The `--option=` of the word that is being completed: zsh and fish will replace it, too."""
    word = os.environ.get("_TYPER_COMPLETE_ARGS", "").rpartition(" ")[2]
    name, sign, _ = word.partition("=")
    return name + sign if sign and name.startswith("--") else ""


def _join_words() -> str:
    """Put words together again that bash has taken apart at `:` and `=` (COMP_WORDBREAKS).

    Returns the beginning of the last word that bash will not replace: of `https://ex` it takes
    `//ex` for the word to complete.
    """
    words = os.environ.get("COMP_WORDS", "").split("\n")
    place = int(os.environ.get("COMP_CWORD", "0"))
    joined: list[str] = []
    for word in words[: place + 1]:
        if joined and (word[:1] in _BREAKS or joined[-1][-1:] in _BREAKS):
            joined[-1] += word
        else:
            joined.append(word)
    os.environ["COMP_WORDS"] = "\n".join(joined)
    os.environ["COMP_CWORD"] = str(len(joined) - 1)
    typed = words[place] if place < len(words) else ""
    last = joined[-1]
    value = last.partition("=")[2] if last.startswith("--") and "=" in last else last
    return value.removesuffix("" if typed[-1:] in _BREAKS else typed)
