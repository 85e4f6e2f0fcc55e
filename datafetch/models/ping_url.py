"""Reads `DATAFETCH_PING_URL`, and says which request tells a monitor of an event: pure, no network.

Two forms: an address as Healthchecks gives it, to which paths are added
(https://healthchecks.io/docs/http_api/), and a template whose placeholders are filled in, for
Uptime Kuma, Cronitor, Gatus and others.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

from datafetch.urls import Origin, Url, parse, plainly_written

Event = Literal["start", "success", "fail", "log"]
"""What happened to a run: `log` is one that was locked out by another."""

PLACEHOLDERS = ("event", "state", "status", "success", "duration_ms", "rid", "message")
"""With one of these a URL is a template; `{job}` may stand in either form."""

_PLACEHOLDER = re.compile(r"\{([^{}]{0,40})\}")
_LOGIN = re.compile(r"(?i)(https?://)([^/?#@\s]*)@")
_POST = "POST "
_PATHS = {"start": "/start", "success": "", "fail": "/fail", "log": "/log"}
_STATES = {"start": "run", "success": "complete", "fail": "fail"}
_LONGEST_MESSAGE = 300
_SHORTEST_SECRET_PART = 6


@dataclass(frozen=True, slots=True)
class Ping:
    """One event of a run, for a monitor.

    Attributes:
        rid: the run's id as a UUID.
        duration_ms: how long the run took; 0 at its start.
        message: one line for people.
    """

    event: Event
    job: str
    rid: str
    duration_ms: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class PingRequest:
    """What is sent.

    Attributes:
        url: without user and password.
        authorization: the header of that name; empty for none.
        post: whether it is a POST; else a GET.
        has_log: whether the tail of the log is its body.
    """

    url: str
    authorization: str
    post: bool
    has_log: bool


@dataclass(frozen=True, slots=True)
class PingTarget:
    """Where pings go.

    Attributes:
        pattern: the URL with its placeholders, without user and password.
        authorization: see `PingRequest`.
        post: whether a template is sent with POST.
        is_template: whether placeholders say all; else the paths of Healthchecks are added.
        origin: scheme, host and port.
        host: for the log; the rest of the URL is secret.
    """

    pattern: str
    authorization: str
    post: bool
    is_template: bool
    origin: Origin
    host: str

    def request(self, ping: Ping) -> PingRequest | None:
        """What tells the monitor of an event; None when it is not told of it."""
        return self._filled(ping) if self.is_template else self._healthchecks(ping)

    def _filled(self, ping: Ping) -> PingRequest | None:
        names = set(_PLACEHOLDER.findall(self.pattern))
        # A template without an event would tell of a start as if it were the end. `{state}` has
        # no word for a run that was locked out.
        knows = {"start": {"event", "state"}, "log": {"event"}}.get(ping.event)
        if knows is not None and names.isdisjoint(knows):
            return None
        failed = ping.event == "fail"
        values = {
            "job": ping.job,
            "event": ping.event,
            "state": _STATES.get(ping.event, ""),
            "status": "down" if failed else "up",
            "success": "false" if failed else "true",
            "duration_ms": str(ping.duration_ms),
            "rid": ping.rid,
            "message": ping.message[:_LONGEST_MESSAGE],
        }
        url = _PLACEHOLDER.sub(lambda found: quote(values[found[1]], safe=""), self.pattern)
        return PingRequest(url, self.authorization, self.post, has_log=False)

    def _healthchecks(self, ping: Ping) -> PingRequest:
        base, mark, query = self.pattern.replace("{job}", quote(ping.job, safe="")).partition("?")
        query = f"{query}&" if mark and query else ""
        url = f"{base.rstrip('/')}{_PATHS[ping.event]}?{query}rid={ping.rid}"
        has_log = ping.event != "start"  # at its start a run has no log yet
        return PingRequest(url, self.authorization, post=True, has_log=has_log)


def read_ping_url(text: str) -> PingTarget:
    """Read the setting.

    Raises:
        ValueError: it is no such URL; the message repeats nothing of it.
    """
    post = text.startswith(_POST)
    pattern = text.removeprefix(_POST).strip()
    names = _PLACEHOLDER.findall(pattern)
    if set(names) - {*PLACEHOLDERS, "job"} or set("{}") & set(_PLACEHOLDER.sub("", pattern)):
        known = ", ".join(f"{{{name}}}" for name in ("job", *PLACEHOLDERS))
        raise ValueError(f"has braces around something else than the placeholders {known}")
    bare, login = without_login(pattern)
    url = _read(bare)
    is_template = post or not set(names).isdisjoint(PLACEHOLDERS)
    return PingTarget(
        bare,
        login,
        post,
        is_template,
        url.origin,
        url.authority,
    )


def _read(pattern: str) -> Url:
    filled = _PLACEHOLDER.sub("x", pattern)
    rest = pattern.partition("://")[2]
    url = parse(filled) if plainly_written(filled) else None
    if url is None or url.port == 0:
        raise ValueError(
            "should be a URL that starts with http:// or https://, or with POST before"
        )
    if "{" in re.split(r"[/?#]", rest, maxsplit=1)[0]:
        raise ValueError("has a placeholder in its host: put it into the path or the query")
    if "#" in pattern or re.search(r"\s", pattern):
        raise ValueError("has a # or white space inside: a placeholder is written as {message}")
    return url


def without_login(url: str) -> tuple[str, str]:
    """A URL without the login before its `@`, and the header made of that login; empty for none."""
    login = _LOGIN.match(url)
    if login is None:
        return url, ""
    return login[1] + url[login.end() :], authorization(login[2])


def authorization(login: str) -> str:
    """The header for what stands before the `@` of a URL: a token, or user and password.

    Bearer (RFC 6750) for `token@`, Basic (RFC 7617) for `user:password@`.
    """
    user, colon, password = login.partition(":")
    if not colon:
        return f"Bearer {unquote(user)}"
    pair = f"{unquote(user)}:{unquote(password)}".encode()
    return f"Basic {b64encode(pair).decode()}"


def secrets_in(text: str) -> Iterator[str]:
    """What has to be masked because of secret URLs in a text, beside the text itself.

    For each URL: it without its query, its path, each part of the path and each value of the query
    that looks like no word, and user and password.
    """
    for url in re.findall(r"[a-zA-Z][a-zA-Z0-9+.-]{0,40}://[^\s]+", text):
        yield url
        bare, _, query = url.partition("?")
        yield bare
        authority, slash, path = bare.partition("://")[2].partition("/")
        login = authority.rpartition("@")[0]
        parts = [*path.split("/"), *(pair.partition("=")[2] for pair in query.split("&"))]
        if login:
            yield from (login, authorization(login).partition(" ")[2], login.rpartition(":")[2])
        if any(map(_is_secret, parts)) and len(path) > _SHORTEST_SECRET_PART:
            yield slash + path
        yield from filter(_is_secret, (*parts, *map(unquote, parts)))


def _is_secret(part: str) -> bool:
    """Whether a part of a URL may be a secret: letters with digits or in both cases, or very long."""
    if "{" in part or len(part) < _SHORTEST_SECRET_PART:
        return False
    digits = any(letter.isdigit() for letter in part)
    mixed = not (part.islower() or part.isupper() or part.istitle())
    very_long = len(part) >= 20  # noqa: PLR2004 - longer than the words of paths
    return digits or mixed or very_long
