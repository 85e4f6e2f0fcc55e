"""Fetches heads of pages and pictures from web sites; other modules judge their contents."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

from datafetch.addresses import NO_HOSTS, OwnHosts
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
from datafetch.net.guard import public_url
from datafetch.opengraph.rules.tags import describe
from datafetch.pages.charset import decode_page
from datafetch.pages.head import BODY, PageHead, scan
from datafetch.pages.refresh import Refresh, read_refresh
from datafetch.pictures.headers import sniff
from datafetch.pictures.svg import looks_like_svg
from datafetch.runtime.limits import PerHost
from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import Malformed, Refused
from datafetch.urls import host_name, page_address

HEAD_LIMIT = 512 * KIB
"""At most so much of a page is read; most heads are far shorter."""

LONGEST_DELAY_S = 5
"""A page that sends browsers to another one after at most so many seconds is a redirect."""

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


@dataclass(frozen=True, slots=True)
class BarePicture:
    """A picture that stands at the address of a page, with no page around it.

    Attributes:
        url: after redirects.
        etag, last_modified: the validators that the server sent with it.
    """

    url: str
    etag: str | None = None
    last_modified: str | None = None


class WebPages:
    """Fetches heads and pictures, with at most `_AT_ONCE` requests to a host at a time.

    Every method may raise what `HttpClient` raises.
    """

    def __init__(
        self, http: HttpClient, settings: OpenGraphSettings, own: OwnHosts = NO_HOSTS
    ) -> None:
        """A page's picture counts also at one of the user's `own` hosts that is not public."""
        self._http = http
        self._own = own
        self._settings = settings
        self._hosts = PerHost(_AT_ONCE)

    def read(self, url: str, validators: Validators | None = None) -> PageHead | BarePicture | None:
        """What stands at a page's address; None when the site answers 304 to the validators.

        Of a page its head is read, and, when that gave no title or no picture, what follows it.
        An order to open another page within 5 seconds is followed as a redirect.

        Raises:
            Malformed: the answer is neither page nor picture, but a document or JSON.
            Refused: pages and redirects lead on and on, or in a circle.
        """
        seen = {page_address(url) or url}
        answer = self._fetch(self._page(url, validators))
        while not answer.not_modified:
            if _is_picture(answer):
                given = _validators_of(answer, seen)
                return BarePicture(answer.url, given.etag, given.last_modified)
            text = _text_of(answer)
            head = _whole_head(text, answer.url, self._own)
            following = _following(head, answer)
            if following is None:
                given = _validators_of(answer, seen)
                return replace(head, etag=given.etag, last_modified=given.last_modified)
            if following in seen:
                raise _circle(url, following)
            seen.add(following)
            answer = self._fetch(self._page(following, None, redirected=answer.redirects + 1))
        return None

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

    def _page(self, url: str, validators: Validators | None, *, redirected: int = 0) -> Request:
        return Request(
            url=url,
            trust="data",
            upstream=UPSTREAM,
            headers={"Accept": _ACCEPT_PAGE, "Accept-Language": _LANGUAGE},
            limit=HEAD_LIMIT,
            truncate=True,
            stop_after=BODY.encode(),
            enough=partial(_is_enough, self._own),
            redirected=redirected,
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


def _is_enough(own: OwnHosts, body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether the beginning of a page, up to its first `<body`, has all that is looked for."""
    scanned = scan(decode_page(body, headers.get("content-type", "")))
    if scanned.stopped_early:
        return False  # this `<body` stands in a script or a comment, and the head goes on after it
    # The address does not matter here, only whether there is a picture.
    head = scanned.head("https://page.invalid/")
    return _is_redirect(head.refresh) or _is_whole(head, own)


def _whole_head(text: str, url: str, own: OwnHosts) -> PageHead:
    """The head of a page, with the tags of its body if the head has no title or no picture."""
    scanned = scan(text)
    head = scanned.head(url)
    if not scanned.stopped_early and _is_whole(head, own):
        return head
    return scan(text, beyond_head=True).head(url)


def _is_whole(head: PageHead, own: OwnHosts) -> bool:
    said = describe(head, own)
    return said.title is not None and said.image_url is not None


def _is_redirect(refresh: Refresh | None) -> bool:
    return refresh is not None and refresh.delay_s <= LONGEST_DELAY_S


def _following(head: PageHead, answer: Answer) -> str | None:
    """The address of the page that is to be opened in place of this one; None when it stays.

    A page that reloads itself stays.
    """
    header = read_refresh(answer.headers.get("refresh", ""), answer.url)
    refresh = header or head.refresh
    if refresh is None or not _is_redirect(refresh):
        return None
    url = page_address(refresh.url)
    return None if url == page_address(answer.url) else url


def _validators_of(answer: Answer, seen: Collection[str]) -> Validators:
    """The validators to send when the bookmarked page is asked for again.

    Empty when that page led to this other one: it might answer 304 to the other's validators
    though the other page has changed.
    """
    return answer.validators if len(seen) == 1 else Validators()


def _circle(url: str, again: str) -> Refused:
    shown = public_url(url)
    return Refused(
        f"{shown}: its pages lead in a circle, back to {public_url(again)}",
        url=shown,
        hint="They may ask for a cookie or a log-in: see what a browser shows there.",
    )


def _is_picture(answer: Answer) -> bool:
    """Whether a picture came.

    Raster pictures are known by their bytes, whatever the server calls them. An SVG counts only
    when the server calls it an image.
    """
    start = answer.body[: 4 * KIB]
    if answer.status not in _GOOD:
        return False
    named = answer.headers.get("content-type", "").strip().lower().startswith("image/")
    return sniff(start) is not None or (named and looks_like_svg(start))


def _text_of(answer: Answer) -> str:
    """The text of an answer, which has to be an HTML page.

    Raises:
        Malformed: it is something else.
    """
    content_type = answer.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    shown = public_url(answer.url)
    if answer.status not in _GOOD:
        raise Malformed(
            f"{shown}: the site answered {answer.status} in place of its page",
            url=shown,
            status=answer.status,
            hint=f"See what `curl -i {shown}` says.",
        )
    text = decode_page(answer.body, content_type)
    start = text[:KIB].lstrip("\ufeff \t\r\n").lower()
    if kind in _PAGE_TYPES or (kind in _XML_TYPES and "<html" in text[: 4 * KIB].lower()):
        return text
    if kind in ("", "unknown/unknown") and start.startswith("<"):
        return text
    raise Malformed(
        f"{shown}: this is no page but {one_line(kind, 60) or 'something without a type'}",
        url=shown,
        status=answer.status,
        hint="Only pages and pictures have previews; the bookmark's own words stand in its place.",
    )
