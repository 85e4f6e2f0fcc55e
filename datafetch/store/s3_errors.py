"""Translates errors of the S3 client into ours, by type, status and code.

A server's text decides only whether an error is about the ACL, where nothing else tells.

Codes: Amazon S3 API reference, "Error responses".
"""

import re
from dataclasses import dataclass
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
from datafetch.store.s3_answers import NO_DOCUMENT, UNREADABLE, NotS3, SentElsewhere

NO_ANSWER = (BotoCoreError, HTTPError, OSError)
"""The errors of a call that got no whole answer; reading a body may raise the last two."""

FAILURES = (ClientError, *NO_ANSWER, NotS3, SentElsewhere, *UNREADABLE)
"""Everything that a call may raise."""

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
_NO_BUCKET = "Check S3_BUCKET and S3_SERVER_URL; datafetch does not create buckets."
_OTHER_REGION = "Check S3_REGION: the bucket is in another region."
_HINTS = {
    "AuthorizationHeaderMalformed": _OTHER_REGION,
    "IllegalLocationConstraintException": _OTHER_REGION,
    "RequestTimeTooSkewed": "This machine's clock is wrong; set it.",
}
_DENIED = frozenset({401, 403})
_BROKEN = 500
_REDIRECTIONS = frozenset({301, 307})
"""By these S3 names a bucket's region (`PermanentRedirect`, `TemporaryRedirect`)."""
_NO_ACL = (
    "Leave S3_OBJECT_ACL empty: this bucket takes no ACLs. Let its policy, or the CDN, say what"
    " visitors may read."
)
_DENIED_ACL = (
    f"{StoreDenied.hint} Some buckets refuse public ACLs: leave S3_OBJECT_ACL empty for them."
)
_NO_CONDITIONS = (
    "This server does not know conditional writes, which keep two runs from undoing each other."
)
_NO_S3 = (
    "Check S3_SERVER_URL, and whether a proxy answers in the store's place (with its log-in page,"
    " say) or drops headers."
)
_ABOUT_ACL = re.compile(r"x-amz-acl|\bacls?\b|access control list", re.IGNORECASE)
_MAX_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request had that servers refuse.

    Attributes:
        acl: whether it named an ACL.
        condition: whether it was a write on a condition.
    """

    acl: bool = False
    condition: bool = False


NOTHING_SPECIAL = Sent()


def error_of(
    error: Exception, *, store: str, endpoint: str, key: str, sent: Sent = NOTHING_SPECIAL
) -> StoreError:
    """Translate an error of the client; the text of the new one has no secrets or query strings.

    Args:
        error: one of `FAILURES`.
        store: the store's name.
        endpoint: the server's URL.
        key: the object's key, or the prefix that was listed.
        sent: what the request had.
    """
    if isinstance(error, ClientError):
        if why := _no_document(error):
            return _not_s3(why, key or store, endpoint, key)
        return _meaning(error, store, key, sent)
    # The error's own text may hold the whole URL; its type says enough.
    kind, what, host = type(error).__name__, key or store, urlsplit(endpoint).hostname
    if isinstance(error, _NO_CREDENTIALS):
        return StoreDenied(f"{store}: no usable credentials ({kind})", key=key)
    if isinstance(error, SentElsewhere):
        return _elsewhere(error, f"{what}: {host}", key)
    # The errors of no answer come first: some are also of a type of the unreadable.
    if isinstance(error, NO_ANSWER):
        return StoreUnavailable(f"{what}: no whole answer from {host} ({kind})", key=key)
    why = str(error) if isinstance(error, NotS3) else f"{kind} in its answer"
    return _not_s3(why, what, endpoint, key)


def answer_of(error: ClientError) -> tuple[int, str]:
    """HTTP status and S3's code of an error answer; the code may be empty."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status, _field(error, "Code")


def no_bucket(store: str, key: str) -> StoreUnavailable:
    """The error for a missing bucket, which says nothing of whether its objects exist."""
    return StoreUnavailable(f"the bucket of {store} does not exist", key=key, hint=_NO_BUCKET)


def _not_s3(why: str, what: str, endpoint: str, key: str) -> StoreUnavailable:
    host = urlsplit(endpoint).hostname
    return StoreUnavailable(f"{what}: {host} does not answer as S3 ({why})", key=key, hint=_NO_S3)


def _no_document(error: ClientError) -> str | None:
    """Why an error cannot come from S3 at all; None when its status or its document tells more."""
    status, code = answer_of(error)
    if code != NO_DOCUMENT or status in _DENIED or status > _BROKEN:
        return None
    # botocore calls a success whose body it cannot read a 500, to have it asked for again.
    said = _field(error, "Message")
    return said if status == _BROKEN else f"HTTP {status}: {said}"


def _meaning(  # noqa: PLR0911 - a table of meanings
    error: ClientError, store: str, key: str, sent: Sent
) -> StoreError:
    status, code = answer_of(error)
    said = _said(error, key or store)
    if code == "NoSuchBucket":
        return no_bucket(store, key)
    if status == NOT_FOUND and code in _NO_OBJECT:
        return ObjectNotFound(f"{key} is not in {store}", key=key)
    if status == 412:  # noqa: PLR2004 - HTTP's own numbers
        return PreconditionFailed(said, key=key)
    if status == 409:  # noqa: PLR2004 - ConditionalRequestConflict, OperationAborted
        return StoreConflict(said, key=key)
    if _is_about_acl(error, sent):
        return StoreUnavailable(said, key=key, hint=_NO_ACL)
    if status == 501 or code == "NotImplemented":  # noqa: PLR2004
        return NotSupported(said, key=key, hint=_NO_CONDITIONS if sent.condition else None)
    hint = _OTHER_REGION if status in _REDIRECTIONS else _HINTS.get(code)
    if status in _DENIED or code in _DENIED_CODES:
        return StoreDenied(said, key=key, hint=hint or (_DENIED_ACL if sent.acl else None))
    return StoreUnavailable(said, key=key, hint=hint)


def _field(error: ClientError, name: str) -> str:
    """A field of an error document; empty when it is missing or holds no text."""
    value: object = error.response.get("Error", {}).get(name)
    return value if isinstance(value, str) else ""


def _said(error: ClientError, what: str) -> str:
    """What the server said to a request for `what`, as far as it said anything."""
    status, code = answer_of(error)
    message = redact(_field(error, "Message")[:_MAX_MESSAGE])
    has_code = code not in ("", str(status), NO_DOCUMENT)
    known = f"{code} (HTTP {status})" if has_code else f"HTTP {status}"
    return f"{what}: {known}: {message}" if message else f"{what}: {known}"


def _is_about_acl(error: ClientError, sent: Sent) -> bool:
    status, code = answer_of(error)
    if code == "AccessControlListNotSupported":
        return True
    # Other servers share one code for all that they do not know (Cloudflare R2: `NotImplemented`),
    # or that is invalid: which header it was stands in another field, or only in the text. The
    # text may repeat the request, so a bucket's name has its say only where an ACL was sent.
    fields = (_field(error, name) for name in ("Header", "ArgumentName", "Message"))
    return sent.acl and status in (400, 501) and any(_ABOUT_ACL.search(field) for field in fields)


def _elsewhere(error: SentElsewhere, who: str, key: str) -> StoreUnavailable:
    address = _address(error.location)
    if address is None:
        return StoreUnavailable(f"{who} sends the request elsewhere", key=key, hint=_OTHER_REGION)
    return StoreUnavailable(
        f"{who} sends the request on to {address}",
        key=key,
        hint="Set S3_SERVER_URL to the store's own address, with https:// if that is what it"
        " wants. If the other address is that of a log-in page, a proxy stands before the store.",
    )


def _address(location: str) -> str | None:
    """Scheme and host of an absolute URL; None for anything else."""
    try:
        to = urlsplit(location)
    except ValueError:
        return None
    return f"{to.scheme}://{to.hostname}" if to.hostname else None
