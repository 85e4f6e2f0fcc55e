"""The crontab that runs the jobs at their times."""

import re
import shlex
from collections.abc import Iterator

from datafetch.cli.schedule_plan import ZONE, Plan, TimedCommand
from datafetch.errors import UsageError

_LOG = "datafetch.log"
_OPTIONS = ("--quiet", "--log-format", "console", "--log-file", _LOG)
_USUAL_PATH = "/usr/local/bin:/usr/bin:/bin"

_LONGEST_LINE = 998
"""MAX_COMMAND and MAX_ENVSTR of Debian's cron, which its crontab refuses to go beyond, are 1000."""

_SAFE = re.compile(r"[\w@+=:,./-]", re.ASCII)

_ABOVE = """\
# Made by: {made_by}
# Make it again after a change of an S3_..._CRON setting. Add these lines with `crontab -e`; in
# /etc/cron.d/ a line has the user's name after its five fields.
#
# Settings come from {env_file}; cron itself sets almost none.
# Say there where objects live (S3_BUCKET or DATAFETCH_STORE). PATH names where `datafetch` is:
# `command -v datafetch` shows it. Try a line as cron runs it, with an environment as poor:
#   env -i HOME="$HOME" PATH={short_path} \\
#     sh -c {tried}; echo "exit code $?"
#
# CRON_TZ is read by cronie (Fedora, RHEL, Arch; from Debian 13 and Ubuntu 24.04 on: apt-get install
# cronie), by systemd-cron from 2.1.3 on (Debian 13, Ubuntu 24.04) and by supercronic.
# It is not by the default cron of Debian and Ubuntu, by bcron and by busybox (Alpine), which run
# these lines in the machine's own time zone. There, as on Debian 12, leave out the lines of the
# jobs: run-due knows the zone, and starts each job within 15 minutes of its time. Busybox does not
# read PATH either: write {programs}/datafetch in the line. Or take the timers that
# `datafetch schedule --systemd` prints.
CRON_TZ={zone}
SHELL=/bin/sh
PATH={path}
"""

_MAIL = f"""\

# Cron mails what a line prints, to the owner of this crontab unless MAILTO names somebody else.
# --quiet prints nothing unless the job fails, and then says why and what to do; that another run
# was under way (exit code 75) is no failure. The log of every run is in {_LOG}.
# MAILTO=you@example.com
"""

_NET = """\

# The net under them: starts each job whose time has passed and that nobody has run, after downtime
# or where clocks change; a job that has run does not run again.
"""

_ROTATION = """\

# So that the log does not grow for ever, put this into /etc/logrotate.d/datafetch:
#   {log} {{
#       su {user} {group}
#       weekly
#       rotate 8
#       compress
#       delaycompress
#       missingok
#       notifempty
#   }}
"""


def crontab(plan: Plan) -> str:
    """The crontab of a plan, comments included, without a line end at its end.

    Raises:
        UsageError: a line is longer than crons take.
    """
    text = "".join(_parts(plan)).rstrip()
    for line in text.splitlines():
        if len(line.encode()) > _LONGEST_LINE and not line.startswith("#"):
            raise UsageError(
                f"the paths make a line longer than the {_LONGEST_LINE} bytes that every cron takes",
                hint="Name a folder and a file of settings with shorter paths.",
            )
    return text


def _parts(plan: Plan) -> Iterator[str]:
    folder = shell_word(str(plan.folder))
    options = "".join(f" {shell_word(option)}" for option in plan.global_options)
    yield _ABOVE.format(
        made_by=plan.made_by,
        env_file=plan.env_file or f".env in the working folder ({plan.folder} here)",
        short_path=shlex.quote(f"{plan.programs}:/usr/bin:/bin"),
        tried=shlex.quote(f"cd {folder} && datafetch bookmarks{options} --quiet"),
        programs=plan.programs,
        path=f"{plan.programs}:{_USUAL_PATH}",
        zone=ZONE,
    )
    if plan.variables:
        yield "\n# Set in the environment that made this, and not in the file of settings.\n"
        yield from (f"{name}={value}\n" for name, value in plan.variables.items())
    yield _MAIL
    *jobs, net = plan.timed
    widest = max(len(command.fields.plain) for command in plan.timed)
    yield "\n# minute hour day month weekday\n"
    yield from (_line(plan, command, widest) for command in jobs)
    for job in plan.jobs:
        if job.expression is None:
            yield f"# {job.name} is off; `{job.setting}=30 3 * * *` in the settings turns it on.\n"
    yield plan.left_out
    yield _NET
    yield _line(plan, net, widest)
    yield _ROTATION.format(log=_rotated(f"{plan.folder}/{_LOG}"), user=plan.user, group=plan.group)


def _line(plan: Plan, command: TimedCommand, widest: int) -> str:
    words = ("datafetch", *command.arguments, *plan.global_options, *_OPTIONS)
    called = " ".join(map(shell_word, words))
    return f"{command.fields.plain:<{widest}} cd {shell_word(str(plan.folder))} && {called}\n"


def shell_word(text: str) -> str:
    r"""A word as a shell reads it, also in a crontab.

    A `%` ends the command in a crontab, unless a backslash stands before it, which cron takes away
    (crontab(5)). Those that do not take it away leave it to the shell, which does.
    """
    return "".join(letter if _SAFE.fullmatch(letter) else f"\\{letter}" for letter in text)


def _rotated(path: str) -> str:
    """A path as logrotate reads it (logrotate.conf(5)): in quotes when it has spaces."""
    return f'"{path}"' if re.search(r"\s", path) else path
