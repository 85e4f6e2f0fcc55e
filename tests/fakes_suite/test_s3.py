"""The S3 server: conditional writes, counters, and faults on either side of the store."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.fakes.base import Request
from tests.fakes.s3 import Fault, S3Fake

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "json/tags/日本 c++/index.json"


@pytest.fixture
def s3() -> Iterator[S3Fake]:
    """A server of this test's own."""
    with S3Fake() as fake:
        yield fake


@pytest.fixture
def client(s3: S3Fake) -> Iterator["S3Client"]:
    """A client that does not retry."""
    names = s3.environment
    client = boto3.client(
        "s3",
        endpoint_url=names["S3_SERVER_URL"],
        aws_access_key_id=names["S3_ACCESS_KEY_ID"],
        aws_secret_access_key=names["S3_SECRET_ACCESS_KEY"],
        region_name=names["S3_REGION"],
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
    )
    yield client
    client.close()


def test_objects_keep_what_they_were_stored_with(s3: S3Fake, client: "S3Client") -> None:
    """Body, type, cache header and ACL can be inspected without a request that counts."""
    client.put_object(
        Bucket=s3.bucket, Key=KEY, Body=b"[1]", ContentType="application/json", CacheControl="max-age=9",
        ACL="public-read",
    )  # fmt: skip
    client.put_object(Bucket=s3.bucket, Key="private", Body=b"")
    stored = s3.get(KEY)
    assert stored is not None
    assert (stored.body, stored.content_type, stored.cache_control) == (
        b"[1]",
        "application/json",
        "max-age=9",
    )
    assert (s3.acl_grants_public_read(KEY), s3.acl_grants_public_read("private")) == (True, False)
    assert (s3.keys(), s3.keys("json/")) == ([KEY, "private"], [KEY])
    assert s3.requests() == [("PUT", KEY), ("PUT", "private")]
    assert client.head_object(Bucket=s3.bucket, Key=KEY)["ContentLength"] == 3
    client.list_objects_v2(Bucket=s3.bucket)
    assert s3.counts() == {"PUT": 2, "HEAD": 1, "LIST": 1}


def test_overwriting_and_going_behind_the_program(s3: S3Fake, client: "S3Client") -> None:
    """A test may write and delete objects itself; nothing of it is counted."""
    for body in (b"one", b"two"):
        s3.put("key", body)
    client.put_object(Bucket=s3.bucket, Key="key", Body=b"three")
    assert s3.get("key") is not None
    s3.delete("key")
    assert s3.get("key") is None
    assert s3.counts() == {"PUT": 1}


def test_of_many_writers_with_one_condition_one_wins(s3: S3Fake, client: "S3Client") -> None:
    """Conditional writes are atomic, also when they come at the same time."""

    def write(number: int) -> bool:
        try:
            client.put_object(Bucket=s3.bucket, Key="lock", Body=b"%d" % number, IfNoneMatch="*")
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"] != 412
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(24))) == 1


@pytest.mark.parametrize(
    ("fault", "stored", "error"),
    [
        ("before-500", False, ClientError),
        ("before-503", False, ClientError),
        ("before-drop", False, ConnectionClosedError),
        ("after-500", True, ClientError),
        ("after-drop", True, ConnectionClosedError),
    ],
)
def test_faults_before_and_after_the_object_is_stored(
    s3: S3Fake, client: "S3Client", fault: Fault, stored: bool, error: type[Exception]
) -> None:
    """The hook is asked with index, method and key; what it names happens to that request alone."""
    asked: list[tuple[int, str, str]] = []

    def hook(index: int, method: str, key: str) -> Fault | None:
        asked.append((index, method, key))
        return fault if index == 1 else None

    s3.app.fault = hook
    client.put_object(Bucket=s3.bucket, Key="a", Body=b"x")
    with pytest.raises(error):
        client.put_object(Bucket=s3.bucket, Key="b", Body=b"x")
    client.put_object(Bucket=s3.bucket, Key="c", Body=b"x")
    assert asked == [(0, "PUT", "a"), (1, "PUT", "b"), (2, "PUT", "c")]
    assert s3.keys() == (["a", "b", "c"] if stored else ["a", "c"])


def test_watching_lets_a_test_act_between_two_requests(s3: S3Fake, client: "S3Client") -> None:
    """A rival may write just before a request is handled."""

    def rival(index: int, request: Request) -> None:
        if index == 0:
            s3.put("contested", b"rival")
        assert threading.current_thread() is not threading.main_thread(), request

    s3.app.watch(rival)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=s3.bucket, Key="contested", Body=b"mine", IfNoneMatch="*")
    assert (s3.get("contested") or pytest.fail("gone")).body == b"rival"


def test_a_bucket_starts_empty_whoever_used_its_name(s3: S3Fake, client: "S3Client") -> None:
    """Nothing is left over from an earlier server of the same process."""
    assert s3.keys() == []
    client.put_object(Bucket=s3.bucket, Key="left", Body=b"x")
    with S3Fake("another") as other:
        assert other.keys() == []
    assert s3.keys() == ["left"]
