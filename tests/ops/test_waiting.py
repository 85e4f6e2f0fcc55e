"""Dead letters, counted, and the hosts that they are about."""

from dataclasses import replace

import pytest

from datafetch.ops.dead_letters import DeadLetter, not_tried
from datafetch.ops.waiting import Waiting, hosts_of, waiting_of
from datafetch.runtime.breaker import BreakerPolicy, Breakers, Outcome
from datafetch.upstream_errors import BreakerOpen
from tests.support import FakeClock

VISIT = object()

LETTER = DeadLetter(
    id="1",
    job="opengraph",
    item="https://blog.example/a",
    attempts=1,
    first_failed_at=5,
    last_failed_at=5,
    next_attempt_at=100,
    error_type="Timeout",
    error="https://cdn.example:8443/a: no answer in time",
    permanent=False,
)


def test_letters_are_counted_by_what_becomes_of_them():
    """Due, later, and never; the newest error is told."""
    gone = replace(LETTER, next_attempt_at=None, permanent=True, error_type="Missing")
    refused = replace(gone, error_type="Denied", last_failed_at=9, error="refused")
    found = waiting_of([LETTER, replace(LETTER, next_attempt_at=50), gone, refused], 50)
    assert found == Waiting(
        total=4,
        due=1,
        waiting=1,
        permanent=2,
        gone=1,
        next_attempt_at=100,
        newest_item="https://blog.example/a",
        newest_error="refused",
        newest_at=9,
    )
    assert waiting_of([], 50) == Waiting()


def test_newest_errors_hold_no_secrets_and_no_commands():
    """What others have written into the store is masked, and one line."""
    letter = replace(LETTER, error="token=hunter2hunter2\n\x1b[2J")
    assert waiting_of([letter], 50).newest_error == "token=*** [2J"


@pytest.mark.parametrize(
    ("item", "error", "hosts"),
    [
        ("https://blog.example/a", LETTER.error, {"blog.example", "cdn.example"}),
        ("blog.example", "no logo", {"blog.example"}),
        ("bookmark-1", "what is this", {"bookmark-1"}),
        ("picture of b 1", "https://c.example/p.png: status 404", {"c.example"}),
    ],
)
def test_a_letter_is_about_the_host_of_its_item_and_of_the_request(item, error, hosts):
    """Both may be the one that is left alone."""
    assert hosts_of(replace(LETTER, item=item, error=error)) == hosts


@pytest.mark.parametrize("host", ["icons.example", "2001:db8::1"])
def test_an_item_that_was_not_asked_for_hangs_on_the_open_breaker(host):
    """Its error names the host without its scheme, in the words of the breaker itself."""
    breakers = Breakers(BreakerPolicy(1, 60), FakeClock())
    breakers.allow(host, VISIT)
    breakers.record(host, Outcome.FAILED, VISIT)
    with pytest.raises(BreakerOpen) as refused:
        breakers.allow(host, object())
    letter = not_tried(None, job="logos", item="b.example", error=refused.value, now_ms=5)
    assert hosts_of(letter) == {"b.example", host}
