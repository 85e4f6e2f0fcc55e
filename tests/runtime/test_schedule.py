"""The wait before a scheduled run."""

import subprocess
import sys

from datafetch.runtime.schedule import jitter_s


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
