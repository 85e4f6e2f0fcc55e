"""Reads the objects of a bucket, their properties and its listings, for `S3Store`.

botocore does not retry a body that was cut off after a good answer; it is read once more here.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from botocore.response import StreamingBody

from datafetch.errors import ObjectNotFound, StoreDenied, StoreError, StoreUnavailable
from datafetch.store.base import (
    CHUNK,
    MOST_LISTED,
    ObjectInfo,
    OpenedObject,
    StoredObject,
    check_stored,
)
from datafetch.store.paths import check_prefix, is_found
from datafetch.store.s3_answers import NotS3, canonical_etag
from datafetch.store.s3_bucket import Bucket
from datafetch.store.s3_errors import NO_ANSWER, is_unexplained
from datafetch.store.streams import spooled
from datafetch.store.times import age_s, written_at

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        GetObjectOutputTypeDef,
        HeadObjectOutputTypeDef,
        ObjectTypeDef,
    )

T = TypeVar("T")

_MOST_EMPTY = 1000
"""So many pages of a listing may be empty in a row: those of a bucket that keeps versions are, where
everything was deleted."""


class S3Reads:
    """The reading methods of `ObjectStore`, of one bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def get(self, key: str) -> StoredObject:
        """See `ObjectStore.get`."""
        info, body, age = self._fetch(key, self._bucket.found_key(key), partial(_whole, key))
        return StoredObject(info, body, age)

    @contextmanager
    def open(self, key: str) -> Iterator[OpenedObject]:
        """See `ObjectStore.open`."""
        info, file, _ = self._fetch(
            key,
            self._bucket.found_key(key),
            lambda stream: spooled(key, bounded_pieces(key, stream)),
        )
        with file:
            yield OpenedObject(info, file)

    def head(self, key: str) -> ObjectInfo:
        """See `ObjectStore.head`."""
        return self._head(key, self._bucket.found_key(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`."""
        whole = self._bucket.prefix + prefix
        check_prefix(whole)
        pages = self._bucket.client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket.name, Prefix=whole
        )
        listed = empty = 0
        with self._bucket.translated(prefix):
            for page in pages:
                contents = page.get("Contents", ())
                listed += len(contents)
                empty = 0 if contents else empty + 1
                if listed > MOST_LISTED or empty > _MOST_EMPTY:
                    raise _endless(whole, listed)
                for item in contents:
                    yield from self._listed(whole, item)
                if page.get("IsTruncated") and not page.get("NextContinuationToken"):
                    raise NotS3("a listing that breaks off")

    def _head(self, key: str, whole: str) -> ObjectInfo:
        """The properties of an object that the bucket has as `whole`."""
        try:
            with self._bucket.translated(key):
                answer = self._bucket.client.head_object(Bucket=self._bucket.name, Key=whole)
        except (StoreDenied, StoreUnavailable) as error:
            if not is_unexplained(error.__cause__):
                raise
            # The answer to HEAD has no body, and so no reason; that to GET has one.
            return self._asked_by_get(key, whole)
        if "content-length" not in answer["ResponseMetadata"]["HTTPHeaders"]:
            # Some proxies drop the length of what they would pack.
            return self._asked_by_get(key, whole)
        return _info_of(key, answer, answer["ContentLength"])

    def _asked_by_get(self, key: str, whole: str) -> ObjectInfo:
        """The properties of an object where HEAD does not tell them.

        Its bytes are left where they are, or only counted when the answer has no length.
        """
        with self._bucket.translated(key):
            answer = self._bucket.client.get_object(Bucket=self._bucket.name, Key=whole)
            with closing(answer["Body"]) as stream:
                if "content-length" in answer["ResponseMetadata"]["HTTPHeaders"]:
                    size = answer["ContentLength"]
                else:
                    size = sum(map(len, stream.iter_chunks(CHUNK)))
        return _info_of(key, answer, size)

    def _fetch(
        self, key: str, whole: str, take: Callable[[StreamingBody], T], *, again: bool = True
    ) -> tuple[ObjectInfo, T, float | None]:
        """The object's properties, what `take` made of its body, and its age in seconds.

        The bucket has the object as `whole`. With `again` it is asked for once more when its body
        was cut off.
        """
        with self._bucket.translated(key):
            answer = self._bucket.client.get_object(Bucket=self._bucket.name, Key=whole)
        try:
            with closing(answer["Body"]) as stream:
                check_stored(key, answer.get("ContentLength", 0))
                content = take(stream)
                size = stream.tell()
        except NO_ANSWER as error:
            if again and not self._bucket.is_cut:
                return self._fetch(key, whole, take, again=False)
            raise self._bucket.error(key, error) from error
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        info = _info_of(key, answer, size)
        return info, content, age_s(date, info.last_modified)

    def _listed(self, asked: str, item: "ObjectTypeDef") -> Iterator[ObjectInfo]:
        """The object that a listing's entry names; what the entry leaves out is asked for.

        Nothing when the object is gone by then, does not begin with what was asked for, or cannot
        be asked for by its key (`check_found`), like the ones by which consoles show folders.
        """
        whole, size, etag = item.get("Key"), item.get("Size"), canonical_etag(item.get("ETag"))
        if not whole:
            raise NotS3("a listing with an object without a key")
        key = whole.removeprefix(self._bucket.prefix)
        if not whole.startswith(asked) or not key or not is_found(whole):
            return
        if size is not None and etag is not None:
            yield ObjectInfo(key, etag, size, written_at(item.get("LastModified")))
            return
        with suppress(ObjectNotFound):
            # Its name may be one that we would not write: what is found is not judged.
            yield self._head(key, whole)


def bounded_pieces(key: str, stream: StreamingBody) -> Iterator[bytes]:
    """The body, as long as it is no larger than an object may be: not every answer tells its length.

    Raises:
        ObjectTooLarge: it is larger.
    """
    for piece in stream.iter_chunks(CHUNK):
        check_stored(key, stream.tell())
        yield piece


def _whole(key: str, stream: StreamingBody) -> bytes:
    return b"".join(bounded_pieces(key, stream))


def _endless(prefix: str, listed: int) -> StoreError:
    return StoreError(
        f"the listing of {prefix} does not end after {listed:,} objects",
        key=prefix,
        hint=f"Look at what is stored there; more than {MOST_LISTED:,} objects are not listed.",
    )


def _info_of(
    key: str, answer: "HeadObjectOutputTypeDef | GetObjectOutputTypeDef", size: int
) -> ObjectInfo:
    modified = written_at(answer.get("LastModified"))
    return ObjectInfo(key, answer["ETag"], size, modified, answer.get("ContentType"))
