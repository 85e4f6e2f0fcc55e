"""A table of DynamoDB as locks use it: who is asked, with which key, and what is said when it fails."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from datafetch.clock import ClockSkew, SystemClock
from datafetch.errors import (
    ConfigurationError,
    DatafetchError,
    ExitCode,
    StoreDenied,
    StoreUnavailable,
)
from datafetch.logs import LOGGER_NAME
from datafetch.ops.leases.account import Account
from datafetch.ops.leases.dynamodb_item import Unchanged
from datafetch.ops.leases.dynamodb_table import Table
from tests.fakes.base import App, FakeServer, Request, Response
from tests.fakes.faults import cut, dropped, held, reply
from tests.fakes.s3 import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from tests.fakes.tables import TableFake, at_time, refused

KEYS = (ACCESS_KEY_ID, SECRET_ACCESS_KEY, None)
NO_KEYS = (None, None, None)
AT_AMAZON = Account(KEYS, REGION, None, None, "S3_REGION")
ELSEWHERE = Account(KEYS, "us-west-004", "https://s3.us-west-004.example.com", None, "S3_REGION")


@pytest.fixture(autouse=True)
def no_machine_of_amazons(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key comes from the machine itself."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def tables() -> Iterator[ExitStack]:
    """Closes the tables at the end."""
    with ExitStack() as stack:
        yield stack


def _table(
    tables: ExitStack, name: str = "locks", account: Account = AT_AMAZON, **options: Any
) -> Table:
    options.setdefault("max_retries", 0)
    table = Table(name, account, SystemClock(), options.pop("skew", None) or ClockSkew(), **options)
    return tables.enter_context(closing(table))


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tables: ExitStack, lock_table: TableFake) -> Table:
    """The fake's table."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", lock_table.url)
    return _table(tables, lock_table.name)


def _credential(lock_table: TableFake) -> str:
    """Key and region that the last request was signed with."""
    signed = lock_table.app.log.all("POST")[-1].headers["authorization"]
    key, _, region, service = signed.partition("Credential=")[2].split("/")[:4]
    assert service == "dynamodb"
    return f"{key} {region}"


@pytest.mark.parametrize(
    ("account", "variables", "endpoint"),
    [
        (AT_AMAZON, {}, "https://dynamodb.us-east-1.amazonaws.com"),
        (
            Account(KEYS, "eu-west-1", "https://s3.eu-west-1.amazonaws.com", None, "S3_REGION"),
            {},
            "https://dynamodb.eu-west-1.amazonaws.com",
        ),
        (
            Account(KEYS, None, None, None, "AWS_REGION"),
            {"AWS_DEFAULT_REGION": "eu-north-1"},
            "https://dynamodb.eu-north-1.amazonaws.com",
        ),
        (ELSEWHERE, {}, "https://dynamodb.us-east-1.amazonaws.com"),
        (
            ELSEWHERE,
            {"AWS_DEFAULT_REGION": "eu-north-1"},
            "https://dynamodb.eu-north-1.amazonaws.com",
        ),
        (
            Account(KEYS, "auto", "https://s3.example.com", "eu-west-3", "S3_REGION"),
            {"AWS_DEFAULT_REGION": "eu-north-1"},
            "https://dynamodb.eu-west-3.amazonaws.com",
        ),
        (
            AT_AMAZON,
            {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000", "AWS_ENDPOINT_URL": "http://h"},
            "http://127.0.0.1:8000",
        ),
        (
            AT_AMAZON,
            {"AWS_ENDPOINT_URL_S3": "https://s3.example.com"},
            "https://dynamodb.us-east-1.amazonaws.com",
        ),
    ],
)
def test_the_server_of_the_bucket_is_not_asked_for_locks(
    monkeypatch: pytest.MonkeyPatch,
    tables: ExitStack,
    account: Account,
    variables: dict[str, str],
    endpoint: str,
) -> None:
    """Region and endpoint are the table's own; those of a bucket at another server are none of Amazon's."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    _, at = _table(tables, account=account)._client()
    assert at.endpoint == endpoint


@pytest.mark.parametrize(
    ("server", "key"),
    [
        (None, f"{ACCESS_KEY_ID} {REGION}"),
        ("https://s3.us-east-1.amazonaws.com", f"{ACCESS_KEY_ID} {REGION}"),
        ("here", f"{ACCESS_KEY_ID} {REGION}"),
        ("https://s3.example.com", "AKIACHAIN eu-west-3"),
    ],
)
def test_a_key_is_shown_to_its_own_server_only(
    monkeypatch: pytest.MonkeyPatch,
    tables: ExitStack,
    lock_table: TableFake,
    server: str | None,
    key: str,
) -> None:
    """The keys of a bucket elsewhere are not sent to Amazon: there those of AWS's chain count; where both are one server they do."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", lock_table.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACHAIN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "chain")
    server = lock_table.url if server == "here" else server
    account = Account(KEYS, REGION, server, "eu-west-3", "S3_REGION")
    table = _table(tables, lock_table.name, account)
    if "CHAIN" in key:
        with pytest.raises(ConfigurationError, match="in eu-west-3"):  # the table is not there
            table.get("x")
    else:
        assert table.get("x") is None
    assert _credential(lock_table) == key


class _Machine(App):
    """What a machine of Amazon's asks for its keys, at 169.254.169.254; it has none."""

    def answer(self, request: Request) -> Response:
        return Response(404)


@pytest.mark.parametrize(("server", "asks"), [("here", 0), ("https://s3.example.com", 1)])
def test_the_machine_is_asked_for_keys_only_where_the_settings_have_none(
    monkeypatch: pytest.MonkeyPatch,
    tables: ExitStack,
    lock_table: TableFake,
    server: str,
    asks: int,
) -> None:
    """With a bucket that is not Amazon's each run asked its machine for keys first, for seconds, though it had some."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", lock_table.url)
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    server = lock_table.url if server == "here" else server
    with _Machine().served() as machine:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.url)
        table = _table(tables, lock_table.name, Account(KEYS, REGION, server, None, "S3_REGION"))
        if asks:
            with pytest.raises(StoreDenied, match="there are no credentials"):
                table.get("x")
        else:
            assert table.get("x") is None
        assert machine.app.log.count("PUT") == asks


def test_reads_are_consistent(table: Table, lock_table: TableFake) -> None:
    """Else a read may miss a write that has ended: two runs would find the lease free."""
    bodies: list[bytes] = []
    lock_table.app.watch(lambda _, request: bodies.append(request.body))
    assert table.get("x") is None
    lock_table.app.watch(None)
    assert json.loads(bodies[0])["ConsistentRead"] is True


def test_the_time_is_never_told_too_early(table: Table, lock_table: TableFake) -> None:
    """Dates are cut to whole seconds, and pass on the way: what is told is not less than DynamoDB's time."""
    clock = SystemClock()
    table.get("x")
    told = table.time(clock.monotonic())
    assert table.date <= clock.now() <= told <= clock.now() + 100
    assert table.time(clock.monotonic() + 50) - told >= 50


def test_a_wrong_clock_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tables: ExitStack, lock_table: TableFake
) -> None:
    """DynamoDB tells the time too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", lock_table.url)
    skew = ClockSkew()
    lock_table.inject(at_time(7200), "GetItem")
    _table(tables, lock_table.name, skew=skew).get("x")
    found = skew.found()
    assert found is not None
    assert (found.host, round(found.ahead_s, -2)) == ("127.0.0.1", -7200)


@pytest.mark.parametrize(
    ("action", "said", "hint"),
    [
        (
            refused("AccessDeniedException", "User: me is not authorized"),
            "for dynamodb:GetItem: User: me is not authorized",
            "Allow dynamodb:GetItem on arn:aws:dynamodb:us-east-1:*:table/locks-",
        ),
        (refused("UnrecognizedClientException"), "UnrecognizedClient", "Check S3_ACCESS_KEY_ID:"),
        (
            refused("InvalidSignatureException", "Signature expired: 2 is now earlier than 3"),
            "Signature expired",
            "this machine's clock",
        ),
        (
            refused("InvalidSignatureException", "no match"),
            "no match",
            "Check S3_SECRET_ACCESS_KEY:",
        ),
        (refused("ExpiredTokenException"), "HTTP 400", "S3_SESSION_TOKEN"),
        (refused("IncompleteSignatureException"), "HTTP 400", "the key's name alone"),
        (reply(403, "<html>no</html>", {"Content-Type": "text/html"}), "HTTP 403", "a proxy"),
    ],
)
def test_a_refusal_says_what_to_do(
    table: Table, lock_table: TableFake, action: Any, said: str, hint: str
) -> None:
    """The action that a policy lacks, the key, its secret or token, the clock, or a proxy."""
    lock_table.inject(action, "GetItem")
    with pytest.raises(StoreDenied, match=said) as caught:
        table.get("x")
    assert hint in caught.value.hint
    assert str(caught.value).startswith(f"dynamodb://{lock_table.name}: ")


def test_a_table_that_is_missing_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, tables: ExitStack, lock_table: TableFake
) -> None:
    """The hint has its region's setting, and the whole command that makes it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", lock_table.url)
    with pytest.raises(ConfigurationError, match="no table nowhere in us-east-1") as caught:
        _table(tables, "nowhere").get("x")
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    assert "S3_REGION" in caught.value.hint
    assert (
        "aws dynamodb create-table --table-name nowhere --region us-east-1 --endpoint-url "
        f"{lock_table.url} --attribute-definitions AttributeName=id,AttributeType=S"
        " --key-schema AttributeName=id,KeyType=HASH --billing-mode PAY_PER_REQUEST"
    ) in caught.value.hint


@pytest.mark.parametrize(
    "keys", [{"LockID": "S"}, {"id": "N"}, {"id": "S", "range": "S"}], ids=["name", "type", "range"]
)
def test_a_table_with_another_key_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, tables: ExitStack, moto_server: FakeServer, keys: Any
) -> None:
    """The message says which key the table needs, and how such a table is made."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", moto_server.url)
    with TableFake("of-others", moto_server, keys):
        table = _table(tables, "of-others")
        with pytest.raises(ConfigurationError, match="the table of-others does not fit") as caught:
            table.get("x")
            table.put({"id": {"S": "x"}}, Unchanged(None))
    assert "partition key id, a string (S), and no sort key" in caught.value.hint
    assert "create-table --table-name datafetch-locks " in caught.value.hint


@pytest.mark.parametrize(
    ("action", "said", "hint"),
    [
        (refused("ProvisionedThroughputExceededException"), "Throughput", "update-table"),
        (refused("ThrottlingException"), "Throttling", "--billing-mode PAY_PER_REQUEST"),
        (refused("InternalServerError", status=500), "HTTP 500", "The server failed"),
        (reply(502, "<html>\x07bad gateway</html>"), "HTTP 502", "The server failed"),
        (refused("SomethingNew", "line\\none\\u0007"), "GetItem: line one$", "DATAFETCH_LOCK"),
        (reply(200, "<html>log in</html>"), "not answer as DynamoDB does", "proxy"),
        (reply(200, "[]"), "not answer as DynamoDB does", "proxy"),
        (reply(200, b"\xff{}"), "not answer as DynamoDB does", "proxy"),
        (reply(200, ""), "not answer as DynamoDB does", "proxy"),
        (dropped(), "hung up without an answer", "AWS_ENDPOINT_URL_DYNAMODB"),
        (cut(1), "not answer as DynamoDB does", "proxy"),
    ],
)
def test_a_failure_is_the_stores_and_says_what_to_do(
    table: Table, lock_table: TableFake, action: Any, said: str, hint: str
) -> None:
    """Throttling, broken servers, pages that are no answer, connections that end: one error, one line, a hint."""
    lock_table.inject(action, "GetItem")
    with pytest.raises(StoreUnavailable, match=said) as caught:
        table.get("x")
    assert hint in caught.value.hint
    assert str(caught.value).isprintable()


def test_what_may_pass_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, tables: ExitStack, lock_table: TableFake
) -> None:
    """Throttling and a lost connection cost a request each, and no error."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", lock_table.url)
    table = _table(tables, lock_table.name, max_retries=2)
    lock_table.inject(dropped(), "GetItem")
    lock_table.inject(refused("ThrottlingException"), "GetItem")
    assert table.get("x") is None
    assert lock_table.asked("GetItem") == 3


def test_nobody_at_the_endpoint_is_named_by_its_setting(
    monkeypatch: pytest.MonkeyPatch, tables: ExitStack
) -> None:
    """The variable that is wrong is named, and no setting of the bucket's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(
        StoreUnavailable, match=r"nothing listens at http://127\.0\.0\.1:1"
    ) as caught:
        _table(tables).get("x")
    assert caught.value.hint == (
        "Check host and port in AWS_ENDPOINT_URL, and that the server runs."
    )


@pytest.mark.parametrize(
    ("account", "hint"), [(ELSEWHERE, "key of S3_SERVER_URL"), (AT_AMAZON, "AWS profile")]
)
def test_without_credentials_it_is_said_which_are_wanted(
    tables: ExitStack, account: Account, hint: str
) -> None:
    """A key that belongs to another server is none, and the message says so."""
    if account is AT_AMAZON:
        account = Account(NO_KEYS, REGION, None, None, "S3_REGION")
    with pytest.raises(StoreDenied, match="there are no credentials") as caught:
        _table(tables, account=account).get("x")
    assert "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in caught.value.hint
    assert hint in caught.value.hint


def test_a_profile_that_is_not_there_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, tables: ExitStack
) -> None:
    """It is told when the first lease is taken, as for a bucket."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigurationError, match="AWS_PROFILE"):
        _table(tables).get("x")


def test_a_call_under_way_is_cut_off(table: Table, lock_table: TableFake) -> None:
    """A run that has to end waits for no table; later calls are made as ever, or never again."""
    table.get("x")
    gate = threading.Event()
    lock_table.inject(held(gate), "GetItem")
    errors: list[DatafetchError] = []

    def ask() -> None:
        try:
            table.get("x")
        except DatafetchError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    lock_table.app.log.wait_for(2, lambda request: request.method == "POST")
    table.cut()
    thread.join(timeout=20)
    gate.set()
    assert "until the run had to end" in str(errors[0])
    states = [table.is_over]
    assert table.get("x") is None
    table.cut(for_good=True)
    states.append(table.is_over)
    assert states == [False, True]
    with pytest.raises(StoreUnavailable, match="until the run had to end"):
        table.get("x")


def test_requests_are_shown_to_who_looks_closely(
    table: Table, lock_table: TableFake, caplog: pytest.LogCaptureFixture
) -> None:
    """`-v` shows each request to the table, as those to the bucket."""
    with caplog.at_level("DEBUG", logger=LOGGER_NAME):
        table.get("x")
    (record,) = [record for record in caplog.records if record.getMessage() == "request"]
    assert (record.__dict__["method"], record.__dict__["status"]) == ("POST", 200)
    assert record.__dict__["host"] == lock_table.url.removeprefix("http://")
