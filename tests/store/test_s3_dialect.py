"""What URLs of S3 and requests to it say beyond what boto3 writes."""

from contextlib import closing

import pytest

from datafetch.models.store_place import Addressing
from datafetch.store.s3_dialect import (
    addressing_of,
    identity_of,
    is_amazon,
    object_url,
    send_small_at_once,
)
from datafetch.store.s3_session import make_client

ENDPOINTS = (
    "https://s3.eu-west-1.amazonaws.com",
    "https://s3.example.net",
    "http://s3.example.net:9000",
    "http://127.0.0.1:9000/base",
    "http://[::1]:9000",
    "http://localhost:9000",
)
BUCKETS = (
    "my-bucket",
    "cdn.example.com",
    "My_Bucket",
    "a1",
    "bucket-",
    "x" * 64,
    "1.2.3.4",
    "123456",
)


@pytest.mark.parametrize("addressing", ["path", "virtual"])
@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_objects_url_is_the_one_that_is_asked(
    endpoint: str, bucket: str, addressing: Addressing
) -> None:
    """The URL that is published has the bucket where the client puts it in its own requests."""
    effective = addressing_of(addressing, endpoint, bucket)
    client = make_client(
        endpoint,
        "eu-west-1",
        ("a", "b", None),
        addressing=effective,
        width=1,
        read_timeout_s=1,
        max_retries=0,
    )
    with closing(client):
        params = {"Bucket": bucket, "Key": "images/a.png"}
        signed = client.generate_presigned_url("get_object", params)
    url = object_url(endpoint, bucket, "images/a.png", addressing=effective)
    assert signed.partition("?")[0] == url


@pytest.mark.parametrize(
    ("endpoint", "bucket", "addressing", "url"),
    [
        (ENDPOINTS[1], "site", "path", "https://s3.example.net/site/a.png"),
        (ENDPOINTS[1], "site", "virtual", "https://site.s3.example.net/a.png"),
        (ENDPOINTS[0], "cdn.example.com", "virtual", f"{ENDPOINTS[0]}/cdn.example.com/a.png"),
    ],
)
def test_the_bucket_stands_where_its_server_takes_it(
    endpoint: str, bucket: str, addressing: Addressing, url: str
) -> None:
    """In front of the host where that is asked for and its certificate allows it, else in the path."""
    effective = addressing_of(addressing, endpoint, bucket)
    assert object_url(endpoint, bucket, "a.png", addressing=effective) == url


@pytest.mark.parametrize(
    ("endpoint", "identity"),
    [
        ("http://127.0.0.1:9000", "s3://127.0.0.1:9000/b"),
        ("https://user:password@s3.example.net/base/", "s3://s3.example.net/base/b"),
    ],
)
def test_a_bucket_is_told_from_others_without_secrets(endpoint: str, identity: str) -> None:
    """Locks of one machine are named after it."""
    assert identity_of(endpoint, "b") == identity
    assert identity_of(endpoint, "b", "web/") == f"{identity}/web"


@pytest.mark.parametrize(
    ("endpoint", "amazons"),
    [
        ("https://s3.eu-west-1.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("https://s3.eu-west-1.amazonaws.com.example.net", False),
        ("https://notamazonaws.com", False),
        ("https://s3.example.net", False),
        ("https://", False),
    ],
)
def test_only_amazons_own_servers_are_sent_every_checksum(endpoint: str, amazons: bool) -> None:
    """Others answer 400 or 501 to what they do not know; the host decides, by its end."""
    assert is_amazon(endpoint) is amazons


@pytest.mark.parametrize(
    ("length", "asks"), [("0", False), ("65535", False), ("65536", True), (None, True)]
)
def test_small_bodies_are_sent_without_asking_first(length: str | None, asks: bool) -> None:
    """Asking costs a round trip; a body of unknown length may be large."""
    headers = {"Expect": "100-continue"} | ({"Content-Length": length} if length else {})
    send_small_at_once({"headers": headers}, model=None, request_signer=None)
    assert ("Expect" in headers) is asks


def test_a_request_that_does_not_ask_stays_as_it_is() -> None:
    """Reading sends no body."""
    headers = {"Content-Length": "0"}
    send_small_at_once({"headers": headers})
    assert headers == {"Content-Length": "0"}
