"""The settings: each with its origin, and everything that is wrong with them at once."""

from pathlib import Path

import pytest

from datafetch.doctor.findings import Finding, Form, Status
from datafetch.doctor.settings_check import SettingsCheck
from datafetch.environment import survey_settings


def look() -> dict[str, Finding]:
    """What is found, by the name of what was looked at; the first of each name."""
    found: dict[str, Finding] = {}
    for finding in SettingsCheck(survey_settings()).look():
        found.setdefault(finding.check, finding)
    return found


def test_each_setting_is_told_with_its_origin(monkeypatch, tmp_path):
    """Environment, a line of .env, the file of a secret, the default: one can see which counted."""
    Path(".env").write_text("S3_BUCKET=site\n\nDATAFETCH_ENV=dev\n")
    (tmp_path / "token").write_text("s3cr3t-s3cr3t\n")
    monkeypatch.setenv("BOOKMARK_BEARER_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("DATAFETCH_CONCURRENCY", "4")
    found = look()
    assert found["settings file"].detail == f"{tmp_path}/.env, 2 values"
    assert found["S3_BUCKET"].detail == "site (in .env, line 1)"
    assert found["DATAFETCH_ENV"].detail == "dev (in .env, line 3)"
    assert found["DATAFETCH_CONCURRENCY"].detail == "4 (in the environment)"
    assert found["BOOKMARK_BEARER_TOKEN_FILE"].detail == "*** (in the file that it names)"
    assert found["LOGO_BATCH_SIZE"].detail == "10 (default)"
    assert found["LOGO_BATCH_SIZE"].form is Form.DEFAULT
    assert found["S3_CDN_URL"].form is Form.UNSET


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S3_SECRET_ACCESS_KEY", "canary-of-secrets"),
        ("GITHUB_TOKEN", "ghp_canaryofsecrets0000"),
        ("AWS_SECRET_ACCESS_KEY", "canary-of-secrets"),
        ("BOOKMARKS_HEADERS", "X-Key: canary-of-secrets"),
        ("DATAFETCH_LOCK", "redis://:canary-of-secrets@redis.example.com"),
        ("HTTPS_PROXY", "http://user:canary-of-secrets@proxy.example.com"),
    ],
)
def test_secrets_are_masked(monkeypatch, name, value):
    """A report is pasted into issues."""
    monkeypatch.setenv(name, value)
    found = look()
    assert found[name].detail == "*** (in the environment)"
    assert "canary" not in str([finding.to_json() for finding in found.values()])


def test_no_file_is_told(tmp_path):
    """Whoever has a .env elsewhere sees why nothing of it counts."""
    assert look()["settings file"].detail == (
        f"there is no {tmp_path}/.env; only the environment was read"
    )


def test_each_problem_has_its_own_line(monkeypatch):
    """What is invalid is named where it is set, what is valid is told all the same."""
    monkeypatch.setenv("S3_BUCKET", "s3://site")
    monkeypatch.setenv("DATAFETCH_CONCURRENCY", "many")
    monkeypatch.setenv("S3_ACCESS_KEY_ID", "key-of-somebody")
    monkeypatch.setenv("LOGO_BATCH_SIZE", "7")
    found = look()
    for name in ("S3_BUCKET", "DATAFETCH_CONCURRENCY", "S3_SECRET_ACCESS_KEY"):
        assert found[name].status == "fail", name
        assert not found[name].detail.startswith(name)
    assert "table of settings" in found["S3_BUCKET"].hint
    assert "There is no .env" in found["S3_SECRET_ACCESS_KEY"].hint
    assert found["LOGO_BATCH_SIZE"].detail == "7 (in the environment)"


def test_a_line_that_cannot_be_read_is_told():
    """A broken .env is one of the things that the command is asked about."""
    Path(".env").write_text("this is no line\nLOGO_BATCH_SIZE=7\n")
    found = look()
    assert "line 1" in found["settings"].detail
    assert found["settings"].status == "fail"


def test_a_job_without_settings_is_named_once():
    """Nobody wants it here: that is no problem."""
    found = look()
    assert found["job bookmarks"].form is Form.SKIPPED
    assert found["job github"].form is Form.SKIPPED


def test_a_job_with_half_of_its_settings_fails(monkeypatch):
    """Each missing name has a line, and the job that needs it is told."""
    monkeypatch.setenv("BOOKMARKS_LIST_ID", "abc")
    found = look()
    assert "job bookmarks" not in found
    for name in ("BOOKMARKS_API_URL", "BOOKMARK_BEARER_TOKEN"):
        assert found[name].status == "fail"
        assert "the job bookmarks needs it" in found[name].detail


def test_an_invalid_value_is_not_called_missing_as_well(monkeypatch):
    """One cause, one line."""
    monkeypatch.setenv("BOOKMARKS_API_URL", "ftp://x")
    monkeypatch.setenv("BOOKMARKS_LIST_ID", "abc")
    findings = [*SettingsCheck(survey_settings()).look()]
    told = [one.detail for one in findings if one.check == "BOOKMARKS_API_URL"]
    assert len(told) == 1
    assert "missing" not in told[0]


def test_names_that_mean_nothing_are_warned_of(monkeypatch):
    """A slip, and a variable of the system before, whose name looked like protection."""
    monkeypatch.setenv("S3_BUCKETT", "site")
    monkeypatch.setenv("S3_READ_ONLY", "true")
    found = look()
    assert (found["S3_BUCKETT"].status, found["S3_BUCKETT"].hint) == (
        "warn",
        "Did you mean S3_BUCKET?",
    )
    assert found["S3_READ_ONLY"].status == "warn"
    assert "--dry-run" in found["S3_READ_ONLY"].hint


def test_production_without_a_public_address_is_warned_of(monkeypatch):
    """Pictures would be shown by the bucket itself."""
    monkeypatch.setenv("S3_BUCKET", "site")
    monkeypatch.setenv("DATAFETCH_ENV", "production")
    assert look()["S3_CDN_URL"].status == "warn"
    monkeypatch.setenv("DATAFETCH_ENV", "development")
    assert look()["S3_CDN_URL"].status == "ok"


def test_the_default_folder_is_warned_of(monkeypatch):
    """Scheduled runs refuse it, so one hears of it before."""
    assert look()["DATAFETCH_STORE"].status == "warn"
    monkeypatch.setenv("DATAFETCH_STORE", "file:./store")
    assert look()["DATAFETCH_STORE"].detail == "file:./store (in the environment)"


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({"API_BASE_URL": "https://s.example"}, "API_BASE_URL"),
        ({"NEXT_PUBLIC_SITE_URL": "https://s.example"}, "NEXT_PUBLIC_SITE_URL"),
        ({"API_BASE_URL": "https://s.example", "BOOKMARK_CRON_REFRESH_SECRET": "abc"}, ""),
        ({"API_BASE_URL": "https://s.example", "GITHUB_CRON_REFRESH_SECRET": "abc"}, ""),
        (
            {
                "API_BASE_URL": "https://s.example",
                "GITHUB_CRON_REFRESH_SECRET": "abc",
                "BOOKMARKS_LIST_ID": "list",
            },
            "API_BASE_URL",
        ),
        ({"API_BASE_URL": "https://s.example", "BOOKMARK_CRON_REFRESH_SECRET": "a b"}, ""),
        ({"DATAFETCH_CHANGE_SECRET": "abc"}, "DATAFETCH_CHANGE_SECRET"),
        ({"DATAFETCH_CHANGE_SECRET": "abc", "DATAFETCH_CHANGE_URL": "https://h.example/"}, ""),
        ({"DATAFETCH_CHANGE_SECRET": "abc", "DATAFETCH_CHANGE_URL": "h.example"}, ""),
    ],
)
def test_settings_that_do_nothing_alone_are_warned_of(monkeypatch, settings, warned):
    """A site without its secret showed old data for hours, and nothing said that it is not told."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    warnings = [name for name, finding in look().items() if finding.status == "warn"]
    assert [name for name in warnings if name != "DATAFETCH_STORE"] == ([warned] if warned else [])


@pytest.mark.parametrize(
    ("settings", "name", "said"),
    [
        (
            {"DATAFETCH_SHARDS": "4", "JOB_COMPLETION_INDEX": "1"},
            "DATAFETCH_SHARDS",
            "4 (in the environment): github, logos, opengraph run share 2/4 here",
        ),
        (
            {"AWS_BATCH_JOB_ARRAY_INDEX": "1"},
            "AWS_BATCH_JOB_ARRAY_INDEX",
            (
                "1 (in the environment), and DATAFETCH_SHARDS is not set: each pod or child works on "
                "whole jobs"
            ),
        ),
        ({"DATAFETCH_SHARDS": "4"}, "DATAFETCH_SHARDS", "4 (in the environment)"),
    ],
    ids=["share", "no number", "no index"],
)
def test_which_share_runs_here_is_told(monkeypatch, settings, name, said):
    """All pods of an Indexed Job do the same work when their number is not set: that is warned of."""
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    found = look()[name]
    assert found.detail == said
    assert (found.status is Status.WARN) is ("is not set" in said)
