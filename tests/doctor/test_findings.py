"""Findings: how they are summed up, and what programs are told of them."""

import pytest

from datafetch.doctor.findings import (
    SEE_REQUESTS,
    fail,
    failed_with,
    ok,
    skipped,
    summary,
    warn,
)
from datafetch.errors import StoreDenied
from datafetch.redaction import register_secrets
from datafetch.upstream_errors import UpstreamError


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([], "no problems"),
        ([ok("a", "b"), skipped("a", "offline")], "no problems"),
        ([warn("a", "b", "c")], "1 warning"),
        ([fail("a", "b", "c")], "1 problem"),
        ([fail("a", "b", "c")] * 2 + [warn("a", "b", "c"), ok("a", "b")], "2 problems, 1 warning"),
    ],
)
def test_the_sum_counts_what_is_wrong(findings, said):
    """The last line answers the first question; what is well or was not looked at counts nowhere."""
    assert summary(findings) == said


def test_programs_are_told_four_fields_without_secrets():
    """The fields of the contract, and no value that is registered as a secret."""
    register_secrets(["hunter2-hunter2"])
    told = fail("a", "said hunter2-hunter2", "not hunter2-hunter2").to_json()
    assert told == {"check": "a", "status": "fail", "detail": "said ***", "hint": "not ***"}


def test_every_failure_has_a_hint():
    """Also one by an error that has none itself."""
    assert failed_with("lists", UpstreamError("status 500")).hint == SEE_REQUESTS
    assert failed_with("store", StoreDenied("no")).hint == StoreDenied.hint


def test_what_was_not_looked_at_says_so():
    """Programs know three states only, so the sentence tells it."""
    assert skipped("store", "--offline").to_json()["detail"] == "not looked at: --offline"
