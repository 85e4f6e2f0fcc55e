"""When people are told that a job fails, or works again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.run import Operation, RunResult, RunStatus
from datafetch.ops.job_health import JobHealth, KilledRun, began_to_fail, turn

ENDS = {
    "good": (RunStatus.SUCCEEDED, 0),
    "unchanged": (RunStatus.UNCHANGED, 0),
    "partial": (RunStatus.PARTIAL, 0),
    "bad": (RunStatus.FAILED, 1),
    "limit": (RunStatus.CANCELLED, 1),
    "signal": (RunStatus.CANCELLED, 143),
}


def told(runs: list[str], after: int) -> list[str]:
    """What is told when each run begins and after it, as the stored number of failures goes.

    `.` is nothing. A run that is `killed` leaves no record: the next one finds that.
    """
    said: list[str] = []
    stored, gone = 0, False
    for how in runs:
        begun = stored + gone
        killed = KilledRun("k", "", stored, begun)
        words = ["failing"] if gone and began_to_fail(killed, after) else []
        gone, stored = how == "killed", begun
        if not gone:
            status, code = ENDS[how]
            stored = 0 if code == 0 else begun if how == "signal" else begun + 1
            health = JobHealth(begun, stored, 1, None, 0)
            result = RunResult(Operation.LOGOS, status, "r", exit_code=code)
            words += [word for word in [turn(health, result, after)] if word]
        said.append(" ".join(words) or ".")
    return said


@pytest.mark.parametrize(
    ("after", "runs", "said"),
    [
        (1, "bad bad good unchanged", "failing . working ."),
        (3, "bad bad good bad bad bad bad good", ". . . . . failing . working"),
        (1, "limit limit partial", "failing . working"),
        (1, "bad signal bad good", "failing . . working"),
        (1, "signal good", ". ."),
        (2, "bad signal bad", ". . failing"),
        (1, "killed killed bad good", ". failing . working"),
        (1, "good killed signal good", ". . failing working"),
        (2, "killed killed killed bad", ". . failing ."),
    ],
)
def test_each_turn_is_told_once(after: int, runs: str, said: str) -> None:
    """Hourly mails of one outage taught everybody to delete them; a person's stop is no outage."""
    assert told(runs.split(), after) == said.split()


@given(
    st.lists(st.sampled_from([*sorted(ENDS), "killed"]), max_size=30),
    st.integers(1, 4),
)
def test_turns_alternate(runs: list[str], after: int) -> None:
    """Whatever comes, "works again" follows "fails", and nothing is told twice."""
    said = " ".join(word for word in told(runs, after) if word != ".").split()
    assert all(word == ("failing", "working")[at % 2] for at, word in enumerate(said))


@given(st.lists(st.sampled_from(["bad", "limit", "killed"]), min_size=5, max_size=9))
def test_a_job_that_fails_in_any_way_is_told_of(runs: list[str]) -> None:
    """One whose runs were all killed, as where memory is short, was never told of."""
    assert "failing" in told(runs, 3)
