"""A DynamoDB table, of which one item is read or written at a time (boto3).

botocore retries calls (standard mode, bounded), also a write whose answer was lost: the condition
of the second then meets what the first has stored.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from botocore.config import Config

from datafetch.clock import Clock, ClockSkew, http_date
from datafetch.errors import StoreUnavailable
from datafetch.models.store_place import Credentials
from datafetch.ops.leases.account import Account
from datafetch.ops.leases.dynamodb_errors import (
    FAILURES,
    NotDynamoDb,
    TableAddress,
    error_of,
    no_time,
)
from datafetch.ops.leases.dynamodb_item import KEY, Condition, Item, expression_of
from datafetch.store.s3_answers import Answer
from datafetch.store.s3_cut import S3Cut
from datafetch.store.s3_dialect import endpoint_of, is_amazon
from datafetch.store.s3_session import (
    CONNECT_TIMEOUT_S,
    REGION,
    check_files,
    open_session,
    set_up,
    trusted_bundle,
)
from datafetch.store.s3_unreachable import stop_what_cannot_pass
from datafetch.store.s3_watch import S3Watch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

T = TypeVar("T")

_READ_TIMEOUT_S = 10.0
"""Seconds without a byte after which a call has failed; DynamoDB answers within milliseconds."""

_WIDTH = 4
"""Connections that are kept: a run has two leases at most, each renewed by a thread."""

_ENDPOINT_SETTINGS = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")
_NO_SUCCESS = 300
_NO_KEYS: Credentials = (None, None, None)
_STAND_INS: Credentials = ("none", "none", None)


class Table:
    """One table. Its client is made, and a server asked, with the first call. Thread-safe."""

    def __init__(
        self,
        name: str,
        account: Account,
        clock: Clock,
        skew: ClockSkew,
        *,
        max_retries: int = 3,
    ) -> None:
        """`max_retries` is how often botocore repeats a call that failed."""
        self.name = name
        self._account = account
        self._clock = clock
        self._skew = skew
        self._max_retries = max_retries
        self._making = threading.Lock()
        self._made: tuple[DynamoDBClient, TableAddress] | None = None
        self._cut = S3Cut()
        self._told: tuple[float, float] | None = None

    def get(self, key: str) -> Item | None:
        """The item of this key, as it is after every write that has ended; None when there is none.

        Raises:
            StoreError: the table did not answer.
            ConfigurationError: there is no such table, or it has another key.
        """
        client, at = self._client()
        asked_at = self._clock.monotonic()
        with self._translated(at):
            answer = client.get_item(
                TableName=self.name, Key={KEY: {"S": key}}, ConsistentRead=True
            )
        self._note_time(answer, asked_at, at)
        return cast("Item | None", answer.get("Item"))

    def put(self, item: Item, condition: Condition) -> None:
        """Write the whole item, on a condition.

        Raises:
            PreconditionFailed: the condition does not hold; or it did, and the write was sent
                twice, since the first answer was lost.
            StoreError, ConfigurationError: as `get`.
        """
        client, at = self._client()
        when = expression_of(condition)
        values = {"ExpressionAttributeValues": when.values} if when.values else {}
        asked_at = self._clock.monotonic()
        with self._translated(at):
            answer = client.put_item(
                TableName=self.name,
                Item=cast("dict[str, AttributeValueTypeDef]", item),
                ConditionExpression=when.text,
                ExpressionAttributeNames=when.names,
                **cast("dict[str, Any]", values),
            )
        self._note_time(answer, asked_at, at)

    def time(self, monotonic: float) -> float:
        """Epoch seconds of DynamoDB's clock at a moment of the monotonic one; not less than it is.

        It is the `Date` of the last answer, which is cut to whole seconds, and what has passed
        since that answer was asked for.
        """
        assert self._told is not None, "nothing was read yet"
        date, asked_at = self._told
        return date + 1 + (monotonic - asked_at)

    @property
    def date(self) -> float:
        """The `Date` of the last answer, epoch seconds: not more than it is now."""
        assert self._told is not None, "nothing was read yet"
        return self._told[0]

    def cut(self, *, for_good: bool = False) -> None:
        """See `Cuttable.cut`."""
        self._cut.cut(for_good=for_good)

    @property
    def is_over(self) -> bool:
        """See `Cuttable.is_over`."""
        return self._cut.is_over

    def close(self) -> None:
        """Close all connections."""
        if self._made is not None:
            self._made[0].close()

    def _note_time(self, answer: Any, asked_at: float, at: TableAddress) -> None:
        date = http_date(answer["ResponseMetadata"]["HTTPHeaders"].get("date", ""))
        if date is None:
            raise no_time(at)
        self._told = (date, asked_at)

    @contextmanager
    def _translated(self, at: TableAddress) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            if self._cut.is_cut:
                raise StoreUnavailable(
                    f"{at.label}: no answer from {at.server} until the run had to end"
                ) from error
            raise error_of(error, at) from error

    def _client(self) -> "tuple[DynamoDBClient, TableAddress]":
        """The client and what messages say of the table; made once.

        Raises:
            ConfigurationError: no client can be made with these settings.
        """
        with self._making:
            if self._made is None:
                self._made = self._make()
                client = self._made[0]
                client.meta.events.register_last("before-parse.dynamodb", _check_answer)
                S3Watch(self._clock, self._skew, "named").register(client.meta.events, "dynamodb")
                client.meta.events.register_first(
                    "needs-retry.dynamodb",
                    stop_what_cannot_pass,  # type: ignore[arg-type] # the stubs forget what handlers return
                )
                self._cut.watch(client)
            return self._made

    def _make(self) -> "tuple[DynamoDBClient, TableAddress]":
        """Keys of another server than Amazon are used when the table is at that server, too."""
        account, keys = self._account, self._account.credentials
        shared = account.server is None or is_amazon(account.server) or self._is_at(account.server)
        client = self._connect(
            account.region if shared else account.table_region, keys if shared else _NO_KEYS
        )
        has_keys = keys[0] is not None
        return client, TableAddress(
            table=self.name,
            endpoint=client.meta.endpoint_url,
            region=client.meta.region_name,
            region_setting=account.region_setting if shared else "AWS_REGION",
            endpoint_setting=next(
                (name for name in _ENDPOINT_SETTINGS if os.environ.get(name)), _ENDPOINT_SETTINGS[0]
            ),
            own_keys=has_keys and shared,
            keys_elsewhere=has_keys and not shared,
        )

    def _is_at(self, server: str) -> bool:
        """Whether the table is at this server: only a client knows all that may name another one.

        It has keys that are none, since without keys the machine itself would be asked for some.
        """
        with closing(self._connect(REGION, _STAND_INS)) as client:
            return endpoint_of(server) == endpoint_of(client.meta.endpoint_url)

    def _connect(self, region: str | None, keys: Credentials) -> "DynamoDBClient":
        check_files(None)
        with set_up("the table of locks"):
            session = open_session(region, keys)
            return session.client(
                "dynamodb",
                region_name=session.region_name or REGION,
                config=Config(
                    retries={"mode": "standard", "max_attempts": self._max_retries},
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=_READ_TIMEOUT_S,
                    max_pool_connections=_WIDTH,
                    tcp_keepalive=True,
                ),
                verify=trusted_bundle(),
            )


def _check_answer(*, response_dict: Answer, **_: object) -> None:
    """Refuse a success without a JSON object: botocore would read a web page as "no such item".

    Raises:
        NotDynamoDb: the answer is none of DynamoDB's.
    """
    if response_dict["status_code"] >= _NO_SUCCESS:
        return
    body = response_dict["body"]
    try:
        answer: object = json.loads(body) if isinstance(body, bytes) else None
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise NotDynamoDb("no JSON object")
