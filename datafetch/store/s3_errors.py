"""Translates errors of the S3 client into ours, by type, status and code, never by their text.

Codes: Amazon S3 API reference, "Error responses".
"""

from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from urllib3.exceptions import HTTPError

from datafetch.errors import (
    NotSupported,
    ObjectNotFound,
    PreconditionFailed,
    StoreConflict,
    StoreDenied,
    StoreError,
    StoreUnavailable,
)
from datafetch.logs import redact

NO_ANSWER = (BotoCoreError, HTTPError, OSError)
"""The errors of a call that got no whole answer; reading a body may raise the last two."""

NOT_FOUND = 404
NO_BODY = "404"
"""botocore's code for a 404 without a body, as HEAD gets it: the object or the bucket is missing."""

_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
_NO_OBJECT = frozenset({"NoSuchKey", NO_BODY})
_DENIED_CODES = frozenset(
    {"AuthorizationHeaderMalformed", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
)
_HINTS = {
    "AuthorizationHeaderMalformed": "Check S3_REGION: the bucket is in another region.",
    "NoSuchBucket": "Check S3_BUCKET and S3_SERVER_URL; datafetch does not create buckets.",
    "NotImplemented": "This server does not know conditional writes.",
    "RequestTimeTooSkewed": "This machine's clock is wrong; set it.",
}
_MAX_MESSAGE = 200


def error_of(error: Exception, *, store: str, endpoint: str, key: str) -> StoreError:
    """Translate an error of the client; the text of the new one has no secrets or query strings.

    Args:
        error: a `ClientError`, or one of `NO_ANSWER`.
        store: the store's name.
        endpoint: the server's URL.
        key: the object's key, or the prefix that was listed.
    """
    if isinstance(error, ClientError):
        return _meaning(error, store, key)
    # The error's own text may hold the whole URL; its type says enough.
    kind = type(error).__name__
    if isinstance(error, _NO_CREDENTIALS):
        return StoreDenied(f"{store}: no usable credentials ({kind})", key=key)
    host = urlsplit(endpoint).hostname
    return StoreUnavailable(f"{key or store}: no whole answer from {host} ({kind})", key=key)


def answer_of(error: ClientError) -> tuple[int, str]:
    """HTTP status and S3's code of an error answer."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status, error.response.get("Error", {}).get("Code", "")


def _meaning(error: ClientError, store: str, key: str) -> StoreError:
    status, code = answer_of(error)
    message = (error.response.get("Error", {}).get("Message") or "")[:_MAX_MESSAGE]
    said = f"{key or store}: {code} (HTTP {status}): {redact(message)}"
    hint = _HINTS.get(code)
    if code == "NoSuchBucket":
        return no_bucket(store, key)
    if status == NOT_FOUND and code in _NO_OBJECT:
        return ObjectNotFound(f"{key} is not in {store}", key=key)
    if status == 412:  # noqa: PLR2004 - HTTP's own numbers
        return PreconditionFailed(said, key=key)
    if status == 409:  # noqa: PLR2004 - ConditionalRequestConflict, OperationAborted
        return StoreConflict(said, key=key)
    kind: type[StoreError] = StoreUnavailable
    if status == 501 or code == "NotImplemented":  # noqa: PLR2004
        kind = NotSupported
    elif status in (401, 403) or code in _DENIED_CODES:
        kind = StoreDenied
    return kind(said, key=key, hint=hint)


def no_bucket(store: str, key: str) -> StoreUnavailable:
    """The error for a missing bucket, which says nothing of whether its objects exist."""
    return StoreUnavailable(
        f"the bucket of {store} does not exist", key=key, hint=_HINTS["NoSuchBucket"]
    )
