"""A table of locks in a DynamoDB on loopback: moto's, on a server of the S3 fake's kind."""

import time
from collections.abc import Mapping
from contextlib import closing
from email.utils import formatdate
from typing import Any, Literal, Self

import boto3

from tests.fakes.base import Action, Answer, FakeServer, Request, Response, Rule
from tests.fakes.s3 import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, MotoApp

Operation = Literal["GetItem", "PutItem"]

_TARGET = "DynamoDB_20120810."


class TableFake:
    """One table: its settings, what is stored in it, what it was asked, and faults."""

    def __init__(
        self, name: str, server: FakeServer, keys: Mapping[str, Literal["S", "N"]] | None = None
    ) -> None:
        """Use `server`, of a `MotoApp`, once it is started. `keys` are the key's parts and types."""
        assert isinstance(server.app, MotoApp)
        self.name = name
        self.app: MotoApp = server.app
        self._server = server
        self._keys = keys or {"id": "S"}

    @property
    def url(self) -> str:
        """The endpoint."""
        return self._server.url

    @property
    def environment(self) -> dict[str, str]:
        """The settings that have locks kept here; keys and region are those of the S3 fake."""
        return {
            "DATAFETCH_LOCK": f"dynamodb://{self.name}",
            "AWS_ENDPOINT_URL_DYNAMODB": self.url,
        }

    def __enter__(self) -> Self:
        parts = zip(self._keys, ("HASH", "RANGE"), strict=False)
        with closing(self._client()) as client:
            client.create_table(
                TableName=self.name,
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": kind}
                    for name, kind in self._keys.items()
                ],
                KeySchema=[{"AttributeName": name, "KeyType": part} for name, part in parts],
                BillingMode="PAY_PER_REQUEST",
            )
        self.app.count_from_here()
        return self

    def __exit__(self, *_: object) -> None:
        self.app.heal()
        with closing(self._client()) as client:
            client.delete_table(TableName=self.name)

    def items(self) -> list[dict[str, dict[str, str]]]:
        """All items, by their keys; shows in no counter."""
        with closing(self._client()) as client:
            found: list[dict[str, Any]] = client.scan(TableName=self.name)["Items"]
        return sorted(found, key=lambda item: str(item["id"]))

    def item(self) -> dict[str, str]:
        """The only item, its values without their types; empty when there is none."""
        items = self.items()
        assert len(items) <= 1, items
        return {
            name: value
            for item in items
            for name, typed in item.items()
            for value in typed.values()
        }

    def put(self, item: dict[str, str]) -> None:
        """Store an item behind the program's back; values of digits become numbers."""
        typed = {
            name: {"N": value} if value.isdigit() and name != "id" else {"S": value}
            for name, value in item.items()
        }
        self.send("put_item", {"TableName": self.name, "Item": typed})

    def send(self, operation: str, request: dict[str, Any]) -> None:
        """Make any request behind the program's back."""
        with closing(self._client()) as client:
            getattr(client, operation)(**request)

    def let_pass(self, seconds: float) -> None:
        """Have every lease end so much earlier, as if the time had passed."""
        with closing(self._client()) as client:
            for item in self.items():
                ends = int(item["expiresAt"]["N"]) - round(seconds * 1000)
                client.put_item(TableName=self.name, Item=item | {"expiresAt": {"N": str(ends)}})

    def asked(self, operation: Operation) -> int:
        """How often it was asked so."""
        return self.app.log.count(lambda request: _is(request, operation))

    def inject(
        self, action: Action, operation: Operation, *, times: int | None = 1, after: int = 0
    ) -> Rule:
        """Act so on requests of this operation; as `App.inject`."""
        return self.app.inject(
            action, lambda request: _is(request, operation), times=times, after=after
        )

    def _client(self) -> Any:
        return boto3.session.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=REGION).client(
            "dynamodb", endpoint_url=self.url
        )


def refused(code: str, message: str = "", status: int = 400) -> Action:
    """Answer with an error of DynamoDB's; the app does not see the request."""
    body = f'{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"{message}"}}'
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    return lambda _request, _answer: Response(status, headers, body.encode())


def at_time(seconds_from_now: float) -> Action:
    """The proper answer, as a server whose clock is so far ahead gives it."""

    def act(request: Request, answer: Answer) -> Response:
        proper = answer(request)
        date = formatdate(time.time() + seconds_from_now, usegmt=True)
        kept = {name: text for name, text in proper.headers.items() if name.lower() != "date"}
        return proper.changed(headers=kept | {"Date": date})

    return act


def _is(request: Request, operation: Operation) -> bool:
    return request.headers.get("x-amz-target") == f"{_TARGET}{operation}"
