"""What users are told of a build: what it would do to a folder, and pictures that are not as described."""

from collections.abc import Sequence
from typing import NamedTuple

_NAMED = 3


class FolderPlan(NamedTuple):
    """The names of one dataset's files that a run would add, change or remove; for dry runs."""

    new: Sequence[str]
    changed: Sequence[str]
    removed: Sequence[str]


def plan_note(plan: FolderPlan, files: int, folder: str, *, after_jobs: bool = False) -> str:
    """What would happen in the folder to a dataset that has so many `files`.

    `would write 2 files (a.json, b.json), change 1 (c.json) and remove 1 (d.png) in generated`.
    With `after_jobs` the jobs ran in the same dry run, and may store something else.
    """
    basis = " (by what is stored now: this dry run stored nothing)" if after_jobs else ""
    parts = [
        f"{verb} {_many(names)}"
        for verb, names in (
            ("write", plan.new),
            ("change", plan.changed),
            ("remove", plan.removed),
        )
        if names
    ]
    if not parts:
        return f"would write nothing: {folder} has all {files} files as they are stored{basis}"
    *first, last = parts
    said = f"{', '.join(first)} and {last}" if first else last
    return f"would {said} in {folder}{basis}"


def unstored_note(commit: str, files: Sequence[str], folder: str, store: str) -> str:
    """What would happen once the jobs have stored a dataset, whose key `commit` is not there yet."""
    return (
        f"would check {commit} and write {', '.join(files)} in {folder}; it is not in {store} yet, "
        "and this dry run stored nothing"
    )


def _many(names: Sequence[str]) -> str:
    count = "1 file" if len(names) == 1 else f"{len(names)} files"
    return f"{count} ({name_some(names)})"


def name_some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def differing_note(count: int, title: str, command: str) -> str:
    """What to tell of stored pictures that are not those which the manifest describes."""
    are = "1 stored picture is" if count == 1 else f"{count} stored pictures are"
    return (
        f"{are} not what {title} describes: a run stores them right now, or died; "
        f"`{command}` ends what it began"
    )
