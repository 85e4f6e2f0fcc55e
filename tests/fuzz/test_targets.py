"""Whatever others write is read or refused with an error of ours, in time that grows with its length.

`scripts/fuzz` gives the same targets more inputs for longer, and measures what each costs.
"""

import logging
import signal
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datafetch.errors import DatafetchError
from tests.fuzz.long_inputs import run
from tests.fuzz.mutations import MOST_EDITS, Edit, Kind, edited
from tests.fuzz.target import KB, Target
from tests.fuzz.targets import ROOMS, TARGETS
from tests.processes import ROOT, clean_environment

_NUMBERS = st.integers(0, 2**24)
_EDITS = st.lists(
    st.builds(Edit, st.sampled_from(Kind), _NUMBERS, _NUMBERS, _NUMBERS), max_size=MOST_EDITS
)


@pytest.fixture(autouse=True)
def no_log():
    """The log of these runs says nothing that a test looks at."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 50), edits=_EDITS)
def test_what_was_changed_is_read_or_refused(target: Target, seed: int, edits: list[Edit]):
    """An input that nearly is what a part reads raises nothing but errors of datafetch."""
    data = edited(target.seeds[seed % len(target.seeds)], edits, target.seeds)
    run(target, data[: 256 * KB])


@pytest.mark.timeout(600)  # on a busy machine; the CPU time of each input is what counts
@pytest.mark.parametrize("room", ROOMS)
def test_long_inputs_cost_time_in_proportion(room: str, tmp_path):
    """Pieces again and again, to 32 kB, cost no more than ten times 50 ms of CPU for each 10 kB."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.long_inputs", room],
        env=clean_environment(XDG_RUNTIME_DIR=str(tmp_path)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != -signal.SIGPROF, f"too slow: {done.stdout.splitlines()[-1]}"
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_each_target_takes_its_first_seed(target: Target):
    """A target whose every input is refused at once would find nothing behind that."""
    reached = []
    for seed in target.seeds:
        try:
            target.run(seed)
        except DatafetchError as error:
            reached.append(error)
        else:
            return
    pytest.fail(f"no seed of {target.name} is taken: {reached}")
