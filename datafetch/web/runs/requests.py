"""What a server is asked to run, and how requests are united so that one run does what many asked."""

from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Literal

from datafetch.models.run import JobName, RunOptions, RunResult

Kind = Literal["whole", "named"]
"""Whether a run goes over all items of its job, or over those that were named."""


State = Literal["started", "joined", "next"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a run that was asked for.

    Attributes:
        state: `started` when no other was under way; `joined` when one that has not begun its work
            does it too; `next` when one more run follows that which is under way.
        done: the result of the run that does what was asked for. Instead of a result it has a
            `DatafetchError` when the run could not be made, or was stopped before it began.
    """

    state: State
    done: "Future[RunResult]"


def asked_of(job: JobName, options: RunOptions) -> RunOptions:
    """The same options in the form in which they can be compared and united.

    For named items the bookmark job reads its whole list, so that such a run is a full one.

    Raises:
        ValueError: options that no run of a server has, because a run with them does not do what
            others ask for: only `force`, `full` and `only` can be united.
    """
    kept = RunOptions(force=options.force, full=options.full, only=_once(options.only))
    if replace(kept, only=options.only) != options:
        raise ValueError("a run of the server has only the options force, full and only")
    if job is JobName.BOOKMARKS and kept.only:
        return replace(kept, full=True)
    return kept


def kind_of(job: JobName, options: RunOptions) -> Kind:
    """With which other runs of the job this one can be united: with those of the same kind."""
    return "named" if options.only and job is not JobName.BOOKMARKS else "whole"


def united(first: RunOptions, second: RunOptions) -> RunOptions:
    """The options of one run that does what two of the same kind would do."""
    return RunOptions(
        force=first.force or second.force,
        full=first.full or second.full,
        only=_once((*first.only, *second.only)),
    )


def covers(job: JobName, first: RunOptions, second: RunOptions) -> bool:
    """Whether a run with the first options does all that one with the second would do."""
    is_same_kind = kind_of(job, first) == kind_of(job, second)
    return is_same_kind and united(first, second) == first


def _once(items: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
