"""The bookmark server: Karakeep's REST API, read-only.

Paths and fields are those of its OpenAPI description, 2026-08: a list's bookmarks come
newest first (`sortOrder=desc`), page by page until `nextCursor` is null.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter, ValidationError

from datafetch.bookmarks.allowance import Allowance, Paging
from datafetch.bookmarks.list_page import PAGE_LIMIT, BrokenItem, read_page
from datafetch.bookmarks.model import (
    CamelCase,
    RawBookmark,
    UnreadableItem,
    UrlText,
    source_hash,
)
from datafetch.bookmarks.refusals import explained, read_json
from datafetch.bookmarks.rules.list_ids import NamedList
from datafetch.bookmarks.rules.sublists import ListInfo
from datafetch.bookmarks.rules.times import good_time
from datafetch.bookmarks.wrong_list import is_about_the_list, no_such_list, read_lists
from datafetch.models.job_settings import BookmarksSettings
from datafetch.models.json import is_safe_segment
from datafetch.models.problems import first_problem
from datafetch.net.base import MIB, NO_RETRY, Answer, HttpClient, Request
from datafetch.net.guard import public_url
from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import Malformed, Refused, UpstreamError

T = TypeVar("T")

_ATTEMPTS = 6

_PAGE_BYTES = 64 * MIB
"""Of one page, decoded; older servers send the HTML of its hundred bookmarks, too."""

_ANSWER_BYTES = 8 * MIB
"""Of any other answer, decoded."""


@dataclass(frozen=True, slots=True)
class _PageAnswer(CamelCase):
    bookmarks: list[object]
    next_cursor: UrlText | None = None


@dataclass(frozen=True, slots=True)
class _ListId:
    id: str


# An entry that cannot be read may be any list: then nothing can be told, and no entry is left out.
@dataclass(frozen=True, slots=True)
class _ListsAnswer:
    lists: list[ListInfo]


@dataclass(frozen=True, slots=True)
class _ListsOfAnswer:
    lists: list[_ListId]


_BOOKMARK = TypeAdapter(RawBookmark)
_PAGE = TypeAdapter(_PageAnswer)
_LISTS = TypeAdapter(_ListsAnswer)
_LISTS_OF = TypeAdapter(_ListsOfAnswer)
_LIST = TypeAdapter(ListInfo)


_OTHER_VERSION = (
    "datafetch reads version 1 of Karakeep's API: if BOOKMARKS_API_URL is the right server, update "
    "it, or datafetch."
)


class ListPage(NamedTuple):
    """One page of the list; an item that cannot be read is a value, not an error."""

    readable: list[RawBookmark]
    unreadable: list[UnreadableItem]


def read_bookmark(value: object) -> RawBookmark:
    """Read one item of the list.

    A `createdAt` that readers cannot read is replaced by `firstCreatedAt`, else by `modifiedAt`;
    each of these that cannot be read counts as missing.

    Raises:
        Malformed: it is not a bookmark; the message names the field.
    """
    if not isinstance(value, dict):
        raise Malformed("a bookmark is not an object")
    first = good_time(value.get("firstCreatedAt"))
    modified = value.get("modifiedAt")
    if isinstance(modified, str):
        modified = good_time(modified)
    created = good_time(value.get("createdAt")) or first or good_time(modified)
    if created is None:
        raise Malformed("a bookmark is not as the server describes it: createdAt: not a time")
    fields = {
        **value,
        "createdAt": created,
        "firstCreatedAt": first,
        "modifiedAt": modified,
        "content": value.get("content") or {},
        "sourceHash": source_hash(value),
    }
    return _read_as(_BOOKMARK, fields, "a bookmark")


class BookmarkApi:
    """The requests that datafetch makes to the bookmark server.

    Every method that asks the server may also raise the errors of `HttpClient.fetch`.
    """

    def __init__(self, http: HttpClient, settings: BookmarksSettings) -> None:
        self._http = http
        self._settings = settings
        self._base = settings.api_url.rstrip("/")

    def pages(
        self,
        limit: int | None = None,
        *,
        of: str | None = None,
        allowance: Allowance | None = None,
    ) -> Iterator[ListPage]:
        """The pages of a list, newest bookmark first.

        Args:
            limit: the largest number of items in all.
            of: the list's id; None for the list of the settings.
            allowance: what this list and those that were read before it may have in all; None for
                the allowance of a single list.

        Raises:
            Missing: there is no such list.
            Denied: the token may not read it.
            Malformed: an answer is no page, or paging would never end.
            GuardRefused: the list goes on past the allowance.
        """
        allowance = allowance or Allowance(self._settings.max_items)
        left = limit
        cursor: str | None = None
        paging = Paging(public_url(self._base), _OTHER_VERSION)
        while left is None or left > 0:
            asked = PAGE_LIMIT if left is None else min(PAGE_LIMIT, left)
            allowance.take_page()
            values, cursor, size = self._page(of or self._settings.list_id, asked, cursor)
            allowance.take_items(len(values[:left]), size)
            page = _read_page(values[:left])
            yield page
            if cursor is None:
                return
            paging.go_on([raw.id for raw in page.readable], cursor, empty=not values)
            left = None if left is None else left - len(values)

    def lists(self) -> list[ListInfo]:
        """All lists that the token may see.

        Raises:
            Denied: the token may not read lists.
            Malformed: the answer is not what the server's description says.
        """
        return _read_as(_LISTS, self._json("/lists"), "an answer with all lists").lists

    def named_lists(self) -> list[NamedList]:
        """All lists that the token may see, with their names; those without an id are left out.

        Raises:
            Denied: the token may not read lists.
        """
        return read_lists(self._json("/lists"))

    def list_info(self) -> ListInfo:
        """What the server says of the list of the settings.

        Raises:
            Missing: there is no such list.
            Denied: the token may not read lists.
            Malformed: the answer is not what the server's description says.
        """
        value = self._json(f"/lists/{quote(self._settings.list_id, safe='')}")
        return _read_as(_LIST, value, "an answer with a list")

    def lists_of(self, bookmark_id: str) -> frozenset[str]:
        """The ids of the lists that a bookmark is on; smart lists are never among them.

        Raises:
            Missing: there is no such bookmark.
            Denied: the token may not read lists.
            Malformed: the answer is not what the server's description says.
        """
        value = self._json(f"/bookmarks/{_segment(bookmark_id)}/lists")
        answer = _read_as(_LISTS_OF, value, "an answer with the lists of a bookmark")
        return frozenset(found.id for found in answer.lists)

    def asset(self, asset_id: str) -> Request:
        """The request that downloads an asset.

        Raises:
            Refused: the id cannot be part of a path (`..`, `/`).
        """
        return replace(self._request(f"/assets/{_segment(asset_id)}"), total_s=120.0)

    def explained(self, error: UpstreamError, request: Request) -> UpstreamError:
        """The error of a request that `asset` made, with words that say what to do about it."""
        return explained(error, self._base, request.url.removeprefix(self._base))

    def _page(
        self, list_id: str, limit: int, cursor: str | None
    ) -> tuple[list[object], str | None, int]:
        """The items of a page, the cursor of the next, and how many bytes the answer had."""
        # Older servers send the pages' whole HTML unless told not to.
        query = {"limit": str(limit), "includeContent": "false"}
        if cursor is not None:
            query["cursor"] = cursor
        path = f"/lists/{quote(list_id, safe='')}/bookmarks"
        try:
            answer = self._fetch(path, query, _PAGE_BYTES)
        except UpstreamError as error:
            if cursor is not None or not is_about_the_list(error, list_id):
                raise
            if list_id == self._settings.list_id:
                raise no_such_list(error, list_id, self._base, self._ask_for_lists) from error
            error.hint = "A list below the list went while they were read; the next run reads anew."
            raise
        value = read_json(answer, self._base, path, partial(read_page, asked=limit))
        page = _read_as(_PAGE, value, "a page of the list")
        return page.bookmarks, page.next_cursor or None, len(answer.body)

    def _ask_for_lists(self) -> dict[str, object]:
        """All lists, unchecked; asked for once, to name them in an error."""
        request = replace(self._request("/lists"), limit=MIB, total_s=15.0, retry=NO_RETRY)
        return read_json(self._http.fetch(request), self._base, "/lists")

    def _json(self, path: str) -> dict[str, object]:
        return read_json(self._fetch(path, {}, _ANSWER_BYTES), self._base, path)

    def _fetch(self, path: str, query: Mapping[str, str], limit: int) -> Answer:
        """Ask the server; an error says what to do about it."""
        asked = self._request(path + (f"?{urlencode(query)}" if query else ""))
        try:
            return self._http.fetch(replace(asked, limit=limit))
        except UpstreamError as error:
            better = explained(error, self._base, path)
            if better is error:
                raise
            raise better from error

    def _request(self, path: str) -> Request:
        token = self._settings.token.get_secret_value()
        return Request(
            url=self._base + path,
            trust="settings",
            upstream="karakeep",
            headers={"Authorization": f"Bearer {token}", "Accept": "*/*"},
            private_headers={
                name: value.get_secret_value() for name, value in self._settings.headers
            },
            retry=RetryPolicy(attempts=_ATTEMPTS, total_s=self._settings.retry_max_s),
            error_body=True,
        )


def _read_page(values: list[object]) -> ListPage:
    page = ListPage([], [])
    for value in values:
        if isinstance(value, BrokenItem):
            page.unreadable.append(value.unreadable())
            continue
        try:
            page.readable.append(read_bookmark(value))
        except Malformed as error:
            page.unreadable.append(UnreadableItem.of(value, error))
    return page


def _read_as(adapter: TypeAdapter[T], value: object, what: str) -> T:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        text = f"{what} is not as the server describes it: {first_problem(error)}"
        # Not `from error`: the text of pydantic's error quotes the value, which may be private.
        raise Malformed(text, hint=_OTHER_VERSION) from None


def _segment(text: str) -> str:
    if not is_safe_segment(text):
        raise Refused("an id that cannot be part of a path")
    return text
