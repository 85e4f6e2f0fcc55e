"""The end of a run's log, as a monitor gets it."""

import logging

from hypothesis import given
from hypothesis import strategies as st

from datafetch.logs import bound_logger
from datafetch.ops.log_tail import LogTail, newest
from datafetch.redaction import register_secrets


def test_only_lines_of_the_run_are_kept(caplog) -> None:
    """Another run's lines, and the requests that -v shows, stay away; after the end nothing is kept."""
    caplog.set_level(logging.DEBUG, logger="datafetch")
    tail = LogTail("run-1")
    bound_logger(runId="run-1", job="logos").info("run_started", extra={"store": "x"})
    bound_logger(runId="run-2").info("of_another_run")
    bound_logger().warning("of_no_run")
    bound_logger().debug("request")
    tail.close()
    bound_logger(runId="run-1").info("too_late")
    lines = tail.last(10_000).decode().splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        "info run_started store=x",
        "warning of_no_run",
    ]


def test_lines_are_safe_to_send_and_to_show(caplog) -> None:
    """Secrets are masked, and a line end in an error forges no line."""
    caplog.set_level(logging.INFO, logger="datafetch")
    register_secrets(["s3cr3t-of-the-tail"])
    tail = LogTail("run-1")
    bound_logger().warning("x", extra={"error": "s3cr3t-of-the-tail\nforged \x1b[2J"})
    tail.close()
    (line,) = tail.last(10_000).decode().splitlines()
    assert line.endswith(r"warning x error=***\nforged \x1b[2J")


def test_the_oldest_lines_go_first(caplog) -> None:
    """A run of a million lines does not fill the memory."""
    caplog.set_level(logging.INFO, logger="datafetch")
    tail = LogTail("run-1")
    for number in range(3000):
        bound_logger().info("filler", extra={"number": number, "text": "x" * 60})
    tail.close()
    kept = tail.last(1_000_000)
    assert 90_000 < len(kept) <= 100_000
    assert b"number=2999" in kept
    assert b"number=0 " not in kept


@given(st.lists(st.text(alphabet="aé\U0001f600", max_size=9)), st.integers(0, 40))
def test_whole_lines_fit_the_limit(texts: list[str], limit: int) -> None:
    """Never longer than the server takes, never half a character, and the newest come first."""
    lines = [f"{text}\n".encode() for text in texts]
    sent = newest(lines, limit)
    assert len(sent) <= limit
    assert sent.decode() is not None
    whole = b"".join(lines)
    assert whole.endswith(sent) or lines[-1].startswith(sent)
