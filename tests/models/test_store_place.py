"""What `DATAFETCH_STORE` may say, and where a bucket's name may stand."""

import pytest

from datafetch.models.store_place import (
    BucketPlace,
    FolderPlace,
    StorePlace,
    WebPlace,
    fits_host,
    read_bucket,
    read_place,
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("file:data", FolderPlace("data")),
        ("file:~/data", FolderPlace("~/data")),
        ("file:///srv/data", FolderPlace("/srv/data")),
        ("s3://site", BucketPlace("site")),
        ("s3://site/", BucketPlace("site")),
        ("s3://Old_Bucket.1/", BucketPlace("Old_Bucket.1")),
        ("s3://site/web", BucketPlace("site", "web")),
        ("s3://site/web/data=1/", BucketPlace("site", "web/data=1")),
        ("https://cdn.example.com", WebPlace("https://cdn.example.com")),
        ("https://cdn.example.com/data/", WebPlace("https://cdn.example.com/data")),
        ("http://127.0.0.1:8000/x", WebPlace("http://127.0.0.1:8000/x")),
    ],
)
def test_a_place_is_a_folder_a_bucket_or_a_web_address(text: str, place: StorePlace) -> None:
    """A bucket may be followed by a prefix; a slash at the end means nothing."""
    assert read_place(text) == place


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ftp://there", "s3://BUCKET"),
        ("site", "s3://BUCKET"),
        ("file:", "file:PATH"),
        ("file://var/data", "with three slashes"),
        ("s3:/site", "two slashes after s3:"),
        ("s3:site", "two slashes after s3:"),
        ("S3://site", "begin with s3: in lower case"),
        ("HTTPS://cdn.example.com", "begin with https: in lower case"),
        ("~/data", "should have file: before the path"),
        ("/srv/data", "should have file: before the path"),
        ("./data", "should have file: before the path"),
        ("gs://site", "should be s3://BUCKET; .*S3_SERVER_URL"),
        ("https//cdn.example.com", "s3://BUCKET"),
        ("s3://", "bucket's name"),
        ("s3://my bucket", "white space"),
        ("s3://b\u00fccket", "letters, digits"),
        ("s3:///web", "bucket's name"),
        ("s3://site//", "prefix"),
        ("s3://site//web", "prefix"),
        ("s3://site/web//data", "prefix"),
        ("s3://site/../web", "prefix"),
        ("s3://site/./web", "prefix"),
        ("s3://site/my web", "prefix"),
        ("s3://site/web\u00a0x", "prefix"),
        ("s3://site/web%20x", "prefix"),
        ("s3://site/web?x", "prefix"),
        ("s3://site/web#x", "prefix"),
        ("s3://site/a\\b", "prefix"),
        ("s3://site/a\x00b", "prefix"),
        ("s3://site/.datafetch-x", "prefix"),
        ("s3://site/" + "x" * 513, "512 bytes"),
        ("https://user:secret-word@cdn.example.com", "without a user"),
        ("https://cdn example.com", "should be a URL"),
        ("https://cdn.example.com:0", "should be a URL"),
        ("https:cdn.example.com", "should be a URL"),
        ("https://cdn.example.com/?v=1", "without a query"),
        ("https://cdn.example.com/#top", "a fragment"),
    ],
)
def test_what_names_no_place_is_told_and_not_repeated(text: str, said: str) -> None:
    """A prefix with `..`, empty parts or white space would put objects where nobody looks for them."""
    with pytest.raises(ValueError, match=said) as caught:
        read_place(text)
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s3://site", "without a scheme .*DATAFETCH_STORE=s3://BUCKET/PREFIX"),
        ("https://s3.example.net/site", "without a scheme .*S3_SERVER_URL"),
        ("site/web", "DATAFETCH_STORE=s3://BUCKET/PREFIX"),
        ("my site", "white space"),
        ("site\tx", "white space"),
        ("arn:aws:s3:::site", "of an ARN what follows :::"),
        ("", "letters, digits"),
        ("x" * 256, "letters, digits"),
    ],
)
def test_a_bucket_is_a_name_alone(text: str, said: str) -> None:
    """A bucket `s3://b` or `b/prefix` was asked for, and the server said that it does not exist."""
    with pytest.raises(ValueError, match=said):
        read_bucket(text)


@pytest.mark.parametrize(
    ("bucket", "endpoint", "fits"),
    [
        ("site", "https://oss-cn-hangzhou.aliyuncs.com", True),
        ("site-1250000000", "https://cos.ap-guangzhou.myqcloud.com:443", True),
        ("site", "http://localhost:9000", True),
        ("site", "http://127.0.0.1:9000", False),
        ("site", "http://[::1]:9000", False),
        ("cdn.example.com", "https://s3.eu-west-1.amazonaws.com", False),
        ("cdn.example.com", "http://s3.example.net", True),
        ("My_Site", "https://s3.example.net", False),
        ("-site", "https://s3.example.net", False),
        ("ab", "https://s3.example.net", False),
        ("x" * 64, "https://s3.example.net", False),
        ("site", "", False),
    ],
)
def test_a_bucket_fits_a_host_as_one_more_label(bucket: str, endpoint: str, fits: bool) -> None:
    """In front of an address there is no room, and a dot would not fit the certificate."""
    assert fits_host(bucket, endpoint) is fits
