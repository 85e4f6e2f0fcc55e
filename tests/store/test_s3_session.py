"""The data that the S3 client is made of: the same as botocore's own, with less work."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError

from datafetch.errors import ConfigurationError
from datafetch.models.store_place import Addressing
from datafetch.store.s3_session import make_client, s3_session

KINDS = ("service-2", "paginators-1", "endpoint-rule-set-1", "waiters-2")


def _client(service: str) -> BaseClient:
    return s3_session().create_client(
        service, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_services_data_is_botocores(kind: str) -> None:
    """Plain and compressed files are read as botocore reads them."""
    ours = s3_session().get_component("data_loader")
    theirs = botocore.session.get_session().get_component("data_loader")
    assert ours.load_service_model("s3", kind) == theirs.load_service_model("s3", kind)


def test_data_is_looked_for_where_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data beside botocore's, as AWS_DATA_PATH names it, goes before botocore's."""
    (tmp_path / "endpoints.json").write_text(json.dumps({"mine": True}))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert s3_session().get_component("data_loader").load_data("endpoints") == {"mine": True}


def test_services_are_found_without_a_look_into_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client was made with a walk through the folders of all services."""
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    theirs = botocore.session.get_session().get_available_services()
    assert {*s3_session().get_available_services()} >= {*theirs, "mine"}


@pytest.mark.parametrize("service", ["sts", "sso", "sso-oidc"])
def test_roles_and_single_sign_on_have_their_services(service: str) -> None:
    """The chain of credentials makes clients of the same session: of a profile with a role, say."""
    with closing(_client(service)) as client:
        assert client.meta.service_model.service_name == service


def test_a_service_that_is_none_is_told() -> None:
    """A wrong name is an error of botocore's, as ever."""
    with pytest.raises(BotoCoreError):
        _client("none")


@pytest.mark.parametrize(
    ("endpoint", "addressing", "url"),
    [
        ("https://s3.example.net", "path", "https://s3.example.net/my-bucket/x?"),
        ("https://s3.example.net", "virtual", "https://my-bucket.s3.example.net/x?"),
        (None, "path", "https://s3.eu-west-1.amazonaws.com/my-bucket/x?"),
        (None, "virtual", "https://my-bucket.s3.eu-west-1.amazonaws.com/x?"),
    ],
)
@pytest.mark.parametrize("profile", ["path", "virtual"])
def test_the_bucket_stands_where_the_setting_says_whatever_the_profile_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str | None,
    addressing: Addressing,
    url: str,
    profile: str,
) -> None:
    """The URLs that are published follow the setting, so the requests do too."""
    (tmp_path / "config").write_text(f"[default]\ns3 =\n  addressing_style = {profile}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    client = make_client(
        endpoint,
        "eu-west-1",
        ("a", "b", None),
        addressing=addressing,
        width=1,
        read_timeout_s=1,
        max_retries=0,
    )
    with closing(client):
        signed = client.generate_presigned_url("get_object", {"Bucket": "my-bucket", "Key": "x"})
    assert signed.startswith(url)


def test_a_profile_that_is_not_there_is_told_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name comes from the shell, and not from a setting of datafetch."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "mistyped")
    with pytest.raises(ConfigurationError, match=r"AWS_PROFILE: .*mistyped"):
        make_client(
            None,
            "eu-west-1",
            (None, None, None),
            addressing="virtual",
            width=1,
            read_timeout_s=1,
            max_retries=0,
        )


def test_a_connection_is_made_and_watched_as_the_store_says() -> None:
    """A server that does not answer costs 5 s, and one that fell silent between calls is noticed."""
    client = make_client(
        None,
        "eu-west-1",
        ("a", "b", None),
        addressing="virtual",
        width=7,
        read_timeout_s=8,
        max_retries=0,
    )
    with closing(client):
        config: Any = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (5, 8)
    assert (config.max_pool_connections, config.tcp_keepalive) == (7, True)
