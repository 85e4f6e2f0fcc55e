"""What the value of a setting may be: ranges, and checks of texts, without the settings' names.

A check returns the value, tidied where that is needed. It raises ValueError with what is wrong with
the value, or with what it should be.
"""

import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, SecretStr

from datafetch.models.cluster_place import read_cluster_place
from datafetch.models.headers import fits_value, read_header_lines
from datafetch.models.lock_place import read_lock
from datafetch.models.ping_url import read_ping_url, without_login
from datafetch.models.store_place import Addressing
from datafetch.urls import Url, dns_name, parse, plainly_written, read_host

V = TypeVar("V")

DAY_S = 86_400.0

WEEK_MS = 7 * 86_400_000
"""More than any wait makes sense, and less than sockets (24 days) and dates (year 9999) can take."""

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Millis = Annotated[int, Field(ge=0, le=WEEK_MS)]
LeaseMillis = Annotated[int, Field(ge=100, le=WEEK_MS)]
TimeLimit = Annotated[float, Field(gt=0, le=WEEK_MS / 1000, allow_inf_nan=False)]

_REPOSITORY = re.compile(r"[a-z0-9_-]+/(\*|(?!\.{1,2}$)[a-z0-9_.-]+)")
"""A repository, or with `*` all of an owner's, in lower case."""

_ENVIRONMENTS = {
    **{name: name for name in ("production", "development", "test")},
    "prod": "production",
    "dev": "development",
    "testing": "test",
}

_QUOTES = ('""', "''", "``")
_TYPESET_QUOTES = ("\u201c\u201d", "\u2018\u2019", "\u201e\u201c", "\xab\xbb")
"""Pairs of quotation marks; word processors write those beyond ASCII."""

_CREDENTIALS = re.compile(
    r"(?:(?:proxy-)?authorization\s*:\s*)?(bearer|token|basic)(?:\s*:)?\s|(authorization)\s*:",
    re.IGNORECASE,
)
"""What stands before a key in the header of a request (RFC 9110, 11.6.2)."""

_ZONE = re.compile(r"([a-z]{2}(?:-[a-z]+)+-[0-9])[a-z]")
"""An availability zone of Amazon's: its region and a letter."""

_HOST_ALONE = re.compile(r"(localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+)(:[0-9]{1,5})?(?:/[ -~]*)?")
_LONGEST_SHOWN = 100
"""Characters of a host that is repeated in a message; tokens are longer, or have capitals."""


def unless_none(check: Callable[[V], V]) -> AfterValidator:
    """The check as a validator of a field that may be None, which is not checked."""

    def checked(value: V | None) -> V | None:
        return None if value is None else check(value)

    return AfterValidator(checked)


def listed(value: str | None) -> list[str]:
    """The entries of a list, in lower case; commas and white space separate them."""
    return [entry.lower() for entry in re.split(r"[,\s]+", value or "") if entry]


def copied_wrong(name: str, text: str) -> str | None:
    """What came along when a value was copied: quotes around it, or its name; None for nothing.

    `docker run --env-file` takes all after `=` for the value, also quotes
    (https://docs.docker.com/reference/cli/docker/container/run/#env).
    """
    if len(text) > 1 and text[0] + text[-1] in _TYPESET_QUOTES:
        return (
            "begins and ends with typographic quotation marks, which are part of the value: write "
            "it without them"
        )
    if len(text) > 1 and text[0] + text[-1] in _QUOTES:
        return (
            "begins and ends with a quotation mark: docker's --env-file keeps quotes; write the "
            "value without them"
        )
    if text.startswith(f"{name}="):
        return "begins with the name and `=` once more: write the value alone"
    return None


def environment_name(value: object) -> str:
    """The full name of an environment in lower case; `prod`, `dev` and `testing` are short for one."""
    name = _ENVIRONMENTS.get(str(value).lower())
    if name is None:
        raise ValueError(
            "should be production, development or test (prod, dev and testing mean the same)"
        )
    return name


def known_addressing(value: object) -> Addressing:
    """Where the bucket's name stands, in any case of letters."""
    match str(value).lower():
        case "path":
            return "path"
        case "virtual":
            return "virtual"
    raise ValueError("should be path or virtual")


def web_address(value: str) -> str:
    """A base URL, without a slash at its end."""
    _read_base(value)
    return value.rstrip("/")


def bookmark_server(value: str) -> str:
    """The base URL of the bookmark server, without a slash at its end."""
    url = _read_base(value)
    page = re.match(r"(.*?)/(?:dashboard|signin|settings)(?:/|$)", url.path)
    below = page or re.match(r"(.*?/api/v[0-9]+)/[^/]", url.path)
    if below:
        what = "a page" if page else "one of its answers"
        base = f"{url.scheme}://{url.authority}{below[1]}"
        raise ValueError(f"is the address of {what}, not of the server: write {base}")
    return value.rstrip("/")


def github_api(value: str) -> str:
    """The base URL of GitHub's REST API, without a slash at its end.

    GitHub Enterprise Server has it at `https://HOST/api/v3`, Enterprise Cloud with data residency
    at `https://api.NAME.ghe.com` (docs.github.com/enterprise-server@latest/rest/using-the-rest-api/
    getting-started-with-the-rest-api).
    """
    url = _read_base(value)
    host, path, right = url.name, url.path.rstrip("/"), ""
    if host in ("github.com", "www.github.com", "api.github.com"):
        right = "https://api.github.com"
    elif host.endswith(".ghe.com"):
        right = f"https://api.{host.removeprefix('api.')}"
    elif path.endswith(("/graphql", "/api")):
        base = re.sub(r"(/api)?(/v3)?(/graphql)?$", "", path)
        right = f"{url.scheme}://{url.authority}{base}/api/v3"
    wanted = parse(right)
    if wanted is not None and (url.origin, path) != (wanted.origin, wanted.path.rstrip("/")):
        what = (
            "GitHub's site, not its API"
            if host in ("github.com", "www.github.com")
            else "not its base"
        )
        raise ValueError(f"is {what}: write {right}, or for GitHub Enterprise https://HOST/api/v3")
    return value.rstrip("/")


def _read_base(text: str) -> Url:
    """Read a URL to which paths are added.

    Raises:
        ValueError: it is none; the message says what to write, and repeats no more than a host.
    """
    url = parse(text) if plainly_written(text) else None
    if url is None or url.port == 0:
        raise ValueError(_url_trouble(text))
    if "?" in text or "#" in text:
        raise ValueError("should be a URL that ends before ? and #: paths are added to it")
    return url


def _url_trouble(text: str) -> str:
    should = "should be a URL that starts with http:// or https://"
    alone = _HOST_ALONE.fullmatch(text)
    host = alone[1] + (alone[2] or "") if alone else ""
    if alone and len(host) <= _LONGEST_SHOWN and read_host(alone[1]):
        # A port, an address or no dot means a server of one's own, which seldom has a certificate.
        is_name = alone[2] is None and re.search(r"\.[a-z]{2,}$", host)
        return f"{should}: write {'https' if is_name else 'http'}://{host}"
    if re.search(r"\s", text):
        return f"{should}, and has white space inside"
    if re.match(r"https?://[^/?#]*@", text, re.IGNORECASE):
        return f"{should}, without a user and password before the host"
    return f"{should}, such as https://host.example.com"


def repositories(value: str) -> str:
    """A list of repositories, or of owners with `/*`."""
    wrong = [entry for entry in listed(value) if not _REPOSITORY.fullmatch(entry)]
    if wrong:
        named = ", ".join(ascii(entry[:60]) for entry in wrong[:3])
        raise ValueError(
            f"should be OWNER/NAME or OWNER/*, which {named} is not; commas or spaces separate them"
        )
    return value


def host_names(value: str) -> str:
    """A list of hosts."""
    hosts = map(read_host, listed(value))
    if any(host is None or dns_name(host) is None for host in hosts):
        raise ValueError(
            "should be host names or addresses, without scheme, port and path, separated by "
            "commas, such as nas.local,10.0.0.7"
        )
    return value


def proxy_addresses(value: str) -> str:
    """A list of addresses and networks of proxies."""
    try:
        for entry in listed(value):
            ip_network(entry)
    except ValueError:
        raise ValueError(
            "should be addresses or networks, such as 127.0.0.1,10.0.0.0/8; commas or spaces "
            "separate them"
        ) from None
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


def region_name(value: str) -> str:
    """The name of a region."""
    zone = _ZONE.fullmatch(value)
    if zone:
        raise ValueError(f"is an availability zone: write its region, {zone[1]}")
    return _text_like("eu-west-1", value)


def acl_name(value: str) -> str:
    """The name of a canned ACL."""
    return _text_like("public-read", value)


def _text_like(example: str, value: str) -> str:
    try:
        return request_text(value)
    except ValueError as error:
        raise ValueError(f"{error}; write it like {example}") from error


def bearer_token(value: SecretStr) -> SecretStr:
    """A token without spaces, line ends and letters beyond ASCII; wider than RFC 6750, 2.1."""
    before = _CREDENTIALS.match(value.get_secret_value())
    if before:
        word = (before[1] or before[2]).capitalize()
        raise ValueError(f"give the key alone, without `{word}`")
    if re.fullmatch(r"[!-~]+", value.get_secret_value()) is None:
        raise ValueError("a token has no spaces, line ends or letters beyond ASCII")
    return value


def bearer_tokens(value: SecretStr) -> SecretStr:
    """Tokens separated by commas: datafetch sends the first one."""
    tokens = value.get_secret_value().split(",")
    if not all(token.strip() for token in tokens):
        raise ValueError("has a comma with no token before or after it")
    for token in tokens:
        bearer_token(SecretStr(token.strip()))
    return value


def ping_address(value: SecretStr) -> SecretStr:
    """The URL of a monitor, or a template of one."""
    read_ping_url(value.get_secret_value())
    return value


def secret_address(value: SecretStr) -> SecretStr:
    """A URL that is asked as it stands, and is itself a secret, as those of build hooks are.

    It may hold a token, or user and password, before its host.
    """
    text, _ = without_login(value.get_secret_value())
    url = parse(text) if plainly_written(text) else None
    if url is None or url.port == 0 or "#" in text:
        raise ValueError("should be a URL that starts with http:// or https://")
    return value


def push_address(value: SecretStr) -> SecretStr:
    """The base URL of a Pushgateway, which may hold a user and a password."""
    text = value.get_secret_value()
    _read_base(without_login(text)[0])
    return value


def metrics_path(value: str) -> str:
    """The path of a textfile: node_exporter reads those that end in `.prom`.

    https://github.com/prometheus/node_exporter#textfile-collector
    """
    if not value.endswith(".prom"):
        raise ValueError(
            "should be the path of a file that ends in .prom: others are not collected"
        )
    return value


def message_urls(value: SecretStr) -> SecretStr:
    """Apprise's URLs, with white space or commas between them."""
    if not all("://" in url for url in split_message_urls(value.get_secret_value())):
        raise ValueError(
            "should be URLs as Apprise takes them, such as mailto://…, separated by spaces"
        )
    return value


def split_message_urls(text: str) -> list[str]:
    """Each of several URLs. A comma separates two only when a scheme follows it."""
    urls: list[str] = []
    for word in text.split():
        for number, piece in enumerate(word.split(",")):
            if number and urls and "://" not in piece:
                urls[-1] += f",{piece}"
            elif piece:
                urls.append(piece)
    return urls


def header_value(value: str) -> str:
    """The value of a header."""
    if not fits_value(value):
        raise ValueError("has line ends or characters beyond printable ASCII")
    return value


def header_lines(value: SecretStr) -> SecretStr:
    """Lines of headers."""
    read_header_lines(value.get_secret_value())
    return value


def known_lock(value: str) -> str:
    """The place of the lock."""
    read_lock(value)
    return value


def known_cluster(value: str) -> str:
    """The place of the cluster; whether it is allowed depends on another setting."""
    read_cluster_place(value, insecure=True)
    return value


def known_client(value: object) -> str:
    """The library that talks to S3."""
    if value == "obstore":
        raise ValueError("this version knows boto3 only, not yet obstore")
    if value != "boto3":
        raise ValueError("should be boto3")
    return "boto3"


def flag_of_ci(value: object) -> bool:
    """Whether this is a build service: they set CI to `true`, `1` or their own name."""
    return str(value).lower() not in ("0", "false", "no", "off")
