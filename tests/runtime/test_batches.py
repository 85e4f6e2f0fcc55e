"""What goes to worker processes and comes back: how much at once, and that it arrives."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.runtime.batches import Batch, BatchAnswer, Pulse, batch_size


@pytest.mark.parametrize(
    ("items", "width", "size"),
    [(0, 1, 2), (40, 8, 16), (400, 8, 25), (100_000, 8, 32), (100_000, 1, 32), (40, 64, 128)],
)
def test_a_batch_is_large_enough_for_a_worker_and_small_enough_for_many(
    items: int, width: int, size: int
) -> None:
    """Small runs go out in small batches, but each gives all places of a worker two turns."""
    assert batch_size(items, width) == size


_TEXTS = st.text(max_size=5)
_JSON = st.dictionaries(_TEXTS, st.integers() | _TEXTS, max_size=2)


@given(
    st.builds(
        Batch,
        _TEXTS,
        _TEXTS,
        _JSON,
        st.lists(_JSON, max_size=3).map(tuple),
        st.none() | st.integers(1),
    )
)
def test_a_batch_arrives_as_it_was_sent(batch: Batch) -> None:
    """What a worker reads is what the run wrote."""
    assert Batch.of(json.loads(json.dumps(batch.to_json()))) == batch


@given(
    st.builds(
        BatchAnswer,
        st.dictionaries(st.integers(0, 40), _JSON, max_size=3),
        st.none() | _JSON,
        _JSON,
        st.floats(0, 100),
    )
)
def test_an_answer_arrives_as_it_was_sent(answer: BatchAnswer) -> None:
    """Results stand at their places again, which JSON has no numbers for."""
    assert BatchAnswer.of(json.loads(json.dumps(answer.to_json()))) == answer


@given(st.builds(Pulse, _TEXTS, st.floats(0, 100), st.integers(1)))
def test_a_pulse_arrives_as_it_was_sent(pulse: Pulse) -> None:
    """Each worker hears the same of the run."""
    assert Pulse.of(json.loads(json.dumps(pulse.to_json()))) == pulse
