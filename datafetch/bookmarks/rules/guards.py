"""What is refused before it can replace good data: empty, too few, shrunken, without URLs."""

from dataclasses import dataclass

from datafetch.errors import GuardRefused
from datafetch.models.run import JobReport


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """How strict the guards are.

    Attributes:
        minimum: fewer are refused in production.
        max_shrink_ratio: the part of a dataset that may be lost, 0 to 1.
        production: whether the minimum counts.
        allow_shrink: the user accepts a smaller dataset.
    """

    minimum: int
    max_shrink_ratio: float
    production: bool
    allow_shrink: bool


def check_not_empty(fetched: int, stored: int, unreadable: int = 0) -> None:
    """Refuse an upstream that answers with nothing, or nothing readable; nobody can allow it.

    Raises:
        GuardRefused: nothing came that could be stored.
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
    stored: int, planned: int, with_url: int, policy: GuardPolicy, unreadable: int = 0
) -> None:
    """Refuse a list that would replace a better one.

    Raises:
        GuardRefused: with the numbers, and the way out as its hint.
    """
    check_not_empty(planned, stored, unreadable)
    if policy.production and planned < policy.minimum:
        raise GuardRefused(
            f"{planned} bookmarks, and production takes no fewer than {policy.minimum}; "
            f"{stored} are stored and stay",
            hint="If this is right, set MIN_BOOKMARKS_THRESHOLD lower.",
        )
    if with_url == 0 and not policy.allow_shrink:
        raise GuardRefused(
            f"none of {planned} bookmarks has a URL; {stored} are stored and stay",
            hint="If the list has notes and files only, run again with --allow-shrink.",
        )
    check_shrink("bookmarks", stored, planned, policy.max_shrink_ratio, allow=policy.allow_shrink)


def check_failures(report: JobReport, max_failure_ratio: float) -> None:
    """Refuse a reading of which too much newly failed: the upstream changed, not its items.

    Raises:
        GuardRefused: with the numbers. What failed is known by then and does not count again.
    """
    if report.over_budget(max_failure_ratio):
        scope = max(report.processed, report.newly_failed)
        raise GuardRefused(
            f"{report.newly_failed} of {scope} items could not be read; at most "
            f"{max_failure_ratio:.0%} may newly fail in a run, and what is stored stays",
            hint="The dead letters (json/datafetch/dead-letters/) say what is wrong with each. "
            "The next run goes on without them.",
        )


def check_shrink(what: str, stored: int, planned: int, max_ratio: float, *, allow: bool) -> None:
    """Refuse a dataset that lost more than its ratio.

    Raises:
        GuardRefused: with the numbers; its hint names `--allow-shrink`.
    """
    lost = stored - planned
    if allow or lost <= 0 or lost <= stored * max_ratio:
        return
    raise GuardRefused(
        f"{what} would shrink from {stored} to {planned}, by {lost / stored:.0%}; "
        f"at most {max_ratio:.0%} is accepted and what is stored stays"
    )
