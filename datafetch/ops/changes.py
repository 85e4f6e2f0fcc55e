"""Tells others that a dataset has changed: the site, whose cache holds old data, and a URL of the user's."""

import hashlib
import hmac
import json
from dataclasses import dataclass

from pydantic import SecretStr

from datafetch.errors import DatafetchError
from datafetch.models.ping_url import without_login
from datafetch.models.run import JobName, RunResult
from datafetch.net.base import HttpClient
from datafetch.ops.told import Telling, tell, why
from datafetch.urls import parse

_PATHS = {
    JobName.BOOKMARKS: "/api/revalidate/bookmarks",
    JobName.OPENGRAPH: "/api/revalidate/bookmarks",
    JobName.GITHUB: "/api/revalidate/github-activity",
}
"""The path at which the site is told, by job. It reads logos by itself, so no path is for them."""

SIGNATURE = "x-datafetch-signature"


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """Who is told of changes.

    Attributes:
        site: base URL of the site; None to tell nobody.
        bookmarks_secret, github_secret: the bearer tokens that the site expects. For GitHub's data the
            bookmarks' token is sent when it has none of its own; without any the site is not told.
        url: is sent each result; a secret.
        secret: signs what is sent there.
    """

    site: str | None = None
    bookmarks_secret: SecretStr | None = None
    github_secret: SecretStr | None = None
    url: SecretStr | None = None
    secret: SecretStr | None = None


def has_changed(result: RunResult) -> bool:
    """Whether the run changed what is stored; equal objects written again are no change."""
    stored = result.success or result.items_changed > 0
    return result.change_detected and stored and not result.dry_run


def revalidation(settings: ChangeSettings, job: JobName) -> Telling | None:
    """The request that has the site read the job's data anew; None when the site is not told."""
    path = _PATHS.get(job)
    own = settings.github_secret if job is JobName.GITHUB else None
    secret = first_token(own or settings.bookmarks_secret)
    if settings.site is None or path is None or not secret:
        return None
    return Telling(
        f"{settings.site}{path}",
        f"{_host(settings.site)}{path}",
        b"",
        {"authorization": f"Bearer {secret}"},
    )


def change_notice(settings: ChangeSettings, result: RunResult) -> Telling | None:
    """The request that sends a result to the user's URL, signed if there is a secret; None without URL."""
    if settings.url is None:
        return None
    url, login = without_login(settings.url.get_secret_value())
    body = json.dumps(result.to_json(), ensure_ascii=False).encode(errors="backslashreplace")
    headers = {"content-type": "application/json"}
    if login:
        headers["authorization"] = login
    if settings.secret is not None:
        headers[SIGNATURE] = signature(settings.secret.get_secret_value(), body)
    return Telling(url, _host(url), body, headers, hides_path=True)


def signature(secret: str, body: bytes) -> str:
    """The header's value: `sha256=` and the HMAC (RFC 2104) of the body, in hex."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def first_token(secret: SecretStr | None) -> str:
    """The token to send: the first of several, all of which the site takes while tokens change."""
    return "" if secret is None else secret.get_secret_value().partition(",")[0].strip()


def sent(http: HttpClient, telling: Telling) -> str:
    """Send it; return why it was not taken, and nothing when it was."""
    try:
        tell(http, telling)
    except DatafetchError as error:
        return why(error, telling)
    return ""


def _host(url: str) -> str:
    found = parse(url)
    return "" if found is None else found.authority
