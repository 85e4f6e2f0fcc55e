"""Where locks live: reads what `DATAFETCH_LOCK` says into a value."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from pydantic import SecretStr

from datafetch.models.host_port import host_and_port

_PORT = 6379
"""Redis's own (https://www.iana.org/assignments/service-names-port-numbers)."""

_LARGEST_NUMBER = 99_999
"""Of a database: a Redis has 16 unless its `databases` says more."""

_DIGITS = re.compile(r"[0-9]{1,5}")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
"""Amazon DynamoDB developer guide, "Supported data types and naming rules"."""

_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_TABLE_FORM = "dynamodb://TABLE or dynamodb://TABLE/NAME"
_FORM = "redis://HOST or redis://HOST:PORT/NUMBER, with USER:PASSWORD@ or :PASSWORD@ before HOST"
"""Not as one address with a password in it: no output shows such a one."""


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """A Redis server and one of its databases.

    Attributes:
        host: a name or an address; an IPv6 address without brackets.
        number: of the database.
        user: None for the default one.
        password: None when none is asked for.
        tls: whether to speak TLS (`rediss://`).
    """

    host: str
    port: int = _PORT
    number: int = 0
    user: str | None = None
    password: SecretStr | None = None
    tls: bool = False

    @property
    def address(self) -> str:
        """How messages name it: without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{host}:{self.port}/{self.number}"


@dataclass(frozen=True, slots=True)
class TablePlace:
    """A table of DynamoDB.

    Attributes:
        name: by which the store is known in the table; empty for the store's own address.
    """

    table: str
    name: str = ""


LockPlace = Literal["store", "file"] | RedisPlace | TablePlace


def read_lock(text: str) -> LockPlace:
    """Read the value of `DATAFETCH_LOCK`.

    Raises:
        ValueError: it names no place; the message says what it should be, and repeats nothing of
            it, since it may hold a password.
    """
    match text.partition("://")[0] if "://" in text else text:
        case "store":
            return "store"
        case "file":
            return "file"
        case "redis" | "rediss" as scheme:
            return _redis(text.partition("://")[2], tls=scheme == "rediss")
        case "dynamodb":
            return _table(text.partition("://")[2])
        case "unix" | "redis+unix" | "redis+socket":
            raise ValueError(
                "should name the host of the Redis, such as redis://127.0.0.1: a socket in the file "
                "system reaches no further than this machine, where file does as well"
            )
        case "redis+sentinel" | "sentinel" | "redis-cluster" | "redis+cluster":
            raise ValueError(
                "should name the Redis itself, which is no cluster and found without sentinels: "
                f"{_FORM}"
            )
    raise ValueError(f"should be store, file, dynamodb://TABLE or {_FORM}")


def _table(rest: str) -> TablePlace:
    table, slash, name = rest.partition("/")
    if table.startswith("arn:"):
        raise ValueError(f"should have the table's name alone, not its ARN: {_TABLE_FORM}")
    if _TABLE.fullmatch(table) is None:
        raise ValueError(
            f"should be {_TABLE_FORM}: a table's name has 3 to 255 letters, digits, dots, dashes "
            "and underscores"
        )
    if slash and _TABLE_NAME.fullmatch(name) is None:
        raise ValueError(
            f"should be {_TABLE_FORM}: the name by which the table knows the store has 1 to 100 "
            "letters, digits, dots, dashes and underscores"
        )
    return TablePlace(table, name)


def _redis(rest: str, *, tls: bool) -> RedisPlace:
    if re.search(r"[\s\x00-\x1f\x7f]", rest):
        raise ValueError(f"has white space inside; it should be {_FORM}")
    if "?" in rest or "#" in rest:
        raise ValueError(f"should end before ? and #, which are %3F and %23 in a password: {_FORM}")
    authority, _, path = rest.partition("/")
    login, _, where = authority.rpartition("@")
    user, password = _login(login)
    host, port = host_and_port(where, _PORT, _FORM)
    if path and (_DIGITS.fullmatch(path) is None or int(path) > _LARGEST_NUMBER):
        raise ValueError(
            "should have the number of a database, or nothing, behind the host and /; a / in a "
            "password is %2F"
        )
    return RedisPlace(host, port, int(path or 0), user, password, tls)


def _login(text: str) -> tuple[str | None, SecretStr | None]:
    if not text:
        return None, None
    user, colon, password = text.partition(":")
    if not colon:
        raise ValueError("has a user without a password: write :PASSWORD@ before the host")
    if _ESCAPE.search(text):
        raise ValueError("has a % that begins no escape: it is %25 in a user and in a password")
    return unquote(user) or None, SecretStr(unquote(password)) if password else None
