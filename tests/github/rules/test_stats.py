"""Categories, sums, and what stays."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.github.model import Week
from datafetch.github.rules.published import weekly_activity
from datafetch.github.rules.stats import (
    Lines,
    OlderCommits,
    RepositoryWeeks,
    category,
    older_commits,
    settle,
    settle_older,
    sum_lines,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("o/my-web-app", "frontend"),
        ("o/website", "frontend"),
        ("o/my-webapp", "frontend"),
        ("o/clients", "frontend"),
        ("o/userUIs", "frontend"),
        ("o/webhook", "other"),
        ("o/ui", "frontend"),
        ("o/build", "other"),
        ("o/ReactThing", "frontend"),
        ("o/NextJS-site", "frontend"),
        ("o/rest_api", "backend"),
        ("o/rapid", "other"),
        ("o/orders.service", "backend"),
        ("o/micro_services", "backend"),
        ("o/userAPIs", "backend"),
        ("o/NodeJS-tools", "backend"),
        ("o/database", "dataEngineer"),
        ("o/pipelines", "dataEngineer"),
        ("o/news", "other"),
        ("o/MLPipeline", "dataEngineer"),
        ("o/emails", "other"),
        ("o/ai-notes", "dataEngineer"),
        ("web-owner/tools", "other"),
        ("o/web-api", "frontend"),
    ],
)
def test_categories_go_by_whole_words(name: str, kind: str) -> None:
    """`ai` is a word of `ai-notes`, not of `emails`; plurals count; the owner says nothing."""
    assert category(name) == kind


repositories = st.lists(
    st.builds(
        RepositoryWeeks,
        st.sampled_from(["o/web", "o/api", "o/data", "o/misc", "p/other-ui"]),
        st.lists(
            st.builds(
                Week,
                st.integers(2600, 2660).map(lambda n: 259200 + n * 604_800),
                *[st.integers(0, 500)] * 3,
            ),
            unique_by=lambda week: week.start,
        ),
    ),
    max_size=8,
)
WINDOW = (date(2019, 11, 25), date(2020, 11, 24))


@given(repositories)
def test_sums_agree_with_each_other(everyone: list[RepositoryWeeks]) -> None:
    """Categories add up to the totals, and weeks to all time; plain loops say the same."""
    lines = sum_lines(everyone, None)
    weekly = weekly_activity(everyone)
    added = sum(w.added for repository in everyone for w in repository.weeks)
    assert lines.added == added == sum(row.lines_added for row in weekly)
    assert sum(kind.lines_removed for kind in lines.categories.values()) == lines.removed
    assert sum(kind.repo_count for kind in lines.categories.values()) == len(everyone)
    assert [row.week_start_date for row in weekly] == sorted(
        {w.day for repository in everyone for w in repository.weeks}
    )


@given(repositories)
def test_the_window_counts_weeks_that_begin_in_it(everyone: list[RepositoryWeeks]) -> None:
    """Trailing-year sums are those of its weeks, and of repositories that did something there."""
    lines = sum_lines(everyone, WINDOW)
    inside = [
        [w for w in repository.weeks if WINDOW[0] <= w.day <= WINDOW[1]] for repository in everyone
    ]
    assert lines.removed == sum(w.deleted for weeks in inside for w in weeks)
    assert lines.repositories == sum(
        any(w.added or w.deleted or w.commits for w in weeks) for weeks in inside
    )


GOOD = Lines(100, 50)


@pytest.mark.parametrize(
    ("new", "all_read", "stays"),
    [
        (Lines(120, 60), False, False),
        (Lines(90, 60), False, True),
        (Lines(120, 40), False, True),
        (Lines(90, 40), True, False),
        (Lines(200, 90, complete=False), True, True),
        (Lines(0, 0), True, True),
    ],
)
def test_sums_never_get_worse(new: Lines, all_read: bool, stays: bool) -> None:
    """A run cut short by 202s or the rate limit overwrote a complete year with less, or zeros."""
    assert (settle(new, GOOD, all_read=all_read) is GOOD) == stays


@pytest.mark.parametrize("stored", [Lines(7, 0), Lines(0, 7)])
def test_zeros_never_replace_something(stored: Lines) -> None:
    """Lines that were only added, or only removed, are lines too."""
    assert settle(Lines(0, 0), stored, all_read=True) is stored
    assert settle(stored, GOOD, all_read=True) is stored


def test_incomplete_is_replaced_by_incomplete() -> None:
    """Data that never was complete still moves on."""
    new = Lines(10, 5, complete=False)
    assert settle(new, Lines(5, 5, complete=False), all_read=False) is new
    assert settle(new, None, all_read=False) is new


def test_a_repository_without_answer_and_csv_makes_the_data_incomplete() -> None:
    """`dataComplete` is false only then."""
    known, unknown = RepositoryWeeks("o/a", ()), RepositoryWeeks("o/b", (), known=False)
    assert sum_lines([known], WINDOW).complete
    assert not sum_lines([known, unknown], WINDOW).complete


@given(repositories)
def test_what_is_older_and_the_trailing_year_are_all_of_time(
    everyone: list[RepositoryWeeks],
) -> None:
    """A week that begins before the first day of the year is older, and no week is in both."""
    older = older_commits(everyone, WINDOW[0], all_named=True)
    assert older is not None
    assert older.public_commits + older.private_commits == older.total_commits
    trailing = sum_lines(everyone, (WINDOW[0], date.max))
    assert older.total_lines_added + trailing.added == sum_lines(everyone, None).added


OLD = RepositoryWeeks("o/a", [Week(0, 7, 3, 2)], private=False)


@pytest.mark.parametrize(
    ("repository", "all_named"),
    [
        (OLD, False),
        (RepositoryWeeks("o/b", (), known=False), True),
        (RepositoryWeeks("o/b", (), whole=False), True),
    ],
)
def test_older_commits_are_not_known_while_something_is_missing(
    repository: RepositoryWeeks, all_named: bool
) -> None:
    """Unnamed repositories, no answer and no CSV, no statistics and no CSV."""
    assert older_commits([OLD, repository], WINDOW[0], all_named=all_named) is None
    assert older_commits([OLD], WINDOW[0], all_named=True) == OlderCommits(2, 7, 3, 2, 0)


BEFORE = OlderCommits(9, 50, 20, 5, 4)


@pytest.mark.parametrize(
    ("new", "all_read", "kept"),
    [
        (None, True, BEFORE),
        (OlderCommits(9, 49, 20, 5, 4), False, BEFORE),
        (OlderCommits(8, 50, 20, 4, 4), False, BEFORE),
        (OlderCommits(9, 50, 19, 4, 4), False, BEFORE),
        (OlderCommits(0, 0, 0, 0, 0), True, BEFORE),
        (OlderCommits(8, 40, 10, 4, 4), True, None),
        (OlderCommits(9, 50, 20, 6, 3), False, None),
    ],
)
def test_older_commits_never_get_worse(
    new: OlderCommits | None, all_read: bool, kept: OlderCommits | None
) -> None:
    """They fall only when every repository was read, and stay when they are not known."""
    assert settle_older(new, BEFORE, all_read=all_read) == (kept or new)
    assert settle_older(new, None, all_read=all_read) == new
