"""Finds the program that a line of a crontab starts, as the line's shell would find it."""

import re
import stat
from dataclasses import dataclass
from pathlib import Path

from datafetch.doctor.crontab_lines import CronLine

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")


class Untold(Exception):
    """It cannot be known from here where the program is; the message says why."""


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks for programs in a system, for a crontab's owner.

    Attributes:
        root: the root folder of the system.
        home: the owner's own folder, where cron starts; None when it is not known.
    """

    root: Path
    home: Path | None

    def find(self, line: CronLine, path: str) -> Path | None:
        """The file that the line starts, as the system names it; None when there is none.

        Raises:
            Untold: another program or shell finds it, or this user may not look there.
        """
        if line.elsewhere:
            raise Untold(f"{line.elsewhere} finds it in its own way")
        program = self._expanded(line.program, line)
        if "/" not in program:
            places = [f"{place}/{program}" for place in path.split(":") if place]
        else:
            places = [self._absolute(program, line)]
        for place in places:
            if self._is_program(place):
                return Path(place)
        return None

    def _absolute(self, program: str, line: CronLine) -> str:
        """The path from the root. A relative one begins in the line's `folder`, else at home."""
        if program.startswith("/"):
            return program
        folder = self._expanded(line.folder, line)
        if not folder.startswith("/"):
            folder = f"{self._home(line)}/{folder}"
        return f"{folder}/{program}"

    def _home(self, line: CronLine) -> str:
        home = line.variables.get("HOME") or self.home
        if home is None:
            raise Untold("it depends on a home folder that is not known")
        return str(home)

    def _expanded(self, word: str, line: CronLine) -> str:
        """A word with `~` and variables as the shell puts them in (crontab(5))."""
        if word == "~" or word.startswith("~/"):
            word = f"{self._home(line)}{word[1:]}"
        elif word.startswith("~"):
            raise Untold("it depends on a home folder that is not known")

        def value(found: re.Match[str]) -> str:
            name = found[1] or found[2]
            if name == "HOME":
                return self._home(line)
            if name not in line.variables:
                raise Untold(f"${name} is set elsewhere")
            return line.variables[name]

        expanded = _VARIABLE.sub(value, word)
        if "$" in expanded or "`" in expanded:
            raise Untold("a shell makes its name")
        return expanded

    def _is_program(self, place: str) -> bool:
        try:
            mode = (self.root / place.lstrip("/")).stat().st_mode
        except PermissionError:
            raise Untold(f"this user may not look for {place}") from None
        except (OSError, ValueError):
            return False
        return stat.S_ISREG(mode) and bool(mode & 0o111)
