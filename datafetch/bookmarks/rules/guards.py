"""Refuses a list that must not replace good data: empty, too short, shrunken, without URLs.

The messages are published in the heartbeat: they hold numbers only, no id and no address. What
names the list is in the hints.
"""

from datafetch.errors import GuardRefused
from datafetch.models.job_settings import BookmarksSettings
from datafetch.models.run import JobReport

_LETTERS = (
    "The dead letters (json/datafetch/dead-letters/) say what is wrong with each; mend them in "
    "Karakeep."
)


def check_not_empty(
    fetched: int, stored: int, list_id: str, unreadable: int = 0, left_out: int = 0
) -> None:
    """Refuse an empty list, even with `--allow-shrink`.

    `fetched` counts what came or will be stored, and `stored` what is stored now. `unreadable`,
    how many items could not be read, and `left_out`, how many have no web address, only change
    the message.

    Raises:
        GuardRefused: `fetched` is 0.
    """
    stay = f"{stored} bookmarks are stored and stay" if stored else "0 bookmarks are stored"
    if fetched == 0 and unreadable > 0:
        raise GuardRefused(
            f"none of the list's {unreadable} items could be read; {stay}", hint=_LETTERS
        )
    if fetched == 0 and left_out > 0:
        raise GuardRefused(
            f"none of the list's {left_out} items has a web address; {stay}",
            hint=f"If the list {list_id} is right and has notes and files only, set "
            "BOOKMARKS_INCLUDE_UNLINKED=true and run `datafetch bookmarks --allow-shrink`.",
        )
    if fetched == 0:
        raise GuardRefused(
            f"the list came back empty; {stay}",
            hint=f"Look at the list {list_id} in Karakeep: is BOOKMARKS_LIST_ID right, and are "
            "there bookmarks on it that this API key may read? An empty list is never published.",
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
    left_out: int = 0,
    withdrawn: int = 0,
    command: str = "datafetch bookmarks",
) -> None:
    """Refuse a list that would replace a better one; all numbers count bookmarks.

    `left_out` are those of the list that are not published for want of a web address: they are
    not in `planned`, and count for the minimum. `withdrawn` are those of them that are stored:
    that they go is no shrinking. `command` is what the user typed, for the hints.

    Raises:
        GuardRefused: with the numbers, and the way out as its hint.
    """
    check_not_empty(planned, stored, settings.list_id, unreadable, left_out)
    if production and planned + left_out < settings.min_threshold:
        raise GuardRefused(
            f"{planned + left_out} bookmarks, and production takes no fewer than {settings.min_threshold}; "
            f"{stored} are stored and stay",
            hint=f"If the list {settings.list_id} is right and has so few, set "
            f"MIN_BOOKMARKS_THRESHOLD={planned + left_out}.",
        )
    if allow_shrink:
        return
    if with_url == 0:
        raise GuardRefused(
            f"none of {planned} bookmarks has a URL; {stored} are stored and stay",
            hint=f"If the list {settings.list_id} has notes and files only, run "
            f"`{command} --allow-shrink`.",
        )
    check_shrink(
        max(0, stored - withdrawn), planned, settings.max_shrink_ratio, settings.list_id, command
    )


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
            hint=f"{_LETTERS} If they are to be left out for now, run `datafetch bookmarks` again: "
            "it goes on without them.",
        )


def check_shrink(stored: int, planned: int, max_ratio: float, list_id: str, command: str) -> None:
    """Refuse a list that lost more than `max_ratio` (0 to 1) of the stored bookmarks.

    Raises:
        GuardRefused: with the numbers; its hint names `--allow-shrink`.
    """
    lost = stored - planned
    if lost > stored * max_ratio:
        raise GuardRefused(
            f"bookmarks would shrink from {stored} to {planned}, by {lost / stored:.0%}; "
            f"at most {max_ratio:.0%} is accepted and what is stored stays",
            hint=f"If {lost} bookmarks were taken off the list {list_id} on purpose, run "
            f"`{command} --allow-shrink`; DATAFETCH_MAX_SHRINK_RATIO sets how much is accepted.",
        )
