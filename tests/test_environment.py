"""Settings are read from the environment and `.env`, and all that is wrong is said at once."""

import pytest

from datafetch.environment import load_settings
from datafetch.errors import ConfigurationError
from datafetch.models.places import Environment
from datafetch.settings import Settings


def test_all_problems_are_named_at_once(monkeypatch):
    """A user with several wrong settings sees all of them in one go, by the names they set."""
    monkeypatch.setenv("DATAFETCH_CONCURRENCY", "many")
    monkeypatch.setenv("NODE_ENV", "staging")
    monkeypatch.setenv("BOOKMARKS_API_URL", "karakeep.example.com")
    monkeypatch.setenv("OG_FETCH_TIMEOUT_MS", "NaN")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    named = {problem.partition(":")[0] for problem in caught.value.problems}
    assert named == {
        "DATAFETCH_CONCURRENCY",
        "NODE_ENV",
        "BOOKMARKS_API_URL",
        "OG_FETCH_TIMEOUT_MS",
    }


def test_a_wrong_secret_is_not_shown(monkeypatch):
    """A value never stands in a problem's text: it may be a secret in the wrong place."""
    monkeypatch.setenv("DATAFETCH_CONCURRENCY", "ghp_verysecretvalue")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert "ghp_verysecretvalue" not in str(caught.value)


def test_the_first_name_wins(monkeypatch):
    """Of several names of one setting the first that is set counts; empty is not set."""
    monkeypatch.setenv("DATAFETCH_ENV", "")
    monkeypatch.setenv("DEPLOYMENT_ENV", "test")
    monkeypatch.setenv("NODE_ENV", "production")
    assert load_settings().env is Environment.TEST


def test_the_environment_wins_over_the_file(monkeypatch, tmp_path):
    """A variable that is set beats the same name in .env; the file gives the rest."""
    file = tmp_path / "site.env"
    file.write_text("BOOKMARKS_LIST_ID=from-file\nGITHUB_REPO_OWNER=from-file\n")
    monkeypatch.setenv("BOOKMARKS_LIST_ID", "from-environment")
    settings = load_settings(file)
    assert settings.bookmarks_list_id == "from-environment"
    assert settings.github_repo_owner == "from-file"


def test_proxy_and_ca_variables_may_stand_in_the_file(monkeypatch, tmp_path):
    """Cron has no environment: the standard variables of .env count as well."""
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    file = tmp_path / "site.env"
    file.write_text("HTTPS_PROXY=http://127.0.0.1:3128\n")
    load_settings(file)
    import os

    assert os.environ["HTTPS_PROXY"] == "http://127.0.0.1:3128"
    monkeypatch.setenv("HTTPS_PROXY", "")  # registered, so that it is taken back after the test


def test_a_file_that_is_no_text_is_a_configuration_error(tmp_path):
    """A settings file in another encoding is named in one line, not in a traceback."""
    file = tmp_path / "bad.env"
    file.write_bytes("A=1\n".encode("utf-16"))
    with pytest.raises(ConfigurationError, match="is not a text file in UTF-8"):
        load_settings(file)


def test_of_two_settings_with_a_name_in_common_the_wrong_one_is_named(monkeypatch):
    """The lock time of all jobs counts for the bookmarks too, but is not wrong when theirs is."""
    monkeypatch.setenv("BOOKMARKS_LOCK_TTL_MS", "900")
    monkeypatch.setenv("DATAFETCH_LOCK_TTL_MS", "1")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert caught.value.problems == (
        "DATAFETCH_LOCK_TTL_MS: should be greater than or equal to 100",
    )
    monkeypatch.delenv("BOOKMARKS_LOCK_TTL_MS")
    with pytest.raises(ConfigurationError) as again:
        load_settings()
    assert again.value.problems == caught.value.problems


def test_what_the_command_needs_is_said_with_what_is_invalid(monkeypatch):
    """The command's own check sees the settings too, with the default in place of what is invalid."""
    monkeypatch.setenv("DATAFETCH_CONCURRENCY", "many")
    monkeypatch.setenv("OG_MAX_RETRIES", "1.5")
    monkeypatch.setenv("DRY_RUN", "maybe")

    def check(settings: Settings) -> None:
        assert (settings.concurrency, settings.og_max_retries, settings.dry_run) == (16, 2, False)
        raise ConfigurationError(["GITHUB_TOKEN is missing", "DRY_RUN is said already"])

    with pytest.raises(ConfigurationError) as caught:
        load_settings(check=check)
    assert caught.value.problems == (
        "OG_MAX_RETRIES: should be a whole number",
        "DATAFETCH_CONCURRENCY: should be a whole number",
        "DRY_RUN: should be true or false",
        "GITHUB_TOKEN is missing",
    )
