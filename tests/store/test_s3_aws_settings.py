"""What AWS's own settings say of region and server counts where ours say nothing."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from datafetch.clock import SystemClock
from datafetch.environment import load_settings
from datafetch.errors import ConfigurationError
from datafetch.store.s3 import S3Store
from datafetch.store_factory import make_store
from tests.fakes.s3 import S3Fake

KEY = "json/bookmarks/index-test.json"
PROFILES = "[default]\nregion = eu-north-1\n[profile site]\nregion = ap-south-1\n"


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket with keys, and nothing else."""
    monkeypatch.setenv("DATAFETCH_ENV", "test")
    monkeypatch.setenv("S3_BUCKET", "site")
    monkeypatch.setenv("S3_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("S3_SECRET_ACCESS_KEY", "secret")


@contextmanager
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **variables: str) -> Iterator[S3Store]:
    """The store that these variables ask for, with the profiles of above; `.env` is read, too."""
    (tmp_path / "config").write_text(variables.pop("config", PROFILES))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    made = make_store(load_settings(), SystemClock())
    assert isinstance(made, S3Store)
    with closing(made):
        yield made


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"config": ""}, None),
        ({}, "eu-north-1"),
        ({"AWS_PROFILE": "site"}, "ap-south-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-3", "AWS_PROFILE": "site"}, "eu-west-3"),
        ({"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-2"),
        ({"S3_REGION": "eu-west-1", "AWS_REGION": "eu-west-2"}, "eu-west-1"),
    ],
)
def test_the_first_that_names_a_region_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], region: str | None
) -> None:
    """`AWS_DEFAULT_REGION` and `~/.aws/config` were not asked: "us-east-1", and a redirect for an answer."""
    with store(monkeypatch, tmp_path, **variables) as made:
        host = f"s3.{region}.amazonaws.com" if region else "s3.amazonaws.com"
        assert made.url(KEY) == f"https://site.{host}/{KEY}"


def test_the_region_may_stand_in_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Cron has no environment: AWS's own names count in `.env` too."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "registered, so that it is taken back")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    (tmp_path / ".env").write_text("AWS_DEFAULT_REGION=eu-west-3\n")
    with store(monkeypatch, tmp_path) as made:
        assert made.url(KEY) == f"https://site.s3.eu-west-3.amazonaws.com/{KEY}"


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_ENDPOINT_URL": "{url}/"},
        {"AWS_ENDPOINT_URL_S3": "{url}", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        {"config": "[default]\nendpoint_url = {url}\n"},
        {"config": "[default]\nservices = own\n[services own]\ns3 =\n  endpoint_url = {url}\n"},
    ],
)
def test_a_server_that_aws_settings_name_is_addressed_like_one_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3_fake: S3Fake, variables: dict[str, str]
) -> None:
    """The bucket was put before the host of a MinIO, since nobody saw that it is not Amazon's."""
    url = s3_fake.environment["S3_SERVER_URL"]
    named = {name: text.format(url=url) for name, text in variables.items()}
    with store(monkeypatch, tmp_path, **named, S3_BUCKET=s3_fake.bucket) as made:
        made.put(KEY, b"1")
        assert made.url(KEY) == f"{url}/{s3_fake.bucket}/{KEY}"
        assert made.endpoint == url
    assert s3_fake.keys() == [KEY]


def test_our_own_server_goes_before_that_of_aws_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A variable of the shell for another program does not lead away from `S3_SERVER_URL`."""
    ours = "http://127.0.0.1:9000"
    named = {"S3_SERVER_URL": ours, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    with store(monkeypatch, tmp_path, **named) as made:
        assert made.endpoint == ours


def test_addressing_is_ours_also_for_a_server_of_aws_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`S3_ADDRESSING` counts whoever names the server."""
    named = {"AWS_ENDPOINT_URL": "https://s3.example.net", "S3_ADDRESSING": "virtual"}
    with store(monkeypatch, tmp_path, **named) as made:
        assert made.url(KEY) == f"https://site.s3.example.net/{KEY}"


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_ENDPOINT_URL": "minio:9000"},
        {"AWS_PROFILE": "nobody"},
        {"AWS_DEFAULT_REGION": "eu west"},
        {"config": "[default\n"},
    ],
)
def test_what_is_wrong_with_aws_settings_says_what_goes_before_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str]
) -> None:
    """The words of a library about a value that nobody set here: it is said where to look."""
    with pytest.raises(ConfigurationError) as caught, store(monkeypatch, tmp_path, **variables):
        pass
    assert caught.value.exit_code == 78
    for name in ("AWS_", "~/.aws/config", "S3_SERVER_URL", "S3_REGION"):
        assert name in caught.value.hint


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "name", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"]
)
def test_a_pipe_in_the_place_of_aws_settings_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """A pipe in the place of a file hung the run; /dev/null stands for an empty one."""
    monkeypatch.setenv(name, "/dev/null")
    make_store(load_settings(), SystemClock()).close()
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv(name, str(tmp_path / "pipe"))
    with pytest.raises(ConfigurationError) as caught:
        make_store(load_settings(), SystemClock())
    assert caught.value.problems == (
        f"{name}: {tmp_path / 'pipe'} is a pipe or a device, and has to be a file",
    )
