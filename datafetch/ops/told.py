"""Sends one request to somebody who is told of a run, within a bounded time."""

from collections.abc import Mapping
from dataclasses import dataclass

from datafetch.errors import DatafetchError
from datafetch.models.text import one_line
from datafetch.net.base import KIB, Answer, HttpClient, Request
from datafetch.net.guard import public_url
from datafetch.redaction import redact
from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import UpstreamError

LIMIT_S = 4.5
"""Seconds that one request may take, with its second try."""

_TRIES = RetryPolicy(attempts=2, total_s=LIMIT_S, max_wait_s=1.0)
_LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Telling:
    """What is sent.

    Attributes:
        url: the whole address; a secret where `hides_path`.
        host: what the log calls the address.
        body: sent with POST, or PUT; None for a GET.
        headers: not sent to another origin after a redirect.
    """

    url: str
    host: str
    body: bytes | None
    headers: Mapping[str, str]
    put: bool = False
    hides_path: bool = False


def tell(http: HttpClient, telling: Telling) -> Answer:
    """Send it, and return the answer.

    Raises:
        UpstreamError: the other side did not take it, or did not answer in time.
    """
    return http.fetch(
        Request(
            telling.url,
            trust="settings",
            upstream="notice",
            private_headers=telling.headers,
            body=telling.body,
            put=telling.put,
            keeps_method=True,
            hides_path=telling.hides_path,
            limit=64 * KIB,
            truncate=True,
            timeout_s=LIMIT_S,
            total_s=LIMIT_S,
            retry=_TRIES,
        )
    )


def why(error: DatafetchError, telling: Telling) -> str:
    """Why it was not taken, in words that hold no more of the address than its host."""
    said = str(error)
    addresses = {public_url(telling.url), error.url if isinstance(error, UpstreamError) else ""}
    for address in sorted(addresses, key=len, reverse=True):
        if address:
            said = said.replace(address, telling.host)
    return one_line(redact(said), _LONGEST_WORDS)
