"""How often a client may ask: spans of time, many clients, and who counts as one client."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.web.rates import RateLimit, client_of
from tests.support import FakeClock


def test_a_client_may_ask_so_often_in_a_span():
    """The sixth request of a minute waits until the minute that began with the first is over."""
    clock = FakeClock()
    limit = RateLimit(clock, most=5, per_s=60)
    taken = [limit.take("a") for _ in range(5)]
    assert [each.remaining for each in taken] == [4, 3, 2, 1, 0]
    clock.advance(19.5)
    refused = limit.take("a")
    assert not refused.allowed
    assert refused.retry_after_s == 41
    assert refused.limit == 5
    assert refused.reset_at == pytest.approx(clock.now() + 40.5)
    assert limit.take("b").allowed
    clock.advance(40.5)
    assert limit.take("a").remaining == 4


def test_a_refused_request_does_not_lengthen_the_span():
    """Whoever keeps asking is let in as soon as whoever waits."""
    clock = FakeClock()
    limit = RateLimit(clock, most=1, per_s=10)
    limit.take("a")
    for _ in range(9):
        clock.advance(1)
        assert not limit.take("a").allowed
    clock.advance(1)
    assert limit.take("a").allowed


def test_looking_counts_nothing():
    """A request may first be looked at, and counted when its secret was wrong."""
    limit = RateLimit(FakeClock(), most=1, per_s=10)
    assert limit.look("a").allowed
    assert limit.look("a").remaining == 1
    assert limit.take("a").allowed
    assert not limit.look("a").allowed


def test_memory_does_not_grow_with_clients():
    """Of more than 10,000 clients the one that asked longest ago is forgotten."""
    limit = RateLimit(FakeClock(), most=1, per_s=1e9)
    for number in range(10_001):
        assert limit.take(str(number)).allowed
    assert not limit.look("10000").allowed
    assert not limit.look("1").allowed
    assert limit.look("0").allowed


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=60), st.integers(1, 6))
def test_no_span_lets_more_in_than_it_may(waits, most):
    """Whatever the times of the requests, a span that began with one has at most so many."""
    clock = FakeClock()
    limit = RateLimit(clock, most=most, per_s=60)
    spans: list[tuple[float, int]] = []
    for wait in waits:
        clock.advance(wait)
        answer = limit.take("a")
        if not answer.allowed:
            assert spans[-1][1] == most
            assert clock.monotonic() < spans[-1][0] + 60
        elif spans and clock.monotonic() < spans[-1][0] + 60:
            spans[-1] = (spans[-1][0], spans[-1][1] + 1)
        else:
            spans.append((clock.monotonic(), 1))
    assert all(count <= most for _, count in spans)


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "no address"),
        ("x" * 500, "x" * 63 + "…"),
    ],
)
def test_who_is_one_client(host, client):
    """An address is; of IPv6 the whole line of a customer, who has 2^64 addresses at least."""
    assert client_of({"client": (host, 1)}) == client


def test_a_client_without_an_address_is_one_too():
    """A server may listen where there are none."""
    assert client_of({"client": None}) == ""
