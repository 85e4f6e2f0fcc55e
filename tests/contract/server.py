"""A pytest plugin (`-p tests.contract.server`): the options that name a real S3 server for the suite."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; the credentials are those of the fake."""
    group = parser.getgroup("the store suite on a real S3 server")
    group.addoption("--s3-endpoint", help="its base URL")
    group.addoption("--s3-bucket", default="contract", help="an empty bucket that is there")
    group.addoption(
        "--s3-form",
        choices=["quoted", "unquoted"],
        default="quoted",
        help="the form in which it takes ETags",
    )
