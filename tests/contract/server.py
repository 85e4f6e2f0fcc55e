"""A pytest plugin (`-p tests.contract.server`): the options that name a real S3 server for the suite."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("the store suite on a real S3 server")
    group.addoption("--s3-endpoint", help="its base URL")
    group.addoption("--s3-bucket", default="contract", help="an empty bucket that is there")
    group.addoption("--s3-key", help="the access key")
    group.addoption("--s3-secret", help="the secret key")
    group.addoption(
        "--s3-form",
        choices=["quoted", "unquoted"],
        default="quoted",
        help="the form in which it takes ETags",
    )
