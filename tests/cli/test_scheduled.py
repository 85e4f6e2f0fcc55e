"""`pause` and `resume`: what is said, what is stored, and what is refused."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.s3 import S3Fake
from tests.processes import datafetch

STORE = {"DATAFETCH_STORE": "file:./store"}
PAUSED = Path("store/json/datafetch/paused-dev.json")


def stored(folder: Path) -> Any:
    """The pauses that are stored."""
    return json.loads((folder / PAUSED).read_text())


def test_a_job_is_paused_and_resumed(tmp_path):
    """A pause is stored with its end and reason; after `resume` its end has come."""
    done = datafetch(
        *("pause", "logos", "--for", "3d", "--reason", "the bucket moves"), cwd=tmp_path, **STORE
    )
    assert (done.code, done.err) == (0, "")
    assert "logos is on pause until 20" in done.out
    assert ": the bucket moves\n" in done.out
    known = stored(tmp_path)["logos"]
    assert known["until"] - known["pausedAt"] == 3 * 86_400_000
    assert known["reason"] == "the bucket moves"
    done = datafetch("resume", "logos", cwd=tmp_path, **STORE)
    assert (done.code, done.err) == (0, "")
    assert "logos is no longer on pause; next run at 20" in done.out
    assert stored(tmp_path)["logos"]["until"] < known["until"]


def test_a_pause_without_an_end_lasts_until_it_is_resumed(tmp_path):
    """Without a time the pause has no end, and the command says what ends it."""
    done = datafetch("pause", "bookmarks", "github", cwd=tmp_path, **STORE)
    assert "bookmarks is on pause until it is resumed" in done.out
    assert "`datafetch resume bookmarks github` ends it" in done.out
    assert [stored(tmp_path)[job]["until"] for job in ("bookmarks", "github")] == [None, None]


def test_json_tells_the_pauses(tmp_path):
    """A program reads one array with what is in force now, and nothing else."""
    done = datafetch(
        *("pause", "logos", "--until", "2035-12-24T18:00Z", "--json"), cwd=tmp_path, **STORE
    )
    (told,) = done.results
    until = round(datetime(2035, 12, 24, 18, tzinfo=UTC).timestamp() * 1000)
    assert (told["job"], told["paused"], told["until"]) == ("logos", True, until)
    (told,) = datafetch("resume", "logos", "--json", cwd=tmp_path, **STORE).results
    assert (told["job"], told["paused"], told["until"]) == ("logos", False, None)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2035-12-24", datetime(2035, 12, 24, 8, tzinfo=UTC)),
        ("2035-07-01T18:00", datetime(2035, 7, 2, 1, tzinfo=UTC)),
        ("2035-12-24 18:00:30", datetime(2035, 12, 25, 2, 0, 30, tzinfo=UTC)),
        ("2035-12-24T18:00+01:00", datetime(2035, 12, 24, 17, tzinfo=UTC)),
    ],
)
def test_times_are_pacific_unless_they_say(tmp_path, text, utc):
    """A pause ends by the clock by which the schedules go, whatever this machine's zone is."""
    done = datafetch(
        "pause", "logos", "--until", text, "--json", cwd=tmp_path, TZ="Asia/Tokyo", **STORE
    )
    assert done.results[0]["until"] == round(utc.timestamp() * 1000)


def test_a_time_of_day_is_the_next_one(tmp_path):
    """`--until 18:00` ends within a day, never in the past."""
    now = datetime.now(UTC)
    done = datafetch("pause", "logos", "--until", "18:00", "--json", cwd=tmp_path, **STORE)
    until = datetime.fromtimestamp(done.results[0]["until"] / 1000, UTC)
    assert now < until <= now + timedelta(hours=25)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pause"], "no JOB is named"),
        (["resume"], "no JOB is named"),
        (["pause", "logo"], "there is no job 'logo': did you mean logos?"),
        (["pause", "logos", "--until", "2020-01-01"], "'2020-01-01' is over"),
        (["pause", "logos", "--until", "tomorrow"], "is not a time: write it like"),
        (["pause", "logos", "--until", "2026-02-30"], "is not a time: write it like"),
        (["pause", "logos", "--until", "9999-12-31"], "more than ten years away"),
        (["pause", "logos", "--for", "0s"], "more than 0s"),
        (["pause", "logos", "--for", "99999999d"], "more than 0s, up to 3660d"),
        (["pause", "logos", "--reason", " "], "write a reason of 1 to 200"),
        (["pause", "logos", "--reason", "x" * 201], "write a reason of 1 to 200"),
        (["pause", "logos", "--for", "1d", "--until", "18:00"], "exclude each other"),
        (["unpause", "logos"], "did you mean resume?"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, words, said):
    """Wrong usage is told in one line, and no pause is stored."""
    done = datafetch(*words, cwd=tmp_path, **STORE)
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / PAUSED).exists()


def test_a_reason_is_one_line_without_control_characters(tmp_path):
    """What somebody has typed cannot forge lines where it is shown."""
    datafetch("pause", "logos", "--reason", "a\n\x1b[31mb", cwd=tmp_path, **STORE)
    assert stored(tmp_path)["logos"]["reason"] == "a \\x1b[31mb"


@pytest.mark.parametrize("option", [{"words": ["--dry-run"]}, {"words": [], "DRY_RUN": "true"}])
def test_a_dry_run_stores_nothing(tmp_path, option):
    """However it is asked for, a dry run says what would be, and pauses nothing."""
    words = option.pop("words")
    done = datafetch("pause", "logos", *words, cwd=tmp_path, **STORE, **option)
    assert (done.code, "logos would be on pause" in done.out) == (0, True)
    assert not (tmp_path / PAUSED).exists()


def test_resuming_what_is_not_paused_changes_nothing(tmp_path):
    """Whoever resumes twice is told so, and nothing is written."""
    done = datafetch("resume", "logos", cwd=tmp_path, **STORE)
    assert (done.code, done.out) == (0, "logos was not on pause\n")
    assert not (tmp_path / PAUSED).exists()


def test_a_store_on_the_web_cannot_keep_pauses(tmp_path):
    """A store that may only be read is refused before anything is asked: exit 78."""
    done = datafetch(
        "pause", "logos", cwd=tmp_path, DATAFETCH_STORE="https://127.0.0.1:1", DATAFETCH_ENV="test"
    )
    assert done.code == 78
    assert "read-only" in done.err


def test_quiet_says_nothing(tmp_path):
    """With `--quiet` a pause that went well prints nothing."""
    done = datafetch("pause", "logos", "--quiet", cwd=tmp_path, **STORE)
    assert (done.code, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize(
    ("dialect", "code"),
    [("quoted", 0), ("unquoted", 0), ("unsupported", 78), ("ignoring", 78)],
)
def test_a_pause_is_written_as_the_server_wants_conditions(tmp_path, s3_fake, dialect, code):
    """On a server that takes ETags bare only a pause can be changed; an unsafe one is refused."""
    s3: S3Fake = s3_fake
    s3.app.dialect = dialect
    environment = {**s3.environment, "DATAFETCH_ENV": "test"}
    codes = {
        datafetch("pause", "logos", "--for", age, cwd=tmp_path, **environment).code
        for age in ("1d", "2d")
    }
    assert codes == {code}
    found = s3.get("json/datafetch/paused-test.json")
    assert (found is not None) is (code == 0)
    if found is not None:
        known = json.loads(found.body)["logos"]
        assert known["until"] - known["pausedAt"] > 86_400_000
