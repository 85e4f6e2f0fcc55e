"""What the errors of an S3 client mean, by type, status and code."""

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ReadTimeoutError,
)
from urllib3.exceptions import IncompleteRead

from datafetch.errors import (
    NotSupported,
    ObjectNotFound,
    PreconditionFailed,
    StoreConflict,
    StoreDenied,
    StoreError,
    StoreUnavailable,
)
from datafetch.store.s3_errors import answer_of, error_of

KEY = "json/bookmarks/index.json"
ENDPOINT = "https://user:password@s3.example.net/base?token=secret"


def refusal(status: int, code: str, message: str = "why") -> ClientError:
    """The client's error for an error answer."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]
        },
        "GetObject",
    )


def translated(error: Exception, key: str = KEY) -> StoreError:
    """The error of the store for an error of the client."""
    return error_of(error, store="s3://bucket", endpoint=ENDPOINT, key=key)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", ObjectNotFound),
        (404, "404", ObjectNotFound),
        (404, "NoSuchBucket", StoreUnavailable),
        (404, "", StoreUnavailable),
        (400, "NoSuchKey", StoreUnavailable),
        (412, "PreconditionFailed", PreconditionFailed),
        (409, "ConditionalRequestConflict", StoreConflict),
        (409, "OperationAborted", StoreConflict),
        (401, "Unauthorized", StoreDenied),
        (403, "AccessDenied", StoreDenied),
        (400, "ExpiredToken", StoreDenied),
        (400, "InvalidToken", StoreDenied),
        (400, "TokenRefreshRequired", StoreDenied),
        (400, "AuthorizationHeaderMalformed", StoreDenied),
        (400, "BadRequest", StoreUnavailable),
        (500, "InternalError", StoreUnavailable),
        (503, "SlowDown", StoreUnavailable),
        (501, "NotImplemented", NotSupported),
        (501, "", NotSupported),
        (400, "NotImplemented", NotSupported),
    ],
)
def test_an_error_answer_has_one_meaning(status: int, code: str, kind: type[StoreError]) -> None:
    """Only a 404 for the object itself says that it is missing."""
    error = translated(refusal(status, code))
    assert type(error) is kind
    assert error.key == KEY


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (400, "AuthorizationHeaderMalformed", "S3_REGION"),
        (404, "NoSuchBucket", "S3_BUCKET"),
        (501, "NotImplemented", "conditional writes"),
        (403, "RequestTimeTooSkewed", "clock"),
    ],
)
def test_a_hint_says_what_to_look_at(status: int, code: str, hint: str) -> None:
    """Where the code tells the cause, so does the hint."""
    assert hint in translated(refusal(status, code)).hint


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url=ENDPOINT),
        ReadTimeoutError(endpoint_url=ENDPOINT),
        IncompleteRead(3, 4),
        ConnectionResetError(),
    ],
)
def test_a_call_without_an_answer_is_unavailable(error: Exception) -> None:
    """The error names the host and what happened, without the URL and its secrets."""
    said = translated(error)
    assert type(said) is StoreUnavailable
    assert "s3.example.net" in str(said)
    assert type(error).__name__ in str(said)
    assert "password" not in str(said)
    assert "secret" not in str(said)


def test_missing_credentials_are_denied() -> None:
    """Trying again would not help: there is nothing to sign requests with."""
    said = translated(NoCredentialsError())
    assert type(said) is StoreDenied
    assert "no usable credentials" in str(said)


@pytest.mark.parametrize("error", [refusal(500, "InternalError"), ConnectionResetError()])
def test_an_error_names_its_object_or_else_its_store(error: Exception) -> None:
    """A listing of everything has no key."""
    assert str(translated(error)).startswith(f"{KEY}:")
    assert str(translated(error, key="")).startswith("s3://bucket:")


def test_the_servers_text_is_short_and_has_no_secrets() -> None:
    """A server may repeat the request in its answer."""
    said = str(translated(refusal(500, "X", "Authorization: Bearer abc.def.ghi " + "x" * 1000)))
    assert "abc.def.ghi" not in said
    assert len(said) < 400


def test_an_answer_that_says_nothing_is_read_all_the_same() -> None:
    """Status and code may both be missing."""
    assert answer_of(ClientError({}, "GetObject")) == (0, "")
    assert type(translated(ClientError({}, "GetObject"))) is StoreUnavailable
