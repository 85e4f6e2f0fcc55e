"""Settings: names, aliases, validation, and what is never shown."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from datafetch.environment import load_settings
from datafetch.errors import ConfigurationError
from datafetch.job_groups import bookmarks_group, github_group, logo_group, opengraph_group
from datafetch.models.job_settings import (
    BookmarksSettings,
    GitHubSettings,
    LogoSettings,
    OpenGraphSettings,
    TagPages,
)
from datafetch.models.lock_place import RedisPlace
from datafetch.models.places import Environment
from datafetch.models.store_place import FolderPlace
from datafetch.redaction import redact
from datafetch.settings import ENV_NAMES


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATAFETCH_LOCK_TTL_MS", "0"),
        ("DATAFETCH_LOCK_TTL_MS", "604800001"),
        ("BOOKMARKS_LOCK_TTL_MS", "999999999999999999"),
        ("OG_FETCH_TIMEOUT_MS", "604800001"),
        ("LOGO_BATCH_DELAY_MS", "604800001"),
        ("DATAFETCH_MAX_SHRINK_RATIO", "1.5"),
        ("DATAFETCH_RETRY_MAX_SECONDS", "nan"),
        ("LOGO_BATCH_SIZE", "-1"),
        ("DATAFETCH_STORE", "ftp://there"),
        ("DATAFETCH_STORE", "file://var/data"),
        ("DATAFETCH_LOCK", "redis://127.0.0.1/first"),
        ("DATAFETCH_RUNTIME_DIR", "run/locks"),
        ("DATAFETCH_LOCK", "dynamodb://"),
        ("DATAFETCH_LOCK", "nfs"),
        ("DATAFETCH_S3_CLIENT", "curl"),
        ("DATAFETCH_CLUSTER", "http://127.0.0.1:8787"),
        ("DATAFETCH_CLUSTER", "local[0]"),
        ("DATAFETCH_CLUSTER", "local[1000]"),
        ("DATAFETCH_CLUSTER", "tcp://scheduler:8786"),
        ("DATAFETCH_CLUSTER_INSECURE", "maybe"),
        ("DATAFETCH_S3_CLIENT", "obstore"),
        ("BOOKMARK_BEARER_TOKEN", "two\nlines"),
        ("GITHUB_TOKEN", "tokén"),
        ("DATAFETCH_USER_AGENT", "my site ☃"),
        ("DATAFETCH_USER_AGENT", "two\nlines"),
        ("BOOKMARKS_HEADERS", r"A: b\nC: d"),
        ("GITHUB_EXCLUDE", "acme"),
        ("GITHUB_EXCLUDE", "acme/tool,acme/t*"),
        ("GITHUB_EXCLUDE", "*/tool"),
        ("BOOKMARKS_API_URL", "https://user:pw@k.example.com"),
        ("S3_TEST_LIMIT", "0"),
    ],
)
def test_a_value_out_of_range_is_an_error_never_a_default(monkeypatch, name, value):
    """Numbers in the environment parsed to NaN; limits and lock times vanished."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        load_settings()


REDIS = "redis://HOST or redis://HOST:PORT/NUMBER, with USER:PASSWORD@ or :PASSWORD@ before HOST"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("rediss://hush@cache", "has a user without a password: write :PASSWORD@ before the host"),
        ("none", f"should be store, file, dynamodb://TABLE or {REDIS}"),
        ("File", f"should be store, file, dynamodb://TABLE or {REDIS}"),
    ],
)
def test_a_lock_that_this_version_does_not_have_is_said_so(monkeypatch, value, said):
    """A place for locks that comes later is no unknown word, and its password is not repeated."""
    monkeypatch.setenv("DATAFETCH_LOCK", value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert caught.value.problems == (f"DATAFETCH_LOCK: {said} (in the environment)",)


def test_plain_tcp_to_another_machine_is_allowed_by_a_setting_of_its_own(monkeypatch):
    """Without it the reason is told in one problem, together with what else does not fit."""
    monkeypatch.setenv("DATAFETCH_CLUSTER", "tcp://scheduler:8786")
    monkeypatch.setenv("DATAFETCH_STORE", "s3://bucket")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    environment, cluster = sorted(caught.value.problems, reverse=True)
    assert "production, development or test" in environment
    assert cluster.startswith("DATAFETCH_CLUSTER: should be tls://HOST:PORT")
    monkeypatch.delenv("DATAFETCH_STORE")
    monkeypatch.setenv("DATAFETCH_CLUSTER_INSECURE", "true")
    place = load_settings().cluster_place
    assert place is not None
    assert place.insecure


def test_without_a_cluster_there_is_none(monkeypatch):
    """Threads do the work, also where plain tcp would be allowed."""
    monkeypatch.setenv("DATAFETCH_CLUSTER_INSECURE", "true")
    assert load_settings().cluster_place is None


def test_a_redis_is_read_and_its_password_shown_nowhere(monkeypatch, tmp_path):
    """The value may stand in a file of its own, as secrets do; no form of the settings shows it."""
    file = tmp_path / "lock"
    file.write_text("rediss://me:v3ry%40hush@cache.example.com:6380/2\n")
    monkeypatch.setenv("DATAFETCH_LOCK_FILE", str(file))
    settings = load_settings()
    place = RedisPlace("cache.example.com", 6380, 2, "me", SecretStr("v3ry@hush"), tls=True)
    assert settings.lock_place == place
    assert "hush" not in repr(settings) + str(settings) + repr(settings.lock_place)
    told = "rediss://me:v3ry%40hush@cache.example.com:6380/2 and v3ry@hush"
    assert "hush" not in redact(told)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("store", "store"),
        ("file", "file"),
        (" file ", "file"),
        ("", "store"),
        ("dynamodb://locks", "dynamodb://locks"),
    ],
)
def test_locks_live_in_the_store_or_on_this_machine(monkeypatch, value, kind):
    """`store` is the default."""
    monkeypatch.setenv("DATAFETCH_LOCK", value)
    assert load_settings().lock == kind


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


def test_a_folder_is_the_default_store_and_means_development():
    """Without any setting data goes to a local folder, under development keys."""
    settings = load_settings()
    assert settings.place == FolderPlace("./.datafetch")
    assert settings.store_is_default
    assert settings.env is Environment.DEVELOPMENT


def test_a_limit_is_refused_in_production(monkeypatch):
    """A limit for development reached production and cut the dataset to 20 items."""
    monkeypatch.setenv("S3_TEST_LIMIT", "20")
    monkeypatch.setenv("DATAFETCH_ENV", "production")
    with pytest.raises(ConfigurationError, match=r"S3_TEST_LIMIT is refused .* unset it"):
        load_settings()


def test_secrets_are_masked_in_reprs(monkeypatch):
    """Printing the settings, or a job's group, shows no secret."""
    monkeypatch.setenv("BOOKMARKS_API_URL", "https://k.example.com")
    monkeypatch.setenv("BOOKMARKS_LIST_ID", "list")
    monkeypatch.setenv("BOOKMARK_BEARER_TOKEN", "ak1_secret")
    settings = load_settings()
    assert "ak1_secret" not in repr(settings) + str(settings) + repr(bookmarks_group(settings))


def test_missing_names_of_a_job_are_all_named():
    """A job that cannot start says everything that it misses."""
    with pytest.raises(ConfigurationError) as caught:
        bookmarks_group(load_settings())
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "BOOKMARKS_API_URL",
        "BOOKMARKS_LIST_ID",
        "BOOKMARK_BEARER_TOKEN",
    ]


def test_the_readme_lists_every_setting():
    """The README's table of settings cannot go stale."""
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    table = readme.split("## Settings")[1].split("## Objects")[0]
    missing = [name for names in ENV_NAMES.values() for name in names if f"`{name}`" not in table]
    assert missing == []
    for rule in (
        "no setting: did you mean",
        "is empty",
        "`AWS_DEFAULT_REGION`",
        "`AWS_ENDPOINT_URL`",
    ):
        assert rule in table


def test_a_job_is_given_the_defaults_in_its_own_units(monkeypatch):
    """What nobody sets is what the README's table says; milliseconds arrive as seconds."""
    for name in ("BOOKMARKS_LIST_ID", "BOOKMARK_BEARER_TOKEN", "GITHUB_TOKEN", "GITHUB_REPO_OWNER"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("BOOKMARKS_API_URL", "https://k.example.com")
    settings = load_settings()
    tags, token = TagPages(enabled=True, maximum=None), SecretStr("x")
    bookmarks = BookmarksSettings(
        api_url="https://k.example.com/api/v1",
        list_id="x",
        token=token,
        max_items=200_000,
        full_sync_max_items=2000,
        full_sync_hours=24.0,
        min_threshold=10,
        max_shrink_ratio=0.2,
        tags=tags,
        retry_max_s=60.0,
    )
    assert bookmarks_group(settings) == bookmarks
    assert github_group(settings) == GitHubSettings(
        token_name="GITHUB_TOKEN",
        in_workflow=False,
        token=token,
        owner="x",
        api_url="https://api.github.com",
        stats_max_attempts=4,
        stats_delay_s=10.0,
        max_shrink_ratio=0.2,
        retry_max_s=60.0,
    )
    assert logo_group(settings) == LogoSettings(
        batch_size=10, batch_delay_s=0.5, domain_files=(), max_age_days=30, retry_max_s=60.0
    )
    assert opengraph_group(settings) == OpenGraphSettings(
        timeout_s=15.0,
        max_retries=2,
        retry_delay_s=1.0,
        retry_max_s=60.0,
        tags=tags,
        karakeep=bookmarks,
    )


def test_excluded_repositories_are_separated_by_commas_or_spaces(monkeypatch):
    """`GITHUB_EXCLUDE` names repositories, or all of an owner's, in any case."""
    for name in ("GITHUB_TOKEN", "GITHUB_REPO_OWNER"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("GITHUB_EXCLUDE", "Acme/Tool, other/*\n third/a.b ")
    assert github_group(load_settings()).exclude == {"acme/tool", "other/*", "third/a.b"}


def test_a_repository_that_cannot_be_excluded_is_named(monkeypatch):
    """The user finds the bad entry among good ones."""
    monkeypatch.setenv("GITHUB_EXCLUDE", "acme/tool acme")
    with pytest.raises(ConfigurationError, match=r"GITHUB_EXCLUDE: .*which .acme. is not"):
        load_settings()


@pytest.mark.parametrize("value", ["http:///", "a b/c", "x" * 64, "ok.example,https://u:pw@h/"])
def test_an_allowed_host_that_is_none_is_named_before_anything_is_asked(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was refused when the HTTP client was made, with exit 1 and without the setting's name."""
    monkeypatch.setenv("DATAFETCH_ALLOW_HOSTS", value)
    with pytest.raises(ConfigurationError, match="DATAFETCH_ALLOW_HOSTS: should be host names"):
        load_settings(None)


def test_lock_times_are_seconds_and_the_bookmarks_have_their_own(monkeypatch):
    """Leases end after five minutes; the bookmarks' time may differ, and the common one counts for both."""
    times = {"bookmarks": 300.0, "logos": 300.0}
    assert {job: load_settings().lock_ttl_s(job) for job in times} == times
    monkeypatch.setenv("DATAFETCH_LOCK_TTL_MS", "2000")
    assert {load_settings().lock_ttl_s(job) for job in times} == {2.0}
    monkeypatch.setenv("BOOKMARKS_LOCK_TTL_MS", "500")
    assert [load_settings().lock_ttl_s(job) for job in times] == [0.5, 2.0]


def test_each_job_has_a_time_limit_and_one_value_counts_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hanging job blocked the scheduler: after so many seconds a run is stopped."""
    limits = {"bookmarks": 3600.0, "github": 7200.0, "logos": 21600.0, "opengraph": 21600.0}
    assert {job: load_settings(None).time_limit_s(job) for job in limits} == limits
    monkeypatch.setenv("DATAFETCH_TIMEOUT_SECONDS", "90.5")
    assert {load_settings(None).time_limit_s(job) for job in limits} == {90.5}


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "604801", "1h"])
def test_a_time_limit_is_a_number_of_seconds_up_to_a_week(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit that is none must not mean that there is none."""
    monkeypatch.setenv("DATAFETCH_TIMEOUT_SECONDS", value)
    with pytest.raises(ConfigurationError, match="DATAFETCH_TIMEOUT_SECONDS"):
        load_settings(None)


HEADERS = "CF-Access-Client-Id: id-of-it\nCF-Access-Client-Secret: secret-of-it"


def test_headers_for_the_proxy_come_from_the_environment_and_from_env(
    monkeypatch, tmp_path, bookmark_server
):
    """Cloudflare Access and Authelia want headers: a line each, also escaped in `.env`; no value is shown."""
    pairs = [("CF-Access-Client-Id", "id-of-it"), ("CF-Access-Client-Secret", "secret-of-it")]
    env = tmp_path / ".env"
    escaped = HEADERS.replace("\n", "\\n")
    env.write_text(f'BOOKMARKS_HEADERS="{escaped}"\n')
    from_file = load_settings(env)
    monkeypatch.setenv("BOOKMARKS_HEADERS", HEADERS)
    for found in (from_file, load_settings()):
        headers = bookmarks_group(found).headers
        assert [(name, value.get_secret_value()) for name, value in headers] == pairs
        assert "-of-it" not in repr(found) + repr(bookmarks_group(found))


@pytest.mark.parametrize(
    "value", ["secret-of-it", "Authorization: secret-of-it", "A: b\nB b: secret-of-it"]
)
def test_headers_that_are_none_are_refused_at_once(monkeypatch, value):
    """A header that no request could carry is named by its line when the settings are read."""
    monkeypatch.setenv("BOOKMARKS_HEADERS", value)
    with pytest.raises(ConfigurationError, match="BOOKMARKS_HEADERS: line") as caught:
        load_settings()
    assert "secret-of-it" not in str(caught.value)


def test_items_without_an_address_are_published_only_when_asked_for(monkeypatch, bookmark_server):
    """Readers that demand an address would refuse a list with them."""
    assert bookmarks_group(load_settings()).include_unlinked is False
    monkeypatch.setenv("BOOKMARKS_INCLUDE_UNLINKED", "true")
    assert bookmarks_group(load_settings()).include_unlinked is True


@pytest.mark.parametrize(("value", "maximum"), [("0", None), ("", None), ("1", 1), ("500", 500)])
def test_no_tags_at_most_are_all_tags(monkeypatch, bookmark_server, value, maximum):
    """0 meant "unlimited" before datafetch, and removed the pages of every tag here."""
    monkeypatch.setenv("MAX_TAGS_TO_PERSIST", value)
    assert bookmarks_group(load_settings()).tags == TagPages(enabled=True, maximum=maximum)


def test_sublists_count_only_when_asked_for(monkeypatch, bookmark_server):
    """The lists below the list are off unless the setting says so."""
    assert bookmarks_group(load_settings()).include_sublists is False
    monkeypatch.setenv("BOOKMARKS_INCLUDE_SUBLISTS", "true")
    assert bookmarks_group(load_settings()).include_sublists is True


@pytest.fixture
def bookmark_server(monkeypatch):
    """The settings without which there is no bookmark job."""
    monkeypatch.setenv("BOOKMARKS_API_URL", "https://k.example.com")
    monkeypatch.setenv("BOOKMARKS_LIST_ID", "list")
    monkeypatch.setenv("BOOKMARK_BEARER_TOKEN", "ak1_secret")


def test_the_variable_that_holds_the_github_token_is_known(monkeypatch, tmp_path):
    """Of three names, or a file, the messages about a refused token name the one that counts."""
    monkeypatch.setenv("GITHUB_REPO_OWNER", "x")
    monkeypatch.setenv("GITHUB_TOKEN", "a")
    assert github_group(load_settings()).token_name == "GITHUB_TOKEN"
    secret = tmp_path / "secret"
    secret.write_text("b")
    monkeypatch.setenv("GITHUB_API_TOKEN_FILE", str(secret))
    assert github_group(load_settings()).token_name == "GITHUB_API_TOKEN_FILE"
    assert not github_group(load_settings()).in_workflow
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert github_group(load_settings()).in_workflow


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://www.github.com/octo", "https://api.github.com"),
        ("http://api.github.com", "https://api.github.com"),
        ("https://api.github.com/graphql", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://git.example.com/api", "https://git.example.com/api/v3"),
        ("https://git.example.com/api/graphql", "https://git.example.com/api/v3"),
    ],
)
def test_an_address_that_cannot_be_github_s_api_is_refused(monkeypatch, value, right):
    """Web pages came, or each repository was "missing"; now the right address is named at once."""
    monkeypatch.setenv("GITHUB_API_URL", value)
    with pytest.raises(ConfigurationError, match=f"GITHUB_API_URL.*: write {right}"):
        load_settings()


@pytest.mark.parametrize(
    "value",
    [
        "https://api.github.com/",
        "https://API.github.com:443",
        "https://api.acme.ghe.com",
        "https://git.example.com/api/v3",
        "http://127.0.0.1:8080",
    ],
)
def test_addresses_of_github_s_api_are_taken(monkeypatch, value):
    """Enterprise Server, data residency, and proxies of one's own."""
    monkeypatch.setenv("GITHUB_API_URL", value)
    assert load_settings().github_api_url == value.rstrip("/")


def test_each_job_has_a_schedule_and_opengraph_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are what crontabs are made of; `off` and other spellings of it mean none."""
    jobs = ("bookmarks", "github", "logos", "opengraph")

    def expressions() -> list[str | None]:
        found = [load_settings(None).schedule_of(job) for job in jobs]
        return [None if schedule is None else schedule.expression for schedule in found]

    assert expressions() == ["0 */2 * * *", "0 0 * * *", "0 1 * * 0", None]
    monkeypatch.setenv("S3_BOOKMARKS_CRON", "Off")
    monkeypatch.setenv("S3_GITHUB_CRON", "@weekly")
    monkeypatch.setenv("S3_LOGOS_CRON", "")
    monkeypatch.setenv("S3_OPENGRAPH_CRON", "30 3 * * *")
    assert expressions() == [None, "0 0 * * 0", "0 1 * * 0", "30 3 * * *"]


def test_every_wrong_schedule_is_named_with_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A schedule that one cron reads otherwise than the next is refused, all of them at once."""
    monkeypatch.setenv("S3_BOOKMARKS_CRON", "0 0 0 * * *")
    monkeypatch.setenv("S3_GITHUB_CRON", "0 25 * * *")
    monkeypatch.setenv("S3_LOGOS_CRON", "@reboot")
    monkeypatch.setenv("S3_OPENGRAPH_CRON", "0 0 L * *")
    with pytest.raises(ConfigurationError) as refused:
        load_settings(None)
    said = "\n".join(refused.value.problems)
    assert "S3_BOOKMARKS_CRON: should be five fields" in said
    assert "S3_GITHUB_CRON: the hour should be" in said
    assert "S3_LOGOS_CRON: should be five fields, or one of @yearly" in said
    assert "S3_OPENGRAPH_CRON: the day of the month should be" in said
    assert refused.value.exit_code == 78


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "86401", "5m"])
def test_jitter_is_a_number_of_seconds_up_to_a_day(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bound that is none must not mean that runs wait for ever, or never."""
    assert load_settings(None).jitter_seconds == 0
    monkeypatch.setenv("DATAFETCH_JITTER_SECONDS", value)
    with pytest.raises(ConfigurationError, match="DATAFETCH_JITTER_SECONDS"):
        load_settings(None)
