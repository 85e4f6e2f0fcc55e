"""What is said of settings that are wrong, missing or empty, and where they can be set."""

from pathlib import Path

import pytest

from datafetch.environment import STANDARD_VARIABLES, load_settings
from datafetch.errors import ConfigurationError
from datafetch.job_groups import check_jobs
from datafetch.models.run import JobName
from datafetch.redaction import redact
from datafetch.settings import ENV_NAMES, Settings
from tests.support import unprivileged

TEXTS = ["nonsense", "1e400", "-1", "two words", "1.5", "s3cret@x", "9" * 30, "nan", "5m", "ſ"]
"""No setting takes all of these, and none is a number in every range."""


def refused(*jobs: JobName, env_file: Path | None = Path(".env")) -> ConfigurationError:
    """The error of settings with which these jobs cannot run."""

    def check(settings: Settings) -> None:
        check_jobs(settings, list(jobs))

    with pytest.raises(ConfigurationError) as caught:
        load_settings(env_file, check)
    assert caught.value.exit_code == 78
    return caught.value


def problem_for(error: ConfigurationError, name: str) -> str:
    """The one sentence that begins with a name."""
    (problem,) = (text for text in error.problems if text.startswith(name))
    return problem


# ------------------------------------------------------------------ missing


def test_without_a_file_its_folder_is_named(tmp_path):
    """Cron starts in the home folder: a `.env` elsewhere was not read, and nothing said so."""
    error = refused(JobName.BOOKMARKS)
    assert problem_for(error, "BOOKMARKS_API_URL is missing")
    said = f"There is no .env in {tmp_path} (the working folder): cd to it, or --env-file PATH"
    assert said in error.hint


@pytest.mark.parametrize("name", [".env.local", ".env.txt", "env"])
def test_a_file_of_nearly_that_name_is_named(tmp_path, name):
    """Frameworks read `.env.local` and editors add `.txt`: its owner saw a file, and was told of none."""
    (tmp_path / name).write_text("A=1\n")
    said = f"but {name}: --env-file {tmp_path / name}, or rename it to .env"
    assert said in refused(JobName.BOOKMARKS).hint


def test_a_file_in_a_folder_above_is_named(tmp_path, monkeypatch):
    """Whoever stands in a folder below is told the way up, by the whole path."""
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / "below" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "below" / "deep")
    assert f"--env-file {tmp_path / '.env'}" in refused(JobName.BOOKMARKS).hint


def test_the_file_that_was_read_is_named(tmp_path):
    """Of two files of settings it is told which one counts; it is named from the root on."""
    (tmp_path / ".env").write_text("A=1\n")
    assert f"from the environment and {tmp_path / '.env'};" in refused(JobName.BOOKMARKS).hint
    (tmp_path / "site.env").write_text("A=1\n")
    error = refused(JobName.BOOKMARKS, env_file=Path("site.env"))
    assert f"from the environment and {tmp_path / 'site.env'};" in error.hint


def test_a_folder_of_that_name_is_said_not_to_be_read(tmp_path):
    """Some call the folder of a Python environment `.env`."""
    (tmp_path / ".env").mkdir()
    assert f"{tmp_path / '.env'} is a folder" in refused(JobName.BOOKMARKS).hint


def test_a_wrong_value_does_not_send_anyone_to_look_for_a_file(monkeypatch, tmp_path):
    """Where nothing is missing, a `.env` would not help."""
    monkeypatch.setenv("DATAFETCH_CONCURRENCY", "many")
    hint = refused().hint
    assert f"There is no .env in {tmp_path}" in hint
    assert "cd to it" not in hint


def test_an_unreadable_file_is_told_and_nothing_is_called_missing(tmp_path):
    """Cron's user may not read the file: what is missing may stand in it."""
    (tmp_path / ".env").write_text("A=1")
    (tmp_path / ".env").chmod(0)
    with unprivileged():
        error = refused(JobName.BOOKMARKS)
    (problem,) = error.problems
    assert problem.startswith(".env cannot be read: Permission denied")


@pytest.mark.parametrize(
    ("written", "missing"),
    [
        ("BOOKMARKS_BEARER_TOKEN", "BOOKMARK_BEARER_TOKEN"),
        ("BOOKMARKS_API_KEY", "BOOKMARK_BEARER_TOKEN"),
        ("KARAKEEP_API_KEY", "BOOKMARK_BEARER_TOKEN"),
        ("bookmarks_api_url", "BOOKMARKS_API_URL"),
        ("BOOKMARK_LIST_ID", "BOOKMARKS_LIST_ID"),
        ("BOOKMARKS_LIST", "BOOKMARKS_LIST_ID"),
        ("GITHUB_OWNER", "GITHUB_REPO_OWNER"),
    ],
)
@pytest.mark.parametrize("place", [".env", "the environment"])
def test_a_name_that_is_nearly_right_is_named_beside_what_is_missing(
    monkeypatch, tmp_path, written, missing, place
):
    """One letter too many in a name was "is missing", and the value seemed to stand there."""
    (tmp_path / ".env").write_text(f"{written}=the-value\n" if place == ".env" else "")
    if place != ".env":
        monkeypatch.setenv(written, "the-value")
    error = refused(JobName.BOOKMARKS, JobName.GITHUB)
    problem = problem_for(error, f"{missing} is missing")
    assert problem.endswith(f"({place} has {written}: did you mean this?)")
    assert sum(written in text.split("(")[-1] for text in error.problems) == 1
    assert "the-value" not in str(error)


@pytest.mark.parametrize("written", ["GITHUB_TOKE", "GH_TOKEN"])
def test_for_a_setting_with_several_names_the_near_one_is_said(tmp_path, written):
    """Any name of the token's will do: the sentence says which is nearest."""
    (tmp_path / ".env").write_text(f"{written}=the-value\n")
    problem = problem_for(refused(JobName.GITHUB), "GITHUB_TOKEN is missing")
    assert problem.endswith(f"(.env has {written}: did you mean GITHUB_TOKEN?)")


@pytest.mark.parametrize("other", ["GITLAB_TOKEN", "GITHUB_REPOSITORY_URL", "API_URL", "KEY"])
def test_what_is_not_near_is_not_suggested(tmp_path, other):
    """A suggestion that is wrong costs more time than none."""
    (tmp_path / ".env").write_text(f"{other}=x\n")
    error = refused(JobName.BOOKMARKS, JobName.GITHUB)
    assert "did you mean" not in str(error)


@pytest.mark.parametrize(
    "line", ["BOOKMARKS_LIST_ID=", "BOOKMARKS_LIST_ID=' '", "BOOKMARKS_LIST_ID"]
)
def test_what_is_empty_is_not_called_missing(tmp_path, line):
    """The line stands there: "missing" sent people to look for another file."""
    (tmp_path / ".env").write_text(f"# ours\n{line}\n")
    problem = problem_for(refused(JobName.BOOKMARKS), "BOOKMARKS_LIST_ID")
    assert problem.startswith("BOOKMARKS_LIST_ID is empty (in .env, line 2): ")


def test_what_is_empty_in_the_environment_is_said_so(monkeypatch):
    """Compose files pass on variables that nobody has set."""
    monkeypatch.setenv("GITHUB_API_TOKEN", " ")
    problem = problem_for(refused(JobName.GITHUB), "GITHUB_API_TOKEN")
    assert problem.startswith("GITHUB_API_TOKEN is empty (in the environment): ")


def test_the_environment_of_a_bucket_and_half_of_its_keys_are_missing_in_the_same_way(tmp_path):
    """Each sentence that something is missing leads on, whoever says it."""
    (tmp_path / ".env").write_text(
        "S3_BUCKET=site\nDATAFETCH_ENVIRONMENT=test\nS3_ACCESS_KEY_ID=key\nS3_SECRET_KEY=s3cret\n"
    )
    error = refused()
    first, second = error.problems
    assert first.startswith("DATAFETCH_ENV is missing: ")
    assert "(.env has DATAFETCH_ENVIRONMENT: did you mean DATAFETCH_ENV?)" in first
    assert second.startswith("S3_SECRET_ACCESS_KEY is missing: S3_ACCESS_KEY_ID is set")
    assert "(.env has S3_SECRET_KEY: did you mean this?)" in second


# ------------------------------------------------------------- wrong values


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATAFETCH_CONCURRENCY", "0", "a whole number, from 1 to 256, such as 16"),
        ("DATAFETCH_CONCURRENCY", "257", "a whole number, from 1 to 256, such as 16"),
        ("DATAFETCH_CONCURRENCY", "16.5", "a whole number, from 1 to 256, such as 16"),
        ("OG_MAX_RETRIES", "-1", "a whole number, 0 or more, such as 2"),
        ("S3_TEST_LIMIT", "0", "a whole number, 1 or more, such as 10"),
        ("MAX_TAGS_TO_CACHE", "all", "a whole number, 0 or more, such as 10"),
        ("LOGO_MAX_AGE_DAYS", "30d", "a whole number of days, 1 or more, such as 30"),
        (
            "DATAFETCH_LOCK_TTL_MS",
            "5m",
            "of milliseconds, from 100 to 604800000 (a week), such as 300000",
        ),
        (
            "OG_FETCH_TIMEOUT_MS",
            "0",
            "of milliseconds, from 1 to 604800000 (a week), such as 15000",
        ),
        ("BOOKMARKS_FULL_SYNC_HOURS", "inf", "a number of hours, 0 or more, such as 24"),
        ("DATAFETCH_RETRY_MAX_SECONDS", "-1", "a number of seconds, 0 or more, such as 60"),
        ("DATAFETCH_MAX_SHRINK_RATIO", "20%", "a number, from 0 to 1, such as 0.2"),
        ("DRY_RUN", "maybe", "true or false"),
        ("DATAFETCH_ENV", "stage", "production, development or test (prod, dev and testing mean"),
        ("S3_ADDRESSING", "dns", "path or virtual"),
    ],
)
def test_a_wrong_value_says_range_and_example(monkeypatch, name, value, said):
    """`should be greater than 0` of a library said neither where it stands nor what would do."""
    monkeypatch.setenv(name, value)
    (problem,) = refused().problems
    assert problem.startswith(f"{name}: should be {said}" if said[0] != "o" else f"{name}: ")
    assert said in problem
    assert problem.endswith("(in the environment)")


@pytest.mark.parametrize("name", [name for names in ENV_NAMES.values() for name in names])
def test_no_sentence_is_the_librarys_and_none_is_eaten_by_the_masks(monkeypatch, name):
    """`Value error, …` and "Input should be a valid …" are for programmers; a mask ate sentences."""
    for text in TEXTS:
        monkeypatch.setenv(name, text)
        try:
            load_settings()
        except ConfigurationError as error:
            for problem in (*error.problems, error.hint):
                for word in ("Value error", "Input", "valid ", "pydantic"):
                    assert word not in problem
                # The entries of this list are names of repositories: the wrong ones are repeated.
                assert "s3cret" not in problem or name == "GITHUB_EXCLUDE"
                assert redact(problem) == problem


QUOTED = ["BOOKMARKS_LIST_ID", "BOOKMARK_BEARER_TOKEN", "DATAFETCH_CONCURRENCY", "DRY_RUN", "CI"]


@pytest.mark.parametrize(
    "name", [*QUOTED, "S3_BUCKET", "NODE_ENV", "GITHUB_TOKEN_FILE", "NO_PROXY"]
)
@pytest.mark.parametrize("mark", ['"', "'"])
def test_quotes_that_docker_kept_are_told_for_every_setting(monkeypatch, name, mark):
    """`docker run --env-file` keeps them: a token in quotes was refused by its server only."""
    monkeypatch.setenv(name, f"{mark}s3cret{mark}")
    problem = problem_for(refused(), name)
    assert "docker's --env-file keeps quotes" in problem or name.endswith("_FILE")
    assert "s3cret" not in problem


@pytest.mark.parametrize("marks", ["“”", "‘’", "„“", "«»"])
def test_typographic_quotes_are_not_blamed_on_docker(monkeypatch, marks):
    """They come from a page or an editor and stay in `.env` too, where plain ones would not."""
    monkeypatch.setenv("BOOKMARK_BEARER_TOKEN", f"{marks[0]}s3cret{marks[1]}")
    problem = problem_for(refused(), "BOOKMARK_BEARER_TOKEN")
    assert "typographic quotation marks" in problem
    assert "docker" not in problem


def test_standard_variables_in_quotes_are_told_too(monkeypatch):
    """A proxy in quotes was "not a valid URL", and only when the first request was sent."""
    for name in STANDARD_VARIABLES:
        monkeypatch.setenv(name, '"http://me:s3cret@h.example"')
    error = refused()
    assert {problem.partition(":")[0] for problem in error.problems} == set(STANDARD_VARIABLES)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize("name", ["BOOKMARK_BEARER_TOKEN", "GITHUB_TOKEN", "GITHUB_API_TOKEN"])
@pytest.mark.parametrize(
    "value", ["Bearer abc-s3cret", "bearer abc-s3cret", "Authorization: Bearer s3cret"]
)
def test_a_key_with_the_word_of_its_header_is_told(monkeypatch, name, value):
    """`Bearer Bearer abc` was sent, and the server said no more than 401."""
    monkeypatch.setenv(name, value)
    problem = problem_for(refused(), name)
    assert "give the key alone, without `Bearer`" in problem
    assert "s3cret" not in redact(problem) + problem
