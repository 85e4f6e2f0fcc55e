"""Translates errors of the DynamoDB client into ours, with what to do, by type and code.

Codes: Amazon DynamoDB API reference, "Common Errors", GetItem and PutItem.
"""

import re
from dataclasses import dataclass

from botocore.exceptions import ClientError, NoCredentialsError

from datafetch.errors import (
    ConfigurationError,
    DatafetchError,
    PreconditionFailed,
    StoreDenied,
    StoreError,
    StoreUnavailable,
)
from datafetch.models.text import one_line
from datafetch.ops.leases.dynamodb_item import KEY
from datafetch.redaction import redact
from datafetch.store.s3_answers import UNREADABLE
from datafetch.store.s3_dialect import endpoint_of, is_amazon
from datafetch.store.s3_errors import NO_ANSWER, NO_CREDENTIALS, answer_of
from datafetch.store.s3_unreachable import silence


class NotDynamoDb(Exception):
    """A server answered, but not as DynamoDB answers; its text says what is wrong."""


FAILURES = (ClientError, NotDynamoDb, *NO_ANSWER, *UNREADABLE)
"""Everything that a call may raise."""

_LONGEST_MESSAGE = 200
_BROKEN = 500
_DENIED = frozenset({401, 403})
_THROTTLED = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
    }
)
_UNKNOWN_KEY = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})
_ENDED = frozenset({"ExpiredToken", "ExpiredTokenException"})
_SIGNATURE = frozenset({"InvalidSignatureException", "SignatureDoesNotMatch"})
_UNSIGNED = frozenset(
    {
        "IncompleteSignature",
        "IncompleteSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
    }
)
_ABOUT_TIME = re.compile(r"signature (?:expired|not yet current)", re.IGNORECASE)
"""How the signature of a machine with a wrong clock is refused."""

_AGAIN = "What was stored before stays; try again."


@dataclass(frozen=True, slots=True)
class TableAddress:
    """A table as the settings name it.

    Attributes:
        table: its name.
        endpoint: base URL of its server.
        region: where it is, and as requests are signed for.
        region_setting: the setting that says the region.
        endpoint_setting: the variable that names a server other than Amazon's.
        own_keys: whether the settings hold the access key; else it is one of AWS's chain.
        keys_elsewhere: whether the settings hold keys for another server, which are not used here.
    """

    table: str
    endpoint: str
    region: str
    region_setting: str
    endpoint_setting: str
    own_keys: bool
    keys_elsewhere: bool

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"dynamodb://{self.table}"

    @property
    def server(self) -> str:
        """See `ServerAddress.server`."""
        return endpoint_of(self.endpoint)

    @property
    def from_settings(self) -> bool:
        """See `ServerAddress.from_settings`."""
        return not is_amazon(self.endpoint)

    @property
    def setting(self) -> str:
        """See `ServerAddress.setting`."""
        return self.endpoint_setting if self.from_settings else self.region_setting

    @property
    def key_id(self) -> str:
        """Where the access key's name comes from."""
        return "S3_ACCESS_KEY_ID" if self.own_keys else "AWS_ACCESS_KEY_ID or AWS_PROFILE"

    @property
    def secret(self) -> str:
        """Where the secret of the access key comes from."""
        return "S3_SECRET_ACCESS_KEY" if self.own_keys else "AWS_SECRET_ACCESS_KEY or AWS_PROFILE"

    @property
    def token(self) -> str:
        """Where the session token of a temporary key comes from."""
        return "S3_SESSION_TOKEN" if self.own_keys else "AWS_SESSION_TOKEN or AWS_PROFILE"

    def _options(self, table: str) -> str:
        server = f" --endpoint-url {self.server}" if self.from_settings else ""
        return f"--table-name {table} --region {self.region}{server}"

    def making(self, table: str) -> str:
        """The command that makes a table of this name."""
        return (
            f"aws dynamodb create-table {self._options(table)}"
            f" --attribute-definitions AttributeName={KEY},AttributeType=S"
            f" --key-schema AttributeName={KEY},KeyType=HASH --billing-mode PAY_PER_REQUEST"
        )

    @property
    def widening(self) -> str:
        """The command that ends the table's limit on requests."""
        return (
            f"aws dynamodb update-table {self._options(self.table)} --billing-mode PAY_PER_REQUEST"
        )


def error_of(error: Exception, at: TableAddress) -> DatafetchError:
    """Our error for one of the client's (`FAILURES`)."""
    if isinstance(error, ClientError):
        return _refused(error, at)
    if isinstance(error, NO_CREDENTIALS):
        return _no_credentials(error, at)
    if isinstance(error, NO_ANSWER):
        # The error's own text may hold the whole URL.
        said, hint = silence(error, at)
        hint = hint or f"Check {at.setting} and this machine's network. {_AGAIN}"
        return StoreUnavailable(f"{at.label}: {said}", hint=hint)
    what = str(error) if isinstance(error, NotDynamoDb) else f"{type(error).__name__} in its answer"
    return StoreUnavailable(
        f"{at.label}: {at.server} does not answer as DynamoDB does ({what})",
        hint=f"Check {at.setting}, and which proxy stands between this machine and {at.server}.",
    )


def no_time(at: TableAddress) -> StoreError:
    """The error for answers that do not say when they were made, so that no lease has an end."""
    return StoreUnavailable(
        f"{at.label}: the answers of {at.server} have no Date, by which leases end",
        hint=f"Look for a proxy between this machine and {at.server} that drops headers.",
    )


def _refused(error: ClientError, at: TableAddress) -> DatafetchError:
    status, code = answer_of(error)
    said = _said(error, at)
    if code == "ConditionalCheckFailedException":
        return PreconditionFailed(said)
    if code == "ResourceNotFoundException":
        return ConfigurationError(
            [f"DATAFETCH_LOCK: there is no table {at.table} in {at.region} at {at.server}"],
            hint=f"Set {at.region_setting} to the table's region, or make it: {at.making(at.table)}",
        )
    if code == "ValidationException":
        return ConfigurationError(
            [f"DATAFETCH_LOCK: the table {at.table} does not fit: {said}"],
            hint=(
                f"The table needs the partition key {KEY}, a string (S), and no sort key. Make one"
                f" of another name, and set DATAFETCH_LOCK to it: {at.making('datafetch-locks')}"
            ),
        )
    hint = _key_hint(error, at)
    if hint is not None or status in _DENIED or code == "AccessDeniedException":
        return StoreDenied(said, hint=hint or _denied_hint(error, at))
    return StoreUnavailable(said, hint=_broken_hint(status, code, at))


def _key_hint(error: ClientError, at: TableAddress) -> str | None:
    """What to do about a refusal of the access key; None when it is about something else."""
    _, code = answer_of(error)
    if code in _UNKNOWN_KEY:
        return f"Check {at.key_id}: {at.server} does not know this key, or its session token."
    if code in _ENDED:
        return f"The temporary key has ended: set a new one, with its session token ({at.token})."
    if code in _SIGNATURE:
        if _ABOUT_TIME.search(_message(error)):
            return "Check this machine's clock (date -u)."
        return f"Check {at.secret}: it does not belong to the key, or is not whole."
    if code in _UNSIGNED:
        return f"Check {at.key_id}, which must be the key's name alone."
    return None


def _denied_hint(error: ClientError, at: TableAddress) -> str:
    if answer_of(error)[1] != "AccessDeniedException":
        return (
            "It is not DynamoDB that refuses, but a proxy or a web server that answers in its"
            f" place: see what stands between this machine and {at.server}."
        )
    return (
        f"Allow dynamodb:{error.operation_name} on arn:aws:dynamodb:{at.region}:*:table/{at.table}."
        " `datafetch guide locks` has a whole policy."
    )


def _broken_hint(status: int, code: str, at: TableAddress) -> str:
    if code in _THROTTLED:
        return (
            f"The table is asked more often than it allows. Let it allow any number: {at.widening}"
        )
    if status >= _BROKEN:
        return f"The server failed. {_AGAIN}"
    return f"Check {at.setting} and DATAFETCH_LOCK."


def _no_credentials(error: Exception, at: TableAddress) -> StoreDenied:
    if not isinstance(error, NoCredentialsError):
        return StoreDenied(
            f"{at.label}: no usable credentials ({type(error).__name__})",
            hint="Check the AWS profile, role or variables that they come from (aws sso login).",
        )
    hint = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine an AWS profile or role."
    if at.keys_elsewhere:
        hint += " S3_ACCESS_KEY_ID is a key of S3_SERVER_URL, and not used for DynamoDB."
    return StoreDenied(f"{at.label}: there are no credentials", hint=hint)


def _said(error: ClientError, at: TableAddress) -> str:
    """The error's text: table and call, code and status, and the server's own words."""
    status, code = answer_of(error)
    # Masked before it is cut: half a secret would not be known for one.
    message = one_line(redact(_message(error)[: 8 * _LONGEST_MESSAGE]), _LONGEST_MESSAGE)
    known = (
        f"HTTP {status}" if code in ("", str(status)) else f"{one_line(code, 80)} (HTTP {status})"
    )
    text = f"{at.label}: {known} for dynamodb:{error.operation_name}"
    return f"{text}: {message}" if message else text


def _message(error: ClientError) -> str:
    message: object = error.response.get("Error", {}).get("Message")
    return message if isinstance(message, str) else ""
