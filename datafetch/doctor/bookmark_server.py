"""The bookmark server: whether it answers, what the key may do, and which lists it can read."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from datafetch.bookmarks.karakeep import BookmarkApi, ListPage
from datafetch.bookmarks.rules.list_ids import NamedList
from datafetch.doctor.anonymous import Anonymous
from datafetch.doctor.findings import Finding, Group, fail, failed_with, ok, skipped, warn
from datafetch.models.job_settings import BookmarksSettings
from datafetch.models.text import one_line
from datafetch.net.base import KIB, HttpClient
from datafetch.net.guard import public_url
from datafetch.upstream_errors import Denied, Missing, UpstreamError

_NAMED = 10
_MOST_OF_A_NAME = 40
_NO_SUCH_KEY = 401
_SCOPES = "Make a key with the scopes lists:read, bookmarks:read and assets:read."


class BookmarkServerCheck:
    """Asks the bookmark server as the job does, for one bookmark."""

    name = "bookmark server"
    group = Group.UPSTREAMS
    limit_s = 20.0

    def __init__(self, http: HttpClient, settings: BookmarksSettings) -> None:
        """The settings are those of the job."""
        self._settings = settings
        self._api = BookmarkApi(http, self._settings)
        self._anonymous = Anonymous(http)

    def look(self) -> Iterator[Finding]:
        """The list, what it holds, the scopes, and the other lists."""
        place = public_url(self._settings.api_url)
        page: ListPage | None = None
        try:
            page = next(self._api.pages(1), ListPage([], []))
        except (Denied, Missing) as error:
            yield failed_with("bookmark list", error)
            if error.status == _NO_SUCH_KEY:
                return  # every further request would fail in the same way
        except UpstreamError as error:
            yield failed_with(self.name, error)
            return
        else:
            yield ok(self.name, f"{place} answers")
            yield from self._of_list(page)
        yield from self._lists(is_known=page is not None)
        if page is not None:
            yield self._assets(page)

    def _of_list(self, page: ListPage) -> Iterator[Finding]:
        if not (page.readable or page.unreadable):
            yield warn(
                "bookmark list",
                f"{self._settings.list_id} can be read, and holds nothing",
                "A run refuses an empty list: check BOOKMARKS_LIST_ID.",
            )
            return
        yield ok("bookmark list", f"{self._settings.list_id} can be read (bookmarks:read)")

    def _lists(self, *, is_known: bool) -> Iterator[Finding]:
        """The lists that the key can read; `is_known`: the server has answered as a bookmark server."""
        try:
            lists = self._api.named_lists()
        except Denied as error:
            yield warn(
                "lists",
                f"the key may not read lists (lists:read): {error}",
                f"Deletions are then seen by a second full read only. {_SCOPES}",
            )
            return
        except UpstreamError as error:
            if is_known or not isinstance(error, Missing):
                yield failed_with("lists", error)
            return
        yield ok("lists", f"the key can read {_names(lists)}")
        if self._settings.list_id in {found.id for found in lists}:
            yield self._kind()
        else:
            yield fail(
                "BOOKMARKS_LIST_ID",
                f"{one_line(self._settings.list_id, _MOST_OF_A_NAME)} is none of these lists",
                "Set it to one of the ids above.",
            )

    def _kind(self) -> Finding:
        try:
            kind = self._api.list_info().type
        except UpstreamError as error:
            return skipped("list type", str(error))
        if kind == "smart":
            return ok(
                "list type", "smart (a stored search): deletions are seen by a second full read"
            )
        return ok("list type", kind or "not told")

    def _assets(self, page: ListPage) -> Finding:
        check = "assets:read"
        asset = next(
            (found.id for raw in page.readable for found in raw.assets or () if found.id), None
        )
        if asset is None:
            return skipped(check, "the newest bookmark has no file to ask for")
        try:
            request = self._api.asset(asset)
        except UpstreamError as error:
            return skipped(check, str(error))
        shown = self._anonymous.ask(replace(request, limit=KIB, truncate=True))
        if shown.is_shown:
            return ok(check, "a file of the newest bookmark can be read")
        if shown.is_hidden:
            return warn(check, f"files cannot be read: {shown.words}", _SCOPES)
        return skipped(check, shown.words)


def _names(lists: Sequence[NamedList]) -> str:
    """How many lists there are, and the first ones by name and id."""
    if not lists:
        return "no list"
    named = ", ".join(
        f'"{one_line(found.name, _MOST_OF_A_NAME)}" ({one_line(found.id, _MOST_OF_A_NAME)})'
        for found in lists[:_NAMED]
    )
    more = f" and {len(lists) - _NAMED} more" if len(lists) > _NAMED else ""
    return f"{len(lists)} list{'' if len(lists) == 1 else 's'}: {named}{more}"
