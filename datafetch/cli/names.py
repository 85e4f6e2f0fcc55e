"""How the names of jobs, runs and dead letters are read from the command line."""

import re

import typer

from datafetch.cli.usage import no_such_job, shown
from datafetch.models.run import JobName, RunStatus

_RUN_ID = re.compile(r"\d{8}T[0-9TZ]*(?:-[0-9a-f]*)?|[0-9a-f]{4,8}", re.ASCII)
_LETTER_ID = re.compile(r"[0-9a-f]{1,12}", re.ASCII)
_ACTIONS = ("list", "show", "retry", "drop")


def job_name(text: str) -> JobName:
    """The job that this text names.

    Raises:
        typer.BadParameter: no job has that name.
    """
    names = [job.value for job in JobName]
    if text not in names:
        raise typer.BadParameter(no_such_job(text, names))
    return JobName(text)


def run_status(text: str) -> RunStatus:
    """The status of a run that this text names.

    Raises:
        typer.BadParameter: no run has that status.
    """
    names = [status.value for status in RunStatus if status is not RunStatus.LOCKED]
    if text not in names:
        raise typer.BadParameter(f"{shown(text)} is no status of a run: write {', '.join(names)}")
    return RunStatus(text)


def job_or_run(text: str) -> JobName | str:
    """A job, or the id of a run, its beginning, or its last part.

    Raises:
        typer.BadParameter: it is neither.
    """
    names = [job.value for job in JobName]
    if text in names:
        return JobName(text)
    if _RUN_ID.fullmatch(text):
        return text
    raise typer.BadParameter(f"{no_such_job(text, names)}, nor is it the id of a run")


def letter_action(text: str) -> str:
    """The action on dead letters that this text names.

    Raises:
        typer.BadParameter: there is no action of that name.
    """
    if text in _ACTIONS:
        return text
    is_name = text in [job.value for job in JobName] or _LETTER_ID.fullmatch(text)
    meant = f": did you mean list {text}?" if is_name else f": write {', '.join(_ACTIONS)}"
    raise typer.BadParameter(f"{shown(text)} is nothing to do with dead letters{meant}")


def job_or_letter(text: str) -> JobName | str:
    """A job, or the id of a dead letter or its beginning.

    Raises:
        typer.BadParameter: it is neither.
    """
    names = [job.value for job in JobName]
    if text in names:
        return JobName(text)
    if _LETTER_ID.fullmatch(text):
        return text
    raise typer.BadParameter(f"{no_such_job(text, names)}, nor is it the id of a dead letter")
