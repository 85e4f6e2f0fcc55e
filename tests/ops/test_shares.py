"""Which shares of a job count, and when they make it fresh, stale or failing."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.run import JobName
from datafetch.models.shard import Shard
from datafetch.ops.freshness import Condition, JobFacts, judge
from datafetch.ops.overview import JobView, Overview
from datafetch.ops.overview_report import document, headline
from datafetch.ops.overview_words import job_rows
from datafetch.ops.shares import Share, Shares, that_count
from datafetch.ops.state import JobState, KnownSchedule
from tests.ops.overviews import NOTHING_WAITS, NOW, SCHEDULES, at, run, state_of

LOGOS = JobName.LOGOS
WEEK = 7 * 24.0


def ended(hours_ago: float, *, failures: int = 0, error: str | None = None) -> JobState:
    """The state of a share whose last run ended so long ago."""
    return JobState(
        f"run-{hours_ago}",
        "logos",
        "failed" if failures else "completed",
        at(hours_ago) - 1000,
        completed_at=at(hours_ago),
        error=error,
        retry_count=failures,
        last_successful_sync_at=None if failures else at(hours_ago),
    )


def running(hours_ago: float) -> JobState:
    """The state of a share that is being run, after a success a day before."""
    known = ended(hours_ago + 24)
    return replace(known, status="running", started_at=at(hours_ago), completed_at=None)


def shares(*states: JobState | None, has_lock: bool = False) -> Shares:
    """All shares of a job, in these states."""
    count = len(states)
    found = [Share(Shard(place + 1, count), state, has_lock) for place, state in enumerate(states)]
    return Shares(count, tuple(found))


def view(groups: Sequence[Shares], **more: object) -> JobView:
    """The logo job, run in these shares; it is to run each Sunday at one o'clock."""
    facts = JobFacts(LOGOS, SCHEDULES[LOGOS], is_configured=True, shares=groups)
    facts = replace(facts, **more)  # type: ignore[arg-type]
    return JobView(facts, judge(facts, NOW), NOTHING_WAITS, None, None)


def rows(found: JobView) -> list[str]:
    """What is said of its shares."""
    said = [text for _, text in job_rows(found, NOW)]
    return [text for text in said if "share" in text or "succeeded" in text]


def test_a_job_is_fresh_when_all_of_its_shares_have_succeeded():
    """As fresh as the one whose success is the oldest."""
    found = view([shares(ended(5), ended(3), ended(50), ended(2))])
    assert found.freshness.condition is Condition.FRESH
    assert found.freshness.last_success_at == at(50)
    assert rows(found) == ["4 of 4 succeeded, the first of them Sun 2026-11-22 10:05 PST (2 d ago)"]


@pytest.mark.parametrize("lacking", [None, ended(3 * WEEK)], ids=["never", "long ago"])
def test_one_share_that_did_not_succeed_in_time_makes_the_job_stale(lacking):
    """Three fresh quarters of a dataset are no fresh dataset."""
    found = view([shares(ended(5), ended(3), lacking, ended(2))])
    assert found.freshness.condition is Condition.STALE
    assert not found.freshness.is_failing
    assert found.freshness.last_success_at == (None if lacking is None else at(3 * WEEK))
    assert ("; share 3/4 never ran" in headline(Overview(NOW, (found,)))) is (lacking is None)


def test_one_share_that_failed_makes_the_job_fail():
    """The first line says which one, and the rows why."""
    found = view([shares(ended(5), ended(3, failures=2, error="no answer"), ended(2), None)])
    fresh = found.freshness
    assert (fresh.condition, fresh.failures) == (Condition.FAILING, 2)
    assert fresh.failing_shares == (Shard(2, 4),)
    said = headline(Overview(NOW, (found,)))
    assert said.startswith("logos: failing since 09:04 PST (3 h ago), 2 runs of share 2/4")
    assert rows(found) == [
        "2 of 4 succeeded, the first of them 07:05 PST (5 h ago); 1 failed; never ran: 4/4",
        "share 2/4 failed 2 times in a row, last 09:05 PST (3 h ago): no answer",
    ]


def test_a_share_without_its_lock_died_and_one_with_it_runs():
    """A killed share counts as a failed run, as a killed run of the whole job does."""
    died = view([shares(running(1), running(1))])
    assert died.freshness.failing_shares == (Shard(1, 2), Shard(2, 2))
    assert "ended without notice" in rows(died)[1]
    alive = view([shares(running(1), running(1), has_lock=True)])
    assert alive.freshness.condition is Condition.RUNNING
    assert alive.freshness.running_shares == 2
    assert "running: logos" in headline(Overview(NOW, (alive,)))


def test_shares_that_failed_alike_are_told_of_together():
    """A provider that is away fails all of them: one row says so, not one for each."""
    away = [ended(hours, failures=1, error="no answer") for hours in range(1, 8)]
    others = [ended(9, failures=2, error=f"wrong {number}") for number in range(6)]
    found = rows(view([shares(*away, *others)]))
    assert found[1] == (
        "shares 1/13, 2/13, 3/13, 4/13, 5/13 and 2 more failed, last 11:05 PST (60 min ago): no answer"
    )
    assert found[2].startswith("share 8/13 failed 2 times in a row, last ")
    assert (len(found), found[-1]) == (7, "and 2 more shares failed")


def test_what_came_later_counts_of_shares_and_the_whole():
    """A whole run that succeeded ends the failure of shares, and all shares that of a whole run."""
    failed = shares(ended(5), ended(3, failures=1))
    whole = run(LOGOS, 2)
    later = view([failed], runs=[whole], state=state_of(whole))
    assert not later.freshness.is_failing
    earlier = run(LOGOS, 4)
    assert view([failed], runs=[earlier], state=state_of(earlier)).freshness.is_failing
    broken = ended(9, failures=1)
    assert view([], state=broken).freshness.is_failing
    assert not view([shares(ended(5), ended(3))], state=broken).freshness.is_failing
    assert view([shares(ended(5), ended(12))], state=broken).freshness.is_failing


def test_a_run_of_a_share_is_no_run_of_the_whole():
    """The job's history has both; a share's success must not make the job fresh."""
    of_share = run(LOGOS, 1, shard=Shard(1, 2))
    found = view([shares(ended(1), None)], runs=[of_share])
    assert found.freshness.last_success_at is None
    assert found.freshness.is_stale


def test_a_schedule_that_shares_have_just_begun_expects_nothing_yet():
    """As with whole jobs, two slots have to come first."""
    schedule = SCHEDULES[LOGOS]
    assert schedule is not None
    known = KnownSchedule(schedule.expression, at(60))
    first = replace(ended(59), schedule=known)
    assert not view([shares(first, None)]).freshness.is_stale


def test_the_document_has_each_share():
    """`status --json` has one entry for a share, those that never ran included."""
    found = view([shares(ended(5), running(1), None, ended(3, failures=1, error="x"))])
    (job,) = document(Overview(NOW, (found,)))["jobs"]
    assert [(one["shard"], one["status"]) for one in job["shares"]] == [
        ("1/4", "completed"),
        ("2/4", "died"),
        ("3/4", "never"),
        ("4/4", "failed"),
    ]
    assert job["shares"][0]["lastSuccessAt"] == at(5)
    assert (job["shares"][3]["failures"], job["shares"][3]["error"]) == (1, "x")


def test_records_of_an_earlier_number_of_shares_are_passed_over():
    """Once all of the newer ones are there, and newer; a share that was typed once goes the same way."""
    old = [(Shard(index, 2), 100.0 + index) for index in (1, 2)]
    some = [(Shard(index, 3), 200.0 + index) for index in (1, 2)]
    assert [one.count for one in that_count([*old, *some], None)] == [3, 2]
    whole = [*some, (Shard(3, 3), 203.0)]
    assert [one.count for one in that_count([*old, *whole], None)] == [3]
    mixed = [*some, (Shard(3, 3), 101.5)]
    assert [one.count for one in that_count([*old, *mixed], None)] == [3, 2]
    assert that_count([*old, *whole], 300.0) == []


TIMES = st.dictionaries(st.integers(1, 3), st.floats(1, 1000), min_size=1)


@given(st.dictionaries(st.integers(3, 5), TIMES, max_size=3), st.none() | st.floats(1, 1000))
def test_the_newest_complete_number_of_shares_always_counts(groups, whole_at):
    """Whatever is left of others, unless the whole job has succeeded since."""
    found = [
        (Shard(index, count), time)
        for count, times in groups.items()
        for index, time in times.items()
    ]
    counted = {one.count for one in that_count(found, whole_at)}
    complete = [count for count, times in groups.items() if len(times) == count]
    if complete:
        newest = max(complete, key=lambda count: min(groups[count].values()))
        is_over = whole_at is not None and max(groups[newest].values()) <= whole_at
        assert (newest in counted) is not is_over
    for count, times in groups.items():
        if count not in counted:
            newer = [min(groups[other].values()) for other in complete]
            assert any(max(times.values()) <= time for time in [*newer, whole_at or 0.0])
