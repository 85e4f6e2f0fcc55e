"""The wait before a scheduled run."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.runtime.schedule import held_back_s, jitter_s, wait_s

A_DAY = st.floats(0, 86_400)


def test_each_job_on_each_host_waits_its_own_time_each_time() -> None:
    """A hundred machines do not ask one server in the same second; Python's own hash would differ."""
    code = "from datafetch.runtime.schedule import jitter_s; print(jitter_s('web-1', 'logos', 600))"
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert float(again.stdout) == jitter_s("web-1", "logos", 600)
    waits = {jitter_s(f"web-{number}", "logos", 600) for number in range(100)}
    assert len(waits) == 100
    assert all(0 <= wait < 600 for wait in waits)
    assert max(waits) - min(waits) > 500
    assert jitter_s("web-1", "github", 600) != jitter_s("web-1", "logos", 600)


def test_without_a_bound_nobody_waits() -> None:
    """0, the default."""
    assert jitter_s("web-1", "logos", 0) == 0


@given(jitter=A_DAY, late_s=st.floats(0, 10_000_000))
def test_who_is_started_late_waits_for_the_rest(jitter: float, late_s: float) -> None:
    """A run waits all of it, or what is left for those that `run-due` starts: under 15 minutes."""
    held = held_back_s(jitter)
    assert held % 900 == 0
    assert held <= jitter
    if late_s < held:
        assert wait_s(jitter, late_s) == jitter
    else:
        assert held + wait_s(jitter, late_s) == pytest.approx(jitter)
        assert 0 <= wait_s(jitter, late_s) < 900


def test_a_short_wait_is_the_same_for_everybody() -> None:
    """Below a quarter of an hour nothing is held back, however late a run is started."""
    assert held_back_s(899) == 0
    assert [wait_s(899, late) for late in (0, 60, 3600)] == [899, 899, 899]
