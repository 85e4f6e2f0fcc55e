"""Translates errors of the S3 client into ours, by type, status and code.

A server's text decides only whether an error is about the ACL, and, in `s3_hints`, what to do
about an error whose code several causes share.

Codes: Amazon S3 API reference, "Error responses".
"""

import re
from dataclasses import dataclass

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
from datafetch.models.text import one_line
from datafetch.redaction import redact
from datafetch.store.s3_answers import NO_DOCUMENT, UNREADABLE, NotS3, SentElsewhere
from datafetch.store.s3_hints import Refusal, hint_for, moved_hint, no_bucket_hint
from datafetch.store.s3_place import BucketAddress
from datafetch.store.s3_strangers import elsewhere, not_s3
from datafetch.store.s3_unreachable import silence

NO_ANSWER = (BotoCoreError, HTTPError, OSError)
"""The errors of a call that got no whole answer; reading a body may raise the last two."""

FAILURES = (ClientError, *NO_ANSWER, NotS3, SentElsewhere, *UNREADABLE)
"""Everything that a call may raise."""

NOT_FOUND = 404
NO_BODY = "404"
"""botocore's code for a 404 without a body, as HEAD gets it: the object or the bucket is missing."""

_UNEXPLAINED = frozenset({(400, "400"), (403, "403")})
"""Status and botocore's code of a refusal without a body: of HEAD, which never says why."""

NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
_NO_OBJECT = frozenset({"NoSuchKey", NO_BODY})
_DENIED_CODES = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
_DENIED = frozenset({401, 403})
_FORBIDDEN = 403
_BROKEN = 500
_REDIRECTIONS = frozenset({301, 307})
"""By these S3 names a bucket's region (`PermanentRedirect`, `TemporaryRedirect`)."""
_NO_ACL = (
    "Leave S3_OBJECT_ACL empty: this bucket takes no ACLs. Let its policy, or the CDN, say what"
    " visitors may read."
)
_NO_CONDITIONS = (
    "This server does not know conditional writes, which keep two runs from undoing each other."
    " Where datafetch runs on one machine only, set DATAFETCH_LOCK=file; where it runs on several,"
    " DATAFETCH_LOCK=redis://HOST or dynamodb://TABLE keeps their locks."
)
_SERVER_FAILED = (
    "The store's server failed. Try again; what was written before stays, and the next run ends"
    " what this one began."
)
_PROXY_REFUSED = (
    "It is not S3 that refuses, but a proxy or a web server that answers in its place: see what"
    " stands between this machine and {server}."
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
    error: Exception, *, at: BucketAddress, key: str, sent: Sent = NOTHING_SPECIAL
) -> StoreError:
    """The store's error for one of the client's.

    Args:
        error: one of `FAILURES`.
        at: the bucket that was asked.
        key: the object's key, or the prefix that was listed.
        sent: what the request had.
    """
    if isinstance(error, ClientError):
        if found := _no_document(error):
            return not_s3(found, at, key)
        return _meaning(error, at, key, sent)
    # The error's own text may hold the whole URL; its type says enough.
    kind, what = type(error).__name__, key or at.label
    if isinstance(error, NO_CREDENTIALS):
        return _no_credentials(error, at, key)
    if isinstance(error, SentElsewhere):
        return elsewhere(error, at, key)
    # The errors of no answer come first: some are also of a type of the unreadable.
    if isinstance(error, NO_ANSWER):
        said, hint = silence(error, at)
        return StoreUnavailable(f"{what}: {said}", key=key, hint=hint)
    return not_s3(error if isinstance(error, NotS3) else NotS3(f"{kind} in its answer"), at, key)


def answer_of(error: ClientError) -> tuple[int, str]:
    """HTTP status and S3's code of an error answer; the code may be empty."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status, _field(error, "Code")


def is_unexplained(error: BaseException | None) -> bool:
    """Whether a call was refused without a reason, as HEAD is."""
    return isinstance(error, ClientError) and answer_of(error) in _UNEXPLAINED


def no_bucket(at: BucketAddress, key: str) -> StoreUnavailable:
    """The error for a missing bucket, which says nothing of whether its objects exist."""
    return StoreUnavailable(
        f"there is no bucket {at.bucket} at {at.server}", key=key, hint=no_bucket_hint(at)
    )


def _no_credentials(error: Exception, at: BucketAddress, key: str) -> StoreDenied:
    kind = type(error).__name__
    if isinstance(error, NoCredentialsError):
        said = "there are no credentials"
        hint = "Set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, or give this machine an AWS profile or role."
    elif isinstance(error, SSOError | TokenRetrievalError):
        said = f"the AWS sign-on gives no credentials ({kind})"
        hint = "Sign on anew: aws sso login."
    else:
        said = f"no usable credentials ({kind})"
        hint = (
            "Check the AWS profile, role or variables that they come from, or set S3_ACCESS_KEY_ID"
            " and S3_SECRET_ACCESS_KEY."
        )
    return StoreDenied(f"{at.label}: {said}", key=key, hint=hint)


def _no_document(error: ClientError) -> NotS3 | None:
    """Why an error cannot come from S3 at all; None when its status or its document tells more."""
    status, code = answer_of(error)
    if code != NO_DOCUMENT or status in _DENIED or status > _BROKEN:
        return None
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    # botocore calls a success whose body it cannot read a 500, to have it asked for again.
    return NotS3(
        _field(error, "Message"),
        status=0 if status == _BROKEN else status,
        content_type=headers.get("content-type", ""),
    )


def _meaning(  # noqa: PLR0911 - a table of meanings
    error: ClientError, at: BucketAddress, key: str, sent: Sent
) -> StoreError:
    status, code = answer_of(error)
    refusal = _refusal(error, key, sent)
    said = _said(error, refusal, at)
    if code == "NoSuchBucket":
        return no_bucket(at, key)
    if status == NOT_FOUND and code in _NO_OBJECT:
        return _absent(at, key)
    if status == 412:  # noqa: PLR2004 - HTTP's own numbers
        return PreconditionFailed(said, key=key)
    if status == 409:  # noqa: PLR2004 - ConditionalRequestConflict, OperationAborted
        return StoreConflict(said, key=key)
    if _is_about_acl(error, sent):
        return StoreUnavailable(said, key=key, hint=_NO_ACL)
    if status == 501 or code == "NotImplemented":  # noqa: PLR2004
        return NotSupported(said, key=key, hint=_NO_CONDITIONS if sent.condition else None)
    hint = hint_for(refusal, at)
    if hint is None and status in _REDIRECTIONS:
        hint = moved_hint(at, refusal.fields.get("Region", ""))
    if status in _DENIED or code in _DENIED_CODES:
        return StoreDenied(said, key=key, hint=hint or _denied_hint(refusal, at))
    if hint is None and status >= _BROKEN:
        hint = _SERVER_FAILED
    return StoreUnavailable(said, key=key, hint=hint)


def _denied_hint(refusal: Refusal, at: BucketAddress) -> str | None:
    """What to do about a refusal whose cause nobody tells; None for the usual hint."""
    if refusal.code == NO_DOCUMENT:
        return _PROXY_REFUSED.format(server=at.server)
    usual = f"{StoreDenied.hint} The call needs {refusal.action}." if refusal.action else None
    if refusal.acl:
        return (
            f"{usual or StoreDenied.hint} Some buckets refuse public ACLs: leave S3_OBJECT_ACL"
            " empty for them."
        )
    return usual


def _refusal(error: ClientError, key: str, sent: Sent) -> Refusal:
    status, code = answer_of(error)
    document: object = error.response.get("Error", {})
    fields: dict[str, str] = {}
    if isinstance(document, dict):
        fields = {name: text for name, text in document.items() if isinstance(text, str)}
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region")
    if isinstance(region, str):
        fields.setdefault("Region", region)
    return Refusal(error.operation_name, status, code, fields, key, acl=sent.acl)


def _field(error: ClientError, name: str) -> str:
    """A field of an error document; empty when it is missing or holds no text."""
    value: object = error.response.get("Error", {}).get(name)
    return value if isinstance(value, str) else ""


def _said(error: ClientError, refusal: Refusal, at: BucketAddress) -> str:
    """The error's text: the object, status and code, and the server's own words if it sent any.

    The action is named when the refusal is about rights, or is a 403 without a code.
    """
    status, code = answer_of(error)
    what, message = refusal.key or at.label, _one_line(refusal.message)
    has_code = code not in ("", str(status), NO_DOCUMENT)
    known = f"{_one_line(code)} (HTTP {status})" if has_code else f"HTTP {status}"
    if refusal.action and (
        refusal.is_about_rights or (status == _FORBIDDEN and not has_code and code != NO_DOCUMENT)
    ):
        known = f"{known} for {refusal.action} on {refusal.target(at)}"
    return f"{what}: {known}: {message}" if message else f"{what}: {known}"


def _one_line(text: str) -> str:
    """A server's own text, short and without secrets, on one line."""
    # Masked before it is cut: half a secret would not be known for one.
    return one_line(redact(text), _MAX_MESSAGE)


def _is_about_acl(error: ClientError, sent: Sent) -> bool:
    status, code = answer_of(error)
    if code == "AccessControlListNotSupported":
        return True
    # Other servers share one code for all that they do not know (Cloudflare R2: `NotImplemented`),
    # or that is invalid: which header it was stands in another field, or only in the text. The
    # text may repeat the request, so a bucket's name has its say only where an ACL was sent.
    fields = (_field(error, name) for name in ("Header", "ArgumentName", "Message"))
    return sent.acl and status in (400, 501) and any(_ABOUT_ACL.search(field) for field in fields)


def _absent(at: BucketAddress, key: str) -> StoreError:
    """The error for an object that is not there.

    After a listing it is an error about the server's address: the server took the request for
    that of an object.
    """
    if key and not key.endswith("/"):
        return ObjectNotFound(f"{key} is not in {at.label}", key=key)
    return StoreUnavailable(
        f"{key or at.label}: {at.server} does not list the bucket {at.bucket}, but looks there for"
        " an object of that name",
        key=key,
        hint=at.doubt()
        or f"Check {at.setting}: it must be the address of the server alone, without the bucket.",
    )
