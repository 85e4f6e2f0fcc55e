"""What the value of a setting may be: ranges, and checks of texts, without the settings' names.

A check returns the value, tidied where that is needed. It raises ValueError with what is wrong with
the value, or with what it should be.
"""

import re
from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, SecretStr

from datafetch.models.headers import fits_value, read_header_lines
from datafetch.urls import dns_name, parse, plainly_written, read_host

V = TypeVar("V")

WEEK_MS = 7 * 86_400_000
"""More than any wait makes sense, and less than sockets (24 days) and dates (year 9999) can take."""

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Millis = Annotated[int, Field(ge=0, le=WEEK_MS)]
LeaseMillis = Annotated[int, Field(ge=100, le=WEEK_MS)]

_REPOSITORY = re.compile(r"[a-z0-9_-]+/(\*|(?!\.{1,2}$)[a-z0-9_.-]+)")
"""A repository, or with `*` all of an owner's, in lower case."""

_ENVIRONMENTS = {"prod": "production", "dev": "development", "testing": "test"}


def unless_none(check: Callable[[V], V]) -> AfterValidator:
    """The check as a validator of a field that may be None, which is not checked."""

    def checked(value: V | None) -> V | None:
        return None if value is None else check(value)

    return AfterValidator(checked)


def listed(value: str | None) -> list[str]:
    """The entries of a list, in lower case; commas and white space separate them."""
    return [entry.lower() for entry in re.split(r"[,\s]+", value or "") if entry]


def environment_name(value: object) -> str:
    """The full name of an environment in lower case; `prod`, `dev` and `testing` are short for one."""
    text = str(value).lower()
    return _ENVIRONMENTS.get(text, text)


def lower(value: object) -> object:
    """A text in lower case; anything else as it is."""
    return value.lower() if isinstance(value, str) else value


def web_address(value: str) -> str:
    """A base URL, without a slash at its end."""
    url = parse(value) if plainly_written(value) else None
    if url is None or url.port == 0:
        raise ValueError("should be a URL that starts with http:// or https://, without a user")
    return value.rstrip("/")


def repositories(value: str) -> str:
    """A list of repositories, or of owners with `/*`."""
    wrong = [entry for entry in listed(value) if not _REPOSITORY.fullmatch(entry)]
    if wrong:
        named = ", ".join(ascii(entry[:60]) for entry in wrong[:3])
        raise ValueError(f"should be OWNER/NAME or OWNER/*, which {named} is not")
    return value


def host_names(value: str) -> str:
    """A list of hosts."""
    hosts = map(read_host, listed(value))
    if any(host is None or dns_name(host) is None for host in hosts):
        raise ValueError("should be host names or addresses, separated by commas")
    return value


def request_text(value: V) -> V:
    """A text, or a secret, that is sent in a header of S3 requests or signed for one.

    With a letter too many the server refuses every request, and says something else.
    """
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if re.search(r"\s", text):
        raise ValueError("has white space inside")
    if re.fullmatch(r"[!-~]*", text) is None:
        raise ValueError("has characters beyond printable ASCII")
    return value


def bearer_token(value: SecretStr) -> SecretStr:
    """A token without spaces, line ends and letters beyond ASCII; wider than RFC 6750, 2.1."""
    if re.fullmatch(r"[!-~]+", value.get_secret_value()) is None:
        raise ValueError("a token has no spaces, line ends or letters beyond ASCII")
    return value


def header_value(value: str) -> str:
    """The value of a header."""
    if not fits_value(value):
        raise ValueError("has line ends or characters beyond printable ASCII")
    return value


def header_lines(value: SecretStr) -> SecretStr:
    """Lines of headers."""
    read_header_lines(value.get_secret_value())
    return value


def known_lock(value: object) -> str:
    """The place of the lock."""
    text = str(value)
    if text.startswith(("dynamodb://", "redis://", "rediss://")):  # may hold a password
        raise ValueError("this version knows store and file only, not yet DynamoDB or Redis")
    if text not in ("store", "file"):
        raise ValueError("should be store or file")
    return text


def flag_of_ci(value: object) -> bool:
    """Whether this is a build service: they set CI to `true`, `1` or their own name."""
    return str(value).lower() not in ("0", "false", "no", "off")
