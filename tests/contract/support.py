"""The stores that keep the contract, opened for a test."""

from typing import Any

import pytest

from datafetch.store.base import EtagForm
from datafetch.store.s3 import S3Store
from tests.fakes.s3 import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, S3Fake

QUICK: dict[str, Any] = {"read_timeout_s": 10.0, "max_retries": 1}


def open_s3(fake: S3Fake, **options: Any) -> S3Store:
    """A store in the fake's bucket; `options` are those of `S3Store`."""
    given: dict[str, Any] = {
        "endpoint": fake.url,
        "region": REGION,
        "access_key": ACCESS_KEY_ID,
        "secret_key": SECRET_ACCESS_KEY,
        **QUICK,
        **options,
    }
    return S3Store(given.pop("bucket", fake.bucket), **given)


def open_server(config: pytest.Config) -> S3Store:
    """A store in the bucket that the options of `tests.contract.server` name."""
    store = S3Store(
        config.getoption("s3_bucket"),
        endpoint=config.getoption("s3_endpoint"),
        access_key=config.getoption("s3_key"),
        secret_key=config.getoption("s3_secret"),
        **QUICK,
    )
    store.etag_form = EtagForm(config.getoption("s3_form"))
    return store
