"""Errors: each says what happened and what to do, and how the command exits."""

import pytest

from datafetch.errors import (
    BaseMoved,
    Cancelled,
    ConfigurationError,
    CorruptObject,
    DatafetchError,
    ExitCode,
    GuardRefused,
    Inconsistent,
    LeaseHeld,
    LeaseLost,
    ObjectNotFound,
    Stale,
    StoreDenied,
    StoreUnavailable,
    UsageError,
)
from datafetch.upstream_errors import (
    BreakerOpen,
    Denied,
    Malformed,
    Missing,
    RateLimited,
    Refused,
    Rejected,
    TooLarge,
    TransientError,
)

CODES = {UsageError: 2, ConfigurationError: 78, LeaseHeld: 75}
PERMANENT = {Missing, Refused, TooLarge}
LEAVES: list[type[DatafetchError]] = [
    *(UsageError, Cancelled, TransientError, RateLimited, BreakerOpen, Missing, Denied),
    *(Rejected, Malformed, Refused, TooLarge, ObjectNotFound, StoreUnavailable, StoreDenied),
    *(CorruptObject, Inconsistent, GuardRefused, Stale, LeaseHeld, LeaseLost, BaseMoved),
]


def test_the_exit_codes_are_those_of_the_contract() -> None:
    """Crontabs and scripts rely on them."""
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "LOCKED": 75,
        "CONFIGURATION": 78,
        "SIGHUP": 129,
        "SIGINT": 130,
        "SIGTERM": 143,
    }


@pytest.mark.parametrize("kind", LEAVES)
def test_each_kind_has_its_code_and_a_message_of_its_own(kind: type[DatafetchError]) -> None:
    """An error that was raised without a word is still told in a sentence of one line."""
    error = kind()
    assert error.exit_code == CODES.get(kind, 1)
    assert str(error).strip()
    assert "\n" not in str(error)
    assert str(kind("it broke")) == "it broke"


@pytest.mark.parametrize("kind", LEAVES)
def test_only_what_stays_as_it_is_counts_as_permanent(kind: type[DatafetchError]) -> None:
    """A dead letter is given up for 404, 410 and what datafetch refuses, and for nothing else."""
    assert kind.permanent is (kind in PERMANENT)


def test_all_missing_settings_stand_in_one_message() -> None:
    """The user sees every problem at once, and where settings are explained."""
    error = ConfigurationError(["A is missing", "B is missing"])
    assert (str(error), error.exit_code) == ("A is missing; B is missing", 78)
    assert error.problems == ("A is missing", "B is missing")
    assert "README" in error.hint


def test_what_is_wrong_is_to_be_corrected_not_set() -> None:
    """`SSL_CERT_FILE: there is no file` was followed by "Set them", though one was set already."""
    assert ConfigurationError(["SSL_CERT_FILE: no file"]).hint.startswith("Correct it where")


def test_an_errors_own_hint_goes_before_that_of_its_kind() -> None:
    """Who knows more says more, and an empty hint takes the general one away."""
    assert "policy" in StoreDenied("x").hint
    assert StoreDenied("x", hint="Log in.").hint == "Log in."
    assert StoreDenied("x", hint="").hint == ""
    assert "policy" in StoreDenied("x").hint


def test_errors_carry_their_data() -> None:
    """Nobody has to read it from the message."""
    limited = RateLimited("slow down", url="https://a.example/x", status=429, until=5.0)
    assert (limited.url, limited.status, limited.until) == ("https://a.example/x", 429, 5.0)
    assert ObjectNotFound("gone", key="json/x.json").key == "json/x.json"
    assert CorruptObject("broken", key="json/x.json").key == "json/x.json"
    assert Cancelled("stopped", signal=15).signal == 15
