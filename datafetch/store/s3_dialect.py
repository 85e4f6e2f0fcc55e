"""What differs between servers that speak S3, and where they say things: pure functions."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from datafetch.store.base import Condition, IfAbsent, IfMatch
from datafetch.store.keys import is_public

_EXPECT_FROM = 64 * 1024
"""Smaller bodies are sent without asking first whether they are welcome, which costs a round trip."""

_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn")


def client_options(endpoint: str | None) -> dict[str, Any]:
    """Botocore's options for a server: path style where an endpoint is set.

    Servers that are not Amazon's get no checksums beyond the required ones: many answer 400
    or 501 to the trailers that botocore sends by default since 1.36.
    """
    if endpoint is None:
        return {}
    options: dict[str, Any] = {"s3": {"addressing_style": "path"}}
    if not (urlsplit(endpoint).hostname or "").endswith(_AWS_DOMAINS):
        options["request_checksum_calculation"] = "when_required"
        options["response_checksum_validation"] = "when_required"
    return options


def put_fields(
    key: str, content_type: str, cache_control: str | None, condition: Condition, acl: str | None
) -> dict[str, Any]:
    """What a PUT says beside key and body, streamed or not: type, cache, condition, public ACL."""
    fields: dict[str, Any] = {"ContentType": content_type}
    if cache_control:
        fields["CacheControl"] = cache_control
    if acl and is_public(key):
        fields["ACL"] = acl
    if isinstance(condition, IfMatch):
        fields["IfMatch"] = condition.etag
    elif isinstance(condition, IfAbsent):
        fields["IfNoneMatch"] = "*"
    return fields


def object_url(endpoint: str, bucket: str, key: str, *, is_aws: bool) -> str:
    """An object's own URL: the bucket in the path, or in front of Amazon's host.

    A bucket with a dot in its name stays in the path, it would not fit Amazon's certificate
    (Amazon S3 user guide, "Bucket naming rules").
    """
    if not is_aws or "." in bucket:
        return f"{endpoint}/{bucket}/{key}"
    scheme, _, host = endpoint.partition("://")
    return f"{scheme}://{bucket}.{host}/{key}"


def identity_of(endpoint: str, bucket: str) -> str:
    """What tells a bucket from all others: host, port and path of its server, without credentials."""
    parts = urlsplit(endpoint)
    host = parts.netloc.rpartition("@")[2]
    return f"s3://{host}{parts.path.rstrip('/')}/{bucket}"


def send_small_at_once(params: dict[str, Any], **_: object) -> None:
    """Drop `Expect` from a small request; for botocore's event `before-call`."""
    if int(params["headers"].get("Content-Length", _EXPECT_FROM)) < _EXPECT_FROM:
        params["headers"].pop("Expect", None)


def age_s(date: str | None, modified: datetime) -> float | None:
    """Seconds between an answer's Date and its Last-Modified, both by the server's clock."""
    try:
        told = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    if told.tzinfo is None:  # "-0000": UTC, of unknown place (RFC 5322, 3.3)
        told = told.replace(tzinfo=UTC)
    return max(0.0, (told - modified).total_seconds())
