"""What schedulers are told: which commands to start, when, from where, and with what around them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from datafetch.cli.cron_fields import CronFields
from datafetch.clock import PACIFIC
from datafetch.job_groups import is_any_configured, is_configured, names_needed
from datafetch.models.run import JobName
from datafetch.settings import Settings

ZONE = PACIFIC
"""The zone in which schedules are read."""

RUN_DUE = "run-due"
_RUN_DUE_AT = "*/15 * * * *"
_RUN_DUE_APART_AT = "5-59/15 * * * *"

COMMANDS = {
    JobName.BOOKMARKS: "bookmarks",
    JobName.GITHUB: "github",
    JobName.LOGOS: "logos",
    JobName.OPENGRAPH: "refresh-opengraph",
}
"""The command that runs each job, in the order in which schedules are shown."""


@dataclass(frozen=True, slots=True)
class TimedCommand:
    """A command, and when it is started.

    Attributes:
        name: the job's name, or `run-due`.
        about: what it does, in a few words.
        arguments: what stands after `datafetch`.
        expression: the five fields of its schedule; None for a job whose schedule is off.
        setting: the setting that says its schedule; empty for `run-due`.
        missing: the required settings that are not set. The command is then left out, since each
            of its runs would end with 78. Empty for a command that is started.
    """

    name: str
    about: str
    arguments: tuple[str, ...]
    expression: str | None
    setting: str = ""
    missing: tuple[str, ...] = ()

    @property
    def is_timed(self) -> bool:
        """Whether a scheduler is to start it."""
        return self.expression is not None and not self.missing

    @property
    def fields(self) -> CronFields:
        """What its schedule means; only for one that has a schedule."""
        assert self.expression is not None
        return CronFields.read(self.expression)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a scheduler's files are made of.

    Attributes:
        made_by: the command line that made them.
        jobs: a command for each job, those that are off or not configured included.
        folder: the working folder of every run.
        programs: the folder of the `datafetch` command.
        env_file: the file of settings, when it is not `.env` in the working folder.
        variables: settings of the schedule that only the environment has which made this, and that
            a scheduler has to be told.
        user: who is to run the commands, where a scheduler wants to know.
        group: the group of whoever runs the commands.
        run_due_apart: whether `run-due` starts a few minutes after the jobs, and not with them.
        writable: the folders that runs write to.
    """

    made_by: str
    jobs: tuple[TimedCommand, ...]
    folder: Path
    programs: Path
    env_file: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    user: str = "site"
    group: str = "site"
    run_due_apart: bool = False
    writable: tuple[Path, ...] = ()

    @property
    def timed(self) -> tuple[TimedCommand, ...]:
        """The commands that are started: each job that is timed, and `run-due`."""
        net = RUN_DUE_APART_COMMAND if self.run_due_apart else RUN_DUE_COMMAND
        return (*(job for job in self.jobs if job.is_timed), net)

    @property
    def left_out(self) -> str:
        """Comment lines that name each job which has a schedule and is not configured."""
        return "".join(
            f"# {job.name} is left out: {', '.join(job.missing)} are not set.\n"
            for job in self.jobs
            if job.expression and job.missing
        )

    @property
    def global_options(self) -> tuple[str, ...]:
        """Options that every command gets."""
        return ("--env-file", str(self.env_file)) if self.env_file else ()


def job_commands(settings: Settings) -> tuple[TimedCommand, ...]:
    """A command for each job.

    Jobs that are not configured have their `missing` settings. Where no job is configured at all,
    `missing` is empty for each, and all are timed.
    """
    chosen = is_any_configured(settings)
    commands = []
    for job, command in COMMANDS.items():
        schedule = settings.schedule_of(job)
        commands.append(
            TimedCommand(
                name=job.value,
                about=_ABOUT[job],
                arguments=(command, "--scheduled"),
                expression=schedule.expression if schedule else None,
                setting=settings.cron_name_of(job),
                missing=names_needed(job) if chosen and not is_configured(settings, job) else (),
            )
        )
    return tuple(commands)


_ABOUT = {
    JobName.BOOKMARKS: "sync the bookmark list",
    JobName.GITHUB: "refresh GitHub activity",
    JobName.LOGOS: "fetch logos",
    JobName.OPENGRAPH: "refresh previews of bookmarked pages",
}

RUN_DUE_COMMAND = TimedCommand(RUN_DUE, "start what was missed", (RUN_DUE,), _RUN_DUE_AT)
"""The net under all other lines: jobs whose slot nobody has run yet."""

RUN_DUE_APART_COMMAND = replace(RUN_DUE_COMMAND, expression=_RUN_DUE_APART_AT)
"""The same for schedulers that keep a log for each command and wait for the one before.

Started in the same minute as a job it would often be the one that runs it: the job's own log would
be empty, and nothing else would be made good until that run ends.
"""
