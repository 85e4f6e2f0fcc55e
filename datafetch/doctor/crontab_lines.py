"""Reads a crontab: the lines that start datafetch, and the variables that hold for each.

Pure: the text comes in, values go out. The forms are those of crontab(5), of Debian's cron and of
cronie: five fields or a nickname, in the system's crontabs the user's name, then the command.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from datafetch.models.run import JobName

RUN_DUE = "run-due"
JOBS = {
    "bookmarks": JobName.BOOKMARKS,
    "github": JobName.GITHUB,
    "logos": JobName.LOGOS,
    "refresh-opengraph": JobName.OPENGRAPH,
}
"""The commands that run a job, by their names."""

_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\"[^\"]+\"|'[^']+'")
_FIELDS = 5
_PROGRAM = "datafetch"
_WITH_VALUE = frozenset({"--env-file", "--log-file", "--log-format"})
_UPDATE = "update"
_MOST_LINES = 5000


@dataclass(frozen=True, slots=True)
class CronLine:
    """A line that starts datafetch.

    Attributes:
        number: in its crontab, from 1.
        expression: its five fields, as one text with single spaces; empty for `@reboot`.
        program: the word by which datafetch is called: a path, or a name to be found by PATH.
        command: datafetch's command, such as `run-due`; empty when there is none.
        arguments: what follows the command.
        folder: where the line changes to first (`cd FOLDER &&`); empty when it does not.
        variables: those that stand above it.
    """

    number: int
    expression: str
    program: str
    command: str
    arguments: tuple[str, ...] = ()
    folder: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def jobs(self) -> tuple[JobName, ...]:
        """The jobs that it runs by their own schedule; none for `run-due`."""
        if self.command == _UPDATE:
            named = tuple(JobName(word) for word in self.arguments if word in set(JobName))
            return named or tuple(JobName)
        job = JOBS.get(self.command)
        return (job,) if job else ()

    @property
    def is_scheduled(self) -> bool:
        """Whether it claims the slots of its job's schedule."""
        return "--scheduled" in self.arguments


def read_crontab(text: str, *, has_user: bool) -> list[CronLine]:
    """The lines of a crontab that start datafetch; `has_user` is for those of the system."""
    return list(_lines(text, has_user=has_user))


def _lines(text: str, *, has_user: bool) -> Iterator[CronLine]:
    variables: dict[str, str] = {}
    for number, written in enumerate(text.splitlines()[:_MOST_LINES], start=1):
        line = written.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if equals and _NAME.fullmatch(name.strip()):
            variables[_unquoted(name.strip())] = _unquoted(value.strip())
            continue
        found = _job(line, has_user=has_user)
        if found is not None:
            expression, command = found
            yield from _calls(number, expression, command, dict(variables))


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]
    return text[1:-1] if is_quoted else text


def _job(line: str, *, has_user: bool) -> tuple[str, str] | None:
    """The fields of a line and its command; None when it has too few words."""
    fields = 1 if line.startswith("@") else _FIELDS
    words = line.split(maxsplit=fields + (1 if has_user else 0))
    if len(words) <= fields + (1 if has_user else 0):
        return None
    expression = " ".join(words[:fields])
    if line.startswith("@"):
        expression = _NICKNAMES.get(expression.lower(), "")
    return expression, words[-1]


def _calls(
    number: int, expression: str, command: str, variables: Mapping[str, str]
) -> Iterator[CronLine]:
    words = _words(command)
    folder = ""
    for at, word in enumerate(words):
        if word == "cd" and at + 1 < len(words):
            folder = words[at + 1]
        follows = words[at + 1 :]
        if word.rpartition("/")[2] == _PROGRAM and _begins_a_call(words, at):
            name, arguments = _command(follows)
            yield CronLine(number, expression, word, name, arguments, folder, variables)
        elif word == "-m" and follows[:1] == [_PROGRAM]:
            name, arguments = _command(follows[1:])
            program = words[at - 1] if at else ""
            yield CronLine(number, expression, program, name, arguments, folder, variables)


def _words(command: str) -> list[str]:
    r"""The words of a command as a shell splits them; `\%` is a percent sign (crontab(5))."""
    plain = re.split(r"(?<!\\)%", command, maxsplit=1)[0].replace("\\%", "%")
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # a quote is left open
        return plain.split()


_BEFORE_A_CALL = frozenset(
    {"&&", "||", ";", "|", "(", "{", "exec", "nice", "time", "then", "do", "env", "uvx", "run"}
)

_BEFORE_A_FILE = frozenset({"cd", "-m", "--env-file", "--log-file", ">", ">>", "<"})


def _begins_a_call(words: list[str], at: int) -> bool:
    """Whether a word stands where a program is named, and not in an argument (`cd /srv/datafetch`)."""
    if at == 0:
        return True
    before = words[at - 1]
    # `flock -n FILE datafetch …`, `chronic datafetch …`: any word may be a program that calls
    # another; a folder is one only behind `cd`, and a file behind an option of ours.
    return before in _BEFORE_A_CALL or before not in _BEFORE_A_FILE


def _command(words: list[str]) -> tuple[str, tuple[str, ...]]:
    """The command of datafetch, and the words after it until the shell's next command."""
    ours: list[str] = []
    for word in words:
        if word and set(word) <= set("();<>|&"):
            break
        ours.append(word)
    skip = False
    for at, word in enumerate(ours):
        if skip:
            skip = False
        elif word in _WITH_VALUE:
            skip = True
        elif not word.startswith("-"):
            return word, (*ours[:at], *ours[at + 1 :])
    return "", tuple(ours)
