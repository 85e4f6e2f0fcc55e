"""Reads the values of options and arguments; what cannot be read is refused with what would do."""

import os
import re
import stat
from pathlib import Path

import typer

from datafetch.cli.usage import shown
from datafetch.models.shard import Shard, read_shard

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}

NEWEST_BACKUP, OLDEST_BACKUP = 1, 5

LONGEST_REASON = 200
"""Characters of a reason that is kept."""

LONGEST_S = 604_800
"""A week: the longest that an option may tell to wait, or to go on."""


def parse_age(text: str) -> float:
    """An age such as `30d`, `12h`, `90m` or `45s`, in seconds.

    Raises:
        typer.BadParameter: the text is no such age.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip().lower(), re.ASCII)
    if match is None:
        raise typer.BadParameter(f"{shown(text)} is not an age: write 45s, 90m, 12h, 30d or 2w")
    return float(match[1]) * _UNITS[match[2]]


_LONGEST_PAUSE_S = 3660 * 86_400


def pause_length(text: str) -> float:
    """How long a pause lasts, in seconds: an age such as `3d`, more than 0, up to ten years.

    Raises:
        typer.BadParameter: the text is no such age.
    """
    seconds = parse_age(text)
    if not 0 < seconds <= _LONGEST_PAUSE_S:
        raise typer.BadParameter(
            f"{shown(text)} is no length of a pause: write more than 0s, up to 3660d"
        )
    return seconds


_DAY = r"\d{4}-\d\d-\d\d"
_HOUR = r"\d{1,2}:\d\d"
_MOMENT = re.compile(rf"({_DAY})(?:[T ]({_HOUR})(?::\d\d)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


def future_moment(text: str) -> float:
    """A time to come, in epoch seconds: a day, a time of day, or both; in Pacific time unless it says.

    A day alone begins at midnight; a time alone is the next such time.

    Raises:
        typer.BadParameter: the text is no such time, or is over.
    """
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    from datafetch.clock import PACIFIC

    now = datetime.now(ZoneInfo(PACIFIC))
    what = "write it like 2026-12-24, 2026-12-24T18:00, 18:00 (Pacific time) or 2026-12-24T18:00Z"
    try:
        if re.fullmatch(_HOUR, text, re.ASCII):
            hour, minute = map(int, text.split(":"))
            moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
            if moment <= now:
                moment += timedelta(days=1)  # by the clock on the wall
        elif _MOMENT.fullmatch(text.strip().upper()):
            moment = datetime.fromisoformat(text.strip().upper())
            moment = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
        else:
            raise typer.BadParameter(f"{shown(text)} is not a time: {what}")
        seconds = moment.timestamp()
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{shown(text)} is not a time: {what}") from None
    if seconds <= now.timestamp():
        raise typer.BadParameter(f"{shown(text)} is over: name a time to come")
    if seconds - now.timestamp() > _LONGEST_PAUSE_S:
        raise typer.BadParameter(f"{shown(text)} is more than ten years away: {what}")
    return seconds


def reason_text(text: str) -> str:
    """Why something is done, in the user's words: one line.

    Raises:
        typer.BadParameter: it is empty or too long.
    """
    from datafetch.printable import printable

    reason = printable(" ".join(text.split()))
    if not reason or len(reason) > LONGEST_REASON:
        raise typer.BadParameter(f"write a reason of 1 to {LONGEST_REASON} characters")
    return reason


def item_count(text: str) -> int:
    """How many items to fetch at most, from 1.

    Raises:
        typer.BadParameter: the text is no such number.
    """
    if not re.fullmatch(r"0*[1-9]\d{0,9}", text, re.ASCII):
        raise typer.BadParameter(f"{shown(text)} is not a number of items: write 1 or more")
    return int(text)


_LARGEST_PORT = 65_535


def port_number(value: str | int) -> int:
    """At which port to listen, as it was typed, or the default; 0 for any that is free.

    Raises:
        typer.BadParameter: the text is no number from 0 to 65535.
    """
    text = str(value)
    number = int(text) if re.fullmatch(r"\d{1,5}", text, re.ASCII) else _LARGEST_PORT + 1
    if number > _LARGEST_PORT:
        raise typer.BadParameter(f"{shown(text)} is not a port: write 1 to {_LARGEST_PORT}")
    return number


def waiting_time(text: str) -> float:
    """How long to wait at most, in seconds, up to a week; 0 for not at all.

    Raises:
        typer.BadParameter: the text is no such number.
    """
    seconds = _seconds(text)
    if seconds is None:
        raise typer.BadParameter(
            f"{shown(text)} is not a time to wait: write seconds, such as 600 (0 to {LONGEST_S})"
        )
    return seconds


def time_limit(text: str) -> float:
    """How long something may take, in seconds, up to a week.

    Raises:
        typer.BadParameter: the text is no such number, or 0.
    """
    seconds = _seconds(text)
    if not seconds:
        raise typer.BadParameter(
            f"{shown(text)} is not a time limit: write seconds, such as 3600 (more than 0, up to "
            f"{LONGEST_S})"
        )
    return seconds


def watch_interval(text: str) -> float:
    """How often to look again: seconds, from 1 to an hour.

    Raises:
        typer.BadParameter: the text is no such number.
    """
    seconds = _seconds(text)
    if seconds is None or not 1 <= seconds <= _UNITS["h"]:
        raise typer.BadParameter(
            f"{shown(text)} is no time between two looks: write seconds, such as 10 (1 to "
            f"{_UNITS['h']})"
        )
    return seconds


def _seconds(text: str) -> float | None:
    """A number of seconds from 0 to `LONGEST_S`; None when the text is none."""
    if not re.fullmatch(r"\d{1,6}(\.\d{1,9})?", text, re.ASCII):
        return None
    seconds = float(text)
    return seconds if seconds <= LONGEST_S else None


def backup_number(text: str) -> int:
    """Which backup, 1 being the newest.

    Raises:
        typer.BadParameter: the text is no such number.
    """
    if not re.fullmatch(rf"[{NEWEST_BACKUP}-{OLDEST_BACKUP}]", text):
        raise typer.BadParameter(
            f"{shown(text)} is not the number of a backup: write {NEWEST_BACKUP} (the newest) "
            f"to {OLDEST_BACKUP}"
        )
    return int(text)


def share(text: str) -> Shard:
    """A share of a job's items, such as `2/4` for the second of four.

    Raises:
        typer.BadParameter: the text names no share.
    """
    try:
        return read_shard(text)
    except ValueError as error:
        raise typer.BadParameter(f"{shown(text)} is no share: {error}") from None


def repository(text: str) -> str:
    """A repository as `OWNER/NAME`; its web address will do.

    Raises:
        typer.BadParameter: the text names no repository.
    """
    path = re.sub(r"^https?://[^/]+/", "", text).removesuffix("/").removesuffix(".git")
    if not re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", path):
        raise typer.BadParameter(
            f"{shown(text)} is not a repository: write OWNER/NAME, such as octocat/hello-world"
        )
    return path


def domain_name(text: str) -> str:
    """A domain; of a web address its host.

    Raises:
        typer.BadParameter: the text is neither.
    """
    name = text
    if "://" in text:
        from datafetch.urls import host_name

        name = host_name(text)
    if not re.fullmatch(r"[^\s/@:][^\s/@:.]*\.[^\s/@:]+", name):
        raise typer.BadParameter(f"{shown(text)} is not a domain: write it like example.com")
    return name


def web_address(text: str) -> str:
    """The address of a web page.

    Raises:
        typer.BadParameter: the text is no such address.
    """
    if not re.fullmatch(r"https?://[^\s/].*", text, re.IGNORECASE):
        raise typer.BadParameter(
            f"{shown(text)} is not a web address: write all of it, such as https://example.com/page"
        )
    return text


def log_format(text: str) -> str:
    """How logs are written.

    Raises:
        typer.BadParameter: the text is neither `console` nor `json`.
    """
    if text not in ("console", "json"):
        raise typer.BadParameter(f"{shown(text)} is not a format of logs: write console or json")
    return text


def settings_file(text: str) -> Path:
    """A file that is there and can be read.

    Raises:
        typer.BadParameter: it is not there, cannot be read, or is a folder, a pipe, or a device
            other than `/dev/null`.
    """
    path = Path(text)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        place = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise typer.BadParameter(f"there is no file {shown(text)}{place}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise typer.BadParameter(f"{shown(text)} cannot be read: {reason}") from None
    if stat.S_ISDIR(mode):
        raise typer.BadParameter(
            f"{shown(text)} is a folder: name the file in it, such as {path / '.env'}"
        )
    if not stat.S_ISREG(mode) and not path.samefile(os.devnull):
        raise typer.BadParameter(
            f"{shown(text)} is a pipe or a device, and has to be a file, which is read more than "
            "once: what a command prints can be put into the environment instead, as "
            "`set -a; source <(command); set +a` does in bash"
        )
    if not os.access(path, os.R_OK):
        raise typer.BadParameter(f"{shown(text)} may not be read by this user")
    return path


def log_file(text: str) -> Path:
    """A file to append to, which need not be there yet.

    Raises:
        typer.BadParameter: no file can stand there.
    """
    path = Path(text)
    if not text.strip() or path.is_dir():
        raise typer.BadParameter(f"{shown(text)} is not the name of a file")
    return path


def site_folder(text: str) -> Path:
    """A folder, which need not be on this machine, from the root of the file system.

    Raises:
        typer.BadParameter: the text names none, or it cannot be seen whether it is there.
    """
    if not text.strip():
        raise typer.BadParameter("names no folder")
    try:
        folder = Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - links stay
        folder.is_dir()
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody has the name after a `~`
        raise typer.BadParameter(f"is no folder: {getattr(error, 'strerror', error)}") from None
    return folder


def target_folder(text: str) -> Path:
    """A folder to write to, which need not be there yet.

    Raises:
        typer.BadParameter: a file stands in its place, or in that of a folder above it.
    """
    if not text.strip():
        raise typer.BadParameter("names no folder")
    path = Path(text)
    for place in (path, *path.parents):
        if place.is_dir():
            break
        if place.exists():
            raise typer.BadParameter(f"{shown(str(place))} is a file, not a folder: name another")
    return path
