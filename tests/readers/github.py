"""What the readers of GitHub's activity demand."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field

from tests.readers.shapes import Count, Day, Shape, read
from tests.readers.site import Site

Pacific = Annotated[
    str,
    Field(
        pattern=r"^(0[1-9]|1[0-2])/(0[1-9]|[12][0-9]|3[01])/[0-9]{4}, (0[1-9]|1[0-2]):[0-5][0-9]:[0-5][0-9] [AP]M P[SD]T$"
    ),
]
"""As JavaScript's `toLocaleString` writes it for en-US with two digits each."""


class ContributionDay(Shape):
    date: Day
    count: Count
    level: Annotated[int, Field(ge=0, le=4)]


class OlderCommits(Shape):
    total_commits: Count
    total_lines_added: Count
    total_lines_removed: Count
    public_commits: Count
    private_commits: Count
    per_repo: Annotated[dict[str, None], Field(max_length=0)]
    """Empty: names of private repositories are nobody's business."""


class Segment(Shape):
    source: Literal["api"]
    data: list[ContributionDay]
    total_contributions: Count
    lines_added: Count
    lines_removed: Count
    data_complete: bool
    all_commits_older_than_year: OlderCommits = OlderCommits.model_construct()


class Activity(Shape):
    trailing_year_data: Segment
    cumulative_all_time_data: Segment


class Category(Shape):
    lines_added: Count
    lines_removed: Count
    net_change: int
    repo_count: Count


class Categories(Shape):
    frontend: Category
    backend: Category
    data_engineer: Category
    other: Category


class Summary(Shape):
    last_updated_at_pacific: Pacific
    total_contributions: Count
    total_lines_added: Count
    total_lines_removed: Count
    net_lines_of_code: int
    data_complete: bool
    total_repositories_contributed_to: Count
    lines_of_code_by_category: Categories


class Week(Shape):
    week_start_date: Day
    lines_added: Count
    lines_removed: Count


def refusals(objects: Mapping[str, bytes], site: Site) -> Iterator[str]:
    """What the readers of the activity refuse."""
    told: list[str] = []
    root, suffix = "json/github-activity/", site.suffix
    activity, _ = read(objects, f"{root}activity_data{suffix}.json", Activity, told)
    for name in ("github_stats_summary", "github_stats_summary_all_time"):
        summary, _ = read(objects, f"{root}{name}{suffix}.json", Summary, told)
        if summary is not None:
            told += (f"{root}{name}{suffix}.json: {fault}" for fault in _summary(summary))
    weekly = f"{root}aggregated_weekly_activity{suffix}.json"
    weeks, _ = read(objects, weekly, list[Week], told)
    yield from told
    if activity is not None:
        yield from _days(activity, f"{root}activity_data{suffix}.json")
    starts = [week.week_start_date for week in weeks or []]
    if starts != sorted(set(starts)):
        yield f"{weekly}: the weeks are not in order, each once"
    yield from _tables(objects, f"{root}repo_raw_weekly_stats{suffix}/")


def _days(activity: Activity, key: str) -> Iterator[str]:
    days = [date.fromisoformat(day.date) for day in activity.trailing_year_data.data]
    if not days or days != [days[0] + timedelta(days=at) for at in range(len(days))]:
        yield f"{key}: the days are not one after the other"
    counted = sum(day.count for day in activity.trailing_year_data.data)
    if counted != activity.trailing_year_data.total_contributions:
        yield f"{key}: totalContributions is not the sum of the days"
    if activity.cumulative_all_time_data.data:
        yield f"{key}: the days of all time are to stay away"


def _summary(summary: Summary) -> Iterator[str]:
    if summary.net_lines_of_code != summary.total_lines_added - summary.total_lines_removed:
        yield "netLinesOfCode is not what was added less what was removed"
    for name in ("frontend", "backend", "data_engineer", "other"):
        category: Category = getattr(summary.lines_of_code_by_category, name)
        if category.net_change != category.lines_added - category.lines_removed:
            yield f"netChange of {name} is not what was added less what was removed"


def _tables(objects: Mapping[str, bytes], prefix: str) -> Iterator[str]:
    """Rows `w,a,d,c`, numbers only, by week, without a head."""
    for key, body in objects.items():
        if not key.startswith(prefix):
            continue
        rows = body.decode().splitlines()
        if not all(re.fullmatch(r"[0-9]+(,[0-9]+){3}", row) for row in rows):
            yield f"{key}: has a row that is not four numbers"
        elif rows != sorted(rows, key=lambda row: int(row.partition(",")[0])):
            yield f"{key}: is not in the order of weeks"
