"""When a job is stale or failing, and since when."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.cron import Schedule
from datafetch.models.run import JobName, RunStatus
from datafetch.ops.freshness import Condition, Freshness, JobFacts, judge
from datafetch.ops.past_runs import PastRun
from datafetch.ops.pauses import Pause
from datafetch.ops.state import KnownSchedule
from tests.ops.overviews import NOW, at, holder, run, running_state, state_of

EVERY_2_H = Schedule.parse("0 */2 * * *")
"""Now is 12:05, so the last slot is 12:00, and the one before it 10:00."""

FAILED, UNCHANGED, CANCELLED = RunStatus.FAILED, RunStatus.UNCHANGED, RunStatus.CANCELLED


def facts(*runs: PastRun, **more: object) -> JobFacts:
    """A job with this history."""
    made = JobFacts(
        JobName.BOOKMARKS,
        EVERY_2_H,
        is_configured=True,
        state=state_of(runs[0]) if runs else None,
        runs=runs,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def judged(*runs: PastRun, now: float = NOW, **more: object) -> Freshness:
    """What is judged of it."""
    return judge(facts(*runs, **more), now)


MINUTE = 60.0


@pytest.mark.parametrize(
    ("ended", "after_noon_min", "stale"),
    [
        # The slot of 12:00 has come, and its run has a quarter of an hour to end.
        ("09:00", 14, False),
        ("09:00", 15, True),
        ("07:59", 14, True),
        ("10:01", 15, False),
        ("10:01", 119, False),
        ("10:01", 134, False),
        ("10:01", 135, True),
    ],
)
def test_a_job_is_stale_a_quarter_after_its_second_missed_slot(ended, after_noon_min, stale):
    """No success since the slot before the last, plus 15 minutes."""
    hour, minute = map(int, ended.split(":"))
    noon = NOW - 5 * MINUTE
    success = run(hours_ago=(NOW - (noon - (12 - hour) * 3600 + minute * 60)) / 3600)
    success = replace(success, ended_at=success.began_at)
    found = judged(success, now=noon + after_noon_min * MINUTE)
    assert (found.is_stale, found.condition) == (
        stale,
        Condition.STALE if stale else Condition.FRESH,
    )


def test_a_job_without_schedule_is_never_stale():
    """Who runs it by hand knows when it ran."""
    assert judged(run(hours_ago=9000), schedule=None).condition is Condition.UNSCHEDULED


def test_a_job_that_never_ran_is_stale_and_silent():
    """Silence is a fault: nobody else would tell."""
    found = judged()
    assert (found.is_stale, found.is_silent, found.last_seen_at) == (True, True, None)


def test_a_job_that_nobody_wants_is_neither_stale_nor_failing():
    """None of its required settings is set."""
    failed = run(status=FAILED, hours_ago=300)
    found = judged(failed, is_configured=False)
    assert (found.condition, found.is_stale, found.is_failing, found.next_at) == (
        Condition.NOT_CONFIGURED,
        False,
        False,
        None,
    )


def test_a_job_on_pause_is_not_stale():
    """Until it ends, and until two slots have come after its end."""
    old = run(hours_ago=300)
    assert judged(old, pause=Pause(at(200), at(-3))).condition is Condition.PAUSED
    assert not judged(old, resumed_at=NOW - 3 * 3600).is_stale
    assert judged(old, resumed_at=NOW - 5 * 3600).is_stale


def test_the_next_run_is_after_the_pause():
    """A pause without an end has no next run."""
    assert judged(run(), pause=Pause(at(1), at(-20))).next_at == round(
        (NOW - 300 + 22 * 3600) * 1000
    )
    assert judged(run(), pause=Pause(at(1))).next_at is None
    assert judged(run()).next_at == round((NOW - 300 + 2 * 3600) * 1000)


def test_a_new_schedule_needs_two_slots():
    """Slots before it do not count, as they are not run."""
    old = run(hours_ago=300)
    state = replace(state_of(old), schedule=KnownSchedule(EVERY_2_H.expression, at(3)))
    assert not judged(old, state=state).is_stale
    state = replace(state, schedule=KnownSchedule(EVERY_2_H.expression, at(6)))
    assert judged(old, state=state).is_stale
    state = replace(state, schedule=KnownSchedule("5 5 * * *", at(3)))
    assert judged(old, state=state).is_stale


def test_failures_in_a_row_tell_since_when():
    """The first of them, how many, and when the last good run was."""
    failed = [run(hours_ago=hours, status=FAILED) for hours in (1, 3, 5)]
    found = judged(*failed, run(hours_ago=7, status=UNCHANGED), run(hours_ago=9, status=FAILED))
    assert (found.is_failing, found.failures, found.failing_since) == (True, 3, at(5))
    assert found.last_success_at == at(7) + 12_000


def test_a_partial_run_is_no_failure():
    """It brought the data up to date within its budget."""
    found = judged(run(status=RunStatus.PARTIAL, hours_ago=0.05, failed=3))
    assert found.condition is Condition.FRESH


def test_what_a_signal_ended_is_neither_here_nor_there():
    """It makes nothing fail, and mends nothing."""
    stopped = run(hours_ago=1, status=CANCELLED, exit_code=143)
    assert not judged(stopped, run(hours_ago=2)).is_failing
    found = judged(stopped, run(hours_ago=2, status=FAILED))
    assert (found.is_failing, found.failures) == (True, 1)


def test_a_run_that_a_time_limit_ended_has_failed():
    """It would not be done the next time, either."""
    assert judged(run(hours_ago=1, status=CANCELLED, exit_code=1)).is_failing


@pytest.mark.parametrize(
    ("lock", "died"),
    [
        (holder(0.05), False),
        (None, True),
        (holder(0.05, is_dead=True), True),
        (holder(0.05, is_over=True), True),
        (holder(0.05, run_id="another"), True),
    ],
)
def test_a_run_goes_on_only_under_a_living_lock(lock, died):
    """`running` in the state alone would be set for ever when a process is killed (FAILURES 6)."""
    found = judged(run(), state=running_state(0.05), holder=lock)
    assert (found.died, found.is_failing, found.is_running) == (died, died, not died)


def test_a_run_that_died_counts_with_the_failures_before_it():
    """The next run has not told of it yet."""
    failed = run(hours_ago=3, status=FAILED)
    found = judged(failed, state=running_state(1))
    assert (found.failures, found.failing_since) == (2, at(3))


def test_failures_are_known_without_the_history():
    """The state counts them, too: a history that was lost hides nothing."""
    state = replace(running_state(0.05), retry_count=7)
    found = judged(state=state, holder=holder(0.05))
    assert (found.failures, found.failing_since) == (7, at(0.05))
    failed = run(hours_ago=1, status=FAILED)
    assert judged(failed, state=replace(state_of(failed), retry_count=7)).failures == 7
    assert not judged(run(), state=state, holder=holder(0.05)).is_failing


def test_a_run_under_way_does_not_hide_that_the_last_one_failed():
    """The last finished run counts until the next has ended."""
    found = judged(run(status=FAILED), state=running_state(0.05), holder=holder(0.05))
    assert (found.condition, found.is_running) == (Condition.FAILING, True)


def test_runs_without_success_are_not_silence():
    """Cron does start them; why they fail stands in the history."""
    found = judged(run(hours_ago=1, status=FAILED), run(hours_ago=30))
    assert (found.is_stale, found.is_silent) == (True, False)
    found = judged(run(hours_ago=30))
    assert (found.is_stale, found.is_silent) == (True, True)


@given(
    st.lists(
        st.tuples(
            st.floats(min_value=0.01, max_value=100),
            st.sampled_from([FAILED, UNCHANGED, CANCELLED, RunStatus.PARTIAL]),
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_a_judgement_never_contradicts_itself(history, wanted):
    """What is fresh is neither stale nor failing, and failures have a beginning."""
    runs = [run(hours_ago=hours, status=status) for hours, status in sorted(history)]
    found = judged(*runs, is_configured=wanted)
    grave = found.is_stale or found.is_failing
    assert grave is (found.condition in (Condition.STALE, Condition.FAILING))
    assert found.is_failing is (found.failing_since is not None) is (found.failures > 0)
    assert found.is_stale or not found.is_silent
    assert wanted or not grave
