"""Fetches heads of pages and pictures from web sites; other modules judge their contents."""

from dataclasses import replace

from datafetch.models.job_settings import OpenGraphSettings
from datafetch.models.text import one_line
from datafetch.net.base import (
    KIB,
    MIB,
    Answer,
    Download,
    HttpClient,
    Request,
    Validators,
)
from datafetch.pages.charset import decode_page
from datafetch.pages.head import BODY, PageHead, scan
from datafetch.runtime.limits import PerHost
from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import Malformed
from datafetch.urls import host_name

HEAD_LIMIT = 512 * KIB
"""At most so much of a page is read; heads are shorter."""

PICTURE_LIMIT = 10 * MIB

UPSTREAM = "site"

_AT_ONCE = 4
"""At most so many requests to one host at once: many bookmarks are of the same few sites."""

_PAGE_STEPS = 2
_PICTURE_STEPS = 4
"""A whole answer may take so many times the time-out of one read.

A server that sends a byte now and then never meets the time-out of a read.
"""

_ACCEPT_PAGE = "text/html,application/xhtml+xml,application/xml;q=0.8,*/*;q=0.5"
_ACCEPT_PICTURE = "image/webp,image/png,image/jpeg,image/gif,image/svg+xml;q=0.8,*/*;q=0.1"
_LANGUAGE = "en,*;q=0.5"
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_XML_TYPES = frozenset({"text/xml", "application/xml"})
_GOOD = frozenset({200, 203, 206})


class WebPages:
    """Fetches heads and pictures, with at most `_AT_ONCE` requests to a host at a time.

    Every method may raise what `HttpClient` raises.
    """

    def __init__(self, http: HttpClient, settings: OpenGraphSettings) -> None:
        self._http = http
        self._settings = settings
        self._hosts = PerHost(_AT_ONCE)

    def head(self, url: str, validators: Validators | None = None) -> PageHead | None:
        """The head of a page; None when the site answers 304 to the validators.

        Raises:
            Malformed: the answer is not an HTML page, but a document, a picture or JSON.
        """
        answer = self._fetch(self._page(url, validators, stop_after=BODY.encode()))
        if answer.not_modified:
            return None
        scanned = scan(_text_of(answer))
        if scanned.stopped_early:
            # The first `<body` stood in a script or a comment, and the head goes on after it.
            answer = self._fetch(self._page(url, None, stop_after=None))
            scanned = scan(_text_of(answer))
        validators = answer.validators
        return scanned.head(answer.url, validators.etag, validators.last_modified)

    def picture(self, url: str) -> Download:
        """A page's picture, its bytes unchecked."""
        request = Request(
            url=url,
            trust="data",
            upstream=UPSTREAM,
            timeout_s=self._settings.timeout_s,
            total_s=self._settings.timeout_s * _PICTURE_STEPS,
            retry=self._retry(),
        )
        with self._hosts.slot(host_name(request.url)):
            return self._http.download(as_picture(request))

    def _fetch(self, request: Request) -> Answer:
        with self._hosts.slot(host_name(request.url)):
            return self._http.fetch(request)

    def _page(self, url: str, validators: Validators | None, stop_after: bytes | None) -> Request:
        return Request(
            url=url,
            trust="data",
            upstream=UPSTREAM,
            headers={"Accept": _ACCEPT_PAGE, "Accept-Language": _LANGUAGE},
            limit=HEAD_LIMIT,
            truncate=True,
            stop_after=stop_after,
            validators=validators,
            timeout_s=self._settings.timeout_s,
            total_s=self._settings.timeout_s * _PAGE_STEPS,
            retry=self._retry(),
        )

    def _retry(self) -> RetryPolicy:
        return RetryPolicy(
            attempts=self._settings.max_retries + 1,
            total_s=self._settings.retry_max_s,
            initial_s=self._settings.retry_delay_s,
        )


def as_picture(request: Request) -> Request:
    """The same request, asking for a picture of at most `PICTURE_LIMIT` bytes."""
    headers = {**request.headers, "Accept": _ACCEPT_PICTURE}
    return replace(request, headers=headers, limit=PICTURE_LIMIT)


def _text_of(answer: Answer) -> str:
    """The text of an answer, which has to be an HTML page.

    Raises:
        Malformed: it is something else.
    """
    content_type = answer.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if answer.status not in _GOOD:
        raise Malformed(
            f"the site answered {answer.status} in place of its page",
            url=answer.url,
            status=answer.status,
        )
    text = decode_page(answer.body, content_type)
    start = text[:KIB].lstrip("\ufeff \t\r\n").lower()
    if kind in _PAGE_TYPES or (kind in _XML_TYPES and "<html" in text[: 4 * KIB].lower()):
        return text
    if kind in ("", "unknown/unknown") and start.startswith("<"):
        return text
    raise Malformed(
        f"this is no page but {one_line(kind, 60) or 'something without a type'}",
        url=answer.url,
        status=answer.status,
    )
