"""Dead letters: backoff, permanence, bounds, storage."""

import json
import threading
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from datafetch.ops.dead_letters import (
    DeadLetter,
    DeadLetters,
    after_failure,
    letter_id,
    merged,
)
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from datafetch.upstream_errors import BreakerOpen, Missing, TransientError
from tests.stores import MemoryStore
from tests.support import FakeClock

KEYS = Keys("-test")
ITEMS = st.sampled_from(["a", "b", "c"])


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
    assert waits == [3600, 14_400, 86_400, 604_800, 604_800, 604_800]


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


def test_what_users_are_told_of_a_failed_item(tmp_path):
    """The time of the next try is that of the letter; what is gone has none."""
    clock = FakeClock()
    queue = _queue(LocalStore(tmp_path), clock)
    down, gone = TransientError("down"), Missing("status 404", status=404)
    queue.failed("a.example", down)
    queue.failed("b.example", gone)
    told = queue.failed_item("a.example", down)
    assert (told.name, told.reason) == ("a.example", "down")
    assert told.retry_at == round((clock.now() + 3600) * 1000)
    told = queue.failed_item("b.example", gone, name="https://b.example/")
    assert (told.name, told.reason, told.retry_at) == ("https://b.example/", "404", None)


def test_what_failed_just_now_is_told_from_what_waited(tmp_path):
    """An item that failed in this run is named as failed, and not once more as one that waits."""
    store, clock = LocalStore(tmp_path), FakeClock()
    queue = _queue(store, clock)
    for item in ("a", "b", "c", "d"):
        queue.failed(item, TransientError("down"))
    assert queue.untried() == []
    queue.save()
    queue = _queue(store, clock)
    queue.failed("a", TransientError("down"))
    queue.failed("b", BreakerOpen("not asked"))
    queue.succeeded("c")
    assert sorted(letter.item for letter in queue.untried()) == ["b", "d"]
    queue.failed("b", BreakerOpen("not asked"), counts=True)
    assert [letter.item for letter in queue.untried()] == ["d"]


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
    """At most 5,000 letters stay; the oldest permanent ones go first, then the oldest; it is counted."""
    store, clock = LocalStore(tmp_path), FakeClock()
    queue = _queue(store, clock)
    for number in range(5005):
        clock.advance(1)
        gone = number in (100, 200)
        error = Missing("gone") if gone else TransientError("down")
        queue.failed(f"{number}.example", error)
    assert queue.too_many == 5
    queue.save()
    kept = _queue(store, clock)
    assert (len(kept.letters), kept.too_many) == (5000, 0)
    went = {number for number in range(5005) if kept.get(f"{number}.example") is None}
    assert went == {0, 1, 2, 100, 200}


def test_what_was_not_tried_waits_for_its_breaker(tmp_path):
    """An open breaker is no failure of the item: no attempt is counted, and no hour is waited."""
    clock = FakeClock()
    queue = _queue(LocalStore(tmp_path), clock)
    closed = BreakerOpen("not asked", until=clock.now() + 60)
    assert queue.failed("a.example", closed)
    letter = queue.get("a.example")
    assert letter is not None
    assert (letter.attempts, letter.error_type, letter.permanent) == (0, "BreakerOpen", False)
    assert letter.next_attempt_at == round((clock.now() + 60) * 1000)
    assert not queue.due("a.example")
    clock.advance(60)
    assert queue.due("a.example")
    queue.failed("a.example", TransientError("down"))
    letter = queue.get("a.example")
    assert letter is not None
    assert letter.attempts == 1
    assert letter.next_attempt_at == round((clock.now() + 3600) * 1000)


def test_an_open_breaker_shortens_no_wait_and_hides_no_error(tmp_path):
    """An item that failed by itself keeps its error and its time; what is gone stays gone."""
    clock = FakeClock()
    queue = _queue(LocalStore(tmp_path), clock)
    queue.failed("a.example", TransientError("down"))
    queue.failed("b.example", Missing("gone"))
    before = dict(queue.letters)
    closed = BreakerOpen("not asked", until=clock.now() + 60)
    assert not queue.failed("a.example", closed)
    queue.failed("b.example", closed)
    assert queue.letters == before
    queue.failed("a.example", BreakerOpen("not asked", until=clock.now() + 7200))
    letter = queue.get("a.example")
    assert letter is not None
    assert (letter.error, letter.attempts) == ("down", 1)
    assert letter.next_attempt_at == round((clock.now() + 7200) * 1000)


def test_letters_that_were_dropped_meanwhile_stay_dropped(tmp_path):
    """A run that ends neither fails because somebody dropped letters, nor brings them back."""
    store, clock = LocalStore(tmp_path), FakeClock()
    queue = _queue(store, clock)
    for item in ("a", "b", "c", "d"):
        queue.failed(item, TransientError("down"))
    queue.save()
    run = _queue(store, clock)
    clock.advance(3600)
    run.failed("a", TransientError("down again"))
    run.failed("e", TransientError("down"))
    run.succeeded("b")
    other = _queue(store, clock)
    other.succeeded("a")
    other.succeeded("c")
    other.save()
    run.save()
    stored = _queue(store, clock)
    assert sorted(letter.item for letter in stored.letters.values()) == ["d", "e"]
    assert run.letters == stored.letters
    run.save()


LETTERS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 3), max_size=6)


def _letters(found: dict[str, int]) -> dict[str, DeadLetter]:
    error = TransientError("down")
    known = {n: after_failure(None, job="logos", item=n, error=error, now_ms=0) for n in found}
    return {n: replace(letter, attempts=found[n]) for n, letter in known.items()}


@given(LETTERS, LETTERS, LETTERS)
def test_merging_keeps_what_each_side_changed(base, ours, stored):
    """What one side alone has changed is as that side has it; nothing untouched is lost or made."""
    old, mine, theirs = map(_letters, (base, ours, stored))
    result = merged(old, mine, theirs)
    for name in set(old) | set(mine) | set(theirs):
        if mine.get(name) == old.get(name):
            assert result.get(name) == theirs.get(name)
        elif theirs.get(name) == old.get(name):
            assert result.get(name) == mine.get(name)
        elif name in old:  # one dropped it, or has it succeed: it goes
            assert (name in result) == (name in mine and name in theirs)
    assert merged(theirs, theirs, theirs) == theirs


@pytest.mark.parametrize("writers", [2, 6])
def test_two_who_write_at_once_lose_nothing(tmp_path, writers):
    """A run that ends while others drop letters stores what it found, and what they dropped is gone."""
    store, clock = LocalStore(tmp_path), FakeClock()
    queue = _queue(store, clock)
    for number in range(writers):
        queue.failed(f"{number}.example", TransientError("down"))
    queue.save()
    parts = [_queue(store, clock) for _ in range(writers)]
    for number, part in enumerate(parts):
        part.succeeded(f"{number}.example")
        part.failed(f"new-{number}.example", TransientError("down"))
    barrier = threading.Barrier(2)

    def save(part: DeadLetters) -> None:
        barrier.wait(10)
        part.save()

    for pair in zip(parts[::2], parts[1::2], strict=True):
        threads = [threading.Thread(target=save, args=(part,)) for part in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    items = {letter.item for letter in _queue(store, clock).letters.values()}
    assert items == {f"new-{number}.example" for number in range(writers)}


def test_a_message_is_cut_short(tmp_path):
    """An upstream's page in an error message does not fill the object."""
    queue = _queue(LocalStore(tmp_path), FakeClock())
    queue.failed("a.example", TransientError("x" * 501))
    assert queue.letters[letter_id("logos", "a.example")].error == "x" * 499 + "…"


def test_the_id_of_a_letter_never_changes():
    """People type it, and the next version finds the letters of this one."""
    assert letter_id("logos", "a.example") == "0f2a58d797dc"


@dataclass
class Account:
    """What a failing item went through, told from outside."""

    attempts: int
    first_ms: int
    next_ms: int | None


class Machine(RuleBasedStateMachine):
    """Items fail, recover and are asked for in runs that follow one another, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.letters = DeadLetters.load(self.store, KEYS, "logos", self.clock)
        self.accounts: dict[str, Account] = {}

    def _now_ms(self) -> int:
        return round(self.clock.now() * 1000)

    @rule(item=ITEMS, permanent=st.booleans())
    def fail(self, item: str, permanent: bool) -> None:
        """A failure counts from the first one and puts the next attempt off, or ends them."""
        known = self.accounts.get(item)
        error = Missing("gone") if permanent else TransientError("down")
        assert self.letters.failed(item, error) == (known is None)
        attempts = known.attempts + 1 if known else 1
        wait_ms = {1: 3_600_000, 2: 14_400_000, 3: 86_400_000}.get(attempts, 604_800_000)
        self.accounts[item] = Account(
            attempts,
            known.first_ms if known else self._now_ms(),
            None if permanent else self._now_ms() + wait_ms,
        )

    @rule(item=ITEMS)
    def recover(self, item: str) -> None:
        """An item that is well has no letter, whether it had one or not."""
        self.letters.succeeded(item)
        self.accounts.pop(item, None)

    @rule(seconds=st.sampled_from([1.0, 3599.0, 86_400.0, 604_800.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    @rule()
    def next_run(self) -> None:
        """A run ends and the next one begins."""
        self.letters.save()
        self.letters = DeadLetters.load(self.store, KEYS, "logos", self.clock)

    @invariant()
    def agrees(self) -> None:
        """The letters are those of the items that fail, with the times of their failures."""
        assert {letter.item for letter in self.letters.letters.values()} == set(self.accounts)
        for item, account in self.accounts.items():
            letter = self.letters.get(item)
            assert letter is not None
            assert Account(letter.attempts, letter.first_failed_at, letter.next_attempt_at) == (
                account
            )
        for item in ("a", "b", "c"):
            known = self.accounts.get(item)
            due = known is None or (known.next_ms is not None and known.next_ms <= self._now_ms())
            assert self.letters.waiting(item) is not due


TestMachine = Machine.TestCase


def test_what_a_letter_says_is_one_short_line_without_secrets(tmp_path):
    """A password that the cut went through was stored in half; commands for terminals were stored whole."""
    queue = _queue(LocalStore(tmp_path), FakeClock())
    long = "x" * 480
    queue.failed("a.example", TransientError(f"{long} at https://user:geheim@a.example/ failed"))
    queue.failed("b.example", TransientError("a\x9b2J\u202eb\r\nforged\u2028line\x1b[2J"))
    queue.failed("c.example", TransientError(f"{long} token=geheimgeheimgeheim"))
    errors = {letter.item: letter.error for letter in queue.letters.values()}
    assert not any("gehe" in error or "user" in error for error in errors.values())
    assert all(len(error) <= 500 and error.isprintable() for error in errors.values())
    assert errors["b.example"] == "a 2J b forged line [2J"
