"""Where objects live: reads what `DATAFETCH_STORE` and `S3_BUCKET` say into a value."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from datafetch.urls import Url, parse, plainly_written

Addressing = Literal["path", "virtual"]
"""Where a bucket's name stands in a URL: first in the path, or in front of the server's host."""

Credentials = tuple[str | None, str | None, str | None]
"""Access key, secret key and session token; None where AWS's own settings (environment, profile,
role) are to be asked."""

AMAZON = "https://s3.amazonaws.com"
"""Amazon's own server; each region has another, under the same rules for buckets in its host."""

_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")
"""Amazon's rules are narrower; buckets of old, and other servers, have capitals and underscores."""

_NOT_IN_A_PREFIX = re.compile(r"[\s\\?#%\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""What a URL or a file name would take for something else."""

_MAX_PREFIX_BYTES = 512
"""Half of what S3 allows for a key; the other half is for the key below the prefix."""

_OTHER_BUCKETS = ("s3a", "s3n", "gs", "gcs", "r2", "b2", "minio", "oss", "cos", "swift")
"""Schemes that other programs have for buckets."""

_HOST_LABELS = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_MIN_HOST, _MAX_HOST = 3, 63


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """A folder of this machine; `~` stands for the user's home."""

    path: str


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """A bucket of an S3 server.

    Attributes:
        prefix: what every key in the bucket begins with, without a slash at either end; empty
            for none.
    """

    bucket: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class WebPlace:
    """A web address below which the objects can be read, and not written.

    Attributes:
        base: the address, without a slash at its end; `/` and a key follow it.
    """

    base: str


StorePlace = FolderPlace | BucketPlace | WebPlace


def read_place(text: str) -> StorePlace:
    """Read the value of `DATAFETCH_STORE`.

    Raises:
        ValueError: it names no place; the message says what is wrong with it, without repeating it.
    """
    if re.match(r"https?:", text):
        return WebPlace(_web_base(text))
    if text.startswith("s3://"):
        bucket, _, prefix = text.removeprefix("s3://").partition("/")
        # One slash at the end means nothing, as in `s3://bucket/` and `s3://bucket/prefix/`.
        return BucketPlace(read_bucket(bucket), _prefix(prefix.removesuffix("/")) if prefix else "")
    if re.match(r"file:(///|(?!//)).", text):
        return FolderPlace(text.removeprefix("file:").removeprefix("//"))
    raise ValueError(_place_trouble(text))


def _place_trouble(text: str) -> str:
    """What to write instead of a text that names no place."""
    scheme = text.partition(":")[0] if ":" in text else ""
    if scheme != scheme.lower() and scheme.lower() in ("s3", "file", "http", "https"):
        return f"should begin with {scheme.lower()}: in lower case"
    if scheme == "s3":
        return "should have two slashes after s3: as in s3://BUCKET or s3://BUCKET/PREFIX"
    if scheme == "file":
        return "should be file:PATH, or file:///ABSOLUTE/PATH with three slashes"
    if scheme in _OTHER_BUCKETS:
        return "should be s3://BUCKET; the address of a server other than Amazon's is S3_SERVER_URL"
    if text.startswith(("/", "./", "../", "~")):
        return "should have file: before the path, such as file:~/data"
    return (
        "should be s3://BUCKET, s3://BUCKET/PREFIX, file:PATH, file:///ABSOLUTE/PATH, "
        "or https://… to read only"
    )


def read_bucket(text: str) -> str:
    """Check the name of a bucket.

    Raises:
        ValueError: it is not the name alone, or no bucket can have it.
    """
    if "://" in text:
        other = (
            "for a prefix set DATAFETCH_STORE=s3://BUCKET/PREFIX"
            if text.startswith("s3://")
            else "the server's address is S3_SERVER_URL"
        )
        raise ValueError(
            f"should be the bucket's name alone, without a scheme such as s3://; {other}"
        )
    if "/" in text:
        raise ValueError(
            "should be the bucket's name alone; for a prefix set DATAFETCH_STORE=s3://BUCKET/PREFIX"
        )
    if re.search(r"\s", text):
        raise ValueError("has white space inside the bucket's name")
    if _BUCKET.fullmatch(text) is None:
        arn = "; of an ARN what follows :::" if text.startswith("arn:") else ""
        raise ValueError(
            f"should be a bucket's name: letters, digits, dots, hyphens and underscores{arn}"
        )
    return text


def fits_host(bucket: str, endpoint: str) -> bool:
    """Whether a bucket's name can stand in front of the host of a server, as its sub-domain.

    It cannot when the host is an IP address, when the name is none for a host, or when it has a
    dot and the server is asked over https: the server's certificate holds for one label only
    (Amazon S3 user guide, "Virtual hosting of general purpose buckets").
    """
    url = parse(endpoint)
    if url is None or _is_address(url) or not _MIN_HOST <= len(bucket) <= _MAX_HOST:
        return False
    if _HOST_LABELS.fullmatch(bucket) is None or re.fullmatch(r"[0-9.]+", bucket):
        return False
    return "." not in bucket or url.scheme == "http"


def _is_address(url: Url) -> bool:
    try:
        ip_address(url.name)
    except ValueError:
        return False
    return True


def _web_base(text: str) -> str:
    url = parse(text) if plainly_written(text) else None
    if url is None or url.port == 0:
        raise ValueError("should be a URL that starts with https://, without a user")
    if "?" in text or "#" in text:
        raise ValueError("should be a URL without a query and a fragment: keys are added to it")
    return text.rstrip("/")


def _prefix(text: str) -> str:
    for segment in text.split("/"):
        if (
            segment in ("", ".", "..")
            or _NOT_IN_A_PREFIX.search(segment)
            or segment.startswith(".datafetch-")
            or segment.endswith("~+")
        ):
            raise ValueError(
                "has a prefix that cannot be one: no empty parts, `.` or `..`, no white space, "
                r"and none of \ ? # %"
            )
    if len(text.encode()) > _MAX_PREFIX_BYTES:
        raise ValueError(f"has a prefix of more than {_MAX_PREFIX_BYTES} bytes")
    return text
