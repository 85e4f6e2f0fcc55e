"""Dead letters: backoff, permanence, bounds, storage."""

import json

from hypothesis import given
from hypothesis import strategies as st

from datafetch.errors import Missing, TransientError
from datafetch.ops.dead_letters import BACKOFF_S, LIMIT, DeadLetters, after_failure, letter_id
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.support import FakeClock

KEYS = Keys("-test")


def _queue(store: LocalStore, clock: FakeClock) -> DeadLetters:
    return DeadLetters.load(store, KEYS, "logos", clock)


def test_a_failure_waits_longer_each_time_and_never_gives_up(tmp_path):
    """1 h, 4 h, 24 h, 7 d, and 7 d again for ever."""
    clock = FakeClock()
    queue = _queue(LocalStore(tmp_path), clock)
    waits = []
    for _ in range(6):
        queue.failed("a.example", TransientError("down"))
        letter = queue.get("a.example")
        assert letter is not None
        assert letter.next_attempt_at is not None
        waits.append((letter.next_attempt_at - letter.last_failed_at) / 1000)
    assert waits == [*BACKOFF_S, BACKOFF_S[-1], BACKOFF_S[-1]]


def test_only_the_first_failure_is_new(tmp_path):
    """Known dead letters that failed again do not count against the failure budget."""
    queue = _queue(LocalStore(tmp_path), FakeClock())
    assert queue.failed("a.example", TransientError("down"))
    assert not queue.failed("a.example", TransientError("down"))
    assert queue.failed("b.example", TransientError("down"))


def test_what_is_gone_is_permanent(tmp_path):
    """A 404 has no next attempt until somebody retries it."""
    clock = FakeClock()
    queue = _queue(LocalStore(tmp_path), clock)
    queue.failed("a.example", Missing("gone"))
    clock.advance(400 * 24 * 3600)
    assert queue.waiting("a.example")
    letter = queue.get("a.example")
    assert letter is not None
    assert (letter.permanent, letter.next_attempt_at) == (True, None)


def test_a_letter_is_due_when_its_time_has_come(tmp_path):
    """An item waits exactly as long as its backoff says."""
    clock = FakeClock()
    queue = _queue(LocalStore(tmp_path), clock)
    queue.failed("a.example", TransientError("down"))
    clock.advance(3599)
    assert queue.waiting("a.example")
    clock.advance(1)
    assert not queue.waiting("a.example")


def test_the_queue_survives_as_the_contract_writes_it(tmp_path):
    """What is stored has the contract's fields, and reads back the same."""
    store, clock = LocalStore(tmp_path), FakeClock()
    queue = _queue(store, clock)
    queue.failed("a.example", TransientError("down"))
    queue.save()
    stored = json.loads(store.get(KEYS.dead_letters("logos")).body)
    letter = stored[letter_id("logos", "a.example")]
    assert set(letter) == {
        *("id", "job", "item", "attempts", "firstFailedAt", "lastFailedAt"),
        *("nextAttemptAt", "errorType", "error", "permanent"),
    }
    assert letter["errorType"] == "TransientError"
    assert _queue(store, clock).letters == queue.letters


def test_success_drops_the_letter(tmp_path):
    """An item that is well again leaves the queue."""
    store, clock = LocalStore(tmp_path), FakeClock()
    queue = _queue(store, clock)
    queue.failed("a.example", TransientError("down"))
    queue.save()
    queue = _queue(store, clock)
    queue.succeeded("a.example")
    queue.save()
    assert _queue(store, clock).letters == {}


def test_an_unchanged_queue_is_not_written(tmp_path):
    """An unchanged run costs no write here."""
    store = LocalStore(tmp_path)
    _queue(store, FakeClock()).save()
    assert list(store.list("")) == []


def test_a_corrupt_queue_is_kept_aside(tmp_path):
    """A corrupt object in the store crashed the run, or was taken as empty."""
    store = LocalStore(tmp_path)
    key = KEYS.dead_letters("logos")
    store.put(key, b"{broken")
    queue = _queue(store, FakeClock())
    queue.failed("a.example", TransientError("down"))
    queue.save()
    aside = [info.key for info in store.list(f"{key}.corrupt-")]
    assert [store.get(name).body for name in aside] == [b"{broken"]
    assert len(_queue(store, FakeClock()).letters) == 1


def test_the_queue_is_bounded(tmp_path):
    """At most 5,000 letters stay; the oldest go first."""
    store, clock = LocalStore(tmp_path), FakeClock()
    queue = _queue(store, clock)
    for number in range(LIMIT + 3):
        clock.advance(1)
        queue.failed(f"{number}.example", TransientError("down"))
    queue.save()
    kept = _queue(store, clock)
    assert len(kept.letters) == LIMIT
    assert kept.get("2.example") is None
    assert kept.get("3.example") is not None


@given(st.integers(1, 30), st.integers(0, 2**41))
def test_the_first_failure_is_remembered(times, start):
    """However often it fails, the first time stays and attempts count up."""
    letter = None
    for number in range(times):
        letter = after_failure(
            letter, job="logos", item="x", error=TransientError("e"), now_ms=start + number
        )
    assert letter is not None
    assert (letter.first_failed_at, letter.attempts) == (start, times)
