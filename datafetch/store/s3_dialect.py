"""Details of S3's URLs and requests that boto3 leaves to us; asks no server."""

from collections.abc import MutableMapping
from typing import TypedDict
from urllib.parse import urlsplit

from datafetch.models.store_place import AMAZON, Addressing, fits_host

_EXPECT_FROM = 64 * 1024
"""A body of fewer bytes is sent without `Expect: 100-continue`, which costs a round trip."""


def host_of(endpoint: str) -> str:
    """The host of a URL that a client asks, without its port; empty when it has none."""
    return urlsplit(endpoint).hostname or ""


def is_amazon(endpoint: str) -> bool:
    """Whether a server is Amazon's own, by its host."""
    return host_of(endpoint).endswith((".amazonaws.com", ".amazonaws.com.cn"))


def addressing_of(wanted: Addressing | None, endpoint: str | None, bucket: str) -> Addressing:
    """Where the bucket's name is put: where it is wanted, but in the path when no host can have it.

    Without a wish it is the path of an endpoint, and the host of Amazon.
    """
    if wanted == "path" or (wanted is None and endpoint is not None):
        return "path"
    return "virtual" if fits_host(bucket, endpoint or AMAZON) else "path"


def object_url(endpoint: str, bucket: str, key: str, *, addressing: Addressing) -> str:
    """An object's own URL, as the client asks for it; `addressing` as `addressing_of` returns it."""
    if addressing == "path":
        return f"{endpoint}/{bucket}/{key}"
    scheme, _, host = endpoint.partition("://")
    return f"{scheme}://{bucket}.{host}/{key}"


def endpoint_of(endpoint: str) -> str:
    """The server's address: scheme, host, port and path, without credentials."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def identity_of(endpoint: str, bucket: str, prefix: str = "") -> str:
    """The store's identity: host, port and path of its server, bucket and prefix; no credentials."""
    return f"s3://{endpoint_of(endpoint).partition('://')[2]}/{bucket}/{prefix}".rstrip("/")


class SentRequest(TypedDict):
    """The part that we use of the request that botocore passes to `before-call`."""

    headers: MutableMapping[str, str]


def send_small_at_once(params: SentRequest, **_: object) -> None:
    """Drop the header `Expect` from a small request; a handler of botocore's `before-call`."""
    if int(params["headers"].get("Content-Length", _EXPECT_FROM)) < _EXPECT_FROM:
        params["headers"].pop("Expect", None)
