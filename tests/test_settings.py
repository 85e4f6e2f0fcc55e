"""Settings: names, aliases, validation, and what is never shown."""

from pathlib import Path

import pytest

from datafetch.environment import load_settings
from datafetch.errors import ConfigurationError
from datafetch.models.places import Environment, api_base, origins
from datafetch.settings import ENV_NAMES


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATAFETCH_LOCK_TTL_MS", "0"),
        ("DATAFETCH_MAX_SHRINK_RATIO", "1.5"),
        ("DATAFETCH_RETRY_MAX_SECONDS", "nan"),
        ("LOGO_BATCH_SIZE", "-1"),
        ("DATAFETCH_STORE", "ftp://there"),
        ("DATAFETCH_STORE", "file://var/data"),
        ("DATAFETCH_LOCK", "redis://127.0.0.1"),
        ("DATAFETCH_S3_CLIENT", "curl"),
        ("BOOKMARK_BEARER_TOKEN", "two\nlines"),
        ("GITHUB_TOKEN", "tokén"),
        ("BOOKMARKS_API_URL", "https://user:pw@k.example.com"),
        ("S3_TEST_LIMIT", "0"),
    ],
)
def test_a_value_out_of_range_is_an_error_never_a_default(monkeypatch, name, value):
    """Numbers in the environment parsed to NaN; limits and lock times vanished."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        load_settings()


def test_a_wrong_secret_is_not_shown(monkeypatch):
    """A value never stands in a problem's text: it may be a secret in the wrong place."""
    monkeypatch.setenv("DATAFETCH_CONCURRENCY", "ghp_verysecretvalue")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert "ghp_verysecretvalue" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *("https:karakeep.example.com", "https:///karakeep.example.com", "https:\\\\k.example.com"),
        *("https://user@k.example.com", "https://k example.com", "https://k.example.com:0"),
        *(
            "https://k.example.com:99999",
            "https://[::1",
            "https://1.2.3.4.5",
            "ftp://k.example.com",
        ),
    ],
)
def test_an_address_that_nobody_could_ask_is_refused_at_once(monkeypatch, url):
    """A setting is read as the client reads it; the guard would refuse each request of the run."""
    monkeypatch.setenv("BOOKMARKS_API_URL", url)
    with pytest.raises(ConfigurationError, match="BOOKMARKS_API_URL: should be a URL"):
        load_settings()


def test_s3_needs_an_explicit_environment(monkeypatch):
    """Environment guessed from three places: development data under production keys."""
    monkeypatch.setenv("S3_BUCKET", "site")
    with pytest.raises(ConfigurationError, match="DATAFETCH_ENV is missing"):
        load_settings()


@pytest.mark.parametrize(
    ("value", "suffix"),
    [("production", ""), ("prod", ""), ("dev", "-dev"), ("TESTING", "-test"), ("test", "-test")],
)
def test_environment_aliases_give_the_suffix(monkeypatch, value, suffix):
    """Every spelling of an environment leads to its one suffix."""
    monkeypatch.setenv("DEPLOYMENT_ENV", value)
    assert load_settings().env.suffix == suffix


def test_the_first_name_wins(monkeypatch):
    """Of several names of one setting the first that is set counts; empty is not set."""
    monkeypatch.setenv("DATAFETCH_ENV", "")
    monkeypatch.setenv("DEPLOYMENT_ENV", "test")
    monkeypatch.setenv("NODE_ENV", "production")
    assert load_settings().env is Environment.TEST


def test_a_folder_is_the_default_store_and_means_development():
    """Without any setting data goes to a local folder, under development keys."""
    settings = load_settings()
    assert settings.store_url == "file:./.datafetch"
    assert settings.store_is_default
    assert settings.env is Environment.DEVELOPMENT


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


def test_a_limit_is_refused_in_production(monkeypatch):
    """A limit for development reached production and cut the dataset to 20 items."""
    monkeypatch.setenv("S3_TEST_LIMIT", "20")
    monkeypatch.setenv("DATAFETCH_ENV", "production")
    with pytest.raises(ConfigurationError, match="S3_TEST_LIMIT"):
        load_settings()


def test_secrets_are_masked_in_reprs(monkeypatch):
    """Printing the settings, or a job's group, shows no secret."""
    monkeypatch.setenv("BOOKMARKS_API_URL", "https://k.example.com")
    monkeypatch.setenv("BOOKMARKS_LIST_ID", "list")
    monkeypatch.setenv("BOOKMARK_BEARER_TOKEN", "ak1_secret")
    settings = load_settings()
    assert "ak1_secret" not in repr(settings) + str(settings) + repr(settings.for_bookmarks())


def test_missing_names_of_a_job_are_all_named():
    """A job that cannot start says everything that it misses."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings().for_bookmarks()
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "BOOKMARKS_API_URL",
        "BOOKMARKS_LIST_ID",
        "BOOKMARK_BEARER_TOKEN",
    ]


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://k.example.com", "https://k.example.com/api/v1"),
        ("https://k.example.com/", "https://k.example.com/api/v1"),
        ("https://k.example.com/sub", "https://k.example.com/sub/api/v1"),
        ("https://k.example.com/api", "https://k.example.com/api"),
        ("https://k.example.com/api/v2", "https://k.example.com/api/v2"),
        ("https://k.example.com/myapi", "https://k.example.com/myapi/api/v1"),
    ],
)
def test_the_api_path_is_added_once(url, base):
    """`/api/v1` is added unless the path already ends in `/api` or `/api/vN`."""
    assert api_base(url) == base


def test_origins_have_scheme_host_and_port():
    """Trust is by exact scheme, host and port."""
    assert origins("https://K.example.com/api", "http://10.0.0.1:3000", None) == {
        ("https", "k.example.com", 443),
        ("http", "10.0.0.1", 3000),
    }


def test_the_readme_lists_every_setting():
    """The README's table of settings cannot go stale."""
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    table = readme.split("## Settings")[1].split("## Objects")[0]
    missing = [name for names in ENV_NAMES.values() for name in names if f"`{name}`" not in table]
    assert missing == []


def test_a_file_that_is_no_text_is_a_configuration_error(tmp_path):
    """A settings file in another encoding is named in one line, not in a traceback."""
    file = tmp_path / "bad.env"
    file.write_bytes("A=1\n".encode("utf-16"))
    with pytest.raises(ConfigurationError, match="is not a text file in UTF-8"):
        load_settings(file)
