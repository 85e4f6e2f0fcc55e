"""Says what it means, and what to do, when the bookmark server or a proxy before it does not answer.

People run the server behind proxies that ask for a log-in and that redirect `http` to `https`, and
with API keys that may read only a part.
"""

import json

from datafetch.errors import (
    BreakerOpen,
    Denied,
    Malformed,
    Missing,
    RateLimited,
    Refused,
    TransientError,
    UpstreamError,
)
from datafetch.logs import redact
from datafetch.net.base import Answer
from datafetch.net.guard import public_url
from datafetch.urls import Url, parse

_MOST_WORDS = 200

_SCOPES = "the scopes lists:read, bookmarks:read and assets:read"
_PROXY = (
    "Set BOOKMARKS_HEADERS to the headers that the proxy wants (Cloudflare Access: "
    "CF-Access-Client-Id and CF-Access-Client-Secret)"
)


def explained(error: UpstreamError, base: str, path: str) -> UpstreamError:
    """The error with words that say what to do about it.

    Its class stays, except that a `Missing` after a redirect to another origin becomes `Denied`.

    Args:
        error: of a request to the bookmark server.
        base: the URL of the server's API.
        path: what was asked below the base, without query.
    """
    if isinstance(error, BreakerOpen | RateLimited):
        return error
    asked = public_url(base + path)
    if _left(error.url, asked):
        return _redirected(error, asked, base, path)
    if isinstance(error, Denied):
        return _denied(error, asked)
    if isinstance(error, TransientError):
        error.hint = "The next run tries again; if this goes on, check BOOKMARKS_API_URL."
    elif isinstance(error, Refused):
        error.hint = f"Check BOOKMARKS_API_URL. {_PROXY}, if there is one."
    return error


def read_json(answer: Answer, base: str, path: str) -> dict[str, object]:
    """The JSON object of an answer.

    Raises:
        Malformed: it is something else; a web page is told from other things.
    """
    if _is_page(answer.body, answer.headers.get("content-type", "")):
        asked, came = public_url(base + path), public_url(answer.url)
        page = Malformed("", url=came, status=answer.status)
        if _left(came, asked):
            raise _redirected(page, asked, base, path)
        source = f", after a redirect to {came}," if came != asked else ""
        raise Malformed(
            f"{asked}: a web page came{source} in place of JSON: a proxy asks for a log-in",
            url=asked,
            status=answer.status,
            hint=f"{_PROXY}. If there is no proxy, check BOOKMARKS_API_URL.",
        )
    value = answer.json()
    if not isinstance(value, dict):
        raise Malformed("the bookmark server's answer is not an object", url=public_url(answer.url))
    return value


def _denied(error: Denied, asked: str) -> Denied:
    if _is_page(error.body, ""):
        return Denied(
            f"{asked}: status {error.status} with a web page: a proxy before the bookmark server "
            "asks for a log-in",
            url=error.url,
            status=error.status,
            hint=f"{_PROXY}. If there is no proxy, check BOOKMARKS_API_URL.",
        )
    words = _words(error.body)
    status = f"status {error.status}: {words}" if words else f"status {error.status}"
    if error.status == 401:  # noqa: PLR2004 - RFC 9110, 15.5.2
        said = f"the bookmark server does not accept the token ({status})"
        hint = f"Check BOOKMARK_BEARER_TOKEN: an API key with {_SCOPES}."
    else:
        said = f"the bookmark server does not let the token read this ({status})"
        hint = f"Give the API key in BOOKMARK_BEARER_TOKEN {_SCOPES}."
    return Denied(f"{asked}: {said}", url=error.url, status=error.status, hint=hint)


def _redirected(error: UpstreamError, asked: str, base: str, path: str) -> UpstreamError:
    """What to do when a redirect led to another origin, to which no credentials are sent."""
    moved = _moved_base(error.url, base, path)
    if moved is not None:
        text = f"{asked} redirects to {error.url}, and no token is sent there: use {moved}"
        hint = f"Set BOOKMARKS_API_URL to {moved}, if that is your server."
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
        return found.href.removesuffix(path).removesuffix("/api/v1")
    if found.name == asked.name and (asked.scheme, found.scheme) == ("http", "https"):
        return f"{_origin(found)}{asked.path}".removesuffix("/api/v1")
    return None


def _origin(url: Url) -> str:
    return f"{url.scheme}://{url.host}" + ("" if url.port is None else f":{url.port}")


def _left(url: str, asked: str) -> bool:
    """Whether the URL that answered has another origin than the one that was asked."""
    came, wanted = parse(url), parse(asked)
    return came is not None and wanted is not None and came.origin != wanted.origin


def _is_page(body: bytes, content_type: str) -> bool:
    return content_type.lower().startswith("text/html") or body.lstrip()[:1] == b"<"


def _words(body: bytes) -> str:
    """The server's own words in the body of an error: one short line, without secrets."""
    text = body.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    while isinstance(value, dict):
        value = value.get("message") or value.get("error")
    if not isinstance(value, str):
        return ""
    printable = "".join(char if char.isprintable() else " " for char in value)
    line = redact(" ".join(printable.split()))
    return line if len(line) <= _MOST_WORDS else line[: _MOST_WORDS - 1] + "…"
