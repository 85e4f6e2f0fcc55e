"""The data that the S3 client is made of: the same as botocore's own, with less work."""

import json
from pathlib import Path

import botocore.session
import pytest

from datafetch.store.s3_session import s3_session

KINDS = ("service-2", "paginators-1", "endpoint-rule-set-1", "waiters-2")


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


def test_other_services_are_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client is made without a walk through the folders of all services."""
    for name in ("one", "two"):
        (tmp_path / name / "2020-01-01").mkdir(parents=True)
        (tmp_path / name / "2020-01-01" / "service-2.json").write_text("{}")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert s3_session().get_available_services() == ["s3"]
