"""Reads the places in which the values of settings stand: the environment, `.env`, secret files.

Nothing here knows which settings there are. `environment.py` asks for a value by its name.
"""

import io
import os
import re
import stat
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from datafetch.errors import ConfigurationError

if TYPE_CHECKING:
    from dotenv.parser import Binding

FILE_SUFFIX = "_FILE"
"""What is added to a setting's name to give the path of a file that holds the value.

The images on Docker Hub made this a habit (https://docs.docker.com/compose/how-tos/use-secrets/).
"""

_LONGEST_ENV_FILE = 1024 * 1024
_LONGEST_SECRET = 64 * 1024

# The value of `NAME='value'`, with or without `export`, stands in single quotes.
_SINGLE_QUOTED = re.compile(r"\s*(?:export\s+)?(?:'[^']+'|[^=#\s]+)[^\S\n]*=[^\S\n]*'")


@dataclass(frozen=True, slots=True)
class SetValue:
    """A value, and where it stands.

    Attributes:
        name: the name under which it stands; with `_FILE` when a file holds the value.
        text: the value without white space around it; never empty.
        where: the place in words, for a sentence about the value; "" when there is no need for it.
    """

    name: str
    text: str = field(repr=False)
    where: str = ""


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What stands in a `.env` file.

    Attributes:
        label: how messages name the file.
        values: its values by name, without white space around them; those that are empty are left
            out.
        problems: a sentence for each line that cannot be read, or one for the file.
    """

    label: str = ""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """The environment and the `.env` file.

    Attributes:
        variables: the environment as it is.
        file: what stands in the `.env` file.
    """

    variables: Mapping[str, str] = field(repr=False)
    file: EnvFile

    def find(self, name: str) -> SetValue | None:
        """The value of this one name; the environment goes before the file. None when not set."""
        in_file = self.file.values.get(name)
        text = self.variables.get(name, "").strip()
        if text:
            before = f"in the environment, which goes before {self.file.label}"
            return SetValue(name, text, before if in_file else "")
        return SetValue(name, in_file, f"in {self.file.label}") if in_file else None

    def first(self, names: Sequence[str], *, held_by_files: frozenset[str]) -> SetValue | None:
        """The value of the first of these names that is set, wherever it stands; None when none is.

        Args:
            names: the names of one setting.
            held_by_files: the names whose value may stand in the file that `NAME_FILE` names.

        Raises:
            ConfigurationError: a name is set and its `NAME_FILE` too, or the file that holds the
                value cannot be used.
        """
        chosen: SetValue | None = None
        problems = []
        for name in names:
            value = self.find(name)
            path = self.find(name + FILE_SUFFIX) if name in held_by_files else None
            if value and path:
                problems.append(f"{name} and {path.name} are both set: keep one of them")
            chosen = chosen or value or path
        if problems:
            raise ConfigurationError(problems)
        if chosen is None or chosen.name in names:
            return chosen
        return SetValue(chosen.name, _read_secret(chosen), "in the file that it names")


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
    label = str(path)
    try:
        return _parsed(label, _lines_of(path), is_secret)
    except UnicodeDecodeError:
        trouble = "is not a text file in UTF-8"
    except ValueError as error:
        trouble = str(error)
    except OSError as error:
        trouble = f"cannot be read: {error.strerror}"
    return EnvFile(label, problems=(f"{label} {trouble}",))


def _lines_of(path: Path) -> str:
    if path.is_fifo():  # whoever reads a pipe that nobody writes to waits for ever
        raise ValueError("is a pipe; it has to be a file")
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8-sig") as file:
        text = file.read(_LONGEST_ENV_FILE + 1)
    if len(text) > _LONGEST_ENV_FILE:
        raise ValueError("is larger than 1 MiB")
    return text


def _parsed(label: str, text: str, is_secret: Callable[[str, str], bool]) -> EnvFile:
    # The parser itself, not `dotenv_values`, which replaces `${…}` in every value and only logs
    # which lines it cannot read.
    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    values: dict[str, str] = {}
    problems = []
    known = ChainMap(values, os.environ)
    for binding in parse_stream(io.StringIO(text)):
        name, value = binding.key, binding.value
        if binding.error or "\0" in binding.original.string:
            problems.append(
                f"{label}, line {_line(binding)}: should be NAME=value; is a quote left open?"
            )
        elif name is not None and value is not None:
            if not (_SINGLE_QUOTED.match(binding.original.string) or is_secret(name, value)):
                value = "".join(part.resolve(known) for part in parse_variables(value))
            values[name] = value
    trimmed = {name: value.strip() for name, value in values.items()}
    set_values = {name: value for name, value in trimmed.items() if value}
    return EnvFile(label, set_values, tuple(problems))


def _line(binding: "Binding") -> int:
    """The line on which a statement begins; python-dotenv counts from the empty ones before it."""
    whole = binding.original.string
    return binding.original.line + whole[: len(whole) - len(whole.lstrip())].count("\n")


def _read_secret(path: SetValue) -> str:
    """The text in the file that a value names, without white space around it.

    Raises:
        ConfigurationError: there is no text to be had. It names the setting, not the path: that
            may be the secret itself, set under the wrong name.
    """
    try:
        return _text_of(path.text)
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path.name}: the file is not text in UTF-8"]) from error
    except OSError as error:
        trouble = f"the file cannot be read: {error.strerror}"
        raise ConfigurationError([f"{path.name}: {trouble}"]) from error
    except ValueError as error:
        raise ConfigurationError([f"{path.name}: {error}"]) from error


def _text_of(path: str) -> str:
    def without_waiting(name: str, flags: int) -> int:
        # Otherwise the opening of a pipe waits for whoever writes to it.
        return os.open(name, flags | os.O_NONBLOCK)

    with open(path, "rb", opener=without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it names no file")
        data = file.read(_LONGEST_SECRET + 1)
    if len(data) > _LONGEST_SECRET:
        raise ValueError("the file is larger than 64 KiB")
    text = data.decode("utf-8-sig").strip()
    if not text:
        raise ValueError("the file is empty")
    if "\0" in text:
        raise ValueError("the file is not text")
    return text
