"""The settings that say where objects live: told wrong before any server is asked."""

import pytest

from datafetch.environment import load_settings
from datafetch.errors import ConfigurationError
from datafetch.models.store_place import BucketPlace, FolderPlace, WebPlace


@pytest.fixture(autouse=True)
def for_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is named, as every store but a folder needs it."""
    monkeypatch.setenv("DATAFETCH_ENV", "test")


def _problems() -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None)
    assert caught.value.exit_code == 78
    return caught.value.problems


def test_the_store_is_named_by_the_first_setting_that_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`DATAFETCH_STORE`, else the bucket, else a folder where the command runs."""
    assert load_settings(None).place == FolderPlace("./.datafetch")
    monkeypatch.setenv("S3_BUCKET", "site")
    assert load_settings(None).place == BucketPlace("site")
    monkeypatch.setenv("DATAFETCH_STORE", "s3://other/web")
    assert load_settings(None).place == BucketPlace("other", "web")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S3_BUCKET", "my site"),
        ("S3_BUCKET", "s3://site"),
        ("S3_BUCKET", "site/web"),
        ("S3_REGION", "eu west 1"),
        ("S3_OBJECT_ACL", "public read"),
        ("S3_OBJECT_ACL", "public\u2011read"),
        ("S3_SESSION_TOKEN", "to\tken"),
        ("S3_ADDRESSING", "host"),
        ("DATAFETCH_STORE", "s3://site/../x"),
        ("DATAFETCH_STORE", "s3://site/my web"),
        ("DATAFETCH_STORE", "https://cdn.example.com/?x=1"),
    ],
)
def test_a_value_that_no_server_takes_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A region with a space inside was sent, and the server's answer named another cause."""
    monkeypatch.setenv(name, value)
    (problem,) = _problems()
    assert problem.startswith(f"{name}: ")
    assert ("white space inside" in problem) == (
        name != "DATAFETCH_STORE" and value.split() != [value]
    )


def test_all_problems_of_the_store_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever mistyped five values sees five sentences, and no key in any of them."""
    wrong = {
        "S3_BUCKET": "b/prefix",
        "S3_REGION": "eu west",
        "S3_ACCESS_KEY_ID": "AK key",
        "S3_SECRET_ACCESS_KEY": "se\ncret",
        "S3_OBJECT_ACL": "public read",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    problems = _problems()
    assert [problem.partition(":")[0] for problem in problems] == [
        "S3_BUCKET",
        "S3_ACCESS_KEY_ID",
        "S3_SECRET_ACCESS_KEY",
        "S3_REGION",
        "S3_OBJECT_ACL",
    ]
    assert "DATAFETCH_STORE=s3://BUCKET/PREFIX" in problems[0]
    assert not any(key in " ".join(problems) for key in ("AK key", "cret"))


@pytest.mark.parametrize("value", ["eu-west-1", " eu-west-1", "eu-west-1\n", "\u00a0eu-west-1\t"])
def test_white_space_around_a_value_is_dropped(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A copied region or key often has a line end; it is not part of the value."""
    for name in ("S3_REGION", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_OBJECT_ACL"):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("S3_BUCKET", " site ")
    monkeypatch.setenv("S3_ADDRESSING", " Path ")
    settings = load_settings(None)
    secret = settings.s3_secret_access_key
    assert (settings.s3_bucket, settings.s3_region) == ("site", "eu-west-1")
    assert secret is not None
    assert (secret.get_secret_value(), settings.s3_object_acl) == ("eu-west-1", "eu-west-1")
    assert settings.s3_addressing == "path"


@pytest.mark.parametrize("store", ["s3://site", "https://cdn.example.com"])
def test_every_store_but_a_folder_needs_its_environment(
    monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    """Development data under production keys, and a build of the wrong site: nothing is guessed."""
    monkeypatch.delenv("DATAFETCH_ENV")
    monkeypatch.setenv("DATAFETCH_STORE", store)
    (problem,) = _problems()
    assert "DATAFETCH_ENV is missing" in problem


@pytest.mark.parametrize(
    ("bucket", "endpoint"),
    [
        ("site", "http://127.0.0.1:9000"),
        ("cdn.example.com", "https://s3.example.net"),
        ("a.b.c", ""),
    ],
)
def test_a_bucket_that_fits_no_host_is_told(
    monkeypatch: pytest.MonkeyPatch, bucket: str, endpoint: str
) -> None:
    """`virtual` would silently become `path`, which the server may refuse with another reason."""
    monkeypatch.setenv("S3_BUCKET", bucket)
    monkeypatch.setenv("S3_SERVER_URL", endpoint)
    assert load_settings(None).place == BucketPlace(bucket)
    monkeypatch.setenv("S3_ADDRESSING", "virtual")
    (problem,) = _problems()
    assert problem.startswith("S3_ADDRESSING: ")
    assert "set path" in problem


def test_virtual_addressing_is_taken_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alibaba and Tencent take nothing else."""
    monkeypatch.setenv("S3_BUCKET", "site")
    monkeypatch.setenv("S3_SERVER_URL", "https://oss-cn-hangzhou.aliyuncs.com")
    monkeypatch.setenv("S3_ADDRESSING", "virtual")
    assert load_settings(None).s3_addressing == "virtual"


def test_a_web_address_is_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build may read what the site's visitors can."""
    monkeypatch.setenv("DATAFETCH_STORE", "https://cdn.example.com/data/")
    assert load_settings(None).place == WebPlace("https://cdn.example.com/data")
