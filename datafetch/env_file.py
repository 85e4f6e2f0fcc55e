"""Reads a `.env` file: the values of its names, their lines, and what cannot be read.

Nothing here knows which settings there are.
"""

import codecs
import os
import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from datafetch.regular_files import NotAFile, open_regular

if TYPE_CHECKING:
    from dotenv.parser import Binding

_LONGEST_ENV_FILE = 1024 * 1024

_MOST_LINES = 10_000
_MOST_VARIABLES = 100
"""Of one value; python-dotenv may read the rest of the value anew for each `${`."""

# The value of `NAME='value'`, with or without `export`, stands in single quotes.
_SINGLE_QUOTED = re.compile(r"\s*(?:export\s+)?(?:'[^']+'|[^=#\s]+)[^\S\n]*=[^\S\n]*'")

_TOO_MUCH = (
    f"more than {_MOST_VARIABLES} ${{…}}, or more than 1 MiB in their places; single quotes keep "
    "them as they are"
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_BEFORE_VALUE = re.compile(r"\s*+(?:export\s++)?+('[^']*+'(?=\s*+=)|[^=]*+)\s*+=\s*+(.?)")


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What stands in a `.env` file.

    Attributes:
        label: how messages name the file; empty when no file was asked for.
        path: where it is, or would be, from the root of the file system.
        is_there: whether a file of that name was found, even one that cannot be read.
        values: its values by name, without white space around them; those that are empty are left
            out.
        lines: the line on which each name stands, those of empty values included; of a name that
            stands twice the second, whose value counts.
        problems: a sentence for each line that cannot be read, or one for the file.
    """

    label: str = ""
    path: Path = Path()
    is_there: bool = False
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    lines: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def where(self, name: str) -> str:
        """The place of a name in words, such as `in .env, line 3`."""
        line = self.lines.get(name)
        return f"in {self.label}, line {line}" if line else f"in {self.label}"


def read_env_file(path: Path | None, is_secret: Callable[[str, str], bool]) -> EnvFile:
    """Read a file of lines like `NAME=value`, as python-dotenv does.

    In a value `${OTHER}` is replaced by what `OTHER` is in the lines above, else in the
    environment. It stays as it is in single quotes, as in a shell, and in secrets, where it is
    part of a password.

    Args:
        path: a file that is not there, or a folder of that name, is a file without lines.
        is_secret: says of a name and its value, as it is written, whether it is a secret.
    """
    if path is None:
        return EnvFile()
    label, whole = str(path), Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are
    try:
        text = _text_of(path)
    except ValueError as error:
        trouble = str(error)
    except OSError as error:
        trouble = f"{label} cannot be read: {error.strerror}"
        if isinstance(error, PermissionError):
            trouble += f"; the user with the id {os.geteuid()}, who runs this, needs the right"
    else:
        if text is None:
            return EnvFile(label, whole)
        return _parsed(label, whole, text, is_secret)
    return EnvFile(label, whole, is_there=True, problems=(trouble,))


def _text_of(path: Path) -> str | None:
    """The file's text, whose lines end with line feeds; None when it is missing, or is a folder.

    `/dev/null` is read as an empty file.

    Raises:
        ValueError: it is a pipe, a socket or a device, is no text in UTF-8, or is too long; the
            message names the file, and the line from which it is not UTF-8.
    """
    try:
        with open_regular(path) as file:
            data = file.read(_LONGEST_ENV_FILE + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except NotAFile as error:
        if path.samefile(os.devnull):  # how some say that there are no settings
            return ""
        raise ValueError(f"{path} is {error.kind}; it has to be a file") from error
    if len(data) > _LONGEST_ENV_FILE:
        raise ValueError(f"{path} is larger than 1 MiB")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(
            f"{path} is not a text file in UTF-8 but in UTF-16, as PowerShell writes it: "
            "save it as UTF-8"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(data[: error.start].splitlines()) or 1
        raise ValueError(
            f"{path}, line {line}: is not a text file in UTF-8 from here on; save it as UTF-8"
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > _MOST_LINES:
        raise ValueError(f"{path} has more than {_MOST_LINES:,} lines")
    return text


def _parsed(label: str, path: Path, text: str, is_secret: Callable[[str, str], bool]) -> EnvFile:
    # The parser itself, not `dotenv_values`, which replaces `${…}` in every value and only logs
    # which lines it cannot read.
    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    problems = []
    known = ChainMap(values, os.environ)
    room = _LONGEST_ENV_FILE
    for binding in parse_stream(StringIO(text)):
        name, value, written = binding.key, binding.value, binding.original.string
        is_word = name is not None and value is None and _NAME.fullmatch(name) is None
        if binding.error or is_word or "\0" in written:
            problems.append(f"{label}, line {_line(binding)}: {_trouble(written)}")
        elif name is not None:
            if "${" in (value or "") and not (
                _SINGLE_QUOTED.match(written) or is_secret(name, value or "")
            ):
                value = _resolved(value or "", known, room)
                if value is None:
                    problems.append(f"{label}, line {_line(binding)}: {_TOO_MUCH}")
                room -= len(value or "")
            values[name] = (value or "").strip()
            lines[name] = _line(binding)
    set_values = {name: value for name, value in values.items() if value}
    return EnvFile(label, path, True, set_values, lines, tuple(problems))


def _resolved(value: str, known: Mapping[str, str], room: int) -> str | None:
    """The value with what its `${…}` stand for; None if there are too many, or it gets too long.

    Lines such as `A=${A}${A}` double a value again and again: it may have `room` characters.
    """
    from dotenv.variables import parse_variables

    if value.count("${") > _MOST_VARIABLES:
        return None
    parts = []
    for part in parse_variables(value):
        parts.append(part.resolve(known))
        room -= len(parts[-1])
        if room < 0:
            return None
    return "".join(parts)


def _line(binding: "Binding") -> int:
    """The line on which a statement begins; python-dotenv counts from the empty ones before it."""
    whole = binding.original.string
    return binding.original.line + whole[: len(whole) - len(whole.lstrip())].count("\n")


def _trouble(statement: str) -> str:
    """Why a statement is not `NAME=value`; without any of its text, which may be secret."""
    if "\0" in statement:
        return "holds a zero byte; write NAME=value"
    found = _BEFORE_VALUE.match(statement)
    if found is None:
        return "no `=`; write NAME=value, or # before a comment"
    name, first = found[1].rstrip().strip("'"), found[2]
    if _NAME.fullmatch(name) is None:
        return "before `=` stands more than a name; write NAME=value"
    if first in "'\"" and first:
        return (
            f"the quote {first} is left open, or text follows where it is closed; write "
            f"NAME={first}value{first}"
        )
    return "cannot be read; write NAME=value"
