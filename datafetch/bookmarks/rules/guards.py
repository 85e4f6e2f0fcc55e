"""Refuses a list that must not replace good data: empty, too short, shrunken, without URLs."""

from datafetch.errors import GuardRefused
from datafetch.models.job_settings import BookmarksSettings
from datafetch.models.run import JobReport


def check_not_empty(fetched: int, stored: int, unreadable: int = 0) -> None:
    """Refuse an empty list, even with `--allow-shrink`.

    `fetched` counts what came or will be stored, and `stored` what is stored now. `unreadable`,
    how many items could not be read, only changes the message.

    Raises:
        GuardRefused: `fetched` is 0.
    """
    if fetched == 0 and unreadable > 0:
        raise GuardRefused(
            f"none of the list's {unreadable} items could be read; "
            f"{stored} bookmarks are stored and stay",
            hint="The dead letters (json/datafetch/dead-letters/) say what is wrong with each.",
        )
    if fetched == 0:
        raise GuardRefused(
            f"the list came back empty, {stored} bookmarks are stored and stay",
            hint="Check BOOKMARKS_LIST_ID and what the token may read.",
        )


def check_bookmarks(
    stored: int,
    planned: int,
    with_url: int,
    settings: BookmarksSettings,
    *,
    production: bool,
    allow_shrink: bool,
    unreadable: int = 0,
) -> None:
    """Refuse a list that would replace a better one; all numbers count bookmarks.

    Raises:
        GuardRefused: with the numbers, and the way out as its hint.
    """
    check_not_empty(planned, stored, unreadable)
    if production and planned < settings.min_threshold:
        raise GuardRefused(
            f"{planned} bookmarks, and production takes no fewer than {settings.min_threshold}; "
            f"{stored} are stored and stay",
            hint="If this is right, set MIN_BOOKMARKS_THRESHOLD lower.",
        )
    if allow_shrink:
        return
    if with_url == 0:
        raise GuardRefused(
            f"none of {planned} bookmarks has a URL; {stored} are stored and stay",
            hint="If the list has notes and files only, run again with --allow-shrink.",
        )
    check_shrink(stored, planned, settings.max_shrink_ratio)


def check_failures(report: JobReport, max_failure_ratio: float) -> None:
    """Refuse a reading in which too many items newly failed: the server's answers may have changed.

    Raises:
        GuardRefused: with the numbers. The next run does not count the same failures again.
    """
    if report.over_budget(max_failure_ratio):
        scope = max(report.processed, report.newly_failed)
        raise GuardRefused(
            f"{report.newly_failed} of {scope} items could not be read; at most "
            f"{max_failure_ratio:.0%} may newly fail in a run, and what is stored stays",
            hint="The dead letters (json/datafetch/dead-letters/) say what is wrong with each. "
            "The next run goes on without them.",
        )


def check_shrink(stored: int, planned: int, max_ratio: float) -> None:
    """Refuse a list that lost more than `max_ratio` (0 to 1) of the stored bookmarks.

    Raises:
        GuardRefused: with the numbers; its hint names `--allow-shrink`.
    """
    lost = stored - planned
    if lost > stored * max_ratio:
        raise GuardRefused(
            f"bookmarks would shrink from {stored} to {planned}, by {lost / stored:.0%}; "
            f"at most {max_ratio:.0%} is accepted and what is stored stays"
        )
