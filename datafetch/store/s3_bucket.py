"""A bucket at its server: how its objects are named there, and what the errors of its calls mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from datafetch.errors import StoreError, StoreUnavailable
from datafetch.models.store_place import Addressing
from datafetch.store.paths import check_found, check_key
from datafetch.store.s3_cut import S3Cut
from datafetch.store.s3_dialect import endpoint_of, identity_of, object_url
from datafetch.store.s3_errors import (
    FAILURES,
    NO_BODY,
    NOT_FOUND,
    NOTHING_SPECIAL,
    Sent,
    answer_of,
    error_of,
    no_bucket,
)
from datafetch.store.s3_place import BucketAddress

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class Bucket:
    """A bucket, and the prefix that every key in it begins with.

    Keys that come in, go out and stand in errors are without the prefix.

    Attributes:
        client: asks the server.
        name: the bucket's own name.
        prefix: empty, or with a slash at its end.
    """

    def __init__(
        self,
        client: "S3Client",
        name: str,
        prefix: str,
        *,
        cut: S3Cut,
        addressing: Addressing,
        from_settings: bool,
        own_keys: bool,
    ) -> None:
        """`prefix` has no slashes at its ends; the last three are as in `BucketAddress`.

        `cut` watches the client.
        """
        self.client = client
        self._cut = cut
        self.name = name
        self.prefix = f"{prefix}/" if prefix else ""
        self._at = BucketAddress(
            label=f"s3://{name}/{self.prefix}".rstrip("/"),
            bucket=name,
            prefix=self.prefix,
            endpoint=client.meta.endpoint_url,
            addressing=addressing,
            region=client.meta.region_name,
            from_settings=from_settings,
            own_keys=own_keys,
        )
        self._seen = False

    @property
    def label(self) -> str:
        """What messages call it: `s3://bucket/prefix`."""
        return self._at.label

    @property
    def is_cut(self) -> bool:
        """Whether the last call that this thread made was cut off, since the run has to end."""
        return self._cut.is_cut

    @property
    def identity(self) -> str:
        """See `ObjectStore.identity`."""
        return identity_of(self.client.meta.endpoint_url, self.name, self.prefix)

    @property
    def endpoint(self) -> str:
        """See `ServerStore.endpoint`."""
        return endpoint_of(self.client.meta.endpoint_url)

    def url(self, key: str) -> str:
        """See `ObjectStore.url`; the bucket stands in the path or in the host (`addressing`)."""
        return object_url(
            self.client.meta.endpoint_url,
            self.name,
            self.prefix + key,
            addressing=self._at.addressing,
        )

    def whole_key(self, key: str) -> str:
        """The key of an object that is written, as the bucket has it, with the prefix.

        Raises:
            StoreError: we write no object under such a key (`check_key`).
        """
        whole = self.prefix + key
        check_key(whole)
        return whole

    def found_key(self, key: str) -> str:
        """The key of an object that is read or removed, as the bucket has it, with the prefix.

        Raises:
            StoreError: no object can be asked for by such a key (`check_found`).
        """
        whole = self.prefix + key
        check_found(whole)
        return whole

    @contextmanager
    def translated(self, key: str, sent: Sent = NOTHING_SPECIAL) -> Iterator[None]:
        """Raise the client's errors as errors of the store; `sent` is what may be their cause."""
        try:
            yield
        except FAILURES as error:
            if isinstance(error, ClientError) and answer_of(error) == (NOT_FOUND, NO_BODY):
                self._look_for_itself(key)
            raise self.error(key, error, sent) from error

    def error(self, key: str, error: Exception, sent: Sent = NOTHING_SPECIAL) -> StoreError:
        """The store's error for one of the client's."""
        if self.is_cut:
            what = key or self.label
            return StoreUnavailable(
                f"{what}: no answer from {self._at.server} until the run had to end", key=key
            )
        return error_of(error, at=self._at, key=key, sent=sent)

    def _look_for_itself(self, key: str) -> None:
        """Make sure, once, that a 404 without a body means the object and not the bucket.

        Raises:
            StoreUnavailable: the bucket is missing.
        """
        if self._seen:
            return
        try:
            self.client.head_bucket(Bucket=self.name)
        except FAILURES as error:
            if isinstance(error, ClientError) and answer_of(error)[0] == NOT_FOUND:
                raise no_bucket(self._at, key) from error
            raise self.error(key, error) from error
        self._seen = True
