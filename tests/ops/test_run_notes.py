"""What every job tells: what waits, where pictures are read from, and whose records stand."""

from datetime import UTC, datetime

import pytest

from datafetch.models.run import JobName
from datafetch.ops.dead_letters import DeadLetter
from datafetch.ops.run_notes import no_cdn_note, superseded_note, too_many_note, waiting_notes
from datafetch.store.public_urls import PublicUrls

NOW = datetime(2026, 11, 26, 15, 37, tzinfo=UTC).timestamp()
HOUR = 3600.0


def _letters(*waits_s: float | None, kind: str = "TransientError") -> list[DeadLetter]:
    """Items that may be tried so many seconds from now; None: not by themselves."""
    return [
        DeadLetter(
            id=f"{number}-{wait_s}-{kind}",
            job="logos",
            item=f"s{number}.example",
            attempts=1,
            first_failed_at=1,
            last_failed_at=1,
            next_attempt_at=None if wait_s is None else round((NOW + wait_s) * 1000),
            error_type=kind,
            error="x",
            permanent=wait_s is None,
        )
        for number, wait_s in enumerate(waits_s)
    ]


def _notes(
    letters: list[DeadLetter], job: JobName = JobName.LOGOS, *, whole: bool = True
) -> tuple[str, ...]:
    return waiting_notes(letters, job, whole=whole, now=NOW)


def test_an_unchanged_run_says_what_waits():
    """Twenty-seven sites were down since yesterday, and the run only said "unchanged"."""
    (said,) = _notes(_letters(*[HOUR + number for number in range(27)]))
    assert said.startswith("27 items wait to be tried again, next at 16:37 UTC")
    assert "`datafetch logos --domain DOMAIN`" in said


def test_a_time_of_another_day_has_its_date():
    """A time of tomorrow, read in the night's mail, is not taken for one that has passed."""
    (said,) = _notes(_letters(24 * HOUR))
    assert said.startswith("1 item waits to be tried again, next at 2026-11-27 15:37 UTC")


def test_what_is_not_tried_again_is_said_apart_with_what_to_type():
    """An item that no run asks for any more does not count as one that waits."""
    letters = [
        *_letters(HOUR),
        *_letters(None, None, kind="Missing"),
        *_letters(None, kind="TooLarge"),
    ]
    waits, settled = _notes(letters)
    assert waits.startswith("1 item waits")
    assert settled == (
        "3 items are not tried again by themselves (404, refused): "
        "`datafetch logos --domain DOMAIN`, or `datafetch dead-letters retry logos` for all"
    )
    (single,) = _notes(_letters(None, kind="Missing"))
    assert single.startswith("1 item is not tried again by itself (404): ")


@pytest.mark.parametrize(
    ("job", "command"),
    [
        (JobName.OPENGRAPH, "`datafetch refresh-opengraph --url URL`"),
        (JobName.GITHUB, "`datafetch github --repo OWNER/NAME`"),
    ],
)
def test_each_job_has_its_own_command(job, command):
    """What the note says to type works for the job that said it."""
    (said,) = _notes(_letters(None), job)
    assert command in said


def test_what_is_due_is_promised_by_a_run_that_left_some_out_only():
    """A run of everything that did not try an item needs it no more; one of a few left it out."""
    letters = _letters(-HOUR, HOUR)
    assert len(_notes(letters)) == 1
    waits, due = _notes(letters, whole=False)
    assert waits.startswith("1 item waits to be tried again, next at")
    assert due == "1 item waits to be tried again by the next run"


def test_bookmarks_are_not_told_twice():
    """Each of its runs reads the list and names all that it cannot read."""
    assert _notes(_letters(HOUR, None), JobName.BOOKMARKS, whole=False) == ()
    assert _notes([]) == ()


def _own(key: str) -> str:
    return f"https://s3.example.com/bucket/{key}"


@pytest.mark.parametrize("job", [JobName.LOGOS, JobName.OPENGRAPH])
def test_pictures_without_a_public_address_are_told(job):
    """A site in production showed no logo to anybody: nothing had said that the bucket is private."""
    said = no_cdn_note(job, PublicUrls(None, _own))
    assert "S3_CDN_URL is not set" in said
    assert "https://s3.example.com/bucket/images/" in said
    assert no_cdn_note(job, PublicUrls("https://cdn.example.com", _own)) == ""


@pytest.mark.parametrize("job", [JobName.BOOKMARKS, JobName.GITHUB])
def test_jobs_without_pictures_need_no_public_address(job):
    """What a job does not publish it says nothing of."""
    assert no_cdn_note(job, PublicUrls(None, _own)) == ""


def test_whose_records_stand_is_told_with_the_setting():
    """Each job has its own lock time; the note names the one that counts."""
    assert "raise BOOKMARKS_LOCK_TTL_MS" in superseded_note(JobName.BOOKMARKS)
    assert "another run of logos" in superseded_note(JobName.LOGOS)
    assert "raise DATAFETCH_LOCK_TTL_MS" in superseded_note(JobName.LOGOS)


def test_letters_that_are_not_kept_are_counted():
    """Nothing that failed is forgotten in silence."""
    assert too_many_note(1).startswith("1 dead letter is not kept, because a job has 5,000 at most")
    assert too_many_note(1234).startswith("1,234 dead letters are not kept")
