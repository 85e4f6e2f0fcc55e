"""When a domain without a logo is asked again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.logos.model import NoLogoRecord
from datafetch.logos.rules.negative_cache import after_no_logo, is_waiting, newest, waits_until

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 1_795_507_200_000


def after(times: int) -> NoLogoRecord:
    """The record after so many answers."""
    record: NoLogoRecord | None = None
    for _ in range(times):
        record = after_no_logo(record, domain="example.com", reason="none", now_ms=NOW)
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("times", "wait"),
    [(1, None), (2, None), (3, DAY), (5, DAY), (6, 180 * DAY), (9, 180 * DAY)],
)
def test_the_wait_grows_with_the_answers(times: int, wait: int | None) -> None:
    """Twice it is asked at once again, from the third a day later, from the sixth half a year later."""
    record = after(times)
    assert record.attempts == times
    assert record.permanent == (times >= 6)
    assert waits_until(record) == (None if wait is None else NOW + wait)
    assert is_waiting(record, NOW) == (wait is not None)
    if wait is not None:
        assert is_waiting(record, NOW + wait - 1)
        assert not is_waiting(record, NOW + wait)


def test_an_unknown_domain_does_not_wait() -> None:
    """Nothing is known of it, so it is asked."""
    assert not is_waiting(None, NOW)


@given(
    st.dictionaries(st.text(min_size=1, max_size=6), st.integers(0, 50), max_size=30),
    st.integers(0, 20),
)
def test_the_newest_are_kept(ages: dict[str, int], limit: int) -> None:
    """Never more than the limit, and nothing that is kept is older than what is dropped."""
    records = {name: NoLogoRecord(name, 1, age, "none") for name, age in ages.items()}
    kept = newest(records, limit)
    assert len(kept) == min(limit, len(records))
    assert list(kept) == sorted(kept)
    dropped = [records[name].last_attempt for name in records.keys() - kept.keys()]
    if kept and dropped:
        assert max(dropped) <= min(record.last_attempt for record in kept.values())
