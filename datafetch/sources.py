"""Reads the places in which the values of settings stand: the environment, `.env`, secret files.

Nothing here knows which settings there are. `environment.py` asks for a value by its name.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datafetch.env_file import EnvFile
from datafetch.errors import ConfigurationError
from datafetch.regular_files import NotAFile, open_regular

FILE_SUFFIX = "_FILE"
"""What is added to a setting's name to give the path of a file that holds the value.

The images on Docker Hub made this a habit (https://docs.docker.com/compose/how-tos/use-secrets/).
"""

_IN_THE_ENVIRONMENT = "in the environment"
_LONGEST_SECRET = 64 * 1024


@dataclass(frozen=True, slots=True)
class SetValue:
    """A value, and where it stands.

    Attributes:
        name: the name under which it stands; with `_FILE` when a file holds the value.
        text: the value without white space around it; never empty.
        where: the place in words, for a sentence about the value.
    """

    name: str
    text: str = field(repr=False)
    where: str = _IN_THE_ENVIRONMENT

    def sentence(self, said: str) -> str:
        """A sentence about the value: its name, what is said, and where it stands."""
        return f"{self.name}: {said} ({self.where})"


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
        if text and in_file:
            return SetValue(
                name, text, f"{_IN_THE_ENVIRONMENT}, which goes before {self.file.label}"
            )
        if text:
            return SetValue(name, text)
        return SetValue(name, in_file, self.file.where(name)) if in_file else None

    def where_empty(self, name: str) -> str | None:
        """Where this name stands without a value, in words; None when it stands nowhere."""
        if name in self.file.lines:
            return self.file.where(name)
        return _IN_THE_ENVIRONMENT if name in self.variables else None

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
                problems.append(
                    f"{name} ({value.where}) and {path.name} ({path.where}) are both set: "
                    "keep one of them"
                )
            chosen = chosen or value or path
        if problems:
            raise ConfigurationError(problems)
        if chosen is None or chosen.name in names:
            return chosen
        return SetValue(chosen.name, _read_secret(chosen), "in the file that it names")


def _read_secret(path: SetValue) -> str:
    """The text in the file that a value names, without white space around it.

    Raises:
        ConfigurationError: there is no text to be had. It names the setting, not the path: that
            may be the secret itself, set under the wrong name.
    """
    try:
        return _text_of(path.text)
    except UnicodeDecodeError as error:
        raise ConfigurationError([path.sentence("the file is not text in UTF-8")]) from error
    except NotAFile as error:
        raise ConfigurationError([path.sentence(f"it names no file but {error.kind}")]) from error
    except OSError as error:
        said = f"the file cannot be read: {error.strerror}"
        if not os.path.isabs(path.text):  # noqa: PTH117 - the text may be no path at all
            said += f"; {path.name} holds a path, and this one begins in {Path.cwd()}"
        raise ConfigurationError([path.sentence(said)]) from error
    except ValueError as error:
        raise ConfigurationError([path.sentence(str(error))]) from error


def _text_of(path: str) -> str:
    with open_regular(path) as file:
        data = file.read(_LONGEST_SECRET + 1)
    if len(data) > _LONGEST_SECRET:
        raise ValueError("the file is larger than 64 KiB")
    text = data.decode("utf-8-sig").strip()
    if not text:
        raise ValueError("the file is empty")
    if "\0" in text:
        raise ValueError("the file is not text")
    return text
