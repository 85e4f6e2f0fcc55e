"""Says what it means, and what to do, when the bookmark server or a proxy before it does not answer.

People run the server behind proxies that ask for a log-in and that redirect `http` to `https`, and
with API keys that may read only a part.
"""

import json
from collections.abc import Callable
from functools import partial

from datafetch.certificates import tls_fault
from datafetch.models.json_bounds import JsonBounds, TooMuchJson, read_bounded
from datafetch.models.text import one_line
from datafetch.net.base import Answer
from datafetch.net.excerpts import Excerpt, excerpt
from datafetch.net.guard import authority, public_url
from datafetch.redaction import redact
from datafetch.upstream_errors import (
    BreakerOpen,
    CannotConnect,
    Denied,
    Malformed,
    Missing,
    RateLimited,
    Refused,
    Rejected,
    TooLarge,
    TransientError,
    UpstreamError,
)
from datafetch.urls import Url, parse

_MOST_WORDS = 200

_ANSWER = JsonBounds(values=200_000)
"""Of an answer that is no page of the list."""

_ADDRESS = "BOOKMARKS_API_URL"
_API = "/api/v1"
_SCOPES = "lists:read, bookmarks:read and assets:read"
_KEYS = "in Karakeep under User Settings > API Keys"
_PROXY = (
    "Set BOOKMARKS_HEADERS to the headers that the proxy wants (Cloudflare Access: "
    "CF-Access-Client-Id and CF-Access-Client-Secret)"
)
_ITSELF = f"is {_ADDRESS} the address of Karakeep itself?"


_read_answer = partial(read_bounded, bounds=_ANSWER)


def explained(error: UpstreamError, base: str, path: str) -> UpstreamError:
    """The error with words that say what to do about it.

    Its class stays, with two exceptions. After a redirect to another origin `Missing` becomes
    `Denied`. Without one, `Missing` and `Rejected` become `Malformed` when the body is a web page.

    Args:
        error: of a request to the bookmark server.
        base: the URL of the server's API.
        path: what was asked below the base, without query.
    """
    if error.by_proxy or isinstance(error, BreakerOpen | RateLimited | TooLarge):
        return error
    asked = public_url(base + path)
    if _left(error.url, asked):
        return _redirected(error, asked, base, path)
    page = excerpt(error.body, "") if error.body else None
    if page is not None and page.kind == "page" and isinstance(error, Denied | Missing | Rejected):
        return _web_page(error, page, asked, base)
    if isinstance(error, Denied):
        return _denied(error, asked, path)
    if isinstance(error, Rejected):
        return _rejected(error, asked, base)
    error.hint = _hint(error, base) or error.hint
    return error


def read_json(
    answer: Answer,
    base: str,
    path: str,
    read: Callable[[bytes], object] = _read_answer,
) -> dict[str, object]:
    """The JSON object of an answer, as `read` makes it of the body.

    Raises:
        Malformed: it is something else, or more than was asked for; the message says what came,
            and from where.
    """
    asked, came = public_url(base + path), public_url(answer.url)
    found = excerpt(answer.body, answer.headers.get("content-type", ""))
    error = Malformed("", url=came, status=answer.status)
    if found.kind == "page":
        if _left(came, asked):
            raise _redirected(error, asked, base, path)
        raise _web_page(error, found, asked, base)
    try:
        value = read(answer.body)
    except TooMuchJson as much:
        raise Malformed(
            f"{asked} answered {answer.status} with more than such an answer can hold: {much}",
            url=came,
            status=answer.status,
            hint=f"Check {_ADDRESS}, and look at the server: {_ITSELF} The limit cannot be set; what "
            "is stored stays as it is.",
        ) from None
    except ValueError:
        value, what = None, f"with {found}, not JSON"
    else:
        what = "with JSON that is no object"
    if not isinstance(value, dict):
        # Not `from`: the error of a decoder holds the whole body.
        raise Malformed(
            f"{asked} answered {answer.status} {what}: {_ITSELF}",
            url=came,
            status=answer.status,
            hint=f"Set {_ADDRESS} to the address at which Karakeep opens in a browser.",
        ) from None
    return value


def _web_page(error: UpstreamError, page: Excerpt, asked: str, base: str) -> UpstreamError:
    """What to do about a web page in place of JSON: a proxy's log-in, or another address."""
    came = error.url or asked
    via = f" redirects to {came}, which" if came != asked else ""
    text = f"{asked}{via} answered {error.status} with {page}, not JSON: "
    kind = Denied if isinstance(error, Denied) else Malformed
    own = any(name in page.words.lower() for name in ("karakeep", "hoarder"))
    root = _origin_of(base)
    if _is_http_at_https(page.words, base):
        text += "this port wants https"
        hint = f"Set {_ADDRESS} to {_as_https(base)}."
    elif kind is Denied:
        text += "a proxy before Karakeep asks for a log-in"
        hint = f"{_PROXY}. If there is no proxy: {_ITSELF}"
    elif own and base.removesuffix(_API) == root:
        text += "that is a page of Karakeep, not its API"
        hint = (
            f"{_ADDRESS} names the server alone, as it should. Bring Karakeep up to date, and see "
            f"that a proxy before it passes {_API} on: {root}{_API}/lists has to answer in JSON."
        )
    elif own:
        text += f"that is a page of Karakeep, {_ITSELF}"
        hint = f"Set {_ADDRESS} to {root}, without the path of a page."
    else:
        text += _ITSELF
        hint = (
            f"Set {_ADDRESS} to the address at which Karakeep opens in a browser, such as {root}. "
            f"If a proxy before it asks for a log-in: {_PROXY}."
        )
    return kind(text, url=came, status=error.status, hint=hint)


def _denied(error: Denied, asked: str, path: str) -> Denied:
    words = _words(error.body)
    status = f"status {error.status}: {words}" if words else f"status {error.status}"
    if error.status == 401:  # noqa: PLR2004 - RFC 9110, 15.5.2
        said = f"the bookmark server does not accept the token ({status})"
        hint = (
            f"Check BOOKMARK_BEARER_TOKEN: the API key alone, made {_KEYS} of this server, with "
            f"the scopes {_SCOPES}."
        )
    else:
        scope = _scope_of(path)
        said = f"the bookmark server does not let the token read this ({status}): {scope} is needed"
        hint = (
            f"The API key in BOOKMARK_BEARER_TOKEN needs the scope {scope}; make one with {_SCOPES} "
            f"{_KEYS}."
        )
    return Denied(f"{asked}: {said}", url=error.url, status=error.status, hint=hint)


def _rejected(error: Rejected, asked: str, base: str) -> Rejected:
    words = _words(error.body)
    status = f"status {error.status}: {words}" if words else f"status {error.status}"
    hint = f"Check {_ADDRESS} and BOOKMARKS_LIST_ID."
    if _is_http_at_https(words, base):
        hint = f"Set {_ADDRESS} to {_as_https(base)}."
    return Rejected(
        f"{asked}: the bookmark server does not accept the request ({status})",
        url=error.url,
        status=error.status,
        hint=hint,
    )


def _hint(error: UpstreamError, base: str) -> str:
    """What to do when the server cannot be reached, fails, or may not be asked.

    Empty when the error's own hint is to stay.
    """
    fault = tls_fault(error, _ADDRESS)
    if fault is not None:
        return fault.hint
    host = authority(base)
    if isinstance(error, TransientError) and not isinstance(error, CannotConnect):
        if error.status is not None:
            return (
                f"The next run tries again; if this goes on, look at the server {host} itself, or "
                f"check {_ADDRESS}."
            )
        # Some ports of https break off where they are asked in plain http.
        scheme = ", does that port not want https://" if base.startswith("http:") else ""
        return (
            f"{error.hint} If this goes on, check {_ADDRESS}: is {host} right{scheme}, and does it "
            "answer from this machine?"
        )
    if isinstance(error, Refused):
        return f"Check {_ADDRESS}, whose host is {host}. {_PROXY}, if there is one."
    if isinstance(error, Malformed) and error.status is None and base.startswith("http:"):
        return f"If {host} speaks https, set {_ADDRESS} to {_as_https(base)}."
    return ""


def _scope_of(path: str) -> str:
    """The scope that Karakeep asks of a key for a path below its API."""
    parts = path.strip("/").split("/")
    if parts[0] == "assets":
        return "assets:read"
    if parts[0] == "lists" and parts[2:] == ["bookmarks"]:
        return "bookmarks:read"
    return "lists:read" if "lists" in (parts[0], parts[-1]) else "bookmarks:read"


def _redirected(error: UpstreamError, asked: str, base: str, path: str) -> UpstreamError:
    """What to do when a redirect led to another origin, to which no credentials are sent."""
    moved = _moved_base(error.url, base, path)
    if moved is not None:
        text = f"{asked} redirects to {error.url}, and no token is sent there: use {moved}"
        hint = f"Set {_ADDRESS} to {moved}, if that is your server."
    else:
        text = f"{asked} redirects to {error.url}: a proxy asks for a log-in"
        hint = f"{_PROXY}."
    if not isinstance(error, Denied | Malformed | Missing):
        text += f" ({error})"
    kind = Denied if isinstance(error, Missing) else type(error)
    return kind(text, url=error.url, status=error.status, hint=hint)


def _moved_base(target: str, base: str, path: str) -> str | None:
    """The value of `BOOKMARKS_API_URL` with which the server does not redirect.

    None when the redirect does not seem to lead to the same API but, for example, to a log-in page.
    """
    found, asked = parse(target), parse(base)
    if found is None or asked is None:
        return None
    if found.href.endswith(path):
        return found.href.removesuffix(path).removesuffix(_API)
    if found.name == asked.name and (asked.scheme, found.scheme) == ("http", "https"):
        return f"{_origin(found)}{asked.path}".removesuffix(_API)
    return None


def _is_http_at_https(words: str, base: str) -> bool:
    """Whether a server says, to plain http, that it speaks https (nginx, Apache, Go do)."""
    return base.startswith("http:") and "https" in words.lower()


def _as_https(base: str) -> str:
    return "https" + base.removeprefix("http").removesuffix(_API)


def _origin_of(base: str) -> str:
    url = parse(base)
    return _origin(url) if url is not None else base


def _origin(url: Url) -> str:
    return f"{url.scheme}://{url.host}" + ("" if url.port is None else f":{url.port}")


def _left(url: str, asked: str) -> bool:
    """Whether the URL that answered has another origin than the one that was asked."""
    came, wanted = parse(url), parse(asked)
    return came is not None and wanted is not None and came.origin != wanted.origin


def _words(body: bytes) -> str:
    """The server's own words in the body of an error: one short line, without secrets."""
    text = body.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    while isinstance(value, dict):
        value = value.get("message") or value.get("error")
    return one_line(redact(value), _MOST_WORDS) if isinstance(value, str) else ""
