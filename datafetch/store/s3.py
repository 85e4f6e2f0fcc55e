"""A bucket of Amazon S3, or of any server that speaks its protocol, as an object store (boto3).

botocore retries calls (standard mode, bounded). It does not retry a conflict (409), which
`put_conditionally` does, nor a body that was cut off, which `s3_reads` reads once more.
"""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from typing import IO, TYPE_CHECKING, cast

from datafetch.clock import Clock, ClockSkew, SystemClock
from datafetch.errors import ObjectNotFound, PreconditionFailed, StoreUnavailable
from datafetch.models.store_place import Addressing
from datafetch.store.base import (
    JSON_TYPE,
    Condition,
    EtagForm,
    FilePart,
    IfAbsent,
    IfMatch,
    ObjectInfo,
    OpenedObject,
    StoredObject,
)
from datafetch.store.conditional import put_conditionally
from datafetch.store.keys import is_public
from datafetch.store.last_look import look_again
from datafetch.store.s3_answers import tame
from datafetch.store.s3_bucket import Bucket
from datafetch.store.s3_cut import S3Cut
from datafetch.store.s3_dialect import addressing_of, is_amazon, send_small_at_once
from datafetch.store.s3_errors import Sent
from datafetch.store.s3_reads import S3Reads
from datafetch.store.s3_session import make_client
from datafetch.store.s3_unreachable import stop_what_cannot_pass
from datafetch.store.s3_watch import S3Watch
from datafetch.store.streams import Window

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.literals import ObjectCannedACLType
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef


class S3Store:
    """Objects in a bucket.

    Attributes:
        etag_form: how the ETag of an `IfMatch` is sent.
    """

    etag_form: EtagForm

    def __init__(
        self,
        bucket: str,
        *,
        prefix: str = "",
        endpoint: str | None = None,
        addressing: Addressing | None = None,
        region: str | None = "us-east-1",
        access_key: str | None = None,
        secret_key: str | None = None,
        session_token: str | None = None,
        acl: str | None = None,
        width: int = 16,
        clock: Clock | None = None,
        skew: ClockSkew | None = None,
        read_timeout_s: float = 30.0,
        max_retries: int = 3,
    ) -> None:
        """Make the client; nothing is asked yet.

        Args:
            bucket: its name.
            prefix: what every key in the bucket begins with, without slashes at its ends. Keys
                that come in, go out and stand in errors are without it.
            endpoint: base URL of a server other than Amazon's; without it AWS's own settings
                may name one (AWS_ENDPOINT_URL, a profile).
            addressing: where the bucket's name stands in URLs; None for `path` with an endpoint,
                else `virtual`.
            region: of the bucket; None for the one that AWS's own settings name
                (AWS_DEFAULT_REGION, a profile), else us-east-1.
            access_key: without it boto3 looks for credentials in the standard AWS chain
                (environment, profile, role).
            secret_key: belongs to `access_key`.
            session_token: belongs to an `access_key` that is temporary.
            acl: canned ACL of public objects (`keys.is_public`); other objects are sent without.
            width: how many calls run at once; as many connections are kept.
            clock: waits between the attempts of a write after a conflict (409).
            skew: is told the times in answers.
            read_timeout_s: seconds without a byte from the server after which a call fails.
            max_retries: how often botocore repeats a call that failed.

        Raises:
            ConfigurationError: no client can be made with these values.
        """
        self._acl = cast("ObjectCannedACLType | None", acl)
        self._clock = clock or SystemClock()
        self.etag_form = EtagForm.QUOTED

        def connect(server: str | None) -> tuple["S3Client", Addressing]:
            place = addressing_of(addressing, server, bucket)
            client = make_client(
                server,
                region,
                (access_key, secret_key, session_token),
                addressing=place,
                width=width,
                read_timeout_s=read_timeout_s,
                max_retries=max_retries,
            )
            return client, place

        self._client, place = connect(endpoint.rstrip("/") if endpoint else None)
        server = self._client.meta.endpoint_url.rstrip("/")
        if not endpoint and not is_amazon(server):
            # AWS's own settings name the server: the bucket stands where it does with an endpoint.
            self._client.close()
            self._client, place = connect(server)
        self._client.meta.events.register_last("before-call.s3", send_small_at_once)
        self._client.meta.events.register_last("before-parse.s3", tame)
        self._client.meta.events.register_first("before-send.s3", look_again)
        S3Watch(self._clock, skew or ClockSkew()).register(self._client.meta.events)
        self._client.meta.events.register_first(
            "needs-retry.s3",
            stop_what_cannot_pass,  # type: ignore[arg-type] # the stubs forget what handlers return
        )
        self._cut = S3Cut()
        self._cut.watch(self._client)
        self._bucket = Bucket(
            self._client,
            bucket,
            prefix,
            cut=self._cut,
            addressing=place,
            from_settings=endpoint is not None,
            own_keys=access_key is not None,
        )
        self._reads = S3Reads(self._bucket)

    @property
    def name(self) -> str:
        """See `ObjectStore.name`."""
        return self._bucket.label

    @property
    def identity(self) -> str:
        """See `ObjectStore.identity`."""
        return self._bucket.identity

    @property
    def endpoint(self) -> str:
        """See `ServerStore.endpoint`."""
        return self._bucket.endpoint

    def get(self, key: str) -> StoredObject:
        """See `ObjectStore.get`."""
        return self._reads.get(key)

    def open(self, key: str) -> AbstractContextManager[OpenedObject]:
        """See `ObjectStore.open`."""
        return self._reads.open(key)

    def head(self, key: str) -> ObjectInfo:
        """See `ObjectStore.head`."""
        return self._reads.head(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`."""
        return self._reads.list(prefix)

    def put(
        self,
        key: str,
        body: bytes | FilePart,
        *,
        content_type: str = JSON_TYPE,
        cache_control: str | None = None,
        condition: Condition = None,
    ) -> str:
        """See `ObjectStore.put`."""
        return self._put(
            key,
            body,
            content_type=content_type,
            cache_control=cache_control,
            condition=condition,
            acl=self._acl if is_public(key) else None,
        )

    def put_as_public(self, key: str, body: bytes) -> None:
        """See `BucketStore.put_as_public`."""
        self._put(key, body, acl=self._acl)

    def versioning(self) -> str:
        """See `BucketStore.versioning`."""
        with self._bucket.translated(""):
            answer = self._client.get_bucket_versioning(Bucket=self._bucket.name)
        return answer.get("Status", "Off").lower()

    def _put(
        self,
        key: str,
        body: bytes | FilePart,
        *,
        acl: "ObjectCannedACLType | None",
        content_type: str = JSON_TYPE,
        cache_control: str | None = None,
        condition: Condition = None,
    ) -> str:
        whole = self._bucket.whole_key(key)
        part = FilePart(io.BytesIO(body), len(body)) if isinstance(body, bytes) else body
        window = Window(key, part, before_read=look_again)
        request: PutObjectRequestTypeDef = {
            "Bucket": self._bucket.name,
            "Key": whole,
            "Body": cast("IO[bytes]", window),
            "ContentLength": window.size,
            "ContentType": content_type,
        }
        if cache_control:
            request["CacheControl"] = cache_control
        if acl:
            request["ACL"] = acl
        if isinstance(condition, IfMatch):
            request["IfMatch"] = self._sent_etag(condition.etag)
        elif isinstance(condition, IfAbsent):
            request["IfNoneMatch"] = "*"

        def send() -> str:
            window.seek(0)
            return self._send(key, request)

        return put_conditionally(send, self.get, self._clock, window)

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        whole = self._bucket.found_key(key)
        # For an object that is not there S3 itself answers 204, some servers 404.
        with suppress(ObjectNotFound), self._bucket.translated(key):
            self._client.delete_object(Bucket=self._bucket.name, Key=whole)

    def url(self, key: str) -> str:
        """See `ObjectStore.url`."""
        return self._bucket.url(key)

    def cut(self, *, for_good: bool = False) -> None:
        """See `Cuttable.cut`."""
        self._cut.cut(for_good=for_good)

    @property
    def is_over(self) -> bool:
        """See `Cuttable.is_over`."""
        return self._cut.is_over

    def close(self) -> None:
        """See `ObjectStore.close`; a call under way ends by its own time limits."""
        self._client.close()

    def _sent_etag(self, etag: str) -> str:
        bare = etag.strip('"')
        return f'"{bare}"' if self.etag_form is EtagForm.QUOTED else bare

    def _send(self, key: str, request: "PutObjectRequestTypeDef") -> str:
        """Make one attempt to write an object, and return its ETag."""
        sent = Sent(acl="ACL" in request, condition=bool({"IfMatch", "IfNoneMatch"} & {*request}))
        try:
            with self._bucket.translated(key, sent):
                answer = self._client.put_object(**request)
        except ObjectNotFound as error:
            if not sent.condition:
                raise StoreUnavailable(f"{key} was not stored: {error}", key=key) from error
            # S3's answer to If-Match when there is no object.
            raise PreconditionFailed(f"{key} is no longer there", key=key) from error
        return answer.get("ETag") or self._etag_after(key)

    def _etag_after(self, key: str) -> str:
        """The ETag of an object that was written just now, when the answer did not tell it."""
        try:
            return self.head(key).etag
        except ObjectNotFound as error:
            raise StoreUnavailable(
                f"{key} was written to {self.name}, and is not there",
                key=key,
                hint="See the server's log: it took a write that it does not show.",
            ) from error
