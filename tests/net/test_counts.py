"""Counts of upstreams, and what of them belongs to one run."""

from datafetch.net.counts import Counts, since


def test_a_run_is_told_only_what_it_asked_itself():
    """Runs of one process share a client; the history of each has its own requests."""
    counts = Counts()
    counts.add("karakeep", "requests", 3)
    before = counts.snapshot()
    counts.add("karakeep", "requests", 2)
    counts.add("karakeep", "bytes", 10)
    counts.add("site", "retries")
    assert since(before, counts.snapshot()) == {
        "karakeep": {"requests": 2, "bytes": 10, "retries": 0},
        "site": {"requests": 0, "bytes": 0, "retries": 1},
    }


def test_who_was_not_asked_is_left_out():
    """An upstream of another job is no part of this run."""
    counts = Counts()
    counts.add("site", "requests")
    assert since(counts.snapshot(), counts.snapshot()) == {}
