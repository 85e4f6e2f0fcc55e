"""Settings are read from the environment and `.env`, and all that is wrong is said at once."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from datafetch.environment import load_settings
from datafetch.errors import ConfigurationError
from datafetch.job_groups import check_jobs
from datafetch.models.places import Environment
from datafetch.models.run import JobName
from datafetch.redaction import redact
from datafetch.settings import ENV_NAMES, SECRET_NAMES, Settings

SECRETS = (
    *("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_SESSION_TOKEN", "BOOKMARK_BEARER_TOKEN"),
    *("GITHUB_ACCESS_TOKEN_COMMIT_GRAPH", "GITHUB_API_TOKEN", "GITHUB_TOKEN"),
    *("BOOKMARKS_HEADERS", "BOOKMARK_CRON_REFRESH_SECRET", "GITHUB_CRON_REFRESH_SECRET"),
    *("DATAFETCH_PING_URL", "DATAFETCH_NOTIFY", "DATAFETCH_CHANGE_URL", "DATAFETCH_CHANGE_SECRET"),
    *("DATAFETCH_PUSHGATEWAY", "GITHUB_REFRESH_SECRET", "DATAFETCH_METRICS_TOKEN"),
)
BEFORE = {
    "BOOKMARKS_HEADERS": "X-Pass: ",
    "DATAFETCH_PING_URL": "https://hc.example/",
    "DATAFETCH_NOTIFY": "json://me.example/",
    "DATAFETCH_CHANGE_URL": "https://me.example/",
    "DATAFETCH_PUSHGATEWAY": "https://me.example/",
}
"""What has to stand before the secret text itself."""


def complete_the_keys(monkeypatch, name):
    """Set the other one of the two keys of S3, which are set both or none."""
    pair = {"S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"}
    for other in pair - {name} if name in pair else ():
        monkeypatch.setenv(other, "other-key")


def secret(settings, name):
    """The value of the secret that has this name among its names."""
    field = next(field for field, names in ENV_NAMES.items() if name in names)
    value = getattr(settings, field)
    assert isinstance(value, SecretStr)
    return value.get_secret_value()


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
    (problem,) = caught.value.problems
    assert problem.startswith("DATAFETCH_LOCK_TTL_MS: ")
    assert "from 100 to 604800000 (a week)" in problem
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
        "OG_MAX_RETRIES: should be a whole number, 0 or more, such as 2 (in the environment)",
        "DATAFETCH_CONCURRENCY: should be a whole number, from 1 to 256, such as 16 (in the environment)",
        "DRY_RUN: should be true or false (in the environment)",
        "GITHUB_TOKEN is missing",
    )


SEVERAL = [
    ("environment", ("DATAFETCH_ENV", "DEPLOYMENT_ENV", "NODE_ENV"), ("production", "test", "dev")),
    ("s3_region", ("S3_REGION", "AWS_REGION"), ("eu-1", "eu-2")),
    (
        "cdn_url",
        ("S3_CDN_URL", "NEXT_PUBLIC_S3_CDN_URL", "S3_PUBLIC_CDN_URL"),
        ("https://a.example", "https://b.example", "https://c.example"),
    ),
    ("tags_enabled", ("ENABLE_TAG_PERSISTENCE", "ENABLE_TAG_CACHING"), ("false", "true")),
    ("max_tags", ("MAX_TAGS_TO_PERSIST", "MAX_TAGS_TO_CACHE"), ("1", "2")),
    (
        "github_token",
        ("GITHUB_ACCESS_TOKEN_COMMIT_GRAPH", "GITHUB_API_TOKEN", "GITHUB_TOKEN"),
        ("token-a", "token-b", "token-c"),
    ),
    (
        "site_url",
        ("API_BASE_URL", "NEXT_PUBLIC_SITE_URL"),
        ("https://a.example", "https://b.example"),
    ),
    (
        "bookmarks_lock_ttl_ms",
        ("BOOKMARKS_LOCK_TTL_MS", "DATAFETCH_LOCK_TTL_MS"),
        ("1000", "2000"),
    ),
]
"""The rows of the README's table with an "else": field, names in their order, a value for each."""

ROWS = pytest.mark.parametrize(
    ("field", "names", "values"), SEVERAL, ids=[row[0] for row in SEVERAL]
)


def read_alone(name: str, value: str, field: str) -> object:
    """The setting when this name alone is set, in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, value)
        return getattr(load_settings(None), field)


def test_every_setting_with_several_names_is_tried():
    """A row that gets a second name tomorrow is one of those below."""
    several = {field: names for field, names in ENV_NAMES.items() if len(names) > 1}
    assert {field: names for field, names, _ in SEVERAL} == several


def test_every_secret_is_tried():
    """A secret that is added tomorrow is one of those below."""
    assert set(SECRETS) == SECRET_NAMES


@ROWS
def test_the_order_of_names_goes_before_the_order_of_places(
    monkeypatch, tmp_path, field, names, values
):
    """`NODE_ENV` of the shell beat `DATAFETCH_ENV` of `.env`: production keys written by a developer."""
    (tmp_path / ".env").write_text(f"{names[0]}={values[0]}\n")
    expected = read_alone(names[0], values[0], field)
    for name, value in zip(names[1:], values[1:], strict=True):
        assert read_alone(name, value, field) != expected
        monkeypatch.setenv(name, value)
    assert getattr(load_settings(), field) == expected


@ROWS
@given(data=st.data())
@hypothesis_settings(max_examples=40, deadline=None)
def test_the_first_name_that_is_set_anywhere_counts(field, names, values, data):
    """Whatever stands where: the first name with a value, and of that name the environment's."""
    stands = st.sampled_from([None, "", "  ", *values])
    shell = {name: data.draw(stands, label=f"{name} in the shell") for name in names}
    file = {name: data.draw(stands, label=f"{name} in .env") for name in names}
    set_values = [
        (name, text) for name in names for text in (shell[name], file[name]) if (text or "").strip()
    ]
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        env_file = Path(folder) / ".env"
        env_file.write_text(
            "".join(f'{name}=" {text} "\n' for name, text in file.items() if text is not None)
        )
        for name, text in shell.items():
            if text is not None:
                patch.setenv(name, f" {text}\n")
        found = getattr(load_settings(env_file), field)
    default = Settings.model_fields[field].default
    assert found == (read_alone(*set_values[0], field) if set_values else default)


@pytest.mark.parametrize("place", ["environment", ".env"])
@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_stand_in_a_file(monkeypatch, tmp_path, name, place):
    """Docker and Kubernetes mount a secret as a file; its last newline is no part of it."""
    kept = f"{BEFORE.get(name, '')}mounted-secret"
    (tmp_path / "secret").write_text(f"{kept}\n")
    if place == "environment":
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    else:
        (tmp_path / ".env").write_text(f"{name}_FILE=secret\n")
    complete_the_keys(monkeypatch, name)
    assert secret(load_settings(), name) == kept


def test_a_text_may_stand_in_a_file_and_a_number_not(monkeypatch, tmp_path):
    """Any text may be an address with a password, which is a secret; `CI_FILE` is another program's."""
    (tmp_path / "secret").write_text("me (https://me:pw@me.example)\n")
    monkeypatch.setenv("DATAFETCH_USER_AGENT_FILE", str(tmp_path / "secret"))
    for name in ("CI", "DATAFETCH_ENV", "DATAFETCH_CONCURRENCY"):
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    settings = load_settings()
    assert settings.user_agent == "me (https://me:pw@me.example)"
    assert (settings.ci, settings.environment, settings.concurrency) == (False, None, 16)


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_of_the_file_is_left_as_it_is(monkeypatch, tmp_path, name):
    """A password with `${job}` in it lost these letters, and the server refused it."""
    before = BEFORE.get(name, "")
    (tmp_path / ".env").write_text(f'{name}="{before}a${{job}}$c-secret\\n"\n')
    complete_the_keys(monkeypatch, name)
    assert secret(load_settings(), name) == f"{before}a${{job}}$c-secret"


def test_the_value_of_each_header_is_masked_by_itself(monkeypatch):
    """A server that repeats one header in its answer does not bring it into the log; a wrong line neither."""
    monkeypatch.setenv("BOOKMARKS_HEADERS", "X-One: header-id-1\nX-Two : header-pass-1 ")
    load_settings()
    assert redact("got header-id-1 and header-pass-1") == "got *** and ***"
    monkeypatch.setenv("BOOKMARKS_HEADERS", "Bad Name: header-pass-2")
    with pytest.raises(ConfigurationError):
        load_settings()
    assert redact("got header-pass-2") == "got ***"


def test_keys_of_the_standard_chain_are_left_as_they_are_too(monkeypatch, tmp_path):
    """AWS's own names in `.env` go to the library with every letter, and without white space."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "registered, so that it is taken back")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    (tmp_path / ".env").write_text('AWS_SECRET_ACCESS_KEY="a${b}c/secret "\n')
    load_settings()
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "a${b}c/secret"
    assert redact("sent a${b}c/secret along") == "sent *** along"


def test_an_address_with_a_password_is_left_as_it_is(tmp_path):
    """An address with a password is a secret in every setting, also for what stands for what."""
    (tmp_path / ".env").write_text(
        "DATAFETCH_USER_AGENT=me (https://me:a${b}c@me.example)\nBOOKMARKS_LIST_ID=${b}c\n"
    )
    settings = load_settings()
    assert settings.user_agent == "me (https://me:a${b}c@me.example)"
    assert settings.bookmarks_list_id == "c"


def test_all_that_is_wrong_with_files_of_secrets_is_said_at_once(monkeypatch, tmp_path):
    """A wrong file is named with its setting, in the list of all problems, and is not "missing" too."""
    monkeypatch.setenv("BOOKMARK_BEARER_TOKEN_FILE", "ak1_the_secret_itself")
    monkeypatch.setenv("S3_SECRET_ACCESS_KEY_FILE", str(tmp_path))
    monkeypatch.setenv("S3_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("GITHUB_API_TOKEN", "token-a")
    monkeypatch.setenv("GITHUB_API_TOKEN_FILE", "nowhere")
    monkeypatch.setenv("GITHUB_TOKEN", "token-c")
    monkeypatch.setenv("GITHUB_TOKEN_FILE", "nowhere")
    monkeypatch.setenv("DATAFETCH_CONCURRENCY", "many")

    def check(settings: Settings) -> None:
        check_jobs(settings, [JobName.BOOKMARKS, JobName.GITHUB])

    with pytest.raises(ConfigurationError) as caught:
        load_settings(check=check)
    here = "(in the environment)"
    begins = (
        "S3_SECRET_ACCESS_KEY_FILE: the file cannot be read: Is a directory",
        "BOOKMARK_BEARER_TOKEN_FILE: the file cannot be read: No such file or directory",
        f"GITHUB_API_TOKEN {here} and GITHUB_API_TOKEN_FILE {here} are both set: keep one of them",
        f"GITHUB_TOKEN {here} and GITHUB_TOKEN_FILE {here} are both set: keep one of them",
        "DATAFETCH_CONCURRENCY: should be a whole number",
        "BOOKMARKS_API_URL is missing: base URL of the bookmark server",
        "BOOKMARKS_LIST_ID is missing: id of the list",
        "GITHUB_REPO_OWNER is missing: login whose activity is fetched",
    )
    assert len(caught.value.problems) == len(begins)
    for problem, begin in zip(caught.value.problems, begins, strict=True):
        assert problem.startswith(begin)


def test_a_wrong_value_is_named_where_it_stands(monkeypatch, tmp_path):
    """A wrong value under a second name was told under the first, which nobody had set."""
    (tmp_path / "token").write_text("two words")
    (tmp_path / ".env").write_text(
        "DEPLOYMENT_ENV=staging\n"
        "S3_PUBLIC_CDN_URL=cdn.example.com\n"
        "OG_MAX_RETRIES=2\n"
        "DATAFETCH_LOCK_TTL_MS=1\n"
        f"GITHUB_TOKEN_FILE={tmp_path / 'token'}\n"
    )
    monkeypatch.setenv("NODE_ENV", "production")
    monkeypatch.setenv("MAX_TAGS_TO_CACHE", "-1")
    monkeypatch.setenv("OG_MAX_RETRIES", "two")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    said = [
        (problem.partition(": ")[0], problem.rpartition(" (")[2][:-1])
        for problem in caught.value.problems
    ]
    assert said == [
        ("DEPLOYMENT_ENV", "in .env, line 1"),
        ("S3_PUBLIC_CDN_URL", "in .env, line 2"),
        ("MAX_TAGS_TO_CACHE", "in the environment"),
        ("GITHUB_TOKEN_FILE", "in the file that it names"),
        ("OG_MAX_RETRIES", "in the environment, which goes before .env"),
        ("DATAFETCH_LOCK_TTL_MS", "in .env, line 4"),
    ]
    assert "set DATAFETCH_ENV, which goes first" in caught.value.problems[0]
    assert "write https://cdn.example.com" in caught.value.problems[1]


def test_a_line_that_cannot_be_read_stops_the_command(monkeypatch, tmp_path):
    """A setting on a line with an open quote was not there, and the run went on without it.

    What is missing is not told with it: it may stand on that line.
    """
    (tmp_path / ".env").write_text('S3_BUCKET=site\nDATAFETCH_ENV="production\nOG_MAX_RETRIES=x\n')

    def check(settings: Settings) -> None:
        raise ConfigurationError(["GITHUB_TOKEN is missing"])

    with pytest.raises(ConfigurationError) as caught:
        load_settings(check=check)
    line, number = caught.value.problems
    assert line.startswith('.env, line 2: the quote " is left open')
    assert number.startswith("OG_MAX_RETRIES: ")
    assert number.endswith("(in .env, line 3)")


def test_bytes_that_are_no_text_are_named(monkeypatch):
    """A value in latin-1 ended in a traceback when it was first sent or printed."""
    monkeypatch.setenv("BOOKMARKS_LIST_ID", os.fsdecode(b"caf\xe9"))
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert caught.value.problems == (
        "BOOKMARKS_LIST_ID: should be text in UTF-8 (in the environment)",
    )


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_of_the_settings_is_masked_in_the_log(monkeypatch, name):
    """Tokens and query strings in logs: from the moment that they are read, no secret is written."""
    monkeypatch.setenv(name, f"{BEFORE.get(name, '')}a-very-s3cret-value")
    complete_the_keys(monkeypatch, name)
    load_settings(None)
    assert redact("sent a-very-s3cret-value along") == "sent *** along"


@pytest.mark.parametrize("name", ["DATAFETCH_USER_AGENT", "HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("scheme", ["http", "redis"])
def test_an_address_with_a_password_is_masked_in_every_setting(monkeypatch, name, scheme):
    """The password of a proxy or a Redis, set for something that is no secret otherwise, stood in logs."""
    monkeypatch.setenv(name, f"{scheme}://me:p%40ssw@rd1@h.example/x")
    found = load_settings(None)
    for text in (f"{scheme}://me:p%40ssw@rd1@h.example/x", "p%40ssw@rd1", "p@ssw@rd1"):
        assert redact(f"to {text} now") == "to *** now"
    assert redact(f"{scheme}://me:p%40ssw@rd1@h.example") == f"{scheme}://***h.example"
    assert "ssw@rd1" not in repr(found) + str(found)


def test_a_proxy_without_a_scheme_hides_its_password(monkeypatch):
    """Proxies are often written like `user:password@host:3128`."""
    monkeypatch.setenv("HTTPS_PROXY", "me:password1@h.example:3128")
    load_settings(None)
    assert redact("proxy me:password1@h.example:3128") == "proxy ***h.example:3128"


NAMES = ["HTTPS_PROXY", *(name for names in ENV_NAMES.values() for name in names)]
WORDS = (
    "${ ${OTHER:-x} :// _FILE= -1 1e9 nan true s3:// file: https://h.example [::1 xn-- /dev/zero"
)
PIECES = st.sampled_from([*"='\"\n\r# \t\\\0\ufeff\u2028\x1bé}@:/0٣", "export ", *WORDS.split()])


def problems_of(env_file: Path) -> tuple[str, ...]:
    """What is wrong with the settings, for all jobs; empty when they are right."""

    def check(settings: Settings) -> None:
        check_jobs(settings, list(JobName))

    try:
        load_settings(env_file, check)
    except ConfigurationError as error:
        return error.problems
    return ()


@given(
    lines=st.lists(
        st.tuples(st.sampled_from(NAMES), st.just("="), st.lists(PIECES, max_size=4).map("".join))
        | st.tuples(PIECES, PIECES, PIECES)
    ),
    ending=st.binary(max_size=3),
)
@hypothesis_settings(max_examples=300, deadline=None)
def test_no_file_of_settings_is_a_traceback(lines, ending):
    """Whatever stands in `.env`, it is read, or what is wrong is said."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setenv("HTTPS_PROXY", "taken back after the test")
        patch.delenv("HTTPS_PROXY")
        env_file = Path(folder) / ".env"
        env_file.write_bytes("\n".join(map("".join, lines)).encode() + ending)
        assert all(problem.isprintable() for problem in problems_of(env_file))


@given(
    values=st.dictionaries(
        st.sampled_from(NAMES) | st.sampled_from([f"{name}_FILE" for name in SECRETS]),
        st.lists(PIECES, max_size=4).map("".join) | st.text(max_size=8),
        min_size=1,
    )
)
@hypothesis_settings(max_examples=300, deadline=None)
def test_no_value_of_a_setting_is_a_traceback(values):
    """Whatever is set, the settings are valid, or what is wrong is said."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        for name, value in values.items():
            patch.setenv(name, os.fsdecode(value.encode(errors="replace").replace(b"\0", b"\xff")))
        assert all(problem.isprintable() for problem in problems_of(Path(folder) / ".env"))


def test_a_password_that_is_not_utf8_is_a_problem_of_its_setting(monkeypatch):
    """What Python makes of such bytes went on until something encoded it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:p\udce1ssword@proxy.example:3128")
    with pytest.raises(ConfigurationError, match=r"HTTPS_PROXY.*UTF-8"):
        load_settings(None)
