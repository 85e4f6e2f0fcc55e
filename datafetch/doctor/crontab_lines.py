"""Reads a crontab: the lines that start datafetch, and the variables that hold for each.

Pure: the text comes in, values go out. The forms are those of crontab(5), of Debian's cron and of
cronie: five fields or a nickname, in the system's crontabs the user's name, then the command.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from datafetch.cron import Schedule
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
COMMANDS = frozenset(
    {
        *(
            *JOBS,
            "update",
            "prefetch-build",
            "prefetch-dev",
            "schedule",
            RUN_DUE,
            "pause",
            "resume",
        ),
        *("dead-letters", "status", "history", "doctor", "serve", "worker", "guide", "help"),
    }
)
"""All commands. The word `datafetch` without one of them behind it is mostly a file or a user."""

_ELSEWHERE = frozenset(
    {
        *("docker", "docker-compose", "podman", "nerdctl", "kubectl", "chroot", "ssh", "toolbox"),
        *("sudo", "doas", "su", "runuser", "systemd-run", "uv", "uvx", "pipx", "pixi", "poetry"),
        *("conda", "mamba", "mise", "direnv", "nix", ".", "source", "activate"),
    }
)
"""Programs that start another one by a PATH of their own, or on another machine."""

_SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})
_SHELL_COMMAND = re.compile(r"-[a-z]{0,8}c")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\"[^\"]+\"|'[^']+'")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTH = re.compile("|".join(_MONTHS))
_DAY = re.compile("|".join(_DAYS))
_FIELDS = 5
_PROGRAM = "datafetch"
_WITH_VALUE = frozenset({"--env-file", "--log-file", "--log-format"})
_UPDATE = "update"
_MOST_LINES = 5000


@dataclass(frozen=True, slots=True)
class CronLine:
    """A line that starts datafetch.

    Attributes:
        number: its place in the crontab, from 1.
        expression: its five fields, as one text with single spaces; empty for `@reboot`.
        program: the word by which datafetch is called: a path, or a name to be found by PATH.
        command: datafetch's command, such as `run-due`; empty when there is none.
        arguments: what follows the command.
        folder: where the line changes to first (`cd FOLDER &&`); empty when it does not.
        variables: those that stand above it.
        user: the name that stands before the command in a crontab of the system; else empty.
        elsewhere: the program, such as `docker`, that finds `program` in place of cron's PATH;
            empty when there is none.
        keeps_output: whether what the call prints goes into a file or another program.
    """

    number: int
    expression: str
    program: str
    command: str
    arguments: tuple[str, ...] = ()
    folder: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    elsewhere: str = ""
    keeps_output: bool = False

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


def same_times(one: str, other: str) -> bool:
    """Whether two expressions say the same, however their weekdays and months are written."""
    return _normal(one) == _normal(other)


def _normal(expression: str) -> str:
    try:
        minute, hour, day, month, weekday = Schedule.parse(expression).expression.split()
    except ValueError:
        return " ".join(expression.split())  # an expression in a form that only other crons know
    month = _MONTH.sub(lambda found: str(_MONTHS.index(found[0]) + 1), month)
    weekday = _DAY.sub(lambda found: str(_DAYS.index(found[0])), weekday)
    return " ".join((minute, hour, day, month, "0" if weekday == "7" else weekday))


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
            expression, user, command = found
            above = CronLine(number, expression, "", "", variables=dict(variables), user=user)
            yield from _calls(above, command)


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]
    return text[1:-1] if is_quoted else text


def _job(line: str, *, has_user: bool) -> tuple[str, str, str] | None:
    """The fields of a line, its user and its command; None when it has too few words."""
    fields = 1 if line.startswith("@") else _FIELDS
    words = line.split(maxsplit=fields + (1 if has_user else 0))
    if len(words) <= fields + (1 if has_user else 0):
        return None
    expression = " ".join(words[:fields])
    if line.startswith("@"):
        expression = _NICKNAMES.get(expression.lower(), "")
    return expression, words[fields] if has_user else "", words[-1]


def _calls(above: CronLine, command: str) -> Iterator[CronLine]:
    """Each call of datafetch in a command; `above` is what the line says before it."""
    words = _words(command)
    folder = ""
    for at, word in enumerate(words):
        if word == "cd" and at + 1 < len(words):
            folder = words[at + 1]
        follows = words[at + 1 :]
        if word.rpartition("/")[2] == _PROGRAM and _begins_a_call(words, at):
            program, ours = word, follows
        elif word == "-m" and follows[:1] == [_PROGRAM] and at:
            program, ours = words[at - 1], follows[1:]
        else:
            continue
        name, arguments = _command(ours)
        yield replace(
            above,
            program=program,
            command=name,
            arguments=arguments,
            folder=folder,
            elsewhere=_elsewhere(words[:at]),
            keeps_output=_keeps_output(ours),
        )


def _keeps_output(words: list[str]) -> bool:
    """Whether a call, up to the shell's next command, writes into a file or another program."""
    for word in words:
        if word in ("&&", "||", ";", "&", ")"):
            return False
        if word and set(word) <= set(">|&"):
            return True
    return False


def _elsewhere(before: list[str]) -> str:
    """The word before a call that makes cron's PATH mean nothing for it; empty when there is none."""
    for at, word in enumerate(before):
        name = word.rpartition("/")[2]
        is_login = _SHELL_COMMAND.fullmatch(word) is not None and "l" in word
        if word.startswith("PATH="):
            return "its own PATH"
        if name in _ELSEWHERE:
            return name
        if is_login and at and before[at - 1].rpartition("/")[2] in _SHELLS:
            return f"{before[at - 1]} {word}"
    return ""


def _words(command: str) -> list[str]:
    r"""The words of a command as a shell splits them; `\%` is a percent sign (crontab(5))."""
    plain = re.split(r"(?<!\\)%", command, maxsplit=1)[0].replace("\\%", "%")
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:  # a quote is left open
        return plain.split()
    return [inner for at in range(len(words)) for inner in _of_shell(words, at)]


def _of_shell(words: list[str], at: int) -> list[str]:
    """The word at a place or, when it is what a shell is to do (`sh -c '…'`), the words in it."""
    is_command = (
        at > 1
        and _SHELL_COMMAND.fullmatch(words[at - 1]) is not None
        and words[at - 2].rpartition("/")[2] in _SHELLS
    )
    return _words(words[at]) if is_command else [words[at]]


_BEFORE_A_CALL = frozenset({"&&", "||", ";", "|", "(", "{", "exec", "nice", "time", "then", "do"})
_BEFORE_A_FILE = frozenset({"cd", "-m", "--env-file", "--log-file", ">", ">>", "<"})


def _begins_a_call(words: list[str], at: int) -> bool:
    """Whether a word stands where a program is named, and not in an argument (`cd /srv/datafetch`)."""
    before = words[at - 1] if at else ";"
    if before in _BEFORE_A_CALL:
        return True
    # `flock -n FILE datafetch …`, `chronic datafetch …`: any word may be a program that calls
    # another, and ours then has a command behind it, which `logger -t datafetch` has not.
    return before not in _BEFORE_A_FILE and _command(words[at + 1 :])[0] in COMMANDS


def _command(words: list[str]) -> tuple[str, tuple[str, ...]]:
    """The command of datafetch, and the words after it until the shell's next command."""
    ours: list[str] = []
    for word in words:
        if word and set(word) <= set("();<>|&"):
            if ours and word[0] in "<>" and ours[-1].isdecimal():
                ours.pop()  # `2>&1`
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
