"""What is waited for is said: a rate limit once for each host, other pauses for those who look."""

import logging

import pytest

from datafetch.net.base import Request
from datafetch.net.waits import Waits
from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import RateLimited, TransientError
from tests.support import FakeClock

REQUEST = Request("https://api.example/x?key=secret", "settings", "karakeep", retry=RetryPolicy(4))
LIMITED = RateLimited(
    "https://api.example/x: status 429, asks to wait", url="https://api.example/x"
)


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and event of each record."""
    return [(record.levelname, record.message) for record in caplog.records]


def test_a_rate_limit_is_said_once_for_each_host(caplog: pytest.LogCaptureFixture) -> None:
    """Sixteen requests that wait for one host say so once; a later, longer wait is news."""
    caplog.set_level(logging.INFO, "datafetch")
    clock = FakeClock()
    waits = Waits(clock)
    for _ in range(16):
        waits.tell(LIMITED, 20.04, REQUEST, 2)
    assert told(caplog) == [("INFO", "rate_limit_wait")]
    record = vars(caplog.records[0])
    assert (record["host"], record["wait_s"], record["attempt"]) == ("api.example", 20.0, "2 of 4")
    assert "status 429" in record["reason"]
    assert "secret" not in str(record)
    clock.advance(20)
    waits.tell(LIMITED, 30, REQUEST, 3)
    waits.tell(RateLimited(url="https://other.example/"), 30, REQUEST, 2)
    assert [vars(record)["host"] for record in caplog.records[1:]] == [
        "api.example",
        "other.example",
    ]


def test_other_pauses_are_for_those_who_look(caplog: pytest.LogCaptureFixture) -> None:
    """`-v` tells the reason, the wait in seconds and which try comes next; without it nothing is said."""
    waits = Waits(FakeClock())
    error = TransientError("https://api.example/x: status 502", url="https://api.example/x")
    caplog.set_level(logging.INFO, "datafetch")
    waits.tell(error, 0.5, REQUEST, 2)
    waits.tell(LIMITED, 1.0, REQUEST, 2)
    assert told(caplog) == []
    caplog.set_level(logging.DEBUG, "datafetch")
    waits.tell(error, 0.5, REQUEST, 3)
    assert told(caplog) == [("DEBUG", "request_retried")]
    record = vars(caplog.records[0])
    assert (record["host"], record["wait_s"], record["attempt"]) == ("api.example", 0.5, "3 of 4")
    assert record["reason"] == "https://api.example/x: status 502"
