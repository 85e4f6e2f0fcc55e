"""The sentence that names the items that failed."""

from datetime import UTC, datetime

import pytest

from datafetch.errors import GuardRefused
from datafetch.models.run import JobName
from datafetch.ops.failures import FailedItem, failed_note, named_failures, short_reason
from datafetch.redaction import register_secrets
from datafetch.upstream_errors import BreakerOpen, Malformed, Missing, TransientError

NOW = datetime(2026, 11, 26, 15, 37, tzinfo=UTC).timestamp()
IN_AN_HOUR = round((NOW + 3600) * 1000)
IN_A_DAY = round((NOW + 24 * 3600) * 1000)


def items(count: int, retry_at: int | None = IN_AN_HOUR) -> list[FailedItem]:
    """So many items that failed."""
    return [FailedItem(f"https://s{number}.example/x", "404", retry_at) for number in range(count)]


def note(failed: list[FailedItem]) -> str:
    """The note of a run."""
    return failed_note(failed, JobName.OPENGRAPH, NOW)


def test_the_first_three_are_named_and_the_others_counted():
    """Whoever reads the note knows which items to look at, however many failed."""
    said = note(items(5))
    assert said.startswith("failed: https://s0.example/x (404), https://s1.example/x")
    assert "https://s2.example/x (404) and 2 more; " in said
    assert "s3.example" not in said


def test_what_to_type_and_when_it_is_tried_anyway():
    """The user can act at once, or knows until when to wait."""
    said = note(items(2))
    assert "`datafetch refresh-opengraph --url URL`" in said
    assert "16:37 UTC" in said
    assert "2026" not in said
    assert "more" not in said


def test_another_day_is_told():
    """A time of tomorrow is not taken for one of today."""
    assert "2026-11-27 15:37 UTC" in note(items(1, IN_A_DAY))


def test_the_first_time_counts():
    """Of several times the earliest is told, for that is when something happens."""
    assert "16:37 UTC" in note([*items(1, IN_A_DAY), *items(1)])


def test_what_no_run_tries_again_is_not_promised():
    """A 404 is never tried again by itself; the note does not say that it is."""
    assert "no run does so by itself" in note(items(2, None))
    assert "UTC" not in note(items(2, None))
    assert "2 of them are tried again from 16:37 UTC" in note([*items(2), *items(1, None)])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Missing("https://a.example/x: status 404", url="https://a.example/x", status=404), "404"),
        (
            TransientError("https://a.example/: no answer in time", url="https://a.example/"),
            "no answer in time",
        ),
        (Malformed("not a picture", url="https://a.example/", status=200), "not a picture"),
        (GuardRefused("too few"), "too few"),
        (
            BreakerOpen("a.example failed 3 times in a row; it is not asked for another 9 s"),
            "keeps failing, so not asked",
        ),
    ],
)
def test_a_reason_is_short(error, reason):
    """A status says most; else the message counts, and the URL is not said twice."""
    assert short_reason(error) == reason


def test_foreign_text_is_one_short_line():
    """Names and reasons come from servers: they move no cursor and fill no screen."""
    said = named_failures([FailedItem("a\x1b[2J\nb" + "x" * 5000, "why\x07\n" + "y" * 5000)])
    assert said.isprintable()
    assert len(said) < 400


def test_a_secret_is_masked_before_the_text_is_cut():
    """The first half of a token that stood at the cut was shown, since only a whole one is known."""
    register_secrets(["s3cr3t-value-of-somebody"])
    echo = "x" * 70 + " s3cr3t-value-of-somebody"
    assert "s3cr" not in short_reason(Malformed(echo, url="https://a.example/"))
    assert "s3cr" not in short_reason(GuardRefused(echo))
    assert "s3cr" not in named_failures([FailedItem("x" * 190 + " s3cr3t-value-of-somebody", "")])
