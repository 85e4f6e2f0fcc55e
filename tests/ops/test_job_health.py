"""When people are told that a job fails, or works again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.run import Operation, RunResult, RunStatus
from datafetch.ops.job_health import JobHealth, turn

ENDS = {
    "good": (RunStatus.SUCCEEDED, 0),
    "unchanged": (RunStatus.UNCHANGED, 0),
    "partial": (RunStatus.PARTIAL, 0),
    "bad": (RunStatus.FAILED, 1),
    "limit": (RunStatus.CANCELLED, 1),
    "signal": (RunStatus.CANCELLED, 143),
}


def told(runs: list[str], after: int, *, killed: frozenset[int] = frozenset()) -> list[str]:
    """What is told after each run, as the stored number of failures goes; `.` for nothing.

    Before the runs whose numbers are in `killed`, another one was killed and left no record.
    """
    said: list[str] = []
    stored = 0
    for number, how in enumerate(runs):
        status, code = ENDS[how]
        begun = stored + (number in killed)
        failures = 0 if code == 0 else begun if how == "signal" else begun + 1
        health = JobHealth(stored, failures, 1, None, 0)
        result = RunResult(Operation.LOGOS, status, "r", exit_code=code)
        said.append(turn(health, result, after) or ".")
        stored = failures
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
    ],
)
def test_each_turn_is_told_once(after: int, runs: str, said: str) -> None:
    """Hourly mails of one outage taught everybody to delete them; a person's stop is no outage."""
    assert told(runs.split(), after) == said.split()


@given(
    st.lists(st.sampled_from(sorted(ENDS)), max_size=30),
    st.integers(1, 4),
    st.frozensets(st.integers(0, 30)),
)
def test_turns_alternate(runs: list[str], after: int, killed: frozenset[int]) -> None:
    """Whatever comes, "works again" follows "fails", and nothing is told twice."""
    said = [word for word in told(runs, after, killed=killed) if word != "."]
    assert all(word == ("failing", "working")[at % 2] for at, word in enumerate(said))
